"""The engine in virtual time, with the rooms benchmark's simulation."""

from __future__ import annotations

import pytest

from bench.simulator import Settings
from bench.simulator.virtual_gateway import UNITS_PER_MEMBER, read_bound
from bench.suites import capacity_units, rooms


def test_a_slow_processor_makes_a_slow_broadcast() -> None:
    simulated = rooms.simulate(100, Settings(rate=None), instances=1, per_post=0.01)
    assert (simulated.posts, simulated.delivered) == (100, 100)
    assert simulated.seconds > 1.0


def test_a_room_takes_no_less_than_its_quota_allows() -> None:
    settings = Settings(rate=1_000, burst=500)
    simulated = rooms.simulate(2_500, settings, instances=1, per_post=1e-5)
    assert simulated.delivered == 2_500
    assert simulated.seconds > rooms.bound(2_500, 1_000, 500) == 2.0
    assert simulated.account.report().missed == 0


def test_slices_share_one_quota() -> None:
    settings = Settings(rate=1_000, burst=500)
    simulated = rooms.simulate(2_500, settings, instances=4, per_post=1e-5)
    assert simulated.seconds > 2.0
    assert simulated.posts == simulated.account.report().requests


@pytest.mark.parametrize("instances", [16, 32])
def test_the_read_units_of_one_partition_bound_a_room_however_many_slices_read_it(instances: int) -> None:
    members = 60_000  # so many that the slices' rates, which begin low, do not bound it
    simulated = rooms.simulate(members, Settings(rate=None), instances=instances, per_post=1e-7)
    assert simulated.delivered == members
    assert read_bound(members) < simulated.seconds < 1.5 * read_bound(members)


def test_the_read_units_of_a_member_are_those_that_dynamodb_counts() -> None:
    assert capacity_units.of_members(100_000) / 100_000 == pytest.approx(UNITS_PER_MEMBER, rel=0.1)
