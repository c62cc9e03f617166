"""When a post that failed is tried again, and when its connection is given up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retries:
    """Delays before each further try of one frame, in seconds.

    Each is the longest possible delay: full jitter takes any part of it (AWS Architecture Blog, "Exponential
    Backoff And Jitter"). After the last one the connection is *shed*: given up for now.
    """

    failed: tuple[float, ...] = (0.1, 0.2, 0.4)  # after a 5xx or a reset
    throttled: tuple[float, ...] = (0.1, 0.2, 0.2, 0.2, 0.2, 0.2)  # after a 429, which takes no time to come
    timed_out: tuple[float, ...] = (0.05,)  # after no answer, which has taken long to find out
    quota_exhausted: float = 0.3  # after a 429 while all posts are throttled: not this connection's fault ...
    max_quota_wait: float = 15.0  # ... for so many seconds; after them the delays of `throttled` follow
    shed_for: float = (
        5.0  # seconds in which a shed connection is not posted to, so that it delays no batch again
    )
