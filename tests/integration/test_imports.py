"""The modules that a cold start of each handler loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.stack import Stack
from local.template import load as template
from tests.support.project import ROOT

ENGINE = (
    "apigateway.http",
    "apigateway.poster",
    "chat.delivery.broadcast",
    "chat.delivery.slice_queue",
    "httptools",
)
UNUSED = {
    "authorizer": (*ENGINE, "boto3", "chat.storage.dynamodb", "chat.identity.tokens", "jwt", "cryptography"),
    "connect": (
        *ENGINE,
        "chat.storage.log",
        "chat.protocol.frames",
        "chat.displacement",
        "apigateway.management",
    ),
    "disconnect": (*ENGINE, "chat.storage.log", "chat.protocol.frames", "apigateway.management"),
    "message": (*ENGINE, "chat.storage.log.repair"),
    "fanout": (
        "chat.actions.dispatch",
        "chat.storage.log.log",
        "chat.moderation",
        "aws_xray_sdk.ext.botocore.patch",
    ),
}


@pytest.mark.parametrize("name", UNUSED)
def test_a_handler_starts_with_only_what_it_uses_and_collects_garbage_from_then_on(
    stack: Stack, name: str
) -> None:
    before = "import gc, sys; runs = []; gc.callbacks.append(lambda phase, info: runs.append(phase))"
    after = "print(len(runs), gc.isenabled(), gc.get_freeze_count() > 10_000, *sys.modules)"
    runs, enabled, frozen, *imported = started(name, stack, before=before, after=after)
    assert f"{name}.app" in imported
    assert not {*UNUSED[name]} & {*imported}
    assert (runs, enabled, frozen) == ("0", "True", "True")


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


def test_the_posting_engines_face_imports_nothing_before_it_is_used() -> None:
    modules = modules_after("import apigateway")
    assert not [name for name in modules if name.startswith("apigateway.")]
    assert not {"asyncio", "boto3", "httptools", "ssl"} & modules


def test_single_posts_do_not_load_the_posting_engine() -> None:
    modules = modules_after("from apigateway import ManagementClient, Delivered")
    assert "apigateway.management" in modules
    assert not {"httptools", "asyncio", "apigateway.poster", "apigateway.http"} & modules


def test_the_posting_engine_needs_no_chat_and_no_powertools_and_a_poster_no_boto3() -> None:
    modules = modules_after("from apigateway import *")
    assert {"apigateway.poster", "apigateway.management", "httptools"} <= modules
    assert not {"chat", "aws_lambda_powertools"} & modules
    modules = modules_after("from apigateway import Poster, Post, Frame, Retries, Credentials")
    assert not {"boto3", "botocore"} & modules


def modules_after(code: str) -> set[str]:
    """Return all modules that are loaded after `code` in a new process."""
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]
    environment = {"PYTHONPATH": str(ROOT / "src")}
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return set(printed.split())


def imported_by(name: str, stack: Stack) -> set[str]:
    """Return all modules that are loaded after a cold start of the handler."""
    return set(started(name, stack, before="import sys", after="print(*sys.modules)"))


def started(name: str, stack: Stack, *, before: str, after: str) -> list[str]:
    """Return the words that a new process prints after a cold start of the handler."""
    environment = {
        **stack.functions[f"{name.capitalize()}Function"].environment,
        "PYTHONPATH": str(ROOT / "src"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-c", f"{before}; import {name}.app; {after}"]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return printed.split()
