from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from bench.simulator import certificate
from tests.support.fakes.gateway import FakeGateway
from tests.support.http_client import Client, Connect
from tests.support.posting import Posting
from tests.support.waiting import TIMEOUT
from tests.support.web_host import Host


@pytest.fixture
def posting(virtual: asyncio.Runner) -> Posting:
    return Posting(virtual, FakeGateway(latency=0.015))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the context of a server, and that of a client that trusts it."""
    authority, server = certificate.make(tmp_path_factory.mktemp("tls"))
    return server, ssl.create_default_context(cafile=str(authority))


@pytest.fixture(params=["plain", "TLS"])
async def host(
    request: pytest.FixtureRequest, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> AsyncIterator[Host]:
    async with Host(context=tls[0] if request.param == "TLS" else None) as host:
        yield host


@pytest.fixture
async def connect(host: Host, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Connect]:
    clients: list[Client] = []

    def connect(limit: int = 1, timeout: float = TIMEOUT) -> Client:
        clients.append(Client(host, limit, timeout, tls[1] if host.context else None))
        return clients[-1]

    yield connect
    for client in clients:
        client.pool.close()
    await asyncio.sleep(0)
