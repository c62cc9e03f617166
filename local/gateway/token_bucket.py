"""The token buckets that API Gateway throttles with."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.stack import Api


class TokenBucket:
    """Allows `burst` requests at once, and `rate` requests per second in the long run.

    AWS describes its throttle as this algorithm, one token per request:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate  # tokens per second
        self._burst = burst  # tokens in the full bucket
        self._clock = clock
        self._tokens = burst
        self._filled = clock()

    def take(self) -> bool:
        """Take a token. False, and nothing is taken, if there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class StageThrottle:
    """Throttles by the account's bucket and by one bucket per route.

    A stage's DefaultRouteSettings are the settings of each of its routes: "Route-level throttling" of
    https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
    """

    def __init__(self, api: Api, account: TokenBucket) -> None:
        self._account = account
        self._routes: dict[str, TokenBucket] = {}
        if api.throttle_rate is not None:
            burst = api.throttle_rate if api.throttle_burst is None else api.throttle_burst
            self._routes = {key: TokenBucket(api.throttle_rate, burst) for key in api.routes}

    def allows(self, route: str | None) -> bool:
        """Take a token for a request to this route (None: to no route)."""
        bucket = self._routes.get(route) if route else None
        return self._account.take() and (bucket is None or bucket.take())
