"""The simulated API Gateway from outside: its process, TLS sockets, HTTP.

Over 300 lines, because all tests share the started process.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from bench.simulator import Expected, Fault, Report, Settings, Simulator, member_id
from tests.support.waiting import TIMEOUT

QUICK = Settings(latency=0, latency_sigma=0, rate=None, verify=0, numbers=r"\d+", session_token="a/token+==")

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(QUICK) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    """The module's simulator, with its first settings and an empty record."""
    running.change(**QUICK.as_json())
    running.restart()
    return running


def connection(simulator: Simulator) -> http.client.HTTPConnection:
    where = urlsplit(simulator.endpoint)
    assert where.hostname is not None
    if where.scheme == "http":
        return http.client.HTTPConnection(where.hostname, where.port, timeout=TIMEOUT)
    trust = ssl.create_default_context(cafile=simulator.ca)
    return http.client.HTTPSConnection(where.hostname, where.port, context=trust, timeout=TIMEOUT)


def post(
    client: http.client.HTTPConnection, connection_id: str, frame: str = "1", stage: str = "prod"
) -> http.client.HTTPResponse:
    client.request("POST", f"/{stage}/@connections/{quote(connection_id, safe='')}", frame)
    response = client.getresponse()
    response.read()
    return response


def statuses(simulator: Simulator, connection_id: str, count: int) -> list[int]:
    client = connection(simulator)
    try:
        return [post(client, connection_id).status for _ in range(count)]
    finally:
        client.close()


def raw(connection_id: str, frame: str = "1") -> bytes:
    path = f"/prod/@connections/{quote(connection_id, safe='')}"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(frame)}\r\n\r\n{frame}".encode()


async def opened(simulator: Simulator) -> Streams:
    where = urlsplit(simulator.endpoint)
    trust = ssl.create_default_context(cafile=simulator.ca)
    return await asyncio.open_connection(where.hostname, where.port, ssl=trust)


@asynccontextmanager
async def connected(simulator: Simulator) -> AsyncIterator[Streams]:
    reader, writer = await opened(simulator)
    yield reader, writer
    writer.close()


async def status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(line for line in head.split("\r\n") if line.startswith("Content-Length:"))
    await reader.readexactly(int(length.split(":")[1]))
    return int(head.split()[1])


def sdk(simulator: Simulator, **other: str) -> Any:
    keys = {
        "aws_access_key_id": simulator.settings.access_key,
        "aws_secret_access_key": simulator.settings.secret_key,
        "aws_session_token": simulator.settings.session_token,
        "region_name": simulator.settings.region,
        "verify": simulator.ca,
    }
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=simulator.endpoint,
        config=Config(retries={"total_max_attempts": 1}),
        **{**keys, **other},
    )


# Posts and their answers


def test_frames_arrive_over_tls_and_are_counted(simulator: Simulator) -> None:
    client = connection(simulator)
    for number in (1, 2, 4):
        assert post(client, member_id(0), f"message {number}").status == 200
    client.close()
    assert simulator.arrivals(member_id(0)) == {"posts": 3, "numbers": [1, 2, 4]}
    report = simulator.report([Expected(range(2), range(1, 5))])
    assert (report.requests, report.accepted, report.statuses) == (3, 3, {200: 3})
    assert report.missed_examples == {member_id(0): [3], member_id(1): [1, 2, 3, 4]}
    assert report.first_accepted is not None and report.last_accepted is not None
    assert report.first_accepted <= report.last_accepted
    assert sum(report.timeline) == 3


def test_unreachable_members_miss_nothing(simulator: Simulator) -> None:
    simulator.change(gone={member_id(1)}, full={member_id(2)})
    for number in (1, 2):
        statuses(simulator, member_id(number), 1)
    assert list(simulator.report([Expected(range(4), [1])]).missed_examples) == [member_id(0), member_id(3)]


def test_plain_http_works_too() -> None:
    with Simulator(QUICK, tls=False) as simulator:
        assert simulator.ca is None
        assert statuses(simulator, "c1=", 2) == [200, 200]
        assert simulator.report().accepted == 2


def test_clients_without_the_certificate_do_not_trust_it(simulator: Simulator) -> None:
    where = urlsplit(simulator.endpoint)
    assert where.hostname is not None
    client = http.client.HTTPSConnection(where.hostname, where.port, timeout=TIMEOUT)
    with pytest.raises(ssl.SSLCertVerificationError):
        client.request("POST", "/")
    with pytest.raises(SSLError):
        sdk(simulator, verify=True).post_to_connection(ConnectionId="c1", Data=b"1")  # type: ignore[arg-type]


