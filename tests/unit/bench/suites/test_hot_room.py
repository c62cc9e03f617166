from __future__ import annotations

from bench.simulator import Settings
from bench.suites import hot_room


def test_messages_that_wait_for_a_broadcast_are_posted_together() -> None:
    settings = Settings(rate=200, burst=10)
    together = hot_room.simulate(5, members=50, settings=settings)
    singly = hot_room.simulate(5, coalesced=False, members=50, settings=settings)
    assert singly.posts >= singly.messages * 50
    assert together.posts < singly.posts
