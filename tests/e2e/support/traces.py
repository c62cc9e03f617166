"""The traces that an engine has kept."""

from __future__ import annotations

import asyncio

from local.engine import Engine
from local.traces.store import Span, assemble, walk
from tests.support.waiting import TIMEOUT


async def trace_of(engine: Engine, room: str, name: str, count: int = 1) -> list[Span]:
    """Wait for the trace that has `count` spans of this name about the room; return its roots."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            for _, documents in engine.traces.newest():
                roots = assemble(documents)
                found = [span for _, span in walk(roots) if is_about(span, room) and span.name == name]
                if len(found) == count and not any(span.orphan for _, span in walk(roots)):
                    return roots
            await asyncio.sleep(0.02)


def is_about(span: Span, room: str) -> bool:
    return bool(span.document.get("annotations", {}).get("room") == room)
