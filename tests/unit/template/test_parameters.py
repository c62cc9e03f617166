"""The parameters and the outputs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse

from local.errors import TemplateError
from tests.support.deployed_template import (
    JWT,
    KEYS,
    SECRET_ARN,
    resolved_with,
)
from tests.support.project import ROOT, TEMPLATE


def written() -> dict[str, Any]:
    """template.yaml as it is written, references left alone."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: node.value)
    document: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader)
    return document


PARAMETERS = written()["Parameters"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_described_bounded_and_has_a_default(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"]
    assert "Default" in parameter
    assert {"AllowedValues", "AllowedPattern", "MinValue"} & set(parameter)


def test_no_default_is_a_yaml_float() -> None:
    # `sam local invoke` (SAM CLI 1.170) leaves a Ref to one unresolved, and passes an empty variable.
    assert [name for name in PARAMETERS if isinstance(PARAMETERS[name]["Default"], float)] == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"JwtIssuer": ""}, "JwtIssuer"),
        ({"JwtAudience": ""}, "JwtAudience"),
        ({"JwtSecret": ""}, "JwksUrl, JwtSecret or JwtSecretArn"),
        ({"JwksUrl": KEYS}, "only one"),
        ({"JwtSecretArn": SECRET_ARN}, "only one"),
    ],
    ids=str,
)
def test_a_deploy_that_cannot_check_tokens_is_rejected(changes: dict[str, str], named: str) -> None:
    complete = {**JWT, "JwtSecret": "/roomcast/jwt-secret"}
    assert resolved_with(**complete)
    with pytest.raises(TemplateError, match=named):
        resolved_with(**complete | changes)
    assert resolved_with(**complete | changes | {"AuthMode": "open"})  # where nothing is checked


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("JwksUrl", KEYS, "http://issuer.example.com/jwks.json"),
        ("JwksUrl", "http://127.0.0.1:8090/jwks.json", "http://127.0.0.1.evil.test/jwks.json"),
        ("JwksUrl", "http://localhost:8090/", "http://localhost@evil.test/"),
        ("JwtSecret", "/roomcast/jwt-secret", "the secret itself"),
        ("JwtSecret", "/roomcast/jwt-secret", "jwt-secret"),
        ("JwtSecretArn", SECRET_ARN.replace("arn:aws", "arn:aws-cn"), "arn:aws:s3:::bucket/key"),
        ("JwtSecretArn", SECRET_ARN, SECRET_ARN.removesuffix("-a1b2c3")),
        ("JwtSecretArn", SECRET_ARN, f"{SECRET_ARN}:key::"),
        ("JwtAudience", "web,phone", "web, phone"),
        ("JwtAudience", "https://chat.example.com/api", "web,"),
        ("RoomsClaim", "https://example.com/rooms", ""),
        ("RolesClaim", "cognito:groups", "the roles"),
        ("Site", "on", "yes"),
        ("AllowedOrigins", "*", "*,https://example.com"),
        ("AllowedOrigins", "https://example.com,http://localhost:3000", "https://example.com/"),
        ("AllowedOrigins", "null,https://example.com", "example.com"),
        ("AllowedOrigins", "null", ""),
        ("AllowedOrigins", "capacitor://localhost,ionic://localhost,tauri://localhost", "capacitor:"),
        ("AllowedOrigins", "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://*"),
        ("AllowedOrigins", "moz-extension://0f3a9a52-6d0c-4b0e-9d55-3a1d7d0f3b5e", "moz-extension://a/b"),
        ("AllowedOrigins", "https://*.example.com,http://*.app.test:5173", "https://*"),
        ("AllowedOrigins", "https://example.com:443", "https://pr-*.example.com"),
        ("AllowedOrigins", "http://[::1]:3000,file://", "https://a.*.example.com"),
        ("AllowedOrigins", "https://xn--mnchen-3ya.example", "https://münchen.example"),
    ],
)
def test_a_parameter_accepts_only_usable_values(name: str, good: str, bad: str) -> None:
    assert resolved_with(**{name: good})
    with pytest.raises(TemplateError, match=name):
        resolved_with(**{name: bad})


def test_the_outputs_are_the_url_the_tables_and_the_open_mode() -> None:
    outputs = written()["Outputs"]
    assert {"WebSocketUrl", "ConnectionsTableName", "MessagesTableName", "OpenToEveryone"} <= set(outputs)
    assert "Anyone who knows the URL" in outputs["OpenToEveryone"]["Value"]
    assert outputs["OpenToEveryone"]["Condition"] == "OpenToEveryone"  # unless AuthMode is jwt
    assert all(output["Description"] for output in outputs.values())


# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
# lists these as the functions that others in a condition may use.
IN_CONDITIONS = {"Ref", "Condition", "Fn::And", "Fn::Equals", "Fn::FindInMap", "Fn::Not", "Fn::Or"}


@pytest.mark.parametrize("section", ["Conditions", "Rules"])
def test_conditions_use_only_functions_that_are_documented_for_them(section: str) -> None:
    def functions(node: Any) -> set[str]:
        if isinstance(node, list):
            return {name for item in node for name in functions(item)}
        if not isinstance(node, dict):
            return set()
        own = {name for name in node if name == "Ref" or name.startswith("Fn::")}
        return own | functions(list(node.values()))

    assert functions(yaml_parse(TEMPLATE.read_text())[section]) <= IN_CONDITIONS
