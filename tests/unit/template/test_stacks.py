"""Several stacks in one account, and the environments of samconfig.toml."""

from __future__ import annotations

from typing import Any

import pytest

from deployment.settings import Settings
from local.errors import TemplateError
from local.template import sam
from local.template.intrinsics import Resolver
from tests.support.deployed_template import FUNCTIONS, JWT, KEYS, of_type, resolved_with
from tests.support.project import ROOT, TEMPLATE


def of_environment(name: str) -> dict[str, str]:
    """Return the parameters of an environment of samconfig.toml."""
    written = " ".join(Settings.read(ROOT / "samconfig.toml", name).parameters)
    return dict(parameter.split("=", 1) for parameter in written.split())


def named(stack: str) -> list[Any]:
    """Return what distinguishes a stack of this name from others in its account."""
    cloudformation, _ = sam.read(TEMPLATE, {}, "us-east-1")
    resolved = Resolver(cloudformation, {}, "us-east-1", stack_name=stack)
    (api,) = of_type(resolved, "AWS::ApiGatewayV2::Api").values()
    (layer,) = of_type(resolved, "AWS::Lambda::LayerVersion").values()
    variables = [resolved.properties(function)["Environment"]["Variables"] for function in FUNCTIONS]
    series = {(each["POWERTOOLS_METRICS_NAMESPACE"], each["POWERTOOLS_SERVICE_NAME"]) for each in variables}
    return [api["Name"], layer["LayerName"], *series]


def test_two_stacks_share_no_name_and_no_series_of_metrics() -> None:
    assert named("chat") == ["chat", "chat-arm64", ("Roomcast", "chat")]
    assert named("other") == ["other", "other-arm64", ("Roomcast", "other")]


@pytest.mark.parametrize("environment", ["default", "staging", "websocket"])
def test_an_environment_to_try_it_deploys_as_it_is(environment: str) -> None:
    assert resolved_with(**of_environment(environment))


def test_prod_asks_how_to_check_tokens_or_for_an_explicit_open() -> None:
    prod = of_environment("prod")
    with pytest.raises(TemplateError, match=r"JwtIssuer.* or AuthMode to open to let in everybody"):
        resolved_with(**prod)
    assert resolved_with(**prod | JWT | {"JwksUrl": KEYS})
    assert resolved_with(**prod | {"AuthMode": "open"})


def test_the_messages_of_prod_can_be_restored_and_not_be_deleted() -> None:
    messages = resolved_with(**of_environment("prod") | JWT | {"JwksUrl": KEYS}).properties("MessagesTable")
    assert messages["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert messages["DeletionProtectionEnabled"] is True
