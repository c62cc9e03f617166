"""How ministack tells the engine that a table's stream has a new record.

Without it, the engine would have to read the streams all the time to see a write at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

VARIABLE = "CHANGES"  # has the number of the descriptor that `tell` writes to


class Changes:
    """The engine's end of a pipe: calls `on_change` after one write of ministack, or several."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self.write, False)

    def begin(self) -> None:
        """Listen, once ministack has its end."""
        os.close(self.write)
        asyncio.get_running_loop().add_reader(self._read, self._told)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._read)
        os.close(self._read)

    def _told(self) -> None:
        if os.read(self._read, 65536):
            self._on_change()
        else:  # ministack has ended
            asyncio.get_running_loop().remove_reader(self._read)


class Teller:
    """ministack's end: takes the place of the event that wakes ministack's own readers of streams."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def set(self) -> None:
        with contextlib.suppress(OSError):  # the pipe is full, or the engine has ended
            os.write(self._descriptor, b".")
