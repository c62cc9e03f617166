"""The parameters and the outputs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from local.errors import TemplateError
from tests.support.deployed_template import (
    JWT,
    KEYS,
    SECRET_ARN,
    resolved_with,
)
from tests.support.project import ROOT


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


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"JwtIssuer": ""}, "JwtIssuer"),
        ({"JwtAudience": ""}, "JwtAudience"),
        ({"JwtSecret": ""}, "JwksUrl or JwtSecret"),
        ({"JwksUrl": KEYS}, "JwksUrl or JwtSecret"),
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
        ("JwtSecret", SECRET_ARN, "the secret itself"),
        ("JwtSecret", "/roomcast/jwt-secret", "jwt-secret"),
        ("JwtSecret", SECRET_ARN.replace("arn:aws", "arn:aws-cn"), "arn:aws:s3:::bucket/key"),
        ("JwtSecret", SECRET_ARN, SECRET_ARN.removesuffix("-a1b2c3")),
        ("JwtSecret", SECRET_ARN, f"{SECRET_ARN}:key::"),
        ("JwtAudience", "web,phone", "web, phone"),
        ("JwtAudience", "https://chat.example.com/api", "web,"),
        ("RoomsClaim", "https://example.com/rooms", ""),
        ("RolesClaim", "cognito:groups", "the roles"),
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
