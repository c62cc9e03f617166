"""The page checker's run in every test run: a few seconds of faults of every kind.

Longer ones are started by hand: `python -m tests.page_checker --seconds 600`.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.loss_checker.faults import faulty_engine

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_every_window_shows_the_history_and_what_was_begun(browser: Browser, tmp_path: Path) -> None:
    from tests.page_checker.run import Settings, run  # tests without a browser need no driver

    seed = random.randrange(2**32)
    rng = random.Random(seed)
    async with faulty_engine(tmp_path, rng) as (url, faults):
        report = await run(browser, url, Settings(seconds=6), rng, faults)
    print(f"seed {seed}: {report}")  # shown when it fails
    assert report.findings == []
    assert report.counts["written"] > 0
