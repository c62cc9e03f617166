"""The in-memory connections table, read with the chat's own code."""

from __future__ import annotations

import json

import boto3
import pytest

from bench.fakes.account import fake_account
from bench.fakes.table import room_of, table
from bench.fakes.table_server import Room
from bench.simulator import member_id
from chat.identity.identity import Identity
from chat.storage import dynamodb, keys
from chat.storage.connections import Connection, Connections
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


def test_an_item_is_the_membership_that_the_chat_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with fake_account():
        plain = boto3.client("dynamodb")
        plain.create_table(
            TableName="connections",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        connection = Connection(member_id(0), Identity("0123456789abcdef", "Member", "v1"), 1_764_000_000_000)
        Connections(dynamodb.client(), "connections").add(connection, ["members-1"])
        key = keys.membership("members-1", connection.id)
        written = plain.get_item(
            TableName="connections", Key={name: {"S": value} for name, value in key.items()}
        )["Item"]
    page, _ = Room("members-1", 1).query({"ExpressionAttributeValues": {}})
    (item,) = json.loads(page)["Items"]
    assert item | {"expires_at": written["expires_at"]} == written
