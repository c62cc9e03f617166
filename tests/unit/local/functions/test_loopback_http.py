"""What botocore in an instance sends to this machine, and what it is told when that fails."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, HTTPHeaders
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.httpsession import URLLib3Session
from urllib3 import Timeout

from local.functions.loopback_http import loopback
from tests.support.waiting import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Amzn-RequestId: r1\r\n\r\ndone"


@dataclass
class Server:
    """Sends the next of its answers after each request; None closes the connection, b"" sends nothing."""

    answers: list[bytes | None]
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # the test has ended
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                self.requests.append(data)
                answer = self.answers.pop(0)
                if answer is None:
                    return
                connection.sendall(answer)
                if b"Connection: close" in answer:
                    return


@contextmanager
def serving(*answers: bytes | None) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(list(answers), f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


class Client:
    """A session of botocore that sends by the module; `passed` has what is passed on."""

    def __init__(self, **options: Any) -> None:
        self.passed: list[AWSPreparedRequest] = []
        self._session = URLLib3Session(timeout=(30, 30), **options)
        self._send = loopback(lambda session, request: self.passed.append(request))

    def post(self, url: str, body: Any = b"body", method: str = "POST", **headers: Any) -> Any:
        sent = HTTPHeaders()
        for name, value in headers.items():
            sent[name] = value
        return self._send(self._session, AWSPreparedRequest(method, url, sent, body, False, None))


def test_a_response_has_what_was_received() -> None:
    with serving(OK) as server:
        response = Client().post(f"{server.url}/path?x=y", Plain="text", Raw=b"bytes")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b"body"
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /path?x=y HTTP/1.1"
    assert {"Plain: text", "Raw: bytes", f"Host: {server.url.removeprefix('http://')}"} <= set(lines)
    assert (response.status_code, response.content) == (200, b"done")
    assert response.headers["x-amzn-requestid"] == "r1"


def test_a_connection_is_kept_until_its_host_closes_it() -> None:
    with serving(OK, OK, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK) as server:
        client = Client()
        for connections in (1, 1, 1, 2):
            assert client.post(server.url).content == b"done"
            assert server.connections == connections


def test_a_response_in_chunks_and_after_an_interim_one() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ndo\r\n2\r\nne\r\n0\r\n\r\n"
    with serving(b"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n" + chunked) as server:
        response = Client().post(server.url)
    assert (response.status_code, response.content) == (200, b"done")
    assert "x-interim" not in response.headers


@pytest.mark.parametrize(
    "answer", [None, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nx", b"?\n\n"]
)
def test_a_broken_response_is_a_closed_connection(answer: bytes | None) -> None:
    with serving(answer, OK) as server:
        client = Client()
        with pytest.raises(ConnectionClosedError):
            client.post(server.url)
        assert client.post(server.url).content == b"done"


async def test_no_response_is_a_time_out_and_comes_to_no_later_request() -> None:
    with serving(b"", OK) as server:
        client = Client()
        client._session._timeout = Timeout(connect=30, read=0.01)
        with pytest.raises(ReadTimeoutError):
            client.post(server.url)
        await until(lambda: server.answers == [OK])  # its thread may be late
        client._session._timeout = 30
        assert client.post(server.url).content == b"done"
    assert server.connections == 2


def test_nothing_listens() -> None:
    with serving() as server:
        pass
    with pytest.raises(EndpointConnectionError):
        Client().post(server.url)


def test_a_host_that_accepts_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # they fill the queue of the listener
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        client = Client()
        client._session._timeout = 0.05
        with pytest.raises((ConnectTimeoutError, ReadTimeoutError)):
            client.post(f"http://127.0.0.1:{address[1]}")
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "https://127.0.0.1:1"},
        {"url": "http://example.com"},
        {"url": "http://127.0.0.1:1", "method": "GET"},
        {"url": "http://127.0.0.1:1", "body": None},
        {"url": "http://127.0.0.1:1", "Expect": "100-continue"},
    ],
)
def test_any_other_request_is_sent_as_ever(request_: dict[str, Any]) -> None:
    client = Client()
    client.post(**request_)
    assert len(client.passed) == 1


def test_a_proxy_is_used_as_ever() -> None:
    client = Client(proxies={"http": "http://127.0.0.1:1"})
    client.post("http://127.0.0.1:2")
    assert len(client.passed) == 1


def test_threads_have_a_connection_each() -> None:
    with serving(*[OK] * 40) as server:
        client = Client()
        contents: list[bytes] = []

        def post_often() -> None:
            contents.extend(client.post(server.url).content for _ in range(5))

        threads = [threading.Thread(target=post_often) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert contents == [b"done"] * 40
    assert server.connections <= 8
