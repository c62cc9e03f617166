"""The report of a test that fails shows what its engines have printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

TESTS = """
from tests.support.plugins.engine_logs import add_log, log_file

lines = []
add_log("an engine", lambda: lines)

def test_that_passes():
    lines.append("of the test before")

def test_that_fails(tmp_path):
    lines.append("of the failing test")
    with log_file(tmp_path / "output"):
        (tmp_path / "output").write_text("of a process")
        raise AssertionError

def test_that_fails_later():
    raise AssertionError
"""

WITH_ENGINE = """
import pytest_asyncio
from tests.e2e.support.clients import frame_client
from tests.support.logged_engine import LoggedEngine

@pytest_asyncio.fixture
async def engine():
    async with LoggedEngine() as engine:
        yield engine

async def test_that_fails(engine):
    async with frame_client(engine.socket_url) as client:
        await client.send("lobby", "Hi")
        await client.until_received("Hi")
    raise AssertionError
"""


def run(folder: Path, tests: str, *options: str) -> str:
    """Run the tests in a process of their own; return the output."""
    (folder / "test_some.py").write_text(tests)
    (folder / "pytest.ini").write_text(f"[pytest]\nasyncio_mode = auto\npythonpath = {ROOT}/src {ROOT}\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.plugins.engine_logs", *options]
    done = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["one process", "workers"])
def test_a_failing_test_shows_what_was_printed_while_it_ran(tmp_path: Path, options: list[str]) -> None:
    output = run(tmp_path, TESTS, *options)
    assert output.count("Log of an engine") == 1
    assert "\nof the failing test\n" in output
    assert "Log of the engine that writes to output" in output
    assert "\nof a process\n" in output
    assert "\nof the test before\n" not in output


def test_the_functions_lines_are_there_with_their_names(tmp_path: Path) -> None:
    output = run(tmp_path, WITH_ENGINE)
    assert "Log of the engine at http://127.0.0.1:" in output
    assert 'MessageFunction: {"level":"INFO"' in output
    assert 'FanoutFunction: {"level":"INFO"' in output