@pytest.mark.parametrize("connection_id", ["aBcDeFgHoAMCJ9w=", "a+b/c==", "ü 💬", "100%", "%3D"])
def test_an_escaped_id_arrives_unescaped(simulator: Simulator, connection_id: str) -> None:
    assert statuses(simulator, connection_id, 1) == [200]
    assert simulator.arrivals(connection_id)["posts"] == 1


def test_the_sdk_turns_error_answers_into_its_exceptions(simulator: Simulator) -> None:
    simulator.change(gone={"gone"}, full={"full"})
    client = sdk(simulator)
    client.post_to_connection(ConnectionId="c1=", Data=b"1")
    with pytest.raises(client.exceptions.GoneException):
        client.post_to_connection(ConnectionId="gone", Data=b"1")
    with pytest.raises(client.exceptions.LimitExceededException):
        client.post_to_connection(ConnectionId="full", Data=b"1")
    with pytest.raises(client.exceptions.PayloadTooLargeException):
        client.post_to_connection(ConnectionId="c1=", Data=b"x" * (128 * 1024 + 1))
    plain = connection(simulator)
    throttled = post(plain, "full")
    plain.close()
    assert throttled.headers["x-amzn-ErrorType"] == "LimitExceededException"
    assert simulator.report().statuses == {200: 1, 410: 1, 413: 1, 429: 2}


def test_the_quota_and_a_storm_throttle(simulator: Simulator) -> None:
    simulator.change(rate=0.001, burst=3)
    simulator.restart()
    assert statuses(simulator, "c1", 5) == [200, 200, 200, 429, 429]
    simulator.change(rate=None)
    simulator.storm(3600)
    assert statuses(simulator, "c1", 2) == [429, 429]
    simulator.restart()
    assert statuses(simulator, "c1", 1) == [200]


def test_another_stage_or_method_is_forbidden_and_not_delivered(simulator: Simulator) -> None:
    client = connection(simulator)
    assert post(client, "c1", stage="other").status == 403
    client.request("GET", "/prod/@connections/c1")
    assert client.getresponse().status == 403
    client.close()
    report = simulator.report()
    assert (report.malformed, report.accepted) == (2, 0)


