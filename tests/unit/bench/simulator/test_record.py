"""The reports of the simulated API Gateway about the posts that it accepted."""

from __future__ import annotations

from typing import Any

import pytest

from bench.simulator import Answer, Expected, Fault, Record, Report, member_id

TAKEN = Answer(200, 0.015, True)
THROTTLED = Answer(429, 0.015, False)


def frame(*numbers: int) -> bytes:
    entries = ",".join(f'{{"seq":{number},"message":"Hi 99"}}' for number in numbers)
    return f'{{"type":"messages","messages":[{entries}]}}'.encode()


def recorded(*frames: tuple[int, ...], pattern: str = r'"seq":(\d+)') -> tuple[Record, Report]:
    """Return a record of these frames to one connection, beside another that accepted 1 to 6 in order."""
    record = Record(pattern)
    record.note(0.0, "other", frame(1, 2, 3, 4, 5, 6), TAKEN)
    for numbers in frames:
        record.note(0.0, "c1", frame(*numbers), TAKEN)
    return record, record.report()


@pytest.mark.parametrize(
    "frames",
    [
        [(1, 2, 3, 4, 5, 6)],
        [(1,), (2,), (3, 4, 5), (6,)],
        [(0, 1, 2), (3, 4, 5, 6)],
    ],
)
def test_numbers_in_order_are_not_reported(frames: list[tuple[int, ...]]) -> None:
    record = Record(r'"seq":(\d+)')
    for numbers in frames:
        record.note(0.0, "c1", frame(*numbers), TAKEN)
    report = record.report()
    assert (report.missed, report.repeated, report.disordered) == (0, 0, 0)


@pytest.mark.parametrize(
    ("frames", "missed"),
    [
        ([(1, 2), (4, 5, 6)], [3]),
        ([(3, 4)], [1, 2, 5, 6]),
        ([(1,), (3,), (5,)], [2, 4, 6]),
        ([(5,), (1,), (3,)], [2, 4, 6]),
        ([()], [1, 2, 3, 4, 5, 6]),
    ],
)
def test_numbers_that_never_came_are_missed(frames: list[tuple[int, ...]], missed: list[int]) -> None:
    _, report = recorded(*frames)
    assert report.missed_examples == {"c1": missed}
    assert report.missed == 1


@pytest.mark.parametrize(
    ("frames", "repeated"),
    [
        ([(1, 2, 3), (1, 2, 3), (4, 5, 6)], 3),
        ([(1, 2, 4), (4, 5, 6), (3,)], 1),
        ([(1, 2, 4, 5, 6), (3,), (3,)], 1),
        ([(1, 2, 3), (3, 4, 5, 6)], 1),
    ],
)
def test_numbers_that_came_again_are_repeated_and_not_disordered(
    frames: list[tuple[int, ...]], repeated: int
) -> None:
    _, report = recorded(*frames)
    assert report.repeated_examples == {"c1": repeated}
    assert report.missed == 0


@pytest.mark.parametrize(
    ("frames", "disordered"),
    [
        ([(2,), (1,), (3, 4, 5, 6)], 1),
        ([(1, 2, 4), (3,), (5, 6)], 1),
        ([(4, 5, 6), (1, 2, 3)], 3),
        ([(1, 2), (5, 6), (3, 4)], 2),
        ([(6,), (5,), (4,), (3,), (2,), (1,)], 5),
    ],
)
def test_numbers_that_came_first_after_a_higher_one_are_disordered(
    frames: list[tuple[int, ...]], disordered: int
) -> None:
    record, report = recorded(*frames)
    assert report.disordered_examples == {"c1": disordered}
    assert (report.missed, report.repeated) == (0, 0)
    arrivals = record.arrivals("c1")
    assert arrivals is not None
    assert arrivals.numbers() == [1, 2, 3, 4, 5, 6]
    assert arrivals.posts == len(frames)


def test_a_gap_alone_is_not_disorder() -> None:
    _, report = recorded((1, 2), (4,), (5, 6))
    assert report.disordered == 0


def test_a_pattern_defines_what_a_number_is() -> None:
    record = Record(r"no (\d+)")
    record.note(0.0, "c1", b"message no 7 of 9, no 8", TAKEN)
    arrivals = record.arrivals("c1")
    assert arrivals is not None
    assert arrivals.numbers() == [7, 8]


def test_expected_members_that_accepted_nothing_are_missed_unless_they_are_unreachable() -> None:
    record = Record(r'"seq":(\d+)')
    record.note(0.0, member_id(0), frame(1, 2), TAKEN)
    record.note(0.0, member_id(10), frame(7), TAKEN)
    report = record.report(
        [Expected(range(4), [1, 2]), Expected(range(10, 12), [7])],
        reachable=lambda connection_id: connection_id != member_id(2),
    )
    assert report.missed_examples == {member_id(1): [1, 2], member_id(3): [1, 2], member_id(11): [7]}


def test_a_number_whose_only_post_was_throttled_is_missed() -> None:
    record = Record(r'"seq":(\d+)')
    record.note(0.0, "c1", frame(1), TAKEN)
    record.note(0.0, "c1", frame(2), THROTTLED)
    assert record.report().missed_examples == {"c1": [2]}


def test_counts_by_answer_and_by_time() -> None:
    record = Record(r'"seq":(\d+)')
    answers: list[tuple[float, Answer]] = [
        (5.0, THROTTLED),
        (7.0, TAKEN),
        (7.05, TAKEN),
        (7.31, Answer(0, 0.015, True, Fault.RESET_AFTER)),
        (9.0, Answer(500, 0.015, False, Fault.ERROR_500)),
    ]
    for now, answer in answers:
        record.note(now, "c1", frame(1), answer)
    report = record.report()
    assert (report.requests, report.accepted) == (5, 3)
    assert report.statuses == {0: 1, 200: 2, 429: 1, 500: 1}
    assert report.faults == {"reset_after": 1, "error_500": 1}
    assert (report.first_accepted, report.last_accepted) == (7.0, 7.31)
    assert report.timeline == [2, 0, 0, 1]


def test_without_posts_the_report_is_empty() -> None:
    report = Record(r"\d+").report()
    assert (report.accepted, report.first_accepted, report.timeline, report.connections) == (0, None, [], 0)


def test_examples_are_limited_and_counts_are_not() -> None:
    record = Record(r'"seq":(\d+)')
    for number in range(50):
        for numbers in ((2,), (2,), (1,)):
            record.note(0.0, member_id(number), frame(*numbers), TAKEN)
    record.note(0.0, "other", frame(3), TAKEN)
    report: Any = record.report(examples=5)
    assert (report.missed, report.repeated, report.disordered) == (51, 50, 50)
    for kind in ("missed", "repeated", "disordered"):
        assert len(getattr(report, f"{kind}_examples")) == 5


def test_more_frames_than_the_cache_holds_are_read_correctly() -> None:
    record = Record(r'"seq":(\d+)')
    for _ in range(2):
        for number in range(1000):
            record.note(0.0, "c1", frame(number), TAKEN)
    report = record.report()
    assert report.missed == 0
    assert report.repeated_examples == {"c1": 1000}
