from __future__ import annotations

import pytest

from chat.posting import Delivered, Failed, Gone, ManagementApi, Outcome, Poster, Throttled
from tests.fakes import FakeGateway, ManagementServer

ATTEMPTS = 6
LONGEST_WAITS = [0.1, 0.2, 0.4, 0.8, 1.6]  # seconds, before each further attempt


class Patience:
    """A clock that only notes how long it was asked to wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def test_frames_arrive_in_order() -> None:
    gateway, patience = FakeGateway(), Patience()
    assert Poster(gateway, patience).post("c1", ["one", "two", "three"]) == Delivered()
    assert gateway.frames["c1"] == ["one", "two", "three"]
    assert patience.waits == []


def test_nothing_to_post_is_delivered() -> None:
    gateway = FakeGateway()
    assert Poster(gateway).post("c1", []) == Delivered()
    assert gateway.posts == []


@pytest.mark.parametrize("trouble", [Throttled(), Failed("status 500"), Failed("ReadTimeoutError")])
def test_what_may_pass_is_tried_again(trouble: Outcome) -> None:
    gateway, patience = FakeGateway(), Patience()
    gateway.troubles["c1"] = [trouble] * (ATTEMPTS - 1)
    assert Poster(gateway, patience).post("c1", ["one", "two"]) == Delivered()
    assert gateway.frames["c1"] == ["one", "two"]
    assert len(patience.waits) == ATTEMPTS - 1


@pytest.mark.parametrize("trouble", [Throttled(), Failed("status 500")])
def test_patience_has_an_end(trouble: Outcome) -> None:
    gateway, patience = FakeGateway(), Patience()
    gateway.troubles["c1"] = [trouble] * 100
    assert Poster(gateway, patience).post("c1", ["one", "two"]) == trouble
    assert len(gateway.posts) == ATTEMPTS
    assert gateway.frames["c1"] == []


def test_a_frame_that_does_not_arrive_is_the_last() -> None:
    gateway = FakeGateway()
    gateway.on_post = lambda _: gateway.gone.update({"c1"} if len(gateway.frames["c1"]) == 1 else set())
    assert Poster(gateway).post("c1", ["one", "two", "three"]) == Gone()
    assert gateway.frames["c1"] == ["one"]
    assert len(gateway.posts) == 2


def test_who_is_gone_is_not_tried_again() -> None:
    gateway, patience = FakeGateway(), Patience()
    gateway.gone = {"c1"}
    assert Poster(gateway, patience).post("c1", ["one"]) == Gone()
    assert gateway.posts == ["c1"]
    assert patience.waits == []


def test_who_goes_while_we_wait_is_gone() -> None:
    gateway = FakeGateway()
    gateway.troubles["c1"] = [Throttled(), Gone()]
    assert Poster(gateway, Patience()).post("c1", ["one"]) == Gone()


def test_waits_are_bounded_and_no_two_clients_wait_in_step() -> None:
    waits = []
    for _ in range(200):
        gateway, patience = FakeGateway(), Patience()
        gateway.troubles["c1"] = [Throttled()] * 100
        Poster(gateway, patience).post("c1", ["one"])
        waits.append(patience.waits)
    for attempt, longest in enumerate(LONGEST_WAITS):
        these = [one[attempt] for one in waits]
        assert 0 <= min(these) < longest * 0.2  # full jitter: from nothing at all ...
        assert longest * 0.8 < max(these) <= longest  # ... to the whole of the backoff


@pytest.mark.parametrize(
    ("prepare", "outcome"),
    [
        (lambda gateway: None, Delivered()),
        (lambda gateway: gateway.gone.add("c1="), Gone()),
        (lambda gateway: gateway.troubles["c1="].append(Throttled()), Throttled()),
        (lambda gateway: gateway.troubles["c1="].append(Failed("")), Failed("status 500")),
    ],
    ids=["delivered", "gone", "throttled", "failed"],
)
def test_an_answer_of_the_management_api_is_an_outcome(
    management: ManagementServer, aws: None, prepare: object, outcome: Outcome
) -> None:
    assert callable(prepare)
    prepare(management.gateway)
    assert ManagementApi(management.endpoint).post("c1=", "é💬") == outcome
    assert management.gateway.posts == ["c1="]  # boto3 does not try again on its own
    assert management.gateway.frames["c1="] == (["é💬"] if outcome == Delivered() else [])


def test_no_answer_is_a_failure_too(management: ManagementServer, aws: None) -> None:
    management.close()
    assert ManagementApi(management.endpoint).post("c1", "Hi") == Failed("EndpointConnectionError")
