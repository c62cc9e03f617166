"""The command line: `python -m smoke`, and `make smoke`."""

from __future__ import annotations

import subprocess

import pytest

from smoke.__main__ import main
from tests.support.project import ROOT


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://example.com/prod", "must begin with wss://"),
        ("wss:///prod", "must begin with wss://"),
        ("wss://example.com/prod?token=s3cr3t", "in the environment variable TOKEN"),
    ],
)
def test_an_address_that_cannot_be_checked_is_an_error_that_repeats_no_token(
    url: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([url])
    error = capsys.readouterr().err
    assert advice in error
    assert "s3cr3t" not in error


def test_a_failed_check_is_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ws://127.0.0.1:9/prod", "--room", "general"]) == 1  # nobody listens on the discard port
    output = capsys.readouterr().out
    assert output.startswith("ws://127.0.0.1:9/prod, room general\n  FAIL  handshake")
    assert "Look at the URL and its stage." in output


def test_make_shows_no_token() -> None:
    command = [
        "make",
        "--dry-run",
        "--old-file=.venv/.run",
        "smoke",
        "URL=wss://example.com/prod",
        "TOKEN=s3cr3t",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "-m smoke wss://example.com/prod" in done.stdout
    assert "s3cr3t" not in done.stdout + done.stderr
