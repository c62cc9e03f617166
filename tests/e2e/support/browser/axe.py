"""axe-core, which finds what keeps people with disabilities from using a page.

It is under MPL-2.0, and not a part of what is deployed or copied.
"""

from __future__ import annotations

import os

import pytest
from playwright.async_api import Page

from tests.support.project import ROOT

SOURCE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

needs_axe = pytest.mark.skipif(
    not SOURCE.exists() and os.environ.get("NODE") != "required",
    reason="no axe-core here (`make check` installs it); NODE=required makes this a failure",
)

RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.flatMap(
    ({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\\n${failureSummary}`))"""


async def violations(page: Page) -> list[str]:
    """Return what axe finds on the page as it is now."""
    await page.evaluate(SOURCE.read_text())  # by the debugger, which the page's policy does not bind
    found: list[str] = await page.evaluate(RUN)
    return found
