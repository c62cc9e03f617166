"""The command line: `python -m bench`."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from types import ModuleType

import pytest

from bench.__main__ import SUITES, main
from bench.report.report import Goal, Report


def suite(name: str) -> ModuleType:
    return import_module(f"bench.suites.{name.replace('-', '_')}")


@pytest.mark.parametrize("name", SUITES)
def test_every_benchmark_has_a_full_and_a_short_form(name: str) -> None:
    assert suite(name).FULL != suite(name).QUICK
    assert callable(suite(name).run)


def quick(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    """Run the command with --quick, with this report from the benchmark `cost`."""
    plans = []
    monkeypatch.setattr(suite("cost"), "run", lambda plan: plans.append(plan) or report)
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "cost"])
    main()
    assert plans == [suite("cost").QUICK]


def test_a_short_form_fails_if_a_count_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Goal("members that missed a message", 1, 0, 0, counted=True)
    with pytest.raises(SystemExit, match=r"cost \(members that missed a message\)"):
        quick(monkeypatch, Report("cost", goals=[lost]))


def test_a_short_form_ignores_what_depends_on_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick(monkeypatch, Report("cost", goals=[Goal("seconds", 60, 1, 1)]))
    assert "seconds" not in capsys.readouterr().out


def test_the_time_of_each_short_form_and_of_all_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick(monkeypatch, Report("cost"))
    assert re.search(r"^\.\.\. cost: \d+ s\n\.\.\. in all: \d+ s$", capsys.readouterr().err, re.MULTILINE)


def test_a_short_form_fails_if_a_benchmark_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(suite("cost"), "run", lambda plan: [][1])
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "cost"])
    with pytest.raises(SystemExit, match="failed: cost"):
        main()
    assert "IndexError" in capsys.readouterr().err


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


def test_several_short_forms_run_side_by_side_and_one_that_fails_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "reactions", "cold-start", "noisy-neighbour"])
    monkeypatch.setenv("PYTHONHASHSEED", "none of these")  # Python itself does not start
    with pytest.raises(SystemExit, match="failed: reactions, cold-start, noisy-neighbour"):
        main()
    monkeypatch.delenv("PYTHONHASHSEED")
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "reactions", "noisy-neighbour"])
    main()
    shown = capfd.readouterr()
    assert shown.out.index("reactions: frames to a member") < shown.out.index("noisy-neighbour: ")
    assert "... all of them: " in shown.err
