"""The engine's temporary folder, removed after the engine however it ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "roomcast-"
OWNER = "pid"  # the file that the folder's process keeps locked


class Scratch:
    """A folder of this process. Making it removes the folders of engines that were killed.

    The process keeps a lock on a file in its folder. The kernel releases the lock when the process ends,
    however that happens. A process id alone may have been reused, or be of another container that shares the
    parent folder.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        for folder in parent.glob(f"{PREFIX}*"):
            _remove_if_abandoned(folder)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        # The file gets its name once it is locked: another engine must not find it unlocked and remove us.
        new = self.path / f"{OWNER}.new"
        self._lock = os.open(new, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        new.rename(self.path / OWNER)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_if_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another user's, removed meanwhile, or without an owner file: keep it
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return
        lock = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its process lives
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
