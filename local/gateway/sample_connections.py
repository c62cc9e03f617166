"""The connections of the sample events: no client has them, and yet they are open.

A sample event names a connection. If it were closed, the first broadcast would find that out and delete it:
the next event of the connection would fail, and nobody would see what a function posts. So its id is open for
as long as the engine runs, and what is posted to it is printed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.gateway.function_results import Rejected, read_connect
from local.invocation import Invoke
from local.stack import Api

CONNECT = "connect.json"  # the event that opens the connection of the other events
LOG = "SampleConnection"  # the name under which it is printed

type Show = Callable[[str, str], None]


@dataclass(slots=True)
class SampleConnection:
    """One of them. What closes it is printed too, and does not close it."""

    connection_id: str
    show: Show
    connected_at: float = field(default_factory=time.time)  # seconds since the epoch
    last_active_at: float = field(default_factory=time.time)
    source_ip: str = "127.0.0.1"
    user_agent: str | None = "sample event"
    unsent: int = 0

    def send(self, text: bytes) -> None:
        self.last_active_at = time.time()
        self.show(LOG, f"{self.connection_id} received {text.decode(errors='replace')}")

    def close(self) -> None:
        self.show(
            LOG, f"{self.connection_id} was closed by the chat; it stays open for the next sample event"
        )


class SampleConnections:
    """Those that the events in `folder` name. `lifetime` is a connection's, in seconds."""

    def __init__(self, folder: Path, api: Api, invoke: Invoke, lifetime: float, show: Show) -> None:
        self._folder = folder
        self._route = api.routes.get("$connect")
        self._invoke = invoke
        self._lifetime = lifetime
        self._show = show
        self._opened_at: float | None = None  # in the event loop's time
        self._opening = asyncio.Lock()
        ids = {event["requestContext"]["connectionId"] for event in self._events()}
        self.open = {connection_id: SampleConnection(connection_id, show) for connection_id in sorted(ids)}

    async def connect(self) -> None:
        """Run the function of $connect with connect.json, unless it has run within a connection's lifetime.

        Then the other events find their connection, whichever comes first.
        """
        async with self._opening:
            now = asyncio.get_running_loop().time()
            if self._route is None or not self._is_over(now):
                return
            self._opened_at = now
            event = json.loads((self._folder / CONNECT).read_text(encoding="utf-8"))
            result = await self._invoke(self._route.function, event)
            if isinstance(read_connect(result), Rejected):
                self._show(LOG, f"{CONNECT} failed: the other sample events will not find their connection")

    def _is_over(self, now: float) -> bool:
        return self._opened_at is None or now - self._opened_at > self._lifetime

    def _events(self) -> Iterator[dict[str, Any]]:
        """Yield the events of connections that are in the folder."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                event = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                self._show(LOG, f"{path.name} is not JSON: {error}")
                continue
            if isinstance(event, dict) and "connectionId" in event.get("requestContext", {}):
                yield event
