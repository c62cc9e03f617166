"""The page with a chat that is in the page itself: for thousands of messages, and any moment."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from playwright.async_api import Page

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows
from tests.support.project import ROOT

SCRIPTED_CHAT = ROOT / "bench" / "fakes" / "scripted_chat.js"


async def open_scripted(
    windows: BrowserWindows,
    engine: Engine,
    begin: int | list[dict[str, Any]],
    *,
    now: datetime | None = None,
    script: str = "",
    at: int = 0,
    token: str = "",
    **context: Any,
) -> Page:
    """Open the page; `begin`: its room's messages; `at`: the number of the one that the address
    names."""
    person = await windows.new_person(**context)
    await person.add_init_script(SCRIPTED_CHAT.read_text())
    await person.add_init_script(f"chat.begin('lobby', {json.dumps(begin)}); {script}")
    if now:
        await person.clock.set_fixed_time(now)
    address = f"{engine.url}/?room=lobby&name=Ada" + (f"&at={at}" if at else "")
    return await windows.open(address + (f"#token={token}" if token else ""), person)
