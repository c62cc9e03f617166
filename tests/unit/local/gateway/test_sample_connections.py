"""The connections of the sample events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.aws_defaults import Limits
from local.gateway.management_api import ManagementApi
from local.gateway.sample_connections import SampleConnections
from local.gateway.token_bucket import TokenBucket
from local.invocation import Result
from local.net.http_server import Request
from local.stack import Api, Route

API = Api(
    "Chat",
    "prod",
    "$request.body.action",
    {"$connect": Route("$connect", "Connect", False, 29)},
    None,
    None,
    None,
)


class Samples:
    """A folder of events, the calls that they caused and what was shown."""

    def __init__(self, folder: Path, status: int = 200) -> None:
        self.folder = folder
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.shown: list[str] = []
        self._status = status

    def write(self, name: str, connection: str) -> None:
        (self.folder / name).write_text(json.dumps({"requestContext": {"connectionId": connection}}))

    def connections(self, lifetime: float = 7200) -> SampleConnections:
        async def invoke(function: str, event: dict[str, Any]) -> Result:
            self.calls.append((function, event))
            return Result(json.dumps({"statusCode": self._status}).encode())

        return SampleConnections(
            self.folder, API, invoke, lifetime, lambda name, line: self.shown.append(line)
        )


def request(method: str, connection: str, body: bytes = b"") -> Request:
    return Request(method, f"/prod/@connections/{connection}", [], body, "127.0.0.1", 80)


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    samples = Samples(tmp_path)
    samples.write("connect.json", "a=")
    samples.write("send.json", "a=")
    samples.write("connect-rooms.json", "b=")
    (tmp_path / "env.json").write_text('{"Parameters": {}}')
    (tmp_path / "fanout.json").write_text('{"Records": []}')
    return samples


def test_each_connection_of_the_events_is_open(samples: Samples) -> None:
    assert list(samples.connections().open) == ["a=", "b="]


def test_a_post_is_taken_and_shown_and_a_close_does_not_close(samples: Samples) -> None:
    api = ManagementApi(samples.connections().open.get, Limits(), TokenBucket(100, 100))
    assert api.handle(request("POST", "a=", b"Hi"), "a=").status == 200
    assert api.handle(request("DELETE", "a="), "a=").status == 204
    assert api.handle(request("POST", "a=", b"Still here?"), "a=").status == 200
    assert api.handle(request("GET", "a="), "a=").status == 200
    assert api.handle(request("POST", "c=", b"Hi"), "c=").status == 410
    assert samples.shown[::2] == ["a= received Hi", "a= received Still here?"]
    assert samples.shown[1].startswith("a= was closed")


async def test_connect_is_called_once_in_a_connection_s_lifetime(samples: Samples) -> None:
    connections = samples.connections()
    await connections.connect()
    await connections.connect()
    assert samples.calls == [("Connect", {"requestContext": {"connectionId": "a="}})]
    connections = samples.connections(lifetime=-1)  # over at once
    await connections.connect()
    await connections.connect()
    assert len(samples.calls) == 3


async def test_a_failed_connect_is_shown(tmp_path: Path) -> None:
    samples = Samples(tmp_path, status=429)
    samples.write("connect.json", "a=")
    await samples.connections().connect()
    assert samples.shown == ["connect.json failed: the other sample events will not find their connection"]


def test_an_event_that_is_not_json_is_shown(samples: Samples) -> None:
    (samples.folder / "broken.json").write_text("{")
    assert list(samples.connections().open) == ["a=", "b="]
    assert samples.shown[0].startswith("broken.json is not JSON: ")
