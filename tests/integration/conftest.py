from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.support.asyncapi import ASKED, check_received, check_received_plain
from tests.support.fakes.lambda_context import LambdaContext
from tests.support.fakes.management.server import ManagementServer

CONNECTION = "aBcDeFgHoAMCJ9w="  # of the sample events


class Site:
    """The deployed functions, each started when first invoked, with their tables and the open sockets."""

    def __init__(
        self,
        cold_start: Callable[..., ModuleType],
        event: Callable[[str], dict[str, Any]],
        dynamodb: Any,
        management: ManagementServer,
    ) -> None:
        self._cold_start = cold_start
        self._apps: dict[str, ModuleType] = {}
        self.event = event
        self.dynamodb = dynamodb
        self.gateway = management.gateway
        self._plain: set[str] = set()  # connections that were accepted without a subprotocol

    def start(self, function: str, *, without: str | None = None) -> ModuleType:
        if function not in self._apps:
            self._apps[function] = self._cold_start(function, without=without)
        return self._apps[function]

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        if function == "fanout":
            self._put_heads(event["Records"])
        answer = self.start(function).handler(event, LambdaContext())
        json.dumps(answer)  # Lambda must be able to send it
        if function == "connect" and answer == {"statusCode": 200}:
            self._plain.add(event["requestContext"]["connectionId"])
        if function == "message" and "body" in answer:
            check_received(answer["body"], asked_by(event))
        return answer

    def _put_heads(self, records: list[dict[str, Any]]) -> None:
        """Put what a record of a made-up write leaves out: a head, and on it the epoch of its log."""
        for record in records:
            key = {name: value.get("S") for name, value in record["dynamodb"].get("Keys", {}).items()}
            if key.get("sk") == "HEAD" and key.get("pk"):
                self.dynamodb.update_item(
                    TableName="MessagesTable",
                    Key=key,
                    UpdateExpression="SET epoch = if_not_exists(epoch, :epoch)",
                    ExpressionAttributeValues={":epoch": "made up"},
                )

    def connect(self, connection: str, *rooms: str, protocol: str = "v1") -> Any:
        """Invoke $connect for a client, with the authorizer's context of the sample event."""
        event = self.event("connect-rooms" if protocol == "v1" else "connect")
        event["requestContext"]["connectionId"] = connection
        event["multiValueQueryStringParameters"] = {"room": list(rooms)}
        return self.invoke("connect", event)

    def frame(self, body: str | None, *, route: str, connection: str = CONNECTION) -> Any:
        """Pass on a client's frame as API Gateway does, and return the message function's answer."""
        event = self.event("send")
        event["requestContext"] |= {"routeKey": route, "connectionId": connection}
        event["body"] = body
        return self.invoke("message", event)

    def items(self, table: str) -> list[dict[str, Any]]:
        """Return a table's items without the signals, the users' own items and the heads made up here."""
        items: list[dict[str, Any]] = self.dynamodb.scan(TableName=table)["Items"]
        lasting = [
            item
            for item in items
            if not item["pk"].startswith(("SIG#", "USER#")) and item.get("epoch") != "made up"
        ]
        return sorted(lasting, key=lambda item: (item["pk"], item["sk"]))

    def posted(self) -> dict[str, list[str]]:
        """Return the frames that were posted to each connection."""
        return {connection: frames for connection, frames in self.gateway.frames.items() if frames}

    def check_posted(self) -> None:
        """Check every posted frame against the AsyncAPI document. Raises WrongFrame."""
        for connection, frames in self.posted().items():
            check = check_received_plain if connection in self._plain else check_received
            for frame in frames:
                check(frame)


def asked_by(event: dict[str, Any]) -> str | None:
    """Return the action of a frame. None if it names no valid action."""
    try:
        action = json.loads(event["body"])["action"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return action if action in ASKED else None


@pytest.fixture
def site(
    handlers: Callable[..., ModuleType],
    event: Callable[[str], dict[str, Any]],
    dynamodb: Any,
    management: ManagementServer,
) -> Iterator[Site]:
    site = Site(handlers, event, dynamodb, management)
    yield site
    site.check_posted()
