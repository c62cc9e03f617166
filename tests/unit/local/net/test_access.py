"""Access to the gateway: by a name of this machine, and from pages that it serves."""

from __future__ import annotations

import logging

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from local.net.access import AccessPolicy, normalize_origin
from tests.support.local.gateway_stage import Stage, running

OURS = ["127.0.0.1", "127.0.0.1:8080", "localhost:3000", "LOCALHOST", "[::1]:8080", "host.docker.internal:1"]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost:8080.evil.example",
    "localhost@evil.example",
    "172.17.0.1:8080",
    "[::1",
    "",
]


async def status(stage: Stage, path: str = "/", **headers: str) -> int:
    async with stage.http.get(f"http://127.0.0.1:{stage.port}{path}", headers=headers) as answer:
        return answer.status


async def rejection(stage: Stage, **options: str) -> str:
    """Return the response body of a rejected upgrade."""
    with pytest.raises(InvalidStatus) as rejected:
        async with stage.connect(**options):
            pass
    assert rejected.value.response.status_code == 403
    assert stage.functions.events == []
    return (rejected.value.response.body or b"").decode()


@pytest.mark.parametrize("host", OURS)
async def test_a_request_by_a_name_of_this_machine_is_answered(host: str) -> None:
    async with running() as stage:
        connections = "/prod/@connections/none"
        assert await status(stage, connections, Host=host) == 410


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_request_by_any_other_name_is_rejected(host: str) -> None:
    async with running() as stage:
        assert await status(stage, "/prod/@connections/none", Host=host) == 403


async def test_a_socket_by_another_name_is_rejected_too() -> None:
    async with running() as stage:
        with pytest.raises(InvalidStatus, match="403"):
            async with connect("ws://evil.example/prod", host="127.0.0.1", port=stage.port, proxy=None):
                pass
        assert stage.functions.events == []


@pytest.mark.parametrize(
    "page",
    [
        "null",
        "file://",
        *(f"http://{host}" for host in OURS),
        "https://localhost:8443",
        "capacitor://localhost",
    ],
)
async def test_a_page_of_this_machine_or_from_disk_opens_a_socket(page: str) -> None:
    async with running() as stage, stage.connect(origin=page):
        pass


@pytest.mark.parametrize("page", ["https://evil.example", "http://localhost.evil.example", "file:", "x"])
async def test_a_page_from_elsewhere_opens_no_socket_and_the_log_says_what_allows_it(
    page: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with running() as stage:
        reason = await rejection(stage, origin=page)
    assert f"--allow-origin {page}" in reason
    assert f"--allow-origin {page}" in caplog.text  # a browser shows a page nothing of a rejected handshake


async def test_an_allowed_origin_opens_sockets_and_no_other() -> None:
    access = AccessPolicy(origins=[normalize_origin("http://App.test:5173/")])
    async with running(access=access) as stage:
        async with stage.connect(origin="http://app.test:5173"):
            pass
        assert await status(stage, "/prod/@connections/none", Host="app.test:8080") == 410
        stage.functions.events.clear()
        for other in ("http://app.test:5174", "https://app.test:5173", "http://xapp.test:5173"):
            assert await rejection(stage, origin=other)


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        ("http://app.test:80", "http://app.test"),
        ("https://app.test:443/", "https://app.test"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
    ],
)
def test_an_origin_is_allowed_as_browsers_send_it(listed: str, sent: str) -> None:
    assert AccessPolicy(origins=[listed]).allows_origin(sent)
    assert not AccessPolicy().allows_origin(sent)


def test_another_address_of_this_machine_is_a_name_of_it() -> None:
    assert AccessPolicy(also_on="172.17.0.1").allows_host("172.17.0.1:8080")
    assert AccessPolicy(also_on="fd00::1").allows_host("[fd00::1]:8080")
    assert not AccessPolicy(also_on="172.17.0.1").allows_host("172.17.0.2:8080")


@pytest.mark.parametrize("text", ["app.test", "http://", "http://app.test/chat", "app.test://", "*", "null"])
def test_a_text_that_is_not_an_origin_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin, such as"):
        AccessPolicy(origins=[text])
