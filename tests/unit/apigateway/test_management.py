from __future__ import annotations

from collections.abc import Callable

import pytest

from apigateway.management import ManagementClient
from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.management.server import ManagementServer


@pytest.mark.parametrize(
    ("prepare", "outcome"),
    [
        (lambda gateway: None, Delivered()),
        (lambda gateway: gateway.gone.add("c1="), Gone()),
        (lambda gateway: gateway.troubles["c1="].append(Throttled()), Delivered()),
        (lambda gateway: gateway.troubles["c1="].extend([Failed("")] * 3), Failed("status 500")),
    ],
    ids=["delivered", "gone", "throttled once", "failed"],
)
def test_a_response_of_the_management_api_is_an_outcome(
    management: ManagementServer, aws: None, prepare: Callable[[FakeGateway], None], outcome: Outcome
) -> None:
    prepare(management.gateway)
    assert ManagementClient(management.endpoint).post("c1=", "é💬") == outcome
    assert set(management.gateway.posts) == {"c1="}
    assert management.gateway.frames["c1="] == (["é💬"] if outcome == Delivered() else [])


def test_connections_are_closed_and_a_closed_one_is_no_failure(
    management: ManagementServer, aws: None
) -> None:
    management.gateway.gone = {"c2="}
    assert ManagementClient(management.endpoint).close(["c1=", "c2=", "c3="]) == {}
    assert management.gateway.closed == ["c1=", "c3="]


def test_a_connection_that_cannot_be_closed_does_not_keep_the_others_open(
    management: ManagementServer, aws: None
) -> None:
    management.gateway.troubles["c1="] = [Failed("")] * 3
    failed = ManagementClient(management.endpoint).close(["c1=", "c2="])
    assert failed == {"c1=": Failed("status 500")}
    assert management.gateway.closed == ["c2="]


def test_no_response_is_a_failure_too(management: ManagementServer, aws: None) -> None:
    management.close()
    assert ManagementClient(management.endpoint).post("c1", "Hi") == Failed("EndpointConnectionError")
    failed = ManagementClient(management.endpoint).close(["c1"])
    assert failed == {"c1": Failed("EndpointConnectionError")}
