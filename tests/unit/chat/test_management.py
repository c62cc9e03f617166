from __future__ import annotations

from collections.abc import Callable

import pytest

from chat.management import ManagementApi
from chat.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from tests.fakes import FakeGateway, ManagementServer


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
def test_an_answer_of_the_management_api_is_an_outcome(
    management: ManagementServer, aws: None, prepare: Callable[[FakeGateway], None], outcome: Outcome
) -> None:
    prepare(management.gateway)
    assert ManagementApi(management.endpoint).post("c1=", "é💬") == outcome
    assert set(management.gateway.posts) == {"c1="}
    assert management.gateway.frames["c1="] == (["é💬"] if outcome == Delivered() else [])


def test_no_answer_is_a_failure_too(management: ManagementServer, aws: None) -> None:
    management.close()
    assert ManagementApi(management.endpoint).post("c1", "Hi") == Failed("EndpointConnectionError")