async def test_a_request_that_is_not_http_gets_400_and_is_closed(simulator: Simulator) -> None:
    async with connected(simulator) as (reader, writer):
        writer.write(b"nonsense\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    assert simulator.report().malformed == 1


async def test_answers_come_in_the_order_of_the_requests_however_slow_the_first(simulator: Simulator) -> None:
    simulator.change(slow={"slow"}, slow_seconds=0.1, gone={"gone"})
    async with connected(simulator) as (reader, writer):
        writer.write(raw("slow") + raw("gone") + raw("c1"))
        assert [await status(reader) for _ in range(3)] == [200, 410, 200]


async def test_a_slow_connection_does_not_delay_others(simulator: Simulator) -> None:
    simulator.change(slow={"slow"}, slow_seconds=None)
    async with connected(simulator) as (_, slow), connected(simulator) as (reader, writer):
        slow.write(raw("slow"))
        writer.write(raw("c1"))
        assert await status(reader) == 200


async def test_latency_delays_an_answer_and_not_the_arrival(simulator: Simulator) -> None:
    simulator.change(latency=0.02)
    async with connected(simulator) as (reader, writer):
        writer.write(b"".join(raw("c1", str(number)) for number in range(20)))
        assert [await status(reader) for _ in range(20)] == [200] * 20
    assert simulator.arrivals("c1")["numbers"] == list(range(20))


async def test_a_request_may_come_a_byte_at_a_time(simulator: Simulator) -> None:
    async with connected(simulator) as (reader, writer):
        for byte in raw("a+b=", "12"):
            writer.write(bytes([byte]))
            await writer.drain()
        assert await status(reader) == 200
    assert simulator.arrivals("a+b=") == {"posts": 1, "numbers": [12]}


async def test_open_sockets_are_counted() -> None:
    with Simulator(QUICK) as simulator:
        async with connected(simulator) as first, connected(simulator) as second:
            for reader, writer in (first, second):
                writer.write(raw("c1"))
                assert await status(reader) == 200
            assert simulator.report().open_sockets == 2
        assert simulator.report().peak_open_sockets == 2


# Signatures


def test_signatures_are_checked_and_failures_named(simulator: Simulator) -> None:
    simulator.change(verify=1)
    sdk(simulator).post_to_connection(ConnectionId="a+b/c=ü", Data="é".encode())
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        sdk(simulator, aws_secret_access_key="wrong").post_to_connection(ConnectionId="c1", Data=b"1")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        sdk(simulator, aws_session_token="wrong").post_to_connection(ConnectionId="c1", Data=b"1")
    assert statuses(simulator, "c1", 1) == [403]
    report = simulator.report()
    assert (report.signatures_checked, report.statuses) == (4, {200: 1, 403: 3})
    assert report.signature_failures == {
        "signature does not match": 1,
        "security token does not match": 1,
        "authorization missing or malformed": 1,
    }
    assert simulator.arrivals("c1")["posts"] == 0


def test_a_fraction_of_the_signatures_can_be_checked(simulator: Simulator) -> None:
    simulator.change(verify=1 / 4)
    assert statuses(simulator, "c1", 8) == [200, 200, 200, 403] * 2


def test_the_sdk_needs_only_the_environment(simulator: Simulator) -> None:
    script = "import boto3, sys; boto3.client('apigatewaymanagementapi', endpoint_url=sys.argv[1])"
    script += ".post_to_connection(ConnectionId='c1=', Data=b'7')"
    simulator.change(verify=1)
    environment = {**os.environ, **simulator.environment}
    subprocess.run([sys.executable, "-c", script, simulator.endpoint], env=environment, check=True)
    assert simulator.arrivals("c1=")["numbers"] == [7]


# Faults


def faulty(simulator: Simulator, fault: Fault) -> Report:
    """Return the report after one post that meets a fault."""
    simulator.change(faults={fault: 1})
    client = connection(simulator)
    try:
        post(client, "c1")
    finally:
        client.close()
    return simulator.report()


@pytest.mark.parametrize(("fault", "accepted"), [(Fault.RESET_BEFORE, 0), (Fault.RESET_AFTER, 1)])
def test_a_reset_is_a_reset(simulator: Simulator, fault: Fault, accepted: int) -> None:
    with pytest.raises(ConnectionResetError) as caught:
        faulty(simulator, fault)
    assert (
        caught.type is ConnectionResetError
    )  # http.client's RemoteDisconnected, for a plain close, is a subclass
    assert simulator.report().accepted == accepted


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.ERROR_502, Fault.ERROR_503])
def test_a_server_error_is_an_answer_with_its_status(simulator: Simulator, fault: Fault) -> None:
    report = faulty(simulator, fault)
    assert report.statuses == {int(fault[-3:]): 1}
    assert (report.accepted, report.faults) == (0, {fault: 1})


def test_a_garbled_answer_is_not_http(simulator: Simulator) -> None:
    with pytest.raises(http.client.BadStatusLine):
        faulty(simulator, Fault.GARBLED)
    assert simulator.report().accepted == 1


@pytest.mark.parametrize(("connection_id", "expected"), [("c1", 200), ("gone", 410)])
@pytest.mark.parametrize("fault", [Fault.CHUNKED, Fault.EXTRA_HEADERS, Fault.TINY_PIECES])
def test_unusual_but_valid_answers_keep_the_connection_open(
    simulator: Simulator, fault: Fault, connection_id: str, expected: int
) -> None:
    simulator.change(faults={fault: 1}, gone={"gone"})
    client = connection(simulator)
    assert post(client, connection_id).status == expected
    socket = client.sock
    assert [post(client, connection_id).status for _ in range(2)] == [expected] * 2
    assert client.sock is socket  # http.client would have opened another
    client.close()


def test_a_chunked_answer_is_chunked(simulator: Simulator) -> None:
    simulator.change(faults={Fault.CHUNKED: 1}, gone={"gone"})
    client = connection(simulator)
    client.request("POST", "/prod/@connections/gone", "1")
    response = client.getresponse()
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert json.loads(response.read()) == {"message": "GoneException"}


