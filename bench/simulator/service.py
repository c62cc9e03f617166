"""One simulated API Gateway account: checks paths and signatures, applies the rules, keeps the record."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

from bench.simulator import responses
from bench.simulator.delays import Delays
from bench.simulator.gateway import Answer, Gateway, Group
from bench.simulator.record import Arrivals, Expected, Record, Report
from bench.simulator.settings import Settings
from bench.simulator.signatures import SignatureVerifier


class Connection(Protocol):
    """The part of an open connection that the account needs."""

    def close_if_idle_since(self, moment: float) -> None: ...


class Service:
    """One API Gateway account and its record. Needs a running event loop."""

    def __init__(self, settings: Settings) -> None:
        self.delays = Delays(asyncio.get_running_loop())
        self._gateway = Gateway(settings, time.monotonic())
        self._open: set[Connection] = set()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._apply(settings)
        self.restart()

    def restart(self) -> None:
        """Clear the record, and start again with a full bucket and the same settings."""
        self._gateway.restart(time.monotonic())
        self._record = Record(self._settings.numbers)
        self._checked = 0
        self._failures: Counter[str] = Counter()
        self._malformed = 0
        self._peak = len(self._open)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change some settings; `numbers` from the next restart on. Raises ValueError if one is invalid."""
        self._gateway.change(time.monotonic(), changes)
        self._apply(self._gateway.settings)

    def _apply(self, settings: Settings) -> None:
        self._settings = settings
        stage = re.escape(settings.stage).encode()
        self._target = re.compile(rb"/%s/(?:@|%%40)connections/([!-.0->@-~]+)" % stage)
        self._verifier = SignatureVerifier(settings)
        self._unchecked = 0.0
        if settings.keep_alive_seconds is not None and self._idle_timer is None:
            self._close_idle()

    def storm(self, seconds: float) -> None:
        self._gateway.storm(time.monotonic(), seconds)

    def report(self, expected: Sequence[Expected], examples: int) -> Report:
        unreachable = (Group.GONE, Group.FULL)
        report = self._record.report(
            expected,
            reachable=lambda connection_id: self._gateway.group(connection_id) not in unreachable,
            examples=examples,
        )
        report.signatures_checked = self._checked
        report.signature_failures = dict(self._failures)
        report.malformed = self._malformed
        report.open_sockets = len(self._open)
        report.peak_open_sockets = self._peak
        return report

    def arrivals(self, connection_id: str) -> dict[str, Any]:
        arrivals = self._record.arrivals(connection_id) or Arrivals()
        return {"posts": arrivals.posts, "numbers": arrivals.numbers()}

    # For the server's connections

    @property
    def keep_alive_requests(self) -> float:
        return self._settings.keep_alive_requests or math.inf

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)
        self._peak = max(self._peak, len(self._open))

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)

    def malformed(self) -> None:
        self._malformed += 1

    def answer(
        self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes, now: float
    ) -> tuple[Answer, bytes]:
        """Return the outcome of a request, and the answer's bytes."""
        found = self._target.fullmatch(target)
        if found is None or method != "POST":
            self._malformed += 1
            return Answer(403, self._settings.latency, False), responses.encode(403)
        connection_id = found[1].decode().replace("%3D", "=")  # enough for most ids; unquote is slower
        if "%" in connection_id:
            connection_id = unquote(found[1].decode())
        self._unchecked += self._settings.verify
        if self._unchecked >= 1:
            self._unchecked -= 1
            self._checked += 1
            error = self._verifier.error(method, target, headers, body)
            if error is not None:
                self._failures[error] += 1
                answer = Answer(403, self._settings.latency, False)
                self._record.note(now, connection_id, body, answer)
                return answer, responses.INVALID_SIGNATURE
        answer = self._gateway.answer(now, connection_id, body)
        self._record.note(now, connection_id, body, answer)
        return answer, responses.encode(answer.status, answer.fault) if answer.status else responses.GARBAGE

    def _close_idle(self) -> None:
        self._idle_timer = None
        seconds = self._settings.keep_alive_seconds
        if seconds is None:
            return
        for connection in list(self._open):
            connection.close_if_idle_since(time.monotonic() - seconds)
        self._idle_timer = asyncio.get_running_loop().call_later(max(seconds / 4, 0.005), self._close_idle)
