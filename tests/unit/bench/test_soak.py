from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.soak import ENGINE, Counted, Soak, Usage, report, usage


def of(*memory: float, files: int = 10) -> Soak:
    """A soak whose engine used so many MB in turn."""
    others = {"tables": Usage(1, 1), "functions": Usage(1, 1)}
    samples = [(minute, {ENGINE: Usage(used, files), **others}) for minute, used in enumerate(memory)]
    return Soak([(float(minute), parts) for minute, parts in samples], Counted(3, 60))


@pytest.mark.parametrize(
    ("memory", "verdict"), [((50, 50, 60, 60, 60, 60), "aim"), ((50, 50, 60, 60, 70, 70), "MISSED")]
)
def test_memory_may_rise_at_the_start_and_not_later(memory: tuple[float, ...], verdict: str) -> None:
    found = report(of(*memory))
    verdicts = {goal.what: goal.verdict for goal in found.goals}
    assert verdicts["engine: memory in the last third ÷ the one before"] == verdict
    assert verdicts["functions: memory in the last third ÷ the one before"] == "aim"
    assert set(found.plots) == {"soak-memory", "soak-files"}


def test_a_file_that_stays_open_with_each_message_is_found() -> None:
    soak = of(*[50] * 6)
    soak.samples = [
        (minute, parts | {ENGINE: Usage(50, 10 + 4 * round(minute))}) for minute, parts in soak.samples
    ]
    (goal,) = [
        goal for goal in report(soak).goals if goal.what == "engine: more open files in the last third"
    ]
    assert (goal.measured, goal.verdict) == (8, "MISSED")


def test_what_child_processes_use_counts_for_their_part() -> None:
    waiting = "import sys; print(flush=True); sys.stdin.read()"
    mark = "local/functions/fork_server.py"
    with subprocess.Popen(
        [sys.executable, "-c", waiting, mark], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout and child.stdout.readline()
        used = usage(os.getpid())
        assert child.stdin
        child.stdin.close()
    assert used["functions"].memory > 1
    assert used["functions"].files >= 3
    assert used[ENGINE].files >= 3
