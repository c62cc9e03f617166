"""The logs of the engines that a test starts, for the report of a test that fails.

A plugin of pytest, which `tests/conftest.py` names. A `LoggedEngine` adds its own log. `log_file` adds the
output of an engine in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MAX_LINES = 300  # per engine, the newest


class EngineLog:
    """What one engine has printed: `read` returns its lines."""

    def __init__(self, name: str, read: Callable[[], list[str]]) -> None:
        self.name = name
        self.stopped = False
        self._read = read
        self._first = 0

    def begin_test(self) -> None:
        self._first = len(self._read())

    def of_test(self) -> list[str]:
        """The newest lines since the running test began."""
        return self._read()[self._first :][-MAX_LINES:]

    def stop(self) -> None:
        """Keep the lines as they are: a file may be gone when the report is made."""
        lines = self._read()
        self._read = lambda: lines
        self.stopped = True


_logs: list[EngineLog] = []  # of engines that run, and of those that the running test has stopped


def add_log(name: str, read: Callable[[], list[str]]) -> EngineLog:
    log = EngineLog(name, read)
    _logs.append(log)
    return log


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Add the file, to which a process writes its output, to the report of a test that fails meanwhile."""
    log = add_log(
        f"the engine that writes to {path.name}",
        lambda: path.read_text(errors="replace").splitlines() if path.exists() else [],
    )
    try:
        yield
    finally:
        log.stop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    for log in _logs:
        log.begin_test()
    try:
        return (yield)
    finally:
        _logs[:] = [log for log in _logs if not log.stopped]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [
            (f"Log of {log.name}", "\n".join(lines)) for log in _logs if (lines := log.of_test())
        ]
    return report
