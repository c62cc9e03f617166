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

RUN = """async (rules) => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'], rules });
    const told = (id, { html, failureSummary }) => `${id}: ${html}\\n${failureSummary}`;
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => told(id, node)));
}"""


async def violations(page: Page, is_forced: bool = False) -> list[str]:
    """Return what axe finds on the page as it is now.

    `is_forced`: colours are forced. Then axe would compare the colour of a style sheet with a forced ground.
    """
    await page.evaluate(SOURCE.read_text())  # by the debugger, which the page's policy does not bind
    found: list[str] = await page.evaluate(RUN, {"color-contrast": {"enabled": not is_forced}})
    return found
