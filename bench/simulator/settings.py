"""How the simulated API Gateway behaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

# Some of the connections: a fraction of them all, or these ids.
type Some = float | frozenset[str]


@dataclass(frozen=True, slots=True)
class Quota:
    """An account's quota of requests to API Gateway.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    """

    rate: float  # requests per second
    burst: float  # requests


DEFAULT_QUOTA = Quota(10_000, 5_000)
NEWER_REGIONS_QUOTA = Quota(2_500, 1_250)

GROUPS = ("gone", "full", "slow", "connecting")  # a connection is in the first of these that it falls into


class Fault(StrEnum):
    """What can go wrong with one request, whatever the rules would answer."""

    RESET_BEFORE = "reset_before"  # the connection is reset, and the frame was not taken
    RESET_AFTER = "reset_after"  # the connection is reset, and the frame may have been taken
    HALF_OPEN = "half_open"  # the connection stays open, takes what it is sent, and never answers again
    ERROR_500 = "error_500"
    ERROR_502 = "error_502"
    ERROR_503 = "error_503"
    GARBLED = "garbled"  # the answer is not HTTP, and the frame may have been taken
    # The right answer, sent in a way that HTTP allows:
    CHUNKED = "chunked"
    EXTRA_HEADERS = "extra_headers"
    TINY_PIECES = "tiny_pieces"
    CONNECTION_CLOSE = "connection_close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it can be changed while the simulator runs. Raises ValueError for what cannot be."""

    seed: int = 0  # the same seed, the same latencies, faults and groups
    stage: str = "prod"

    rate: float | None = DEFAULT_QUOTA.rate  # requests per second; None: no quota
    burst: float = DEFAULT_QUOTA.burst  # requests

    latency: float = 0.015  # seconds, the median
    latency_sigma: float = 0.25  # of the log-normal distribution: 0 is a fixed latency, 0.25 a p99 of 27 ms

    gone: Some = 0.0  # 410
    full: Some = 0.0  # 429, whatever the quota: that client's buffer is full
    slow: Some = 0.0  # the frame is taken at once, and answered late
    slow_seconds: float | None = 5.0  # None: never
    connecting: Some = 0.0  # 410, for `connects_after` seconds from the start
    connects_after: float = 1.0

    faults: Mapping[Fault, float] = field(default_factory=dict)  # probability of each, per request
    # Stale keep-alive: a connection is closed, unannounced, after as many answers, or seconds without any.
    keep_alive_requests: int | None = None
    keep_alive_seconds: float | None = None

    verify: float = 1.0  # the part of the requests whose signature is checked: 1 is all, 0 none, 1/16 ...
    region: str = "us-east-1"
    access_key: str = "SIMULATEDACCESSKEY"
    secret_key: str = "simulated/secret+key"
    session_token: str | None = None  # what x-amz-security-token must be; None: none is expected

    # Finds the numbers in a frame, by which losses, repeats and disorder are seen: the first group, or all
    # of a match. r"\d+" does for plain text.
    numbers: str = r'"seq":(\d+)'

    def __post_init__(self) -> None:
        faults = {Fault(name): float(probability) for name, probability in self.faults.items()}
        object.__setattr__(self, "faults", faults)
        for group in GROUPS:
            some = getattr(self, group)
            if not isinstance(some, int | float):
                object.__setattr__(self, group, frozenset(some))
            elif not 0 <= some <= 1:
                raise ValueError(f"{group} is a fraction (0 to 1) or ids, not {some}")
        if sum(self._fractions()) > 1:
            raise ValueError("the groups of connections come to more than all of them")
        if min(faults.values(), default=0) < 0 or sum(faults.values()) > 1:
            raise ValueError("the probabilities of the faults must come to 0 to 1")
        if not 0 <= self.verify <= 1:
            raise ValueError(f"verify is a part (0 to 1) of the requests, not {self.verify}")
        if self.latency < 0 or self.latency_sigma < 0 or (self.rate or 1) < 0 or self.burst < 1:
            raise ValueError("latency, latency_sigma and rate cannot be negative, nor burst below 1")
        if re.compile(self.numbers).groups > 1:
            raise ValueError(f"numbers has more than one group: {self.numbers}")

    def _fractions(self) -> list[float]:
        return [some for group in GROUPS if not isinstance(some := getattr(self, group), frozenset)]

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """These settings with other values for some, as JSON has them. Raises ValueError."""
        try:
            return replace(self, **changes)
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from error

    def as_json(self) -> dict[str, Any]:
        """What `changed` makes these settings of again."""
        values = asdict(self)
        return {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()
        }
