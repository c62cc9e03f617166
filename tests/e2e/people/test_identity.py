"""AuthMode jwt on the local engine, over real sockets: which tokens let in, and under which identity."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from local.engine import Engine
from tests.e2e.support.clients import FrameClient
from tests.support.issuer import (
    AUDIENCE,
    ISSUER,
    KeySetServer,
    claims,
    ec_key,
    forged,
    pem,
    published,
    rsa_key,
    signed,
    token,
)
from tests.support.logged_engine import LoggedEngine
from tests.support.project import ROOT

JWT = {"AuthMode": "jwt", "JwtIssuer": ISSUER, "JwtAudience": AUDIENCE}
SITE, ELSEWHERE = "https://chat.example.com", "https://elsewhere.example.com"


@pytest.fixture(scope="module")
def server() -> Iterator[KeySetServer]:
    server = KeySetServer(published(rsa_key(), kid="r1"), published(ec_key(), kid="e1"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """Lines that the functions have printed."""
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_keys(server: KeySetServer, lines: list[str]) -> AsyncIterator[Engine]:
    async with LoggedEngine(
        parameters={**JWT, "JwksUrl": server.url, "AllowedOrigins": SITE},
        origins=[SITE, ELSEWHERE],  # so that the authorizer has to reject it
        concurrency=1,
        log=lambda function, line: lines.append(line),
    ) as engine:
        yield engine


@dataclass(frozen=True, slots=True)
class TriedOut:
    """The engine of docs/identity.md, and the token that its script prints."""

    engine: Engine
    token: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_secret() -> AsyncIterator[TriedOut]:
    _, page = (ROOT / "docs" / "identity.md").read_text().split("## Try it on your machine")
    command, script = re.findall(r"^```(?:sh|python)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[:2]
    parameters = dict(re.findall(r"--set (\w+)=([^\s\"]+)", command))
    async with LoggedEngine(parameters=parameters) as engine:
        assert "http://127.0.0.1:8081" in script
        script = script.replace("http://127.0.0.1:8081", engine.services_url)
        run = [sys.executable, "-c", script]
        done = await asyncio.to_thread(subprocess.run, run, check=True, capture_output=True, text=True)
        yield TriedOut(engine, done.stdout.strip())


async def connected(engine: Engine, text: str | None = None, *, query: str = "", **how: Any) -> FrameClient:
    """A client with this token beside its subprotocol. Raises InvalidStatus when it is rejected."""
    offers = ["roomcast.v1"] if text is None else ["roomcast.v1", f"token.{text}"]
    socket = await connect(engine.socket_url + query, subprotocols=offers, **how)
    assert socket.subprotocol == "roomcast.v1"
    return FrameClient(socket)


async def rejected(engine: Engine, text: str | None = None, **how: Any) -> int:
    """The status with which a client is rejected."""
    with pytest.raises(InvalidStatus) as rejection:
        await connected(engine, text, **how)
    return rejection.value.response.status_code


async def speaker(client: FrameClient) -> tuple[str, str]:
    """The identity that others see of a client in the lobby."""
    await client.send("lobby", "Hi")
    await client.until_received("Hi")
    await client.close()
    return client.messages[0]["user"], client.messages[0]["name"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_user_of_the_issuer_connects_and_sends_as_that_user(
    with_keys: Engine, algorithm: str
) -> None:
    key, kid = (rsa_key(), "r1") if algorithm == "RS256" else (ec_key(), "e1")
    client = await connected(with_keys, token(key, algorithm, kid=kid, sub="auth0|5f7c"))
    assert await speaker(client) == ("auth0|5f7c", "Ada")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_token_may_come_in_a_header_or_in_the_query(with_keys: Engine) -> None:
    good = token(rsa_key(), "RS256", kid="r1")
    by_header = await connected(with_keys, additional_headers={"Authorization": f"Bearer {good}"})
    assert await speaker(by_header) == ("ada-1", "Ada")
    by_query = await connected(with_keys, query=f"?token={good}")
    assert await speaker(by_query) == ("ada-1", "Ada")
    second_line = [("Sec-WebSocket-Protocol", f"token.{good}")]  # beside the line that offers roomcast.v1
    assert await speaker(await connected(with_keys, additional_headers=second_line)) == ("ada-1", "Ada")


@pytest.mark.asyncio(loop_scope="module")
async def test_nobody_sends_as_somebody_else(with_keys: Engine) -> None:
    said = urlencode({"name": "Bob", "user": "bob-2", "client": "bob-2", "sub": "bob-2"})
    client = await connected(with_keys, token(rsa_key(), "RS256", kid="r1"), query=f"?{said}")
    forged_context = {"requestContext": {"authorizer": {"user": "bob-2", "name": "Bob"}}}
    await client.send("lobby", "Hi", user="bob-2", name="Bob", **forged_context)
    assert await speaker(client) == ("ada-1", "Ada")


BAD: dict[str, Callable[[], str]] = {
    "HS256 with the public key": lambda: forged({"alg": "HS256", "kid": "r1"}, claims(), pem(rsa_key())),
    "none": lambda: forged({"alg": "none", "kid": "r1"}, claims()),
    "nobody's signature": lambda: forged({"alg": "RS256", "kid": "r1"}, claims()),
    "another's signature": lambda: signed(claims(), rsa_key("evil"), "RS256", kid="r1"),
    "an unknown key": lambda: signed(claims(), rsa_key("evil"), "RS256", kid="r2"),
    "expired": lambda: token(rsa_key(), "RS256", kid="r1", exp=int(time.time()) - 120),
    "not yet valid": lambda: token(rsa_key(), "RS256", kid="r1", nbf=int(time.time()) + 120),
    "for another audience": lambda: token(rsa_key(), "RS256", kid="r1", aud="hush-audience"),
    "of another issuer": lambda: token(rsa_key(), "RS256", kid="r1", iss="https://hush.test/"),
    "without an end": lambda: token(rsa_key(), "RS256", kid="r1", exp=...),
    "without a user": lambda: token(rsa_key(), "RS256", kid="r1", sub=...),
    "rooms of another kind": lambda: token(rsa_key(), "RS256", kid="r1", rooms={"hush": True}),
    "garbage": lambda: "hush.hush.hush",
    "no token's shape": lambda: "hush",
    "8 KB and more": lambda: "hush" * 2_100,
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_token_is_rejected(with_keys: Engine, lines: list[str], bad: str) -> None:
    text = BAD[bad]()
    assert await rejected(with_keys, text) == 403
    assert await rejected(with_keys, additional_headers={"Authorization": f"Bearer {text}"}) == 403
    assert await rejected(with_keys, query=f"?token={text}") == 403
    written = "\n".join(lines)
    assert "hush" not in written
    assert text not in written
    assert text.rpartition(".")[2] not in written


@pytest.mark.asyncio(loop_scope="module")
async def test_no_token_is_rejected(with_keys: Engine) -> None:
    assert await rejected(with_keys) == 403
    assert await rejected(with_keys, query="?client=one&name=Ada") == 403


@pytest.mark.asyncio(loop_scope="module")
async def test_the_log_of_it_all_has_reasons_and_no_token(with_keys: Engine, lines: list[str]) -> None:
    good = token(rsa_key(), "RS256", kid="r1", jti="hush")
    await (await connected(with_keys, good)).close()
    assert await rejected(with_keys, good[:-4] + "AAAA") == 403
    said = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"signature"} <= {line["reason"] for line in said if line.get("message") == "rejected"}
    assert not any(part in line for line in lines for part in good.split(".")[1:])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_flood_of_bad_tokens_asks_the_issuer_once(with_keys: Engine, server: KeySetServer) -> None:
    before = server.fetches
    bad = signed(claims(), rsa_key("evil"), "RS256", kid="made up")
    assert {await rejected(with_keys, bad) for _ in range(200)} == {403}
    assert server.fetches - before <= 1  # none, where it was asked less than half a minute before


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_of_another_site_is_rejected_even_with_a_good_token(with_keys: Engine) -> None:
    good = token(rsa_key(), "RS256", kid="r1")
    assert await rejected(with_keys, good, origin=ELSEWHERE) == 403
    assert await rejected(with_keys, good, origin="null") == 403
    assert await speaker(await connected(with_keys, good, origin=SITE)) == ("ada-1", "Ada")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_secret_in_the_local_ssm_checks_tokens(with_secret: TriedOut) -> None:
    engine, good = with_secret.engine, with_secret.token
    assert await speaker(await connected(engine, good)) == ("ada-1", "Ada")
    header, payload, _ = good.split(".")
    assert await rejected(engine, f"{header}.{payload}.{'A' * 43}") == 403
    assert await rejected(engine, token(iss="https://example.com")) == 403  # of another secret
    assert await rejected(engine, forged({"alg": "none"}, claims(iss="https://example.com"))) == 403
