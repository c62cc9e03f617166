"""The token bucket that API Gateway throttles with."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Lets `burst` requests through at once, and `rate` a second in the long run.

    AWS describes its throttle as this algorithm, a token for a request:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate  # tokens a second
        self._burst = burst  # tokens that the bucket holds
        self._clock = clock
        self._tokens = burst
        self._filled = clock()

    def take(self) -> bool:
        """Takes a token; False when there is none, and nothing is taken."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
