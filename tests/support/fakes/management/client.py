"""Posts to single connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from apigateway.outcomes import Delivered, Gone, Outcome


class FakeManagementClient:
    """Records the frames that were posted to connections, and the connections that were closed."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.closed: list[str] = []
        self.gone: set[str] = set()
        self.unclosable: dict[str, Outcome] = {}
        self.on_post: Callable[[str], None] = lambda connection_id: None

    def post(self, connection_id: str, frame: str) -> Outcome:
        if connection_id in self.gone:
            return Gone()
        self.posted.append((connection_id, frame))
        self.on_post(connection_id)
        return Delivered()

    def close(self, connection_ids: Iterable[str]) -> dict[str, Outcome]:
        ids = list(connection_ids)
        self.closed += [connection_id for connection_id in ids if connection_id not in self.unclosable]
        return {name: self.unclosable[name] for name in ids if name in self.unclosable}
