"""The in-memory connections table, read with the chat's own code."""

from __future__ import annotations

import pytest

from bench.fakes.table import room_of, table
from bench.fakes.table_server import Room
from bench.simulator import member_id
from chat.storage.keys import HASH_SPACE
from chat.storage.member_reader import MemberReader
from chat.storage.members import Member


async def test_pages_hold_every_member_once_and_say_what_they_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found: list[str] = []

    async def use(members: list[Member]) -> None:
        found.extend(member.connection_id for member in members)

    with table([2_500]) as server:
        members = MemberReader(server.endpoint, "us-east-1", "connections")
        await members.read(room_of(2_500), use)
        members.close()
        used = server.used()
    assert sorted(found) == sorted(map(member_id, range(2_500)))
    assert used.calls["Query"] >= 3
    assert 2_500 * 100 / 4096 < used.units < 2_500 * 150 / 4096  # items of some 120 bytes


def test_half_the_hash_space_is_about_half_the_room() -> None:
    half = {":first": {"S": "0000"}, ":last": {"S": f"{HASH_SPACE // 2 - 1:04x}\uffff"}}
    page, _ = Room("general", 1_000).query({"ExpressionAttributeValues": half})
    assert 400 < page.count(b'"sk"') < 600
