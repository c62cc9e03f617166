"""The environment of a function."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.local.host_lab import HostLab, value
from tests.support.project import ROOT

ENVIRONMENT = "import os, sys\ndef handler(e, c): return [dict(os.environ), sys.path, os.getcwd()]\n"


async def test_a_function_sees_lambdas_variables_and_the_templates(lab: HostLab) -> None:
    lab.add("env", ENVIRONMENT, TABLE="Rows")
    host = await lab.start(region="eu-north-1")
    environment, path, folder = value(await host.invoke("env", {}))
    expected = {
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "env",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/env",
        "AWS_REGION": "eu-north-1",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_TASK_ROOT": str(lab.folder),
        "TABLE": "Rows",
        "TZ": ":UTC",
        "_HANDLER": "env.handler",
    }
    assert expected.items() <= environment.items()
    assert path[0] == folder == str(lab.folder)


async def test_nothing_of_the_developers_environment_reaches_a_function(
    lab: HostLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("MY_SECRET", "hunter2")
    lab.add("env", ENVIRONMENT)
    host = await lab.start()
    environment, path, _ = value(await host.invoke("env", {}))
    assert not {"AWS_PROFILE", "MY_SECRET", "HOME", "USER"} & environment.keys()
    assert environment["AWS_ACCESS_KEY_ID"] == "local"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert str(ROOT) not in path
    assert str(ROOT / "local") not in path
