"""How `make test` spreads the tests over its workers.

A worker gets one group of tests after another: those of a file, or those below that share an engine. The
groups that wait longest come first. Otherwise the run would end with one of them and idle workers. A new file
needs no entry here, and an entry that has become wrong costs nothing but time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.project import ROOT

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# The begins of a group's paths, by the group's name. A test is in the first group that fits.
GROUPS = {
    "loss checker": ("tests/e2e/trouble/test_loss_checker.py",),
    "browser": ("tests/e2e/browser/", "tests/e2e/trouble/test_page_checker.py"),
    "crashes": ("tests/e2e/trouble/test_crashes.py",),
    "mass return": ("tests/e2e/trouble/test_mass_return.py",),
    "library": ("tests/e2e/chat/test_library.py", "tests/e2e/chat/test_long_histories.py"),
    "presence": ("tests/e2e/trouble/test_presence_in_trouble.py",),
    "capacity units": ("tests/e2e/chat/test_capacity_units.py",),
    "large rooms": ("tests/e2e/chat/test_large_rooms.py",),
    "failures": ("tests/e2e/trouble/",),
    "floods": ("tests/e2e/chat/test_floods.py",),
    "tokens": ("tests/e2e/people/", "tests/e2e/chat/test_expiry.py"),
    "chat": ("tests/e2e/",),
    "engine": ("tests/unit/local/test_engine.py",),
}
# The quiet tests: all workers wait for them.
LAST = ("floods",)

_IN_WORKER = "PYTEST_XDIST_WORKER" in os.environ
# Locked, never written.
_GATE, _FLOOR = ROOT / "pyproject.toml", Path(__file__)


def group_of(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    return next((name for name, paths in GROUPS.items() if path.startswith(paths)), path)


def place_of(group: str) -> int:
    """Return the place of a group in the order of all groups."""
    if group in LAST:
        return len(GROUPS) + 1
    return list(GROUPS).index(group) if group in GROUPS else len(GROUPS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker per core, and another because the end-to-end tests wait half of their time.

    With two per core, functions were so slow to start that the engines started more of them, and timed out.
    """
    cores = os.cpu_count() or 1
    computing = all(arg.startswith(("tests/unit", "tests/integration")) for arg in config.args)
    return cores if computing else cores + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False  # the groups come in the order of the tests
    return GroupScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _IN_WORKER:
        items.sort(key=lambda item: place_of(group_of(item.nodeid)))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the timeout
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that is marked `quiet` while no other worker runs a test."""
    if not _IN_WORKER:
        return (yield)
    if item.get_closest_marker("quiet"):
        with _locked(_GATE, fcntl.LOCK_EX), _locked(_FLOOR, fcntl.LOCK_EX):
            return (yield)
    with ExitStack() as floor:
        with _locked(_GATE, fcntl.LOCK_SH):  # waits while a quiet test waits for its turn
            floor.enter_context(_locked(_FLOOR, fcntl.LOCK_SH))
        return (yield)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open() as file:
        fcntl.flock(file, how)
        yield
