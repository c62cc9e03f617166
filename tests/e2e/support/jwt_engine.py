"""A local engine that requires tokens, and the tokens for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from local.engine import Engine
from tests.e2e.support.captured_logs import CapturedLogs
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, rows
from tests.support.issuer import AUDIENCE, ISSUER, KeySetServer, ec_key, published, token
from tests.support.logged_engine import LoggedEngine


@dataclass(frozen=True, slots=True)
class JwtEngine:
    engine: Engine
    logs: CapturedLogs

    @property
    def url(self) -> str:
        return self.engine.socket_url

    async def stored(self) -> str:
        """Return all rows of all tables, as text."""
        tables = [await rows(self.engine, name) for name in self.engine.stack.tables]
        return "\n".join(str(row) for table in tables for row in table)


@asynccontextmanager
async def start_jwt_engine() -> AsyncIterator[JwtEngine]:
    keys, logs = KeySetServer(published(ec_key(), kid="e1")), CapturedLogs()
    jwt = {"AuthMode": "jwt", "JwtIssuer": ISSUER, "JwtAudience": AUDIENCE, "JwksUrl": keys.url}
    try:
        async with LoggedEngine(parameters={**HIGH_LIMITS, **jwt}, log=logs.add) as engine:
            yield JwtEngine(engine, logs)
    finally:
        keys.close()


def token_of(user: str, **claims: Any) -> str:
    """Return a valid token with more claims: `rooms`, `roles`, `exp` …"""
    return token(ec_key(), "ES256", kid="e1", sub=user, name=user.capitalize(), **claims)
