"""Days are those of the reader's clock, in Chromium."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

WRITTEN = ["2025-12-31T10:30:00.000Z", "2026-01-01T10:30:00.000Z", "2026-01-01T11:30:00.000Z"]


@pytest.mark.parametrize(
    ("zone", "days", "times"),
    [
        (
            "Pacific/Auckland",
            ["Wednesday 31 December 2025", "Yesterday", "Today"],
            ["11:30 PM", "11:30 PM", "12:30 AM"],
        ),
        ("America/Los_Angeles", ["Yesterday", "Today"], ["2:30 AM", "2:30 AM", "3:30 AM"]),
    ],
)
async def test_days_and_times_are_those_of_the_readers_time_zone(
    windows: BrowserWindows, engine: Engine, zone: str, days: list[str], times: list[str]
) -> None:
    now = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    begin = [{"at": at} for at in WRITTEN]
    page = await open_scripted(windows, engine, begin, now=now, timezone_id=zone)
    await expect(page.locator("h2.divider")).to_have_text(days)
    await expect(page.locator(".message time")).to_have_text(times)
    assert windows.console_errors == []
