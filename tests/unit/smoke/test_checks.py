"""Each check passes against a chat that works, and fails against one that does what it checks wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from smoke import table
from smoke.checks import CHECKS, Check, Finding, check, order
from tests.unit.smoke.fake_chat import fake_chat

WAITS = {"no route response", "silent", "no plain clients", "loses", "sheds"}  # for what never comes


async def findings(flaw: str = "", checks: Sequence[Check] = CHECKS) -> list[Finding]:
    async with fake_chat(flaw, timeout=1 if flaw in WAITS else 30) as (chat, _):
        return [finding async for finding in check(chat, checks)]


async def test_a_chat_that_works_passes() -> None:
    found = await findings()
    assert [finding.check for finding in found] == list(CHECKS)
    assert {finding.text for finding in found if not finding.passed} == set()


@pytest.mark.parametrize(
    ("flaw", "failing", "text"),
    [
        ("no route response", "ping is answered", "no answer within"),
        ("read-only", "send is acknowledged", "answered with forbidden (The room is locked.)"),
        ("throttled", "send is acknowledged", 'API Gateway answered "Too Many Requests"'),
        ("silent", "a broadcast is heard", "did not arrive within"),
        ("no plain clients", "a plain client", "the bare text did not arrive"),
        ("counts twice", "sent again, counts once", "got the numbers"),
        ("forgets", "resume after a cut", "3 messages were sent meanwhile, and join with `after` gave 2"),
        (
            "loses",
            "200 messages in order",
            "5 of 200 acknowledged messages: neither broadcast nor in the history",
        ),
        ("disorder", "200 messages in order", "in another order"),
    ],
)
async def test_a_flaw_fails_its_check_and_the_table_says_where_to_look(
    flaw: str, failing: str, text: str
) -> None:
    handshake, *others = CHECKS
    checks = [handshake, *(each for each in others if each.name == failing)]
    (_, finding) = await findings(flaw, checks)
    assert finding.passed is False
    assert text in finding.text
    line, *advice = table.row(finding).splitlines()
    assert line.startswith(f"  FAIL  {failing}")
    assert advice[0].strip().startswith("Look at ")


async def test_a_message_that_is_not_broadcast_is_read_from_the_history() -> None:
    async with fake_chat("sheds", timeout=1) as (chat, _):
        found = await order(chat)
    assert found.endswith(", 5 of them only from the history")


async def test_without_a_handshake_nothing_else_is_run() -> None:
    first, *others = await findings("rejects")
    assert (first.passed, first.text) == (False, "the handshake was rejected with HTTP 403")
    assert {(finding.passed, finding.text) for finding in others} == {(None, "not run")}


@pytest.mark.parametrize("flaw", ["", "rejects", "throttled"])
async def test_a_token_is_in_a_header_and_in_no_address_and_no_line(flaw: str) -> None:
    async with fake_chat(flaw, token="s3cr3t") as (chat, fake):
        rows = [table.row(finding) async for finding in check(chat, CHECKS)]
    assert {request.headers["Authorization"] for request in fake.requests} == {"Bearer s3cr3t"}
    assert not [request.path for request in fake.requests if "s3cr3t" in request.path]
    assert not [row for row in rows if "s3cr3t" in row]