def test_an_answer_in_tiny_pieces_is_read_in_pieces(simulator: Simulator) -> None:
    simulator.change(faults={Fault.TINY_PIECES: 1})
    client = connection(simulator)
    client.connect()
    client.sock.sendall(raw("c1") + raw("c1"))
    # A read of a TLS socket returns no more than one record, and each piece is written as its own.
    pieces = []
    while b"".join(pieces).count(b"\r\n\r\n") < 2:
        pieces.append(client.sock.recv(1000))
    client.close()
    assert max(map(len, pieces)) < 20
    first, second, _ = b"".join(pieces).split(b"\r\n\r\n")
    assert first.count(b"HTTP/1.1 200 OK") == second.count(b"HTTP/1.1 200 OK") == 1  # unmixed


async def test_a_close_is_announced_in_a_header(simulator: Simulator) -> None:
    simulator.change(faults={Fault.CONNECTION_CLOSE: 1})
    async with connected(simulator) as (reader, writer):
        writer.write(raw("c1"))
        assert b"\r\nConnection: close\r\n" in await reader.read()


async def test_a_half_open_connection_reads_everything_and_answers_nothing() -> None:
    with Simulator(QUICK) as simulator:
        reader, half_open = await opened(simulator)
        simulator.change(faults={Fault.HALF_OPEN: 1})
        half_open.write(raw("c1") + raw("c1"))
        while not simulator.report().faults:
            await asyncio.sleep(0)
        simulator.change(faults={})
        half_open.write(raw("c1"))
        async with connected(simulator) as (other, writer):
            writer.write(raw("c2"))
            assert await status(other) == 200
        report = simulator.report()
        assert (report.requests, report.accepted, report.statuses) == (2, 1, {0: 1, 200: 1})
    assert await reader.read() == b""  # nothing was ever sent
    half_open.close()


async def test_a_connection_is_closed_without_notice_after_its_number_of_requests(
    simulator: Simulator,
) -> None:
    simulator.change(keep_alive_requests=2)
    async with connected(simulator) as (reader, writer):
        writer.write(raw("c1") + raw("c1"))
        answers = await reader.read()
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert b"Connection: close" not in answers


async def test_an_idle_connection_is_closed_without_notice_and_a_waiting_connection_is_not(
    simulator: Simulator,
) -> None:
    simulator.change(keep_alive_seconds=0.05, slow={"slow"}, slow_seconds=0.3)
    async with connected(simulator) as idle, connected(simulator) as waiting:
        for (_, writer), connection_id in ((idle, "c1"), (waiting, "slow")):
            writer.write(raw(connection_id))
        answer = await idle[0].read()
        assert answer.startswith(b"HTTP/1.1 200 OK") and b"Connection: close" not in answer
        assert await status(waiting[0]) == 200


# The process


def test_the_process_and_its_folder_end_with_the_context() -> None:
    with Simulator(QUICK) as simulator:
        assert simulator.ca is not None
        folder = Path(simulator.ca).parent
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(simulator.pid, 0)
    with pytest.raises(RuntimeError):
        simulator.storm(1)


def test_an_invalid_setting_raises_and_the_simulator_goes_on(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="gone must be a fraction"):
        simulator.change(gone=7)
    assert statuses(simulator, "c1", 1) == [200]


def test_a_port_in_use_raises(simulator: Simulator) -> None:
    port = urlsplit(simulator.endpoint).port
    assert port is not None
    with pytest.raises(RuntimeError, match="ended"), Simulator(QUICK, port=port):
        pass


def test_started_from_the_command_line_it_prints_its_report_when_interrupted() -> None:
    command = [sys.executable, "-m", "bench.simulator", "--plain", "--set", "verify=0", "--set", "stage=dev"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint = json.loads(process.stdout.readline())["endpoint"]
        where = urlsplit(endpoint)
        assert where.path == "/dev" and where.hostname is not None
        client = http.client.HTTPConnection(where.hostname, where.port, timeout=TIMEOUT)
        assert post(client, "c1", stage="dev").status == 200
        client.close()
        process.send_signal(signal.SIGINT)
        assert json.loads(process.stdout.read())["accepted"] == 1
    assert process.returncode == 0


@pytest.mark.parametrize("option", ["colour=blue", "gone=7", 'faults={"earthquake": 1}'])
def test_an_invalid_setting_on_the_command_line_is_a_usage_error(option: str) -> None:
    command = [sys.executable, "-m", "bench.simulator", "--set", option]
    assert subprocess.run(command, capture_output=True).returncode == 2
