"""How Lambda's event source mapping reads a DynamoDB stream, in virtual time."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.support.local.stream_engine import ARN, START, Engine, Shard


@pytest.fixture
def engine() -> Engine:
    return Engine()


# The event


async def test_the_function_gets_the_event_that_lambda_sends(engine: Engine) -> None:
    sequence = engine.stream.write("ROOM#general", text="Hi")
    async with engine.running():
        await engine.handles(sequence)
    assert engine.function.events == [
        {
            "Records": [
                {
                    "eventID": "id-1",
                    "eventName": "MODIFY",
                    "eventVersion": "1.1",
                    "eventSource": "aws:dynamodb",
                    "awsRegion": "eu-west-1",
                    "dynamodb": {
                        "ApproximateCreationDateTime": START,
                        "Keys": {"pk": {"S": "ROOM#general"}, "sk": {"S": "HEAD"}},
                        "NewImage": {
                            "pk": {"S": "ROOM#general"},
                            "sk": {"S": "HEAD"},
                            "text": {"S": "Hi"},
                        },
                        "SequenceNumber": sequence,
                        "SizeBytes": 26,
                        "StreamViewType": "NEW_IMAGE",
                    },
                    "eventSourceARN": ARN,
                }
            ]
        }
    ]


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        None,
        "text",
        {"eventID": "1", "eventName": "INSERT"},
        {"eventID": "1", "eventName": "INSERT", "dynamodb": None},
        {"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": {}}},
        {"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": {}, "SequenceNumber": None}},
        {"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": {}, "SequenceNumber": [1]}},
        {"eventID": "1", "dynamodb": {"Keys": {}, "SequenceNumber": "1"}},
    ],
    ids=str,
)
async def test_an_invalid_record_is_skipped_and_the_stream_goes_on(
    engine: Engine, malformed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before = engine.stream.write()
    engine.stream.shards_by_name["shard-1"].records.append(malformed)
    after = engine.stream.write()
    async with engine.running(filters=({"eventName": ["MODIFY"]},)) as poller:
        await engine.handles(before, after)
        assert poller.checkpoints == {"shard-1": after}
    assert "skipped an invalid record" in caplog.text


async def test_times_and_binary_from_an_sdk_become_json(engine: Engine) -> None:
    sequence = engine.stream.write()
    change = engine.stream.shards_by_name["shard-1"].records[0]["dynamodb"]
    change["ApproximateCreationDateTime"] = datetime.fromtimestamp(START, UTC)
    change["NewImage"]["blob"] = {"BS": [b"\x00\xff"]}
    async with engine.running():
        await engine.handles(sequence)
    sent = engine.function.events[0]["Records"][0]["dynamodb"]
    assert sent["ApproximateCreationDateTime"] == START
    assert sent["NewImage"]["blob"] == {"BS": ["AP8="]}


async def test_a_lone_surrogate_does_not_stop_the_stream(engine: Engine) -> None:
    first, second = engine.stream.write(text="\ud800"), engine.stream.write()
    async with engine.running():
        await engine.handles(first, second)


# Where reading starts, and the failures it survives


async def test_trim_horizon_starts_with_what_is_there_and_latest_after_it(engine: Engine) -> None:
    old = engine.stream.write()
    async with engine.running(starting_position="TRIM_HORIZON"):
        await engine.handles(old)
    engine.function.batches.clear()
    async with engine.running(starting_position="LATEST"):
        new = engine.stream.write()
        await engine.handles(new)


async def test_a_shard_is_read_in_pages_of_a_thousand(engine: Engine) -> None:
    sequences = engine.stream.write_many(2_100)
    async with engine.running(batch_size=10_000):
        await engine.handles(*sequences)
    assert engine.stream.limits == {1000}


async def test_a_source_that_fails_for_a_moment_is_retried_and_logged_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with engine.running():
        first = engine.stream.write()
        await engine.handles(first)
        engine.stream.errors = [ConnectionError("cut")] * 4
        second = engine.stream.write()
        await engine.handles(first, second)
    assert engine.stream.errors == []
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "Messages: reading the stream of messages failed, retrying: ConnectionError: cut"
    ]


async def test_a_source_that_fails_is_retried_with_growing_delays(engine: Engine) -> None:
    async with engine.running():
        first = engine.stream.write()
        await engine.handles(first)
        since = len(engine.stream.read_at)
        engine.stream.errors = [ConnectionError("cut")] * 7
        await engine.time.until(lambda: engine.stream.errors == [])
        assert engine.time.now - engine.stream.read_at[since] >= 0.1 + 0.2 + 0.4 + 0.8


async def test_a_stream_that_cannot_be_listed_yet_is_waited_for(engine: Engine) -> None:
    engine.stream.errors = [ConnectionError("cut")] * 3
    sequence = engine.stream.write()
    async with engine.running():
        await engine.handles(sequence)


async def test_an_expired_iterator_is_renewed_after_the_last_record_read(engine: Engine) -> None:
    async with engine.running():
        first = engine.stream.write()
        await engine.handles(first)
        engine.stream.expire_iterators()
        second = engine.stream.write()
        await engine.handles(first, second)
    assert engine.stream.positions == [("TRIM_HORIZON", None), ("AFTER_SEQUENCE_NUMBER", first)]


async def test_a_failing_source_does_not_make_latest_skip_what_is_written_meanwhile(engine: Engine) -> None:
    async with engine.running(starting_position="LATEST"):
        engine.stream.errors = [ConnectionError("cut")]
        sequence = engine.stream.write()
        await engine.handles(sequence)


async def test_after_a_trimmed_position_reading_goes_on_with_the_oldest_record(engine: Engine) -> None:
    async with engine.running():
        first = engine.stream.write()
        await engine.handles(first)
        engine.stream.errors = [RuntimeError("An error occurred (TrimmedDataAccessException)")]
        engine.stream.shards_by_name["shard-1"].records.clear()
        second = engine.stream.write()
        await engine.handles(first, second)
    assert engine.stream.positions[-1] == ("TRIM_HORIZON", None)


async def test_a_closed_shards_children_are_read_only_when_all_of_it_is_done(engine: Engine) -> None:
    engine.function.takes = 5
    parent = engine.stream.write()
    engine.stream.shards_by_name["shard-1"].closed = True
    async with engine.running():
        engine.stream.shards_by_name["shard-2"] = Shard()
        child = engine.stream.write(shard="shard-2")
        await engine.handles(parent, child)
    assert engine.function.times[1] - engine.function.times[0] >= 5


async def test_a_table_whose_stream_has_no_shard_yet_is_asked_again(engine: Engine) -> None:
    shard = engine.stream.shards_by_name.pop("shard-1")
    async with engine.running(starting_position="LATEST"):
        await engine.time.passes(3)
        engine.stream.shards_by_name["shard-1"] = shard
        sequence = engine.stream.write()  # before the poller has seen the shard, after it was started
        await engine.handles(sequence)


# How often it polls


async def test_an_idle_stream_is_read_four_times_a_second(engine: Engine) -> None:
    async with engine.running():
        await engine.time.passes(1)
        since = len(engine.stream.read_at)
        await engine.time.passes(10)
    assert len(engine.stream.read_at) - since == pytest.approx(40, abs=1)


async def test_a_hint_makes_it_read_at_once_and_once(engine: Engine) -> None:
    async with engine.running() as poller:
        await engine.time.passes(2.1)
        since, now = len(engine.stream.read_at), engine.time.now
        poller.poll_now()
        await engine.time.passes(0.24)
    assert engine.stream.read_at[since:] == [now]


async def test_more_than_one_read_returns_is_read_at_once(engine: Engine) -> None:
    written = [engine.stream.write() for _ in range(1_001)]
    async with engine.running():
        began = engine.time.now
        await engine.handles(*written)
        assert engine.time.now == began


async def test_a_slow_source_gets_a_pause_as_long_as_its_read(engine: Engine) -> None:
    engine.stream.takes = 0.02
    async with engine.running() as poller:
        await engine.time.passes(2.1)
        since = len(engine.stream.read_at)
        poller.poll_now()
        await engine.time.until(lambda: len(engine.stream.read_at) >= since + 1)
        poller.poll_now()  # during the read
        await engine.time.until(lambda: len(engine.stream.read_at) >= since + 2)
    earlier, later = engine.stream.read_at[since:]
    assert later - earlier == pytest.approx(0.02 + 0.02)


async def test_polling_as_aws_does_is_steady_and_ignores_hints(engine: Engine) -> None:
    async with engine.running(aws_polling=True) as poller:
        await engine.time.passes(1.1)
        engine.stream.write()
        poller.poll_now()
        await engine.time.passes(2)
    assert [later - earlier for earlier, later in pairwise(engine.stream.read_at)] == pytest.approx(
        [0.25] * (len(engine.stream.read_at) - 1)
    )
