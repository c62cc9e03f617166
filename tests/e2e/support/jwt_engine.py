"""A chat where one needs a token, and the tokens for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from local.engine import Engine
from tests.e2e.support.captured_logs import Printed
from tests.e2e.support.engine_with_proxies import UNHURRIED, rows
from tests.support.issuer import AUDIENCE, ISSUER, KeySetServer, ec_key, published, token
from tests.support.logged_engine import LoggedEngine


@dataclass(frozen=True, slots=True)
class Guarded:
    engine: Engine
    printed: Printed

    @property
    def url(self) -> str:
        return self.engine.socket_url

    async def stored(self) -> str:
        """All that is in the tables, as text."""
        tables = [await rows(self.engine, name) for name in self.engine.stack.tables]
        return "\n".join(str(row) for table in tables for row in table)


@asynccontextmanager
async def guard() -> AsyncIterator[Guarded]:
    keys, printed = KeySetServer(published(ec_key(), kid="e1")), Printed()
    jwt = {"AuthMode": "jwt", "JwtIssuer": ISSUER, "JwtAudience": AUDIENCE, "JwksUrl": keys.url}
    try:
        async with LoggedEngine(parameters={**UNHURRIED, **jwt}, log=printed.line) as engine:
            yield Guarded(engine, printed)
    finally:
        keys.close()


def token_of(user: str, **claims: Any) -> str:
    """A good token, and what it says besides: `rooms`, `roles`, `exp` …"""
    return token(ec_key(), "ES256", kid="e1", sub=user, name=user.capitalize(), **claims)
