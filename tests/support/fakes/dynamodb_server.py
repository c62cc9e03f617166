"""DynamoDB over HTTP."""

from __future__ import annotations

from email.message import Message

from bench.fakes.account import respond
from tests.support.fakes.http_server import HttpServer


class DynamoDBServer(HttpServer):
    """The tables of the fake account behind HTTP, for code that calls DynamoDB without boto3."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        super().__init__()

    def serve(self, path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        self.calls.append(headers["X-Amz-Target"].rpartition(".")[2])
        status, _, answer = respond("dynamodb", dict(headers.items()), body)
        return status, answer
