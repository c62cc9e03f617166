"""What a cold start of each handler pays for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.stack import Stack
from local.template import load as template
from tests.conftest import ROOT

ENGINE = (
    "apigateway.http",
    "apigateway.poster",
    "chat.delivery.broadcast",
    "chat.delivery.slice_queue",
    "httptools",
)
UNUSED = {
    "authorizer": (*ENGINE, "boto3", "chat.storage.dynamodb", "chat.identity.tokens", "jwt", "cryptography"),
    "connect": (*ENGINE, "chat.storage.log", "apigateway.management"),
    "disconnect": (*ENGINE, "chat.storage.log", "apigateway.management"),
    "message": ENGINE,
    "fanout": ("chat.actions.dispatch", "chat.moderation", "aws_xray_sdk.ext.botocore.patch"),
}


@pytest.mark.parametrize("name", UNUSED)
def test_a_handler_imports_only_what_it_uses(stack: Stack, name: str) -> None:
    imported = imported_by(name, stack)
    assert f"{name}.app" in imported
    assert not set(UNUSED[name]) & imported


def test_an_authorizer_with_published_keys_waits_for_no_aws_client() -> None:
    parameters = {
        "AuthMode": "jwt",
        "JwtIssuer": "https://issuer.example.com/",
        "JwtAudience": "roomcast",
        "JwksUrl": "https://issuer.example.com/.well-known/jwks.json",
    }
    imported = imported_by("authorizer", template.load(ROOT / "template.yaml", parameters=parameters))
    assert "chat.identity.jwks" in imported
    assert not {"boto3", "chat.identity.shared_secret"} & imported


def imported_by(name: str, stack: Stack) -> set[str]:
    """All modules that are there after a cold start of the handler."""
    environment = {
        **stack.functions[f"{name.capitalize()}Function"].environment,
        "PYTHONPATH": str(ROOT / "src"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    code = f"import sys, {name}.app; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return set(printed.split())
