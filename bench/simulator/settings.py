"""How the simulated API Gateway behaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

# Some connections: a fraction of all, or these ids.
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

GROUPS = ("gone", "full", "slow", "connecting")  # a connection is in the first that matches


class Fault(StrEnum):
    """What can go wrong with one request, whatever the rules answer."""

    RESET_BEFORE = "reset_before"  # the connection is reset before the frame is taken
    RESET_AFTER = "reset_after"  # the connection is reset after the frame may have been taken
    HALF_OPEN = "half_open"  # the connection stays open and reads, and never answers again
    ERROR_500 = "error_500"
    ERROR_502 = "error_502"
    ERROR_503 = "error_503"
    GARBLED = "garbled"  # the answer is not HTTP; the frame may have been taken
    # The right answer, in a form that HTTP allows:
    CHUNKED = "chunked"
    EXTRA_HEADERS = "extra_headers"
    TINY_PIECES = "tiny_pieces"
    CONNECTION_CLOSE = "connection_close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each can be changed while the simulator runs. Raises ValueError if one is invalid."""

    seed: int = 0  # of latencies, faults and groups
    stage: str = "prod"

    rate: float | None = DEFAULT_QUOTA.rate  # requests per second; None: no quota
    burst: float = DEFAULT_QUOTA.burst  # requests

    latency: float = 0.015  # seconds, the median
    latency_sigma: float = 0.25  # of the log-normal distribution: 0 is a fixed latency, 0.25 a p99 of 27 ms

    gone: Some = 0.0  # 410
    full: Some = 0.0  # 429, whatever the quota: the client's buffer is full
    slow: Some = 0.0  # the frame is taken at once, the answer comes late
    slow_seconds: float | None = 5.0  # None: never
    connecting: Some = 0.0  # 410, for `connects_after` seconds from the start
    connects_after: float = 1.0

    faults: Mapping[Fault, float] = field(default_factory=dict)  # probability of each, per request
    # Stale keep-alive: a connection is closed, without notice, after so many answers or idle seconds.
    keep_alive_requests: int | None = None
    keep_alive_seconds: float | None = None

    verify: float = 1.0  # the fraction of the requests whose signature is checked
    region: str = "us-east-1"
    access_key: str = "SIMULATEDACCESSKEY"
    secret_key: str = "simulated/secret+key"
    session_token: str | None = None  # of x-amz-security-token; None: the header must be absent

    # A pattern of the numbers in a frame, by which losses, repeats and disorder are found: its first group,
    # or the whole match. r"\d+" fits plain text.
    numbers: str = r'"seq":(\d+)'

    def __post_init__(self) -> None:
        faults = {Fault(name): float(probability) for name, probability in self.faults.items()}
        object.__setattr__(self, "faults", faults)
        for group in GROUPS:
            chosen = getattr(self, group)
            if not isinstance(chosen, int | float):
                object.__setattr__(self, group, frozenset(chosen))
            elif not 0 <= chosen <= 1:
                raise ValueError(f"{group} must be a fraction (0 to 1) or ids, not {chosen}")
        if sum(self._fractions()) > 1:
            raise ValueError("the fractions of the groups must add up to at most 1")
        if min(faults.values(), default=0) < 0 or sum(faults.values()) > 1:
            raise ValueError("the probabilities of the faults must add up to at most 1, and not be negative")
        if not 0 <= self.verify <= 1:
            raise ValueError(f"verify must be a fraction (0 to 1), not {self.verify}")
        if self.latency < 0 or self.latency_sigma < 0 or (self.rate or 1) < 0 or self.burst < 1:
            raise ValueError(
                "latency, latency_sigma and rate must not be negative, and burst must be at least 1"
            )
        if re.compile(self.numbers).groups > 1:
            raise ValueError(f"numbers must have at most one group: {self.numbers}")

    def _fractions(self) -> list[float]:
        return [share for group in GROUPS if not isinstance(share := getattr(self, group), frozenset)]

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return these settings with some values changed, in their JSON form. Raises ValueError."""
        try:
            return replace(self, **changes)
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from error

    def as_json(self) -> dict[str, Any]:
        """Return the values from which `changed` makes these settings again."""
        values = asdict(self)
        return {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()
        }
