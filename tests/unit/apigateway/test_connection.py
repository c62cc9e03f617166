"""The usual response to a post among others, on one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from apigateway.channel import Channel
from apigateway.connection import Callback, Connection, Response
from tests.support.http_client import Connect
from tests.support.waiting import TIMEOUT, until
from tests.support.web_host import Host, Visit, ok

# As API Gateway answers a post.
USUAL = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 30 Nov 2026 20:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: 0\r\nConnection: keep-alive\r\n"
    b"x-amzn-RequestId: 6a7a4b6c-0a5a-4f39-9f1c-5a0f4a2b7b11\r\nx-amz-apigw-id: UaBcDEfgIAMEVtQ=\r\n\r\n"
)


async def test_usual_and_other_responses_take_turns_on_one_connection(host: Host, connect: Connect) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    gone = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n" + USUAL
    answers = [USUAL, chunked, USUAL, gone, go_on, USUAL, ok(b"full"), ok()]

    async def answer(visit: Visit, body: bytes) -> None:
        visit.write(answers[int(body)])

    host.behave = answer
    client = connect()
    responses = [await client.post(b"%d" % number) for number in range(len(answers))]
    empty = Response(200)
    assert responses == [
        empty, Response(200, b"x"), empty, Response(410), empty, empty, Response(200, b"full"), empty,
    ]  # fmt: skip
    assert len(host.visits) == 1


@pytest.mark.parametrize("size", [1, 17, 100, len(USUAL) - 1])
async def test_the_usual_response_may_arrive_in_pieces(host: Host, connect: Connect, size: int) -> None:
    async def drip(visit: Visit, body: bytes) -> None:
        await visit.drip(USUAL, size)

    host.behave = drip
    client = connect()
    for _ in range(3):
        assert await client.post() == Response(200)
    assert len(host.visits) == 1


async def test_two_usual_responses_at_once_end_their_connection(host: Host, connect: Connect) -> None:
    async def twice(visit: Visit, body: bytes) -> None:
        visit.write(USUAL * 2)

    host.behave = twice
    client = connect()
    for _ in range(3):
        assert await client.post() == Response(200)
    assert len(host.visits) == 3


async def test_the_usual_response_and_the_end_at_once_end_the_connection(
    host: Host, connect: Connect
) -> None:
    async def close(visit: Visit, body: bytes) -> None:
        visit.write(USUAL)
        visit.writer.close()

    host.behave = close
    client = connect()
    for _ in range(3):
        assert await client.post() == Response(200)
        await until(lambda: not host.open)
    assert len(host.bodies) == 3


class Standstill(Channel):
    """A channel to a host that has answered once. What comes later is decided by a test."""

    def __init__(self) -> None:
        self.data = USUAL

    def open(self, on_readable: Callable[[], None], on_broken: Callable[[OSError], None]) -> None:
        self.on_readable, self.on_broken = on_readable, on_broken

    def send(self, data: bytes) -> None:
        pass

    def receive(self) -> bytes:
        return self.data

    def close(self) -> None:
        pass


class Pool:
    """What a connection's owner is told."""

    def __init__(self) -> None:
        self.resent = 0
        self.ended: list[Response] = []

    def _answered(
        self, connection: Connection, callback: Callback, response: Response, *, reusable: bool
    ) -> None:
        callback(response)

    def _lost(self, connection: Connection) -> None:
        pass

    def _resend(self, request: bytes, callback: Callback) -> None:
        self.resent += 1

    def _end(self, callback: Callback, response: Response) -> None:
        self.ended.append(response)


@pytest.mark.parametrize(
    ("late", "resent", "ended"), [(False, 1, []), (True, 0, [Response(0, error="TimeoutError")])]
)
async def test_a_request_whose_time_is_over_is_not_sent_again(
    late: bool, resent: int, ended: list[Response]
) -> None:
    channel, pool, now = Standstill(), Pool(), asyncio.get_running_loop().time()
    channel.ended = False
    connection = Connection(pool, channel)
    connection.send(b"first", lambda _: None, now + TIMEOUT)
    channel.on_readable()
    connection.send(b"second", lambda _: None, now - 1 if late else now + TIMEOUT)
    channel.on_broken(ConnectionResetError())  # the process was frozen, and the host has closed meanwhile
    assert (pool.resent, pool.ended) == (resent, ended)
