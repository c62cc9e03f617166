"""The engine's HTTP client: it keeps connections, and gives each request its own response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from local.net.http_client import HttpClient
from local.net.http_server import HttpServer, Request, Response
from tests.support.waiting import until

HOST = "127.0.0.1"


class Echo:
    """Answers with the request's body, as soon as `release` is set. Counts the connections."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.requests: list[Request] = []
        self.peers: set[int] = set()

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        await self.release.wait()
        return Response(201, request.body, (("X-Number", str(len(self.requests))),))


@asynccontextmanager
async def client_of(handler: Callable[[Request], object], **options: float) -> AsyncIterator[HttpClient]:
    server = HttpServer(handler)  # type: ignore[arg-type]
    client = HttpClient(f"http://{HOST}:{await server.start(HOST, 0)}", **options)
    yield client
    client.close()
    server.close()


@asynccontextmanager
async def client_of_bytes(*answers: bytes) -> AsyncIterator[tuple[HttpClient, list[int]]]:
    """A client of a server that sends one of these to each connection, and closes it if it is empty."""
    opened: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(len(opened))
        while await reader.read(65536):
            answer = answers[min(len(opened), len(answers)) - 1]
            writer.write(answer)
            if not answer:
                break
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    client = HttpClient(f"http://{HOST}:{server.sockets[0].getsockname()[1]}")
    yield client, opened
    client.close()
    server.close()


def answer(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_a_response_has_status_headers_and_body() -> None:
    echo = Echo()
    echo.release.set()
    async with client_of(echo) as client:
        response = await client.post("/path?a=b", [("X-Target", "some")], b"body")
    (request,) = echo.requests
    assert (request.method, request.target, request.body) == ("POST", "/path?a=b", b"body")
    assert request.header("x-target") == "some"
    assert request.header("host") == f"{HOST}:{request.port}"
    assert (response.status, response.body) == (201, b"body")
    assert ("X-Number", "1") in response.headers


async def test_requests_at_once_get_their_own_responses_and_later_ones_their_connections() -> None:
    async with client_of_bytes(answer(b"first"), answer(b"second")) as (client, opened):
        both = await asyncio.gather(*(client.post("/", [], b"x") for _ in range(2)))
        assert {response.body for response in both} <= {b"first", b"second"}
        assert len(opened) == 2
        await asyncio.gather(*(client.post("/", [], b"x") for _ in range(2)))
        await client.post("/", [], b"x")
        assert len(opened) == 2


async def test_a_connection_that_was_closed_is_not_used_again() -> None:
    async with client_of_bytes(answer(b"one", "Connection: close"), answer(b"two")) as (client, opened):
        assert (await client.post("/", [], b"x")).body == b"one"
        assert (await client.post("/", [], b"x")).body == b"two"
        assert len(opened) == 2


async def test_an_idle_connection_that_its_server_closes_is_forgotten() -> None:
    server = HttpServer(lambda request: Response())
    port = await server.start(HOST, 0)
    client = HttpClient(f"http://{HOST}:{port}")
    await client.post("/", [], b"")
    server.close()
    await until(lambda: not client._connections)
    again = HttpServer(lambda request: Response(202))
    await again.start(HOST, port)
    assert (await client.post("/", [], b"")).status == 202
    client.close()
    again.close()


async def test_an_interim_response_is_not_the_response() -> None:
    interim = b"HTTP/1.1 100 Continue\r\nX-Interim: yes\r\n\r\n"
    async with client_of_bytes(interim + answer(b"final")) as (client, _):
        response = await client.post("/", [], b"x")
    assert (response.status, response.body) == (200, b"final")
    assert "X-Interim" not in dict(response.headers)


@pytest.mark.parametrize("sent", [b"", b"this is not HTTP\r\n\r\n"])
async def test_no_response_is_an_error(sent: bytes) -> None:
    async with client_of_bytes(sent) as (client, _):
        with pytest.raises(ConnectionError):
            await client.post("/", [], b"x")


async def test_nothing_listens() -> None:
    async with client_of_bytes(b"") as (client, _):
        pass
    with pytest.raises(OSError):
        await client.post("/", [], b"x")


async def test_a_late_response_is_not_that_of_the_next_request() -> None:
    echo = Echo()
    async with client_of(echo) as client:
        late = asyncio.create_task(client.post("/", [], b"late"))
        await until(lambda: echo.requests)
        late.cancel()
        await asyncio.wait([late])
        echo.release.set()
        assert (await client.post("/", [], b"next")).body == b"next"


async def test_a_response_that_takes_too_long_is_a_time_out() -> None:
    async with client_of(Echo(), timeout=0.01) as client:
        with pytest.raises(TimeoutError):
            await client.post("/", [], b"x")


async def test_close_ends_what_still_waits() -> None:
    echo = Echo()
    async with client_of(echo) as client:
        waiting = asyncio.create_task(client.post("/", [], b"x"))
        await until(lambda: echo.requests)
        client.close()
        with pytest.raises(ConnectionError):
            await waiting


async def test_a_client_that_is_closed_while_it_connects_leaves_nothing() -> None:
    echo = Echo()
    async with client_of(echo) as client:
        posting = asyncio.ensure_future(client.post("/", (), b""))
        await asyncio.sleep(0)
        client.close()
        with pytest.raises(ConnectionError):
            await posting
        with pytest.raises(ConnectionError):
            await client.post("/", (), b"")
        assert echo.requests == []
