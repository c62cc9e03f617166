"""The management API of API Gateway, over HTTP."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.http_server import HttpServer


class ManagementServer(HttpServer):
    """A FakeGateway behind HTTP, for tests of whole handlers with the real clients."""

    def __init__(self) -> None:
        self.gateway = FakeGateway()
        self.paths: list[str] = []
        super().__init__()
        self.endpoint = f"{self.url}/prod"

    def serve(self, path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        self.paths.append(path)
        return self._answer(self.gateway.answer(_connection(path), body.decode()))

    def delete(self, path: str) -> tuple[int, bytes]:
        self.paths.append(path)
        return self._answer(self.gateway.delete(_connection(path)))

    def _answer(self, outcome: Outcome) -> tuple[int, bytes]:
        match outcome:
            case Delivered():
                return 200, b""
            case Gone():
                return 410, b'{"__type": "GoneException"}'
            case Throttled():
                return 429, b'{"__type": "LimitExceededException"}'
            case Failed():
                return 500, b'{"message": "Internal server error"}'


def _connection(path: str) -> str:
    return unquote(path.rpartition("/")[2])
