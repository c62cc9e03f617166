"""What a cold start of each handler pays for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.template import Stack
from tests.conftest import ROOT

ENGINE = ("chat.http", "chat.posting", "chat.broadcast", "chat.slices", "httptools")
UNUSED = {
    "authorizer": (*ENGINE, "boto3", "chat.dynamodb"),
    "connect": (*ENGINE, "chat.log", "chat.management"),
    "disconnect": (*ENGINE, "chat.log", "chat.management"),
    "message": ENGINE,
    "fanout": ("chat.actions", "chat.management", "aws_xray_sdk.ext.botocore.patch"),
}


@pytest.mark.parametrize("name", UNUSED)
def test_a_handler_imports_only_what_it_uses(stack: Stack, name: str) -> None:
    environment = {
        **stack.functions[f"{name.capitalize()}Function"].environment,
        "PYTHONPATH": str(ROOT / "src"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    code = f"import sys, {name}.app; print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    assert f"{name}.app" in imported
    assert not set(UNUSED[name]) & set(imported)
