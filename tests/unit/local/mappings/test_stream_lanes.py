"""A stream's records on their way to the function: filters, batches, lanes and the checkpoint."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from local.aws_defaults import INVOCATION_PAYLOAD
from local.mappings.stream_batches import lane_of
from local.mappings.stream_records import Record
from tests.support.local.stream_engine import Engine, keys


@pytest.fixture
def engine() -> Engine:
    return Engine()


# Filtering and batching


async def test_filtered_records_never_reach_the_function_and_count_as_done(engine: Engine) -> None:
    engine.stream.write(sort="000000000001")
    wanted = engine.stream.write(sort="HEAD")
    last = engine.stream.write(sort="000000000002")
    async with engine.running(filters=({"dynamodb": {"Keys": {"sk": {"S": ["HEAD"]}}}},)) as poller:
        await engine.handles(wanted)
    assert poller.checkpoints == {"shard-1": last}


async def test_batches_are_formed_after_filtering(engine: Engine) -> None:
    wanted = []
    for _ in range(4):
        engine.stream.write_many(3, sort="000000000001")
        wanted.append(engine.stream.write(sort="HEAD"))
    async with engine.running(batch_size=2, filters=({"dynamodb": {"Keys": {"sk": {"S": ["HEAD"]}}}},)):
        await engine.handles(*wanted)
    assert engine.function.batches == [wanted[:2], wanted[2:]]


async def test_without_a_window_a_batch_holds_what_is_there_up_to_its_size(engine: Engine) -> None:
    sequences = engine.stream.write_many(5)
    async with engine.running(batch_size=2):
        await engine.handles(*sequences)
    assert [len(batch) for batch in engine.function.batches] == [2, 2, 1]


async def test_a_window_gathers_records_until_it_has_passed(engine: Engine) -> None:
    async with engine.running(window=5):
        first = engine.stream.write()
        await engine.time.passes(3)
        second = engine.stream.write()
        await engine.time.passes(1.5)
        assert engine.function.batches == []
        await engine.handles(first, second)
    assert engine.function.batches == [[first, second]]


async def test_a_full_batch_does_not_wait_for_its_window(engine: Engine) -> None:
    async with engine.running(window=300, batch_size=2):
        sequences = engine.stream.write_many(2)
        await engine.time.until(lambda: bool(engine.function.batches), within=1)
    assert engine.function.batches == [sequences]


async def test_the_next_window_begins_when_the_call_before_has_ended(engine: Engine) -> None:
    engine.function.takes = 3
    async with engine.running(window=5):
        first = engine.stream.write()
        await engine.handles(first)
        second = engine.stream.write()
        await engine.handles(first, second)
    begun, then = engine.function.times
    assert then - begun == pytest.approx(3 + 5, abs=0.01)


async def test_a_batch_never_exceeds_what_one_call_can_carry(engine: Engine) -> None:
    sequences = engine.stream.write_many(20, text="x" * 400_000)
    async with engine.running():
        await engine.handles(*sequences)
    sizes = [len(json.dumps(event, separators=(",", ":"))) for event in engine.function.events]
    assert len(sizes) == 2
    assert max(sizes) <= INVOCATION_PAYLOAD
    assert sizes[0] > INVOCATION_PAYLOAD - 401_000  # and is as full as it can be


async def test_six_megabytes_do_not_wait_for_their_window(engine: Engine) -> None:
    async with engine.running(window=300):
        engine.stream.write_many(20, text="x" * 400_000)
        await engine.time.until(lambda: bool(engine.function.batches), within=1)
    assert len(engine.function.batches[0]) == 15


# Lanes


def items_in_separate_lanes(count: int) -> list[str]:
    """Items that each have a lane of their own, of ten."""
    chosen: dict[int, str] = {}
    for number in range(1000):
        item = f"item-{number}"
        record = Record(sequence="1", arrived=0, item=json.dumps(keys(item)), event={}, size=0)
        chosen.setdefault(lane_of(record, 10), item)
    return list(chosen.values())[:count]


async def test_lanes_run_at_once_and_an_items_records_stay_in_order_one_batch_at_a_time(
    engine: Engine,
) -> None:
    engine.function.takes = 1
    items = items_in_separate_lanes(10)
    written: dict[str, list[str]] = {item: [] for item in items}
    for _ in range(3):
        for item in items:
            written[item].append(engine.stream.write(item))
    async with engine.running(parallelization=10, batch_size=1):
        await engine.time.until(lambda: len(engine.function.handled) == 30)
    assert engine.function.max_running == 10
    for sequences in written.values():
        times = [engine.function.times[engine.function.handled.index(sequence)] for sequence in sequences]
        assert all(later - earlier >= 1 for earlier, later in pairwise(times))


async def test_two_rows_of_one_partition_key_may_run_at_once(engine: Engine) -> None:
    engine.function.takes = 1
    for number in range(20):
        engine.stream.write("ROOM#general", sort=f"{number:012d}")
    async with engine.running(parallelization=10, batch_size=1):
        await engine.time.until(lambda: len(engine.function.handled) == 20)
    assert engine.function.max_running > 1


async def test_with_one_lane_all_records_are_handled_one_batch_after_another(
    engine: Engine,
) -> None:
    engine.function.takes = 1
    sequences = [engine.stream.write(f"item-{number}") for number in range(6)]
    async with engine.running(parallelization=1, batch_size=2):
        await engine.handles(*sequences)
    assert engine.function.max_running == 1


async def test_a_lane_that_fails_does_not_hold_up_the_others(engine: Engine) -> None:
    bad, *good = items_in_separate_lanes(10)
    poison = engine.stream.write(bad)
    engine.function.fails_with = {poison}
    others = [engine.stream.write(item) for item in good * 3]
    held_up = engine.stream.write(bad)
    async with engine.running(parallelization=10, batch_size=1):
        await engine.time.until(lambda: set(others) < set(engine.function.handled))
    assert poison in engine.function.handled
    assert held_up not in engine.function.handled


async def test_the_checkpoint_is_the_last_record_up_to_which_all_are_done(engine: Engine) -> None:
    bad, good, other = items_in_separate_lanes(3)
    done = engine.stream.write(good)
    poison = engine.stream.write(bad)
    engine.stream.write(good)
    engine.stream.write(other)
    engine.function.fails_with = {poison}
    async with engine.running(parallelization=10, batch_size=1) as poller:
        await engine.time.until(lambda: len(set(engine.function.handled)) == 4)
        assert poller.checkpoints == {"shard-1": done}
        engine.function.fails_with.clear()
        await engine.time.passes(60)
        assert poller.checkpoints == {"shard-1": f"{4:021d}"}


async def test_a_poller_that_runs_again_repeats_records_in_flight_and_loses_none(
    engine: Engine,
) -> None:
    poller = engine.poller(batch_size=1)
    done, failing = engine.stream.write(), engine.stream.write()
    engine.function.fails_with = {failing}
    async with engine.running(poller):
        await engine.handles(done, failing)
    engine.function.fails_with.clear()
    engine.function.batches.clear()
    async with engine.running(poller):
        await engine.handles(failing)


async def test_a_stuck_lane_stops_its_shard_before_the_memory_is_full(engine: Engine) -> None:
    bad, good = items_in_separate_lanes(2)
    poison = engine.stream.write(bad)
    engine.function.fails_with = {poison}
    engine.stream.write_many(20_000, item=good)
    async with engine.running(parallelization=10, batch_size=10_000):
        await engine.time.passes(60)
    held = set(engine.function.handled)
    assert 10_000 <= len(held) <= 11_001
