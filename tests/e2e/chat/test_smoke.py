"""`make smoke` against the local engine."""

from __future__ import annotations

import pytest

from local.engine import Engine
from smoke.checks import CHECKS, check, latency, order
from smoke.client import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_running_chat_passes_every_check(engine: Engine, room: str) -> None:
    chat = Chat(engine.socket_url, "", room, timeout=60)
    findings = [finding async for finding in check(chat, CHECKS[:-2])]
    assert len(findings) == len(CHECKS) - 2
    assert {finding.check.name: finding.text for finding in findings if not finding.passed} == {}
    # The last two, in short.
    assert (await order(chat, messages=40)).startswith("40 messages of 5 senders in ")
    assert (await latency(chat, sends=4)).startswith("heard after ")
