"""What pages say in their consoles, and what of it is only that a network failed."""

from __future__ import annotations

import re
from collections import Counter

from playwright.async_api import BrowserContext, ConsoleMessage, WebError

from tests.loss_checker.oracle import Finding

# Chromium's own lines about a network that failed or a function that died, which no page can prevent, and the
# page's about what has no other place to be told: nobody has asked for it, or it is asked for again.
OF_THE_NETWORK = tuple(
    map(
        re.compile,
        (
            r"WebSocket connection to 'ws://[^']+' failed: ",
            r"Failed to load resource: net::ERR_",
            r"roomcast {action: (typing|read|rooms|presence|ping), .*code: internal,",
        ),
    )
)
REPORT_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP report: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"""


class Console:
    """The complaints of all pages of a person: errors, warnings, unhandled rejections and CSP reports."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.findings: list[Finding] = []
        self.counts: Counter[str] = Counter()

    async def listen(self, person: BrowserContext) -> None:
        await person.add_init_script(REPORT_VIOLATIONS)
        person.on("console", self._on_line)
        person.on("weberror", self._on_error)

    def _on_line(self, line: ConsoleMessage) -> None:
        if line.type not in {"error", "warning"}:
            return
        if is_of_the_network(line.text):
            self.counts["network failures in consoles"] += 1
        else:
            self.findings.append(Finding("console", self.name, f"{line.type}: {line.text} {line.location}"))

    def _on_error(self, error: WebError) -> None:
        self.findings.append(Finding("uncaught", self.name, str(error.error)))


def is_of_the_network(line: str) -> bool:
    return any(pattern.match(line) for pattern in OF_THE_NETWORK)
