from __future__ import annotations

import json
import threading
from email.message import Message
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.storage import dynamodb as storage
from chat.storage.connections import Connections
from tests.support.connections_table import TABLE
from tests.support.fakes.http_server import HttpServer

CONFLICT = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException"}

TWO_WRITES = [{"Delete": {"TableName": "t", "Key": {"pk": "a", "sk": sk}}} for sk in "bc"]


def canceled(*codes: str) -> dict[str, Any]:
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return {"__type": kind, "CancellationReasons": [{"Code": code} for code in codes]}


class ScriptedDynamoDB(HttpServer):
    """Answers calls one after the other: with an error of the script, or else with {}."""

    def __init__(self, *errors: dict[str, Any]) -> None:
        self.errors = list(errors)
        self.calls = 0
        super().__init__()

    def serve(self, path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        self.calls += 1
        return (400, json.dumps(self.errors.pop(0)).encode()) if self.errors else (200, b"{}")


@pytest.fixture
def scripted(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    servers = []

    def start(*errors: dict[str, Any]) -> tuple[ScriptedDynamoDB, Any]:
        servers.append(ScriptedDynamoDB(*errors))
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", servers[-1].url)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        return servers[-1], storage.client()

    yield start
    for server in servers:
        server.close()


def test_a_write_that_meets_a_transaction_is_tried_again(scripted: Any) -> None:
    server, client = scripted(CONFLICT, CONFLICT)
    Connections(client, "t").charge("c1", "general")
    assert server.calls == 3


def test_a_transaction_that_meets_another_is_tried_again(scripted: Any) -> None:
    server, client = scripted(canceled("TransactionConflict", "None"))
    client.transact_write_items(TransactItems=TWO_WRITES)
    assert server.calls == 2


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_is_canceled_for_throughput_is_tried_again(scripted: Any, code: str) -> None:
    server, client = scripted(canceled("None", code), canceled(code, "TransactionConflict"))
    client.transact_write_items(TransactItems=TWO_WRITES)
    assert server.calls == 3


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_transaction_that_can_never_succeed_is_not_repeated(scripted: Any, code: str) -> None:
    server, client = scripted(canceled("None", code))
    with pytest.raises(ClientError):
        client.transact_write_items(TransactItems=TWO_WRITES)
    assert server.calls == 1


def test_a_transaction_whose_condition_fails_is_not_repeated(scripted: Any) -> None:
    server, client = scripted(canceled("ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(ClientError) as failed:
        client.transact_write_items(TransactItems=TWO_WRITES)
    assert [storage.condition_failed(failed.value, position) for position in (0, 1)] == [True, False]
    assert server.calls == 1


def test_a_conflict_without_end_is_a_failure(scripted: Any) -> None:
    server, client = scripted(*[CONFLICT] * 10)
    with pytest.raises(ClientError, match="TransactionConflictException"):
        Connections(client, "t").charge("c1", "general")
    assert server.calls == 7


def test_the_client_takes_and_returns_what_that_of_boto3s_resource_does(dynamodb: Any) -> None:
    ours = storage.client()
    item = {"pk": "p", "sk": "s", "rooms": {"a", "b"}, "due": 7, "none": None, "map": {"list": [True, b"x"]}}
    request = {"TableName": TABLE, "Item": item}
    ours.put_item(**request)
    assert request["Item"]["rooms"] == {"a", "b"}  # the caller's own objects stay
    read = {"TableName": TABLE, "Key": {"pk": "p", "sk": "s"}}
    assert ours.get_item(**read)["Item"] == dynamodb.get_item(**read)["Item"] == item
    (batch,) = ours.batch_get_item(RequestItems={TABLE: {"Keys": [read["Key"]]}})["Responses"].values()
    assert batch == [item]


@pytest.mark.parametrize("number", [0, 3, 100])
def test_many_calls_are_made_at_once_and_their_results_are_in_order(number: int) -> None:
    threads = set()

    def call(item: int) -> int:
        threads.add(threading.get_ident())
        return item * 2

    assert storage.at_once(call, range(number)) == [item * 2 for item in range(number)]
    assert (threading.get_ident() in threads) == (number == 3)


def test_what_one_of_many_calls_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        storage.at_once(lambda item: 1 / item, range(100))
