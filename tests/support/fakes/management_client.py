"""Posts to single connections."""

from __future__ import annotations

from collections.abc import Iterable

from apigateway.outcomes import Delivered, Outcome


class FakeSockets:
    """Remembers what was posted to sockets one by one, and which were closed."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.closed: list[str] = []

    def post(self, connection_id: str, frame: str) -> Outcome:
        self.posted.append((connection_id, frame))
        return Delivered()

    def close(self, connection_ids: Iterable[str]) -> None:
        self.closed += connection_ids
