"""The rules by which API Gateway answers a post, without sockets and without a clock.

The server applies them in real time, virtual_gateway.py in virtual time.
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Mapping
from enum import StrEnum
from itertools import accumulate
from statistics import NormalDist
from typing import Any, NamedTuple

from bench.simulator.settings import GROUPS, Fault, Settings

# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
MAX_MESSAGE = 128 * 1024  # bytes

NEVER = math.inf  # seconds

# Latencies drawn beforehand; a prime number, so that no pattern of requests repeats in step with them.
_DRAWS = 10_007


class Group(StrEnum):
    """How a connection differs from others. The values are names of Settings."""

    GONE = "gone"
    FULL = "full"
    SLOW = "slow"
    CONNECTING = "connecting"
    ORDINARY = "ordinary"


class Answer(NamedTuple):
    """The outcome of a post."""

    status: int  # of HTTP; 0 if the client gets none: a reset, a half-open connection, a garbled answer
    latency: float  # seconds until the client has the answer, or NEVER
    accepted: bool  # the frame went to the connection, whatever status the poster got
    fault: Fault | None = None


class Gateway:
    """Answer posts. `now` is in seconds of any monotonic clock."""

    _settings: Settings
    _latencies: list[float]
    _drawn: int  # index into them
    _faults: list[tuple[float, Fault]]  # each with the upper bound of its share of 0 to 1
    _tokens: float
    _filled: float  # when the tokens were last counted

    def __init__(self, settings: Settings, now: float) -> None:
        self._apply(settings)
        self.restart(now)

    @property
    def settings(self) -> Settings:
        return self._settings

    def change(self, now: float, changes: Mapping[str, Any]) -> None:
        """Change some settings. Raises ValueError, and changes nothing, if one is invalid."""
        settings = self._settings.changed(changes)
        self._refill(now)
        self._apply(settings)

    def restart(self, now: float) -> None:
        """Start again: a full bucket, no storm, and `connects_after` counts from now."""
        self._started = now
        self._filled = now
        self._tokens = self._settings.burst
        self._storm_ends = -math.inf

    def storm(self, now: float, seconds: float) -> None:
        """Answer all posts with 429 for so many seconds."""
        self._storm_ends = now + seconds

    def group(self, connection_id: str) -> Group:
        """Return the group of a connection: the same for the same id and seed, in every process."""
        if connection_id in self._listed:
            return self._listed[connection_id]
        if self._bounds:
            share = zlib.crc32(connection_id.encode(), self._settings.seed & 0xFFFFFFFF) / 2**32
            for bound, group in self._bounds:
                if share < bound:
                    return group
        return Group.ORDINARY

    def answer(self, now: float, connection_id: str, frame: bytes) -> Answer:
        """Answer one post. A throttled or failed post takes nothing from the quota; a 410 does."""
        latency = self._latencies[self._drawn]
        self._drawn = (self._drawn + 1) % _DRAWS
        fault = self._fault() if self._faults else None
        match fault:
            case Fault.RESET_BEFORE:
                return Answer(0, latency, False, fault)
            case Fault.HALF_OPEN:
                return Answer(0, NEVER, False, fault)
            case Fault.ERROR_500 | Fault.ERROR_502 | Fault.ERROR_503:
                return Answer(int(fault[-3:]), latency, False, fault)
        status, group = self._rule(now, connection_id, frame)
        accepted = status == 200
        if group is Group.SLOW:
            seconds = self._settings.slow_seconds
            latency = NEVER if seconds is None else seconds
        if fault is Fault.RESET_AFTER or fault is Fault.GARBLED:
            status = 0
        return Answer(status, latency, accepted, fault)

    def _rule(self, now: float, connection_id: str, frame: bytes) -> tuple[int, Group]:
        if now < self._storm_ends or not self._take_token(now):
            return 429, Group.ORDINARY
        if len(frame) > MAX_MESSAGE:
            return 413, Group.ORDINARY
        group = self.group(connection_id) if self._grouped else Group.ORDINARY
        match group:
            case Group.GONE:
                return 410, group
            case Group.FULL:
                return 429, group
            case Group.CONNECTING if now < self._started + self._settings.connects_after:
                return 410, group
        return 200, group

    def _take_token(self, now: float) -> bool:
        # Not local.gateway.token_bucket: this one gets the time as an argument, and its rate can change.
        if self._settings.rate is None:
            return True
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self, now: float) -> None:
        gained = (now - self._filled) * (self._settings.rate or 0)
        self._tokens = min(self._settings.burst, self._tokens + gained)
        self._filled = now

    def _fault(self) -> Fault | None:
        draw = self._random.random()
        for bound, fault in self._faults:
            if draw < bound:
                return fault
        return None

    def _apply(self, settings: Settings) -> None:
        self._settings = settings
        self._random = random.Random(settings.seed)
        self._latencies = _latencies(settings, self._random)
        self._drawn = 0
        self._faults = list(zip(accumulate(settings.faults.values()), settings.faults, strict=True))
        self._listed: dict[str, Group] = {}
        self._bounds: list[tuple[float, Group]] = []
        bound = 0.0
        for group in map(Group, GROUPS):
            chosen = getattr(settings, group)
            if isinstance(chosen, frozenset):
                self._listed |= {connection_id: group for connection_id in chosen - self._listed.keys()}
            elif chosen:
                bound += chosen
                self._bounds.append((bound, group))
        self._grouped = bool(self._listed or self._bounds)


def _latencies(settings: Settings, shuffler: random.Random) -> list[float]:
    """Return even steps through the distribution, shuffled: median and tail are exact in every run."""
    if not settings.latency_sigma:
        return [settings.latency] * _DRAWS
    normal = NormalDist()
    steps = ((step + 0.5) / _DRAWS for step in range(_DRAWS))
    draws = [settings.latency * math.exp(settings.latency_sigma * normal.inv_cdf(step)) for step in steps]
    shuffler.shuffle(draws)
    return draws
