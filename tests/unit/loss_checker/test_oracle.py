"""The check of the checker finds what it is there to find, and nothing where all is well."""

from __future__ import annotations

from dataclasses import replace

from tests.loss_checker.oracle import Message, Record, Sending, Visit, check

HI, YES, OK = Message(1, "a1", "hi"), Message(2, "b1", "yes"), Message(4, "a2", "ok")
HISTORY = [HI, YES, OK]

# Two members since the beginning, and both have sent; 3 is a skipped number.
GOOD = Record(
    room="general",
    sendings=[
        Sending("ada", "a1", "hi", 3, 1),
        Sending("grace", "b1", "yes", 4, 2),
        Sending("ada", "a2", "ok", 5, 4),
    ],
    visits=[Visit("ada", 1, False, HISTORY), Visit("grace", 2, False, HISTORY)],
    history=HISTORY,
    rows={1: HI, 2: YES, 3: None, 4: OK},
)


def kinds(record: Record) -> list[str]:
    return sorted({finding.kind for finding in check(record)})


def received_by_grace(*received: Message, began: int = 2, left: bool = False) -> Record:
    return replace(GOOD, visits=[GOOD.visits[0], Visit("grace", began, left, received)])


def test_a_good_record_has_no_findings() -> None:
    assert check(GOOD) == []


def test_an_empty_room_has_no_findings() -> None:
    assert check(Record("general", [], [Visit("ada", 1, False, [])], [], {})) == []


def test_a_lost_message_is_found() -> None:
    assert kinds(received_by_grace(HI, OK)) == ["lost"]


def test_a_lost_first_message_is_found() -> None:
    assert kinds(received_by_grace(YES, OK)) == ["lost"]


def test_a_lost_end_is_found() -> None:
    assert kinds(received_by_grace(HI, YES)) == ["lost"]


def test_a_member_that_received_nothing_has_lost_all() -> None:
    assert [finding.kind for finding in check(received_by_grace())] == ["lost"] * 3


def test_a_doubled_message_is_found() -> None:
    assert kinds(received_by_grace(HI, YES, YES, OK)) == ["repeated"]


def test_a_message_doubled_under_another_seq_is_found() -> None:
    assert kinds(received_by_grace(HI, YES, replace(YES, seq=3), OK)) == ["altered", "repeated"]


def test_reordered_messages_are_found() -> None:
    assert kinds(received_by_grace(YES, HI, OK)) == ["out of order"]


def test_an_invented_message_is_found() -> None:
    assert kinds(received_by_grace(HI, YES, Message(3, "c1", "who?"), OK)) == ["invented"]


def test_an_altered_text_is_found() -> None:
    assert kinds(received_by_grace(HI, replace(YES, text="no"), OK)) == ["altered"]


def test_a_late_member_need_not_receive_what_was_sent_before_its_join() -> None:
    assert check(received_by_grace(OK, began=4)) == []


def test_a_late_member_must_receive_what_was_sent_after_its_join() -> None:
    assert kinds(received_by_grace(OK, began=3)) == ["lost"]


def test_a_late_member_that_received_history_must_receive_all_since_then() -> None:
    assert kinds(received_by_grace(HI, OK, began=6)) == ["lost"]


def test_a_member_that_came_after_the_last_message_need_not_receive_anything() -> None:
    assert check(received_by_grace(began=6)) == []


def test_a_member_that_asked_for_history_must_receive_it() -> None:
    grace = Visit("grace", 6, False, [], history=2)
    assert [finding.what.split()[0] for finding in check(replace(GOOD, visits=[GOOD.visits[0], grace]))] == [
        "2",
        "4",
    ]


def test_a_member_that_left_need_not_receive_the_end_but_everything_before() -> None:
    assert check(received_by_grace(HI, YES, left=True)) == []
    assert check(received_by_grace(left=True)) == []
    assert kinds(received_by_grace(HI, OK, left=True)) == ["lost"]


def test_an_acknowledged_message_that_is_not_stored_is_found() -> None:
    lost = Sending("ada", "a3", "still there?", 6, 5)
    assert kinds(replace(GOOD, sendings=[*GOOD.sendings, lost])) == ["lost"]


def test_an_acknowledgement_with_another_seq_is_found() -> None:
    assert kinds(replace(GOOD, sendings=[*GOOD.sendings[:2], Sending("ada", "a2", "ok", 5, 3)])) == [
        "misplaced"
    ]


def test_an_unanswered_message_is_found() -> None:
    assert kinds(replace(GOOD, sendings=[*GOOD.sendings, Sending("ada", "a3", "?", 6, None)])) == [
        "unanswered"
    ]


def test_a_rejected_message_must_not_be_stored_but_an_undecided_one_may_be() -> None:
    first_two = GOOD.sendings[:2]
    rejected = Sending("ada", "a2", "ok", 5, "message_too_large")
    assert kinds(replace(GOOD, sendings=[*first_two, rejected])) == ["rejected but stored"]
    assert check(replace(GOOD, sendings=[*first_two, replace(rejected, outcome="left")])) == []


def test_a_clients_messages_that_overtake_each_other_are_found() -> None:
    first, second, third = GOOD.sendings
    assert kinds(replace(GOOD, sendings=[replace(first, began=9), second, third])) == ["overtaken"]


def test_a_history_that_doubles_a_message_is_found() -> None:
    twice = [*HISTORY, Message(5, "a1", "hi")]
    assert "repeated" in kinds(replace(GOOD, history=twice, rows=None))


def test_a_history_out_of_order_is_found() -> None:
    assert "out of order" in kinds(replace(GOOD, history=[YES, HI, OK]))


def test_a_history_with_a_message_that_nobody_sent_is_found() -> None:
    assert "invented" in kinds(replace(GOOD, history=[*HISTORY, Message(5, "c1", "who?")]))


def test_a_history_with_another_text_is_found() -> None:
    assert "altered" in kinds(replace(GOOD, history=[HI, replace(YES, text="no"), OK]))


def with_row(seq: int, row: Message | None) -> Record:
    assert GOOD.rows is not None
    return replace(GOOD, rows={**GOOD.rows, seq: row})


def test_a_history_that_lacks_a_row_is_found() -> None:
    assert kinds(with_row(3, Message(3, "c1", "hm"))) == ["not in the history"]


def test_a_history_that_has_more_than_the_rows_is_found() -> None:
    assert kinds(with_row(2, None)) == ["not stored"]


def test_a_history_that_differs_from_the_rows_is_found() -> None:
    assert kinds(with_row(2, replace(YES, text="no"))) == ["not in the history", "not stored"]


def test_a_number_without_a_row_is_found() -> None:
    assert kinds(with_row(6, None)) == ["gap"]


def test_lost_ranges_and_resets_are_found() -> None:
    visit = replace(GOOD.visits[1], gaps=[(2, 3)], resets=1)
    assert kinds(replace(GOOD, visits=[visit])) == ["given up", "reset"]
