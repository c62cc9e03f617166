"""The order in which `make test` gives the tests to its workers.

A worker gets one group of tests after another: those of a file, or those below that share an engine. The
groups that wait longest come first, or else the run would end with one of them and idle workers. A group that
is not listed, or a time that is no longer true, costs nothing but time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# By the begin of their paths. The group of a test is the first that fits.
GROUPS = (
    # The checker's run alone would leave its worker with too little work, and get the next long group, too.
    ("loss checker", ("tests/e2e/trouble/test_loss_checker.py", "tests/unit/loss_checker/")),
    ("mass return", ("tests/e2e/trouble/test_mass_return.py", "tests/e2e/chat/test_clients.py")),
    ("presence", ("tests/e2e/trouble/test_presence_in_trouble.py",)),
    ("browser", ("tests/e2e/browser/",)),
    ("crashes", ("tests/e2e/trouble/test_crashes.py",)),
    ("library", ("tests/e2e/chat/test_library.py", "tests/e2e/chat/test_long_histories.py")),
    ("limits", ("tests/e2e/chat/test_limits.py",)),
    ("large rooms", ("tests/e2e/chat/test_large_rooms.py",)),
    ("failures", ("tests/e2e/trouble/",)),
    ("tokens", ("tests/e2e/people/",)),
    ("chat", ("tests/e2e/",)),
    ("engine", ("tests/unit/local/test_engine.py",)),
)


def group_of(nodeid: str) -> tuple[int, str]:
    """Return the place of a test's group in the order of the groups, and its name."""
    path = nodeid.partition("::")[0]
    for place, (name, paths) in enumerate(GROUPS):
        if path.startswith(paths):
            return place, name
    return len(GROUPS), path


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: group_of(item.nodeid)[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)[1]

    config.option.loadscopereorder = False  # keeps the order of the tests
    return GroupScheduling(config, log)
