"""Messages that were sent before the page is opened."""

from __future__ import annotations

from local.engine import Engine
from tests.e2e.support.clients import frame_client


async def write_history(engine: Engine, room: str, texts: list[str]) -> None:
    """Send these messages to the room."""
    async with frame_client(engine.socket_url, name="Edsger", room=room) as edsger:
        for text in texts:
            await edsger.send(room, text)


def numbered(first: int, last: int) -> list[str]:
    return [f"message {number}" for number in range(first, last + 1)]
