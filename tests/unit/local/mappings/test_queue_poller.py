"""How Lambda's event source mapping reads an SQS queue, and what it deletes, in virtual time."""

from __future__ import annotations

import logging

import pytest

from local.aws_defaults import INVOCATION_PAYLOAD
from tests.support.local.queue_engine import ARN, Engine, Sent, json_body
from tests.support.local.stream_engine import ERROR, START, answering


@pytest.fixture
def engine() -> Engine:
    return Engine()


# The event


async def test_the_function_gets_what_was_received_in_one_event(engine: Engine) -> None:
    engine.queue.send("one", "two", group="g")
    async with engine.running():
        await engine.handles(["one", "two"])
    records = engine.function.events[0]["Records"]
    assert [record["receiptHandle"] for record in records] == ["one 1", "two 1"]
    assert {record["eventSourceARN"] for record in records} == {ARN}


async def test_an_invalid_message_is_skipped_and_the_queue_goes_on(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.queue.send("one", "two", group="g")
    engine.queue.malformed = [{}, None, {"MessageId": "1", "ReceiptHandle": "1"}]
    async with engine.running():
        await engine.handles(["one", "two"])
    assert caplog.text.count("skipped an invalid message") == 3


async def test_a_body_of_endless_brackets_is_text_to_a_filter(engine: Engine) -> None:
    nested = "[" * 100_000
    engine.queue.send(nested, "one", group="g")
    async with engine.running(filters=({"body": ["one"]},)):
        await engine.handles(["one"])


async def test_a_batch_is_no_larger_than_the_mapping_says(engine: Engine) -> None:
    engine.queue.send(*"abcde")
    async with engine.running(batch_size=2, fifo=False):
        await engine.handles(["a", "b"], ["c", "d"], ["e"])


# How soon


async def test_poll_now_reads_at_once(engine: Engine) -> None:
    async with engine.running() as poller:
        await engine.time.passes(10.1)
        sent = engine.time.now
        engine.queue.send("task", group="g")
        poller.poll_now()
        await engine.handles(["task"])
    assert engine.function.times == [sent]


async def test_without_hints_the_queue_is_read_four_times_per_second(engine: Engine) -> None:
    async with engine.running():
        await engine.time.passes(9.9)
        assert len(engine.queue.read_at) == 40
        engine.queue.send("task", group="g")
        await engine.handles(["task"])
    assert engine.function.times[0] <= START + 10.15


async def test_poll_now_during_a_read_is_not_lost(engine: Engine) -> None:
    async with engine.running() as poller:
        await engine.time.passes(0.3)
        reads = len(engine.queue.read_at)
        poller.poll_now()
        poller.poll_now()
        await engine.time.run_ready()
        assert len(engine.queue.read_at) == reads + 1


async def test_the_next_batch_of_a_group_follows_the_last_without_a_pause(engine: Engine) -> None:
    engine.function.takes = 0.7
    engine.queue.send("one", "two", group="g")
    async with engine.running(batch_size=1):
        await engine.handles(["one"], ["two"])
    assert engine.function.times == [START, START + 0.7]


# After a result


async def test_a_batch_that_succeeds_is_deleted(engine: Engine) -> None:
    engine.queue.send("one", "two", group="g")
    async with engine.running():
        await engine.handles(["one", "two"])
        await engine.time.run_ready()
        assert engine.queue.bodies == []


@pytest.mark.parametrize("trouble", [ERROR, RuntimeError("no host")], ids=["error", "no call"])
async def test_a_batch_that_fails_comes_again_after_the_visibility_timeout(
    engine: Engine, trouble: Exception
) -> None:
    engine.function.answers = [trouble]
    engine.queue.send("one", "two", group="g")
    async with engine.running():
        await engine.handles(["one", "two"], ["one", "two"])
        await engine.time.run_ready()
    assert START + 30 <= engine.function.times[1] <= START + 30.25
    counts = [
        record["attributes"]["ApproximateReceiveCount"] for record in engine.function.events[1]["Records"]
    ]
    assert counts == ["2", "2"]
    assert engine.queue.bodies == []


async def test_only_reported_messages_come_again(engine: Engine) -> None:
    engine.function.reports_once = {"two"}
    engine.queue.send("one", "two", "three")
    async with engine.running(partial_failures=True, fifo=False):
        await engine.handles(["one", "two", "three"], ["two"])


async def test_a_report_is_ignored_unless_the_mapping_asks_for_it(engine: Engine) -> None:
    engine.function.reports_once = {"two"}
    engine.queue.send("one", "two")
    async with engine.running(fifo=False):
        await engine.handles(["one", "two"])
        await engine.time.run_ready()
        assert engine.queue.bodies == []


async def test_a_wrong_report_fails_the_whole_batch(engine: Engine) -> None:
    engine.function.answers = [answering({"batchItemFailures": [{"itemIdentifier": "nobody"}]})]
    engine.queue.send("one", "two")
    async with engine.running(partial_failures=True, fifo=False):
        await engine.handles(["one", "two"], ["one", "two"])


# FIFO


async def test_messages_after_a_failed_one_of_their_group_wait_for_it(engine: Engine) -> None:
    engine.function.fails_once = {"two"}
    engine.queue.send("one", "two", "three", group="g")
    async with engine.running(batch_size=1):
        await engine.handles(["one"], ["two"], ["two"], ["three"])


async def test_another_group_does_not_wait_for_a_failure(engine: Engine) -> None:
    engine.function.fails_once = {"a1"}
    engine.queue.send("a1", group="a")
    engine.queue.send("b1", group="b")
    async with engine.running(batch_size=1):
        await engine.handles(["a1"], ["b1"], ["a1"])
    assert engine.function.times[1] == START


async def test_groups_run_at_once_and_each_has_one_batch_at_a_time(engine: Engine) -> None:
    engine.function.takes = 5
    for group in "abc":
        engine.queue.send(f"{group}1", f"{group}2", group=group)
    async with engine.running(batch_size=1):
        await engine.time.until(lambda: len(engine.function.batches) == 3)
        assert engine.function.handled == ["a1", "b1", "c1"]
        await engine.time.until(lambda: len(engine.function.batches) == 6)
        assert engine.function.handled[3:] == ["a2", "b2", "c2"]
    assert engine.function.max_running == 3


@pytest.mark.parametrize(
    "bounds", [{"concurrency": 2}, {"host_concurrency": 2}], ids=["of the mapping", "of the host"]
)
async def test_calls_are_limited_and_no_message_is_received_before_it_can_run(
    engine: Engine, bounds: dict[str, int]
) -> None:
    engine.function.takes = 5
    engine.queue.send(*"abcdef")
    async with engine.running(batch_size=1, fifo=False, **bounds):
        await engine.handles(*[[body] for body in "abcdef"])
    assert engine.function.max_running == 2
    assert engine.queue.max_in_flight == 2


# Batching windows


async def test_a_window_begins_with_the_first_message_and_gathers_until_it_ends(engine: Engine) -> None:
    async with engine.running(fifo=False, batch_size=100, window=2.0) as poller:
        await engine.time.passes(5)
        engine.queue.send("one")
        poller.poll_now()
        await engine.time.passes(1.6)
        engine.queue.send("two")
        poller.poll_now()
        await engine.handles(["one", "two"])
    assert engine.function.times == [START + 7]


async def test_a_full_batch_does_not_wait_for_its_window(engine: Engine) -> None:
    bodies = [str(n) for n in range(25)]
    engine.queue.send(*bodies)
    async with engine.running(fifo=False, batch_size=25, window=60.0):
        await engine.handles(bodies)
    assert engine.function.times == [START]


async def test_a_message_is_hidden_as_long_as_the_mapping_says(engine: Engine) -> None:
    async with engine.running(fifo=False, window=20.0, visibility=80):
        await engine.time.passes(1)
    assert engine.queue.hidden_for == {80}


# Size


def bulky(name: str) -> Sent:
    return Sent(
        name + "x" * (INVOCATION_PAYLOAD // 5), "g", START
    )  # a record holds its body twice: as id too


async def test_a_batch_too_large_for_one_call_becomes_several_in_order(engine: Engine) -> None:
    engine.queue.messages = [bulky(name) for name in "abcde"]
    async with engine.running():
        await engine.time.until(lambda: len(engine.function.handled) == 5)
        await engine.time.run_ready()
    assert [[body[0] for body in batch] for batch in engine.function.batches] == [
        ["a"],
        ["b"],
        ["c"],
        ["d"],
        ["e"],
    ]
    assert engine.function.max_running == 1
    assert engine.queue.bodies == []


async def test_a_fifo_batch_in_parts_stops_at_its_first_failure(engine: Engine) -> None:
    engine.queue.messages = [bulky(name) for name in "abc"]
    engine.function.answers = [answering(None), ERROR]
    async with engine.running():
        await engine.time.until(lambda: len(engine.function.handled) == 4)
    assert [body[0] for body in engine.function.handled] == ["a", "b", "b", "c"]


# Filters


async def test_a_message_that_no_filter_passes_is_deleted_without_a_call(engine: Engine) -> None:
    wanted, unwanted = json_body(kind="slice"), json_body(kind="other")
    engine.queue.send(unwanted, wanted, "not JSON", group="g")
    async with engine.running(filters=({"body": {"kind": ["slice"]}},)):
        await engine.handles([wanted])
        await engine.time.run_ready()
        assert engine.queue.bodies == []


async def test_a_read_without_wanted_messages_is_followed_by_the_next_at_once(engine: Engine) -> None:
    engine.queue.send(*["no"] * 10, "yes")
    async with engine.running(fifo=False, filters=({"body": ["yes"]},)):
        await engine.handles(["yes"])
    assert engine.function.times == [START]


# Errors of the queue


async def test_a_queue_that_fails_for_a_moment_is_retried_and_logged_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.queue.errors = [ConnectionError("gone")] * 3
    engine.queue.send("one", group="g")
    with caplog.at_level(logging.INFO, logger="local.mappings.polling"):
        async with engine.running():
            await engine.handles(["one"])
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "Work: reading the queue WorkQueue failed" in caplog.records[0].getMessage()


async def test_a_message_that_cannot_be_deleted_comes_again_and_is_logged(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.queue.delete_errors = [ConnectionError("gone")]
    engine.queue.send("one", group="g")
    async with engine.running():
        await engine.handles(["one"], ["one"])
    assert "could not delete 1 messages, they come again: gone" in caplog.text
