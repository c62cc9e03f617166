"""After the function fails: retries, splits, partial failures, and records that are given up."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from local.mappings.polling import backoff
from tests.support.local.stream_engine import ARN, DONE, ERROR, START, Engine, answering, reporting


@pytest.fixture
def engine() -> Engine:
    return Engine()


async def test_a_failed_batch_is_retried_whole_with_growing_delays_until_it_succeeds(engine: Engine) -> None:
    engine.function.answers = [ERROR, ERROR, ERROR, DONE]
    sequences = engine.stream.write_many(3)
    async with engine.running():
        await engine.time.until(lambda: len(engine.function.batches) == 4)
        later = engine.stream.write()
        await engine.time.until(lambda: len(engine.function.batches) == 5)
    assert engine.function.batches == [sequences] * 4 + [[later]]
    delays = [later - earlier for earlier, later in pairwise(engine.function.times)]
    assert delays[:3] == pytest.approx([0.1, 0.2, 0.4])
    assert engine.given_up == []


def test_the_delay_between_tries_doubles_up_to_half_a_minute() -> None:
    assert [backoff(failures) for failures in (1, 2, 3, 4)] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert backoff(10) == 30
    assert backoff(100_000) == 30


async def test_a_function_that_cannot_be_called_does_not_use_up_its_retries(engine: Engine) -> None:
    engine.function.answers = [OSError("no process")] * 5
    sequence = engine.stream.write()
    async with engine.running(retries=0):
        await engine.time.until(lambda: len(engine.function.batches) == 6)
        await engine.time.run_ready()
    assert engine.function.batches == [[sequence]] * 6
    assert engine.given_up == []


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_retries_are_tries_beyond_the_first(engine: Engine, retries: int) -> None:
    poison = engine.stream.write()
    engine.function.fails_with = {poison}
    async with engine.running(retries=retries, batch_size=1):
        await engine.gives_up()
        good = engine.stream.write()
        await engine.time.until(lambda: good in engine.function.handled)
    assert engine.function.batches == [[poison]] * (1 + retries) + [[good]]


async def test_a_batch_given_up_leaves_awss_pointer_and_the_lane_goes_on(engine: Engine) -> None:
    poison = engine.stream.write()
    await engine.time.passes(10)
    neighbour = engine.stream.write()
    engine.function.fails_with = {poison}
    async with engine.running(retries=2) as poller:
        await engine.gives_up()
        good = engine.stream.write()
        await engine.time.until(lambda: good in engine.function.handled)
    assert poller.checkpoints == {"shard-1": good}
    (document,) = engine.given_up
    assert document["requestContext"].pop("requestId")
    assert document == {
        "requestContext": {
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:FanoutFunction",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2023-11-14T22:13:30.300Z",
        "DDBStreamBatchInfo": {
            "shardId": "shard-1",
            "startSequenceNumber": poison,
            "endSequenceNumber": neighbour,
            "approximateArrivalOfFirstRecord": "2023-11-14T22:13:20Z",
            "approximateArrivalOfLastRecord": "2023-11-14T22:13:30Z",
            "batchSize": 2,
            "streamArn": ARN,
        },
    }


async def test_without_a_destination_a_batch_given_up_is_logged(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    poison = engine.stream.write()
    engine.function.fails_with = {poison}
    async with engine.running(retries=0, on_failure=None):
        await engine.handles(poison)
        await engine.time.run_ready()
    assert engine.given_up == []
    assert poison in caplog.text


async def test_a_destination_that_is_down_is_logged_and_does_not_stop_the_lane(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.queue_is_down = True
    poison = engine.stream.write()
    engine.function.fails_with = {poison}
    async with engine.running(retries=0, batch_size=1):
        good = engine.stream.write()
        await engine.handles(poison, good)
    assert "could not write to the on-failure queue Failures" in caplog.text
    assert poison in caplog.text


async def test_records_that_grow_too_old_are_given_up_and_younger_ones_go_on(engine: Engine) -> None:
    old = engine.stream.write()
    await engine.time.passes(40)
    young = engine.stream.write()
    engine.function.fails_with = {old}
    async with engine.running(max_age=60):
        await engine.gives_up()
        await engine.time.until(lambda: engine.function.batches[-1] == [young])
    (document,) = engine.given_up
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert document["requestContext"]["approximateInvokeCount"] == len(engine.function.batches) - 1
    assert document["responseContext"]["functionError"] == "Unhandled"
    assert document["DDBStreamBatchInfo"]["startSequenceNumber"] == old
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1
    assert engine.function.times[-2] - START <= 60


async def test_a_record_that_is_too_old_when_it_is_read_is_never_sent(engine: Engine) -> None:
    old = engine.stream.write()
    await engine.time.passes(61)
    async with engine.running(max_age=60) as poller:
        await engine.gives_up()
        await engine.time.run_ready()
        assert poller.checkpoints == {"shard-1": old}
        young = engine.stream.write()
        await engine.handles(young)
    (document,) = engine.given_up
    assert document["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in document


async def test_without_a_limit_neither_age_nor_failures_end_the_retries(engine: Engine) -> None:
    engine.retry_after = lambda failures: 1.0  # virtual seconds: the default polls for 100 minutes
    poison = engine.stream.write()
    engine.function.fails_with = {poison}
    async with engine.running():
        await engine.time.until(lambda: len(engine.function.batches) == 200, within=10_000)
    assert engine.given_up == []


# Bisecting


async def test_a_failed_batch_is_split_until_the_bad_record_is_alone(engine: Engine) -> None:
    s = engine.stream.write_many(4)
    engine.function.fails_with = {s[2]}
    async with engine.running(bisect=True, retries=1):
        await engine.gives_up()
        await engine.time.until(lambda: engine.function.batches[-1] == [s[3]])
    assert engine.function.batches == [s, s[:2], s[2:], [s[2]], [s[2]], [s[3]]]
    info = engine.given_up[0]["DDBStreamBatchInfo"]
    assert (info["startSequenceNumber"], info["batchSize"]) == (s[2], 1)


async def test_splitting_does_not_use_up_a_retry(engine: Engine) -> None:
    s = engine.stream.write_many(2)
    engine.function.fails_with = {s[0]}
    async with engine.running(bisect=True, retries=0):
        await engine.gives_up()
        await engine.time.until(lambda: engine.function.batches[-1] == [s[1]])
    assert engine.function.batches == [s, [s[0]], [s[1]]]
    assert engine.given_up[0]["DDBStreamBatchInfo"]["batchSize"] == 1


# Partial failures


async def test_records_come_again_from_the_lowest_reported_one(engine: Engine) -> None:
    s = engine.stream.write_many(4)
    engine.function.answers = [reporting(s[3], s[1])]
    async with engine.running(partial_failures=True):
        await engine.handles(*s, *s[1:])
    assert engine.function.batches == [s, s[1:]]


async def test_records_before_the_reported_one_are_done(engine: Engine) -> None:
    s = engine.stream.write_many(3)
    engine.function.reports = {s[2]}
    async with engine.running(partial_failures=True) as poller:
        await engine.time.until(lambda: len(engine.function.batches) == 3)
        assert poller.checkpoints == {"shard-1": s[1]}


async def test_a_reported_record_that_keeps_failing_uses_up_its_retries(engine: Engine) -> None:
    s = engine.stream.write_many(3)
    engine.function.reports = {s[1]}
    async with engine.running(partial_failures=True, retries=1):
        await engine.gives_up()
    assert engine.function.batches == [s, s[1:], s[1:]]
    (document,) = engine.given_up
    assert document["DDBStreamBatchInfo"]["batchSize"] == 2
    assert "functionError" not in document["responseContext"]


@pytest.mark.parametrize(
    "response", [None, {}, [], "", {"batchItemFailures": []}, {"batchItemFailures": None}]
)
async def test_an_empty_or_null_response_is_a_success(engine: Engine, response: Any) -> None:
    s = engine.stream.write_many(2)
    engine.function.answers = [answering(response)]
    async with engine.running(partial_failures=True) as poller:
        await engine.handles(*s)
        await engine.time.passes(5)
    assert engine.function.batches == [s]
    assert poller.checkpoints == {"shard-1": s[1]}


@pytest.mark.parametrize(
    "response",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": 123}]},
        {"batchItemFailures": [{"itemIdentifier": {"sequence": 1}}]},
        {"batchItemFailures": [{"identifier": f"{2:021d}"}]},
        {"batchItemFailures": [f"{2:021d}"]},
        {"batchItemFailures": {"itemIdentifier": f"{2:021d}"}},
        {"batchItemFailures": [{"itemIdentifier": "not in the batch"}]},
        {"batchItemFailures": [{"itemIdentifier": f"{2:021d}"}, {"itemIdentifier": "not in the batch"}]},
        {"batchItemFailure": []},
    ],
)
async def test_an_invalid_response_fails_the_whole_batch(engine: Engine, response: Any) -> None:
    s = engine.stream.write_many(2)
    engine.function.answers = [answering(response)]
    async with engine.running(partial_failures=True):
        await engine.handles(*s, *s)
    assert engine.function.batches == [s, s]


async def test_reports_are_ignored_unless_the_mapping_asks_for_them(engine: Engine) -> None:
    s = engine.stream.write_many(2)
    engine.function.reports = {s[1]}
    async with engine.running(partial_failures=False) as poller:
        await engine.handles(*s)
        await engine.time.passes(5)
    assert engine.function.batches == [s]
    assert poller.checkpoints == {"shard-1": s[1]}


async def test_with_bisecting_a_report_splits_at_the_reported_record_and_only_the_rest_comes_again(
    engine: Engine,
) -> None:
    s = engine.stream.write_many(6)
    engine.function.answers = [reporting(s[4])]
    async with engine.running(partial_failures=True, bisect=True, retries=0):
        await engine.handles(*s, *s[4:])
    assert engine.function.batches == [s, s[4:]]
    assert engine.given_up == []


async def test_with_bisecting_the_record_that_is_reported_every_time_is_given_up_alone(
    engine: Engine,
) -> None:
    s = engine.stream.write_many(4)
    engine.function.reports = {s[1]}
    async with engine.running(partial_failures=True, bisect=True, retries=1):
        await engine.gives_up()
        await engine.time.until(lambda: engine.function.batches[-1] == s[2:])
    assert engine.function.batches == [s, s[1:], [s[1]], [s[1]], s[2:]]
    info = engine.given_up[0]["DDBStreamBatchInfo"]
    assert (info["startSequenceNumber"], info["batchSize"]) == (s[1], 1)


async def test_with_bisecting_a_function_that_raises_splits_in_two(
    engine: Engine,
) -> None:
    s = engine.stream.write_many(4)
    engine.function.answers = [ERROR]
    async with engine.running(partial_failures=True, bisect=True):
        await engine.time.until(lambda: len(engine.function.batches) == 3)
    assert engine.function.batches == [s, s[:2], s[2:]]
