"""Where this machine's Chromium is, for the benchmarks of the page."""

from __future__ import annotations

import shutil


def find_chromium() -> str | None:
    """Return the path of Chromium, or else of Debian's headless shell. None without either."""
    return shutil.which("chromium") or shutil.which("chromium-headless-shell")
