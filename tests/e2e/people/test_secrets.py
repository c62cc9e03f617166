"""A token never gets into a log, a trace or a table, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from local.traces import pages as trace_pages
from tests.support.issuer import AUDIENCE, ISSUER, KeySetServer, claims, ec_key, forged, published, token
from tests.support.plugins.engine_logs import log_file
from tests.support.ports import free_pair
from tests.support.project import ROOT
from tests.support.waiting import TIMEOUT, until

SHARD = 16  # characters of a token that count as a leak


@dataclass(slots=True)
class Run:
    """`make run` with tokens, and its output."""

    port: int
    output: Path
    tokens: list[str] = field(default_factory=list)  # all that were ever sent to it

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/prod"

    @property
    def printed(self) -> str:
        return self.output.read_text()

    @property
    def records(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.printed.splitlines() if line.startswith("{")]
        return [line for line in lines if "message" in line]

    def logged(self, field_: str) -> set[str]:
        """Return the values that the functions have logged under this name."""
        return {record[field_] for record in self.records if field_ in record}

    def good(self, user: str = "ada", **changes: Any) -> str:
        return self.known(token(ec_key(), "ES256", kid="e1", sub=user, **changes))

    def known(self, text: str) -> str:
        self.tokens.append(text)
        return text

    async def connect(self, query: str = "", **how: Any) -> ClientConnection:
        return await connect(self.url + query, open_timeout=TIMEOUT, **how)

    async def rejected(self, query: str = "", **how: Any) -> int:
        with pytest.raises(InvalidStatus) as rejection:
            await self.connect(query, **how)
        return rejection.value.response.status_code

    def dynamodb(self) -> Any:
        return boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{self.port + 1}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


@asynccontextmanager
async def running(folder: Path, issuer: KeySetServer) -> AsyncIterator[Run]:
    run = Run(free_pair(), folder / "printed")
    parameters = {"AuthMode": "jwt", "JwtIssuer": ISSUER, "JwtAudience": AUDIENCE, "JwksUrl": issuer.url}
    parameters["MaxConnections"] = "2"
    options = [option for pair in parameters.items() for option in ("--set", "=".join(pair))]
    with run.output.open("wb") as output, log_file(run.output):
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "local", "run", "--raw-logs", "--port", str(run.port), *options],
            cwd=ROOT,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            await until(lambda: "Roomcast is ready" in run.printed or process.returncode is not None)
            assert process.returncode is None, run.printed
            yield run
        finally:
            with suppress(ProcessLookupError):  # it has ended by itself
                process.terminate()
            await process.wait()


async def show_life(socket: ClientConnection) -> None:
    """Answer the question of a server that has one connection too many."""
    while json.loads(await socket.recv())["type"] != "check":
        pass
    await socket.send(json.dumps({"action": "alive", "ref": "a1"}))
    assert [reply["status"] for reply in await answers(socket, 1)] == ["ok"]


@pytest.fixture
def issuer() -> Iterator[KeySetServer]:
    server = KeySetServer(published(ec_key(), kid="e1"))
    yield server
    server.close()


def ways(text: str) -> list[dict[str, Any]]:
    """Return the three ways to send a token."""
    return [
        {"subprotocols": ["roomcast.v1", f"token.{text}"]},
        {"additional_headers": {"Authorization": f"Bearer {text}"}, "subprotocols": ["roomcast.v1"]},
        {"query": f"?token={text}"},
    ]


def leaked(tokens: list[str], text: str) -> list[str]:
    """Return the tokens of which a part is in the text."""
    return [
        each
        for each in tokens
        if any(
            each[start : start + SHARD] in text for start in range(0, max(1, len(each) - SHARD), SHARD // 2)
        )
    ]


def bad_tokens() -> dict[str, str]:
    """Return bad tokens by the reason that the log gives."""
    key = ec_key()
    return {
        "expired": token(key, "ES256", kid="e1", exp=int(time.time()) - 120),
        "not_yet_valid": token(key, "ES256", kid="e1", nbf=int(time.time()) + 120),
        "issuer": token(key, "ES256", kid="e1", iss="https://somebody.example.com"),
        "audience": token(key, "ES256", kid="e1", aud="somebody"),
        "missing_claim": token(key, "ES256", kid="e1", exp=...),
        "user": token(key, "ES256", kid="e1", sub="\n"),
        "rooms_or_roles": token(key, "ES256", kid="e1", rooms={"lobby": True}),
        "too_many_grants": token(key, "ES256", kid="e1", rooms=" ".join(f"room-{n}" for n in range(500))),
        "signature": token(ec_key("somebody's"), "ES256", kid="e1"),
        "unknown_key": token(ec_key("somebody's"), "ES256", kid="somebody's"),
        "algorithm": forged({"alg": "none", "kid": "e1"}, claims()),
        "malformed": "never.a.token-but-long-enough-to-be-found",
        "token_too_long": token(key, "ES256", kid="e1", more="x" * 6_200),
    }


def frames_with(text: str) -> list[str]:
    """Return frames that contain a token where none belongs."""
    frames: list[dict[str, Any]] = [
        {"action": "send", "ref": "one", "room": "lobby", "message": "Hi", "token": text},
        {"action": "send", "ref": text, "room": "lobby", "message": "Hi"},
        {"action": "send", "ref": "two", "room": text, "message": "Hi"},
        {"action": "onMessage", "message": "", "authorization": f"Bearer {text}"},
        {"action": "join", "ref": "three", "room": text},
        {"action": "mute", "ref": "four", "room": "lobby", "user": text, "seconds": 1},
        {"action": text, "ref": "five"},
    ]
    return [json.dumps(frame) for frame in frames] + [text, json.dumps([text])]


async def answers(socket: ClientConnection, number: int) -> list[dict[str, Any]]:
    """Return the next so many replies."""
    replies = []
    async with asyncio.timeout(TIMEOUT):
        while len(replies) < number:
            frame = json.loads(await socket.recv())
            if frame["type"] == "reply":
                replies.append(frame)
    return replies


async def test_no_token_is_printed_traced_or_stored(tmp_path: Path, issuer: KeySetServer) -> None:
    async with running(tmp_path, issuer) as run, AsyncExitStack() as stack:
        for way in ways(run.good()):
            await (await run.connect(**way)).close()
        for text in bad_tokens().values():
            for way in ways(run.known(text)):
                assert await run.rejected(**way) in {400, 403}
        # Good tokens, and yet rejected: for a room, a protocol, a wrong place, one connection too many.
        v1 = {"subprotocols": ["roomcast.v1", f"token.{run.good()}"]}
        assert await run.rejected("?room=private-hall", **v1) == 403
        assert await run.rejected(f"?room={run.good()}", **v1) == 400
        assert await run.rejected(subprotocols=[f"token.{run.good()}"]) == 400
        assert await run.rejected(f"?client={run.good()}&name=Ada&jwt={run.good()}") == 403
        assert await run.rejected(additional_headers={"Authorization": f"Basic {run.good()}"}) == 403
        assert await run.rejected(f"/{run.good()}") == 403
        tabs = {"subprotocols": ["roomcast.v1", f"token.{run.good('bob', roles='moderator')}"]}
        sockets = [await stack.enter_async_context(await run.connect(**tabs)) for _ in range(2)]
        async with asyncio.TaskGroup() as living:
            for socket in sockets:
                living.create_task(show_life(socket))
            assert await run.rejected(**tabs) == 429
        # Tokens where none belongs.
        for frame in frames_with(run.good()):
            await sockets[0].send(frame)
        replies = await answers(sockets[0], len(frames_with("")))
        assert {"ok", "error"} == {reply["status"] for reply in replies}

        stored = str(
            [run.dynamodb().scan(TableName=name) for name in run.dynamodb().list_tables()["TableNames"]]
        )
        traced = str(await asyncio.to_thread(trace_pages.fetch, run.port, last=500, containing=""))
        await until(lambda: "broadcast" in run.logged("message"))
        # Now everything fails.
        for name in run.dynamodb().list_tables()["TableNames"]:
            run.dynamodb().delete_table(TableName=name)
        assert await run.rejected(**ways(run.good())[0]) == 502
        await sockets[0].send(
            json.dumps({"action": "send", "ref": "late", "room": "lobby", "message": run.good()})
        )
        assert [reply["code"] for reply in await answers(sockets[0], 1)] == ["internal"]

    # The logs are complete: so the tokens are not missing by accident.
    rejected = {"no_token", "forbidden", "invalid_room", "invalid_handshake", "too_many_connections"}
    assert run.logged("reason") == bad_tokens().keys() | rejected
    assert {"connected", "disconnected", "error reply", "identified", "rejected", "broadcast"} <= run.logged(
        "message"
    )
    assert "ResourceNotFoundException" in run.printed
    assert "'lobby'" in stored and "AuthorizerFunction" in traced
    assert all(leaked([each], f"a piece, {each[-30:]}, of it") for each in run.tokens)
    assert not leaked(run.tokens, run.printed)
    assert not leaked(run.tokens, stored)
    assert not leaked(run.tokens, traced)


async def test_no_token_is_printed_when_the_issuer_fails(tmp_path: Path, issuer: KeySetServer) -> None:
    issuer.status = 500
    async with running(tmp_path, issuer) as run:
        for way in ways(run.good()):
            assert await run.rejected(**way) == 403
    assert run.logged("reason") == {"keys_unavailable", "the issuer answers 500"}
    assert not leaked(run.tokens, run.printed)
