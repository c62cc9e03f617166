"""The engine's temporary folder, which is gone after it, however it ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "roomcast-"
OWNER = "pid"  # the file that says whose the folder is


class Scratch:
    """A folder of this process's own. Making it removes those of engines that were killed.

    Its owner keeps a lock on a file in it. The kernel lets go of the lock when a process ends, however that
    happens; a process id alone can be another's by now, or of another container that shares the folder above.
    """

    def __init__(self) -> None:
        above = Path(tempfile.gettempdir())
        for folder in above.glob(f"{PREFIX}*"):
            _remove_if_abandoned(folder)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=above))
        # Under its name only once it is locked, so that nobody finds it free meanwhile.
        new = self.path / f"{OWNER}.new"
        self._lock = os.open(new, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        new.rename(self.path / OWNER)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_if_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another's, gone meanwhile, or without an owner file: left alone
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return
        lock = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its owner lives
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
