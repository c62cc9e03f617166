"""Only what the network or a dead function makes a page say is no finding."""

from __future__ import annotations

import pytest

from tests.page_checker.console import is_of_the_network

TYPING = (
    "roomcast {action: typing, room: general, code: %s, detail: Something failed on our side. Send again.}"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("WebSocket connection to 'ws://127.0.0.1:1/prod' failed: Connection closed", True),
        ("Failed to load resource: net::ERR_CONNECTION_RESET", True),
        ("Failed to load resource: the server responded with a status of 404 (Not Found)", False),
        (TYPING % "internal", True),
        (TYPING % "invalid_frame", False),
        ("CSP report: script-src-elem inline ", False),
        ("Loading the image 'https://example.com/' violates the following directive", False),
        ("TypeError: Failed to fetch", False),
    ],
)
def test_a_line_of_the_console(line: str, expected: bool) -> None:
    assert is_of_the_network(line) is expected
