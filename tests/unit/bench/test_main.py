"""The command line: `python -m bench`."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from bench.__main__ import SUITES, main


def test_every_benchmark_is_a_module_of_suites() -> None:
    for name in SUITES:
        assert find_spec(f"bench.suites.{name.replace('-', '_')}"), name


def test_help_lists_each_benchmark_with_its_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--help"])
    with pytest.raises(SystemExit):
        main()
    lines = capsys.readouterr().out.splitlines()
    for name in SUITES:
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.endswith(("minute", "minutes", "seconds"))


def test_an_unknown_benchmark_is_an_error_that_lists_the_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "speed"])
    with pytest.raises(SystemExit):
        main()
    error = capsys.readouterr().err
    assert "no benchmark 'speed'" in error
    assert all(name in error for name in SUITES)
