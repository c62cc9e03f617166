"""The X-Ray daemon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NoDaemon:
    """A daemon that drops all segments."""

    def send(self, segment: Mapping[str, Any]) -> None:
        pass
