"""Imports a function's app.py as a cold start does: again."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


def import_app(function: str, *packages: str) -> ModuleType:
    """Import the app.py of a function again, with all of its package and of these packages."""
    _forget(function, *packages)
    try:
        return importlib.import_module(f"{function}.app")
    finally:  # this process makes many cold starts, and not all of them end well
        gc.enable()
        gc.unfreeze()


@contextmanager
def modules_kept(*packages: str) -> Iterator[None]:
    """Afterwards, the packages are those from before, also what was imported of them for the first time.

    An exception of a module that was imported twice is not caught by who imported it once.
    """
    before = {name: module for name, module in sys.modules.items() if _is_of(name, packages)}
    try:
        yield
    finally:
        _forget(*packages)
        sys.modules.update(before)


def _forget(*packages: str) -> None:
    for name in list(sys.modules):
        if _is_of(name, packages):
            del sys.modules[name]


def _is_of(name: str, packages: tuple[str, ...]) -> bool:
    return name.partition(".")[0] in packages
