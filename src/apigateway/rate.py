"""How fast to post: as fast as the account's quota allows, which nobody tells us and others share."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sqrt

INITIAL_RATE = 10_000.0  # posts per second: API Gateway's default quota for an account
INITIAL_BURST = 1_000.0  # posts at once, at the start and after an idle time
BURST_SECONDS = 0.4  # seconds' worth of posts at once after a pause; AWS's own burst is half a second's worth
MIN_WAIT = 0.001  # seconds; the timers of an event loop cannot tell shorter ones apart
IDLE_RESET = 2.0  # seconds without a post, after which the last known share of the quota says nothing

WINDOW = 0.05  # seconds over which outcomes are counted, at least
WINDOW_SAMPLE = 20  # outcomes in a window, at least
OVERLOADED_SAMPLE = 5  # the same while overloaded, so that its end is noticed soon
MAX_WINDOW = 1.0  # seconds after which a window ends with fewer outcomes than its sample
TOLERATED_SHARE = (
    0.03  # throttled posts per outcome: the price of probing the limit, or clients that read slowly
)

DECREASE = (
    0.95  # of what got through. Nothing is wasted: AWS's bucket keeps the rest until the rate is up again
)
INCREASE = 4.0  # times the root of the rate: posts per second, added per second ...
ACCELERATION_SECONDS = (
    0.7  # ... and e times as many per this time without throttling, as the quota was raised
)
MAX_ACCELERATION = 2.0  # times the rate: posts per second, added per second
PROBE_GROWTH = 1.5  # per window until the first throttling
RECOVERY_GROWTH = 4.0  # per window while well below the known limit
BEST_DECAY = 0.5  # per second, of the best throughput that was seen
MAX_RATE = 1e6  # posts per second, beyond any quota and any machine
MIN_RATE = 5.0  # posts per second, however throttled: times BURST_SECONDS this is at least one; and ...
MIN_SHARE = 0.02  # ... this share of the limit: enough posts to notice the end of an overload

# Throttled posts per accepted one, above which the quota is exhausted. At the quota's edge there are fewer.
QUOTA_THRESHOLD = 0.25


class AdaptiveRate:
    """A token bucket whose rate follows 429s down to what gets through, and then climbs again.

    A textbook AIMD halves its rate on every sign of congestion and uses three quarters of the quota. Here the
    throttled posts themselves tell the quota: while some are throttled, what gets through *is* the quota, or
    our share of it. So the rate falls to a little below that.

    It climbs by the root of itself. A smaller rate then climbs faster in proportion, and rates that share a
    quota converge to equal parts (Bansal and Balakrishnan, "Binomial Congestion Control Algorithms", INFOCOM
    2001). While overloaded, when next to nothing gets through, the last limit is remembered.
    """

    def __init__(self, clock: Callable[[], float], initial: float = INITIAL_RATE) -> None:
        self._clock = clock
        self._initial = initial
        self._refilled_at = clock()
        self._reset()

    def _reset(self) -> None:
        self.rate = self._initial
        self._tokens = min(INITIAL_BURST, self._initial * BURST_SECONDS)
        self._limit = self._initial  # throughput while more was tried
        self._best = self._initial  # best recent throughput
        self._limited = False  # the last window was throttled, and yet something got through
        self._unknown = True  # nothing was throttled yet: the quota may be any
        self._acceleration = 1.0  # factor of the climb
        self._window_began = self._clock()
        self._succeeded = 0  # in this window
        self._throttled = 0  # in this window
        self._held_back = False  # the rate, not the supply of posts, bounded this window
        self._overloaded = False  # more is throttled than gets through

    def refill(self) -> None:
        """Add the tokens that the time since the last call brings."""
        now = self._clock()
        if now - self._refilled_at > IDLE_RESET:
            self._reset()
        self._tokens = min(self._tokens + (now - self._refilled_at) * self.rate, self.rate * BURST_SECONDS)
        self._refilled_at = now

    def acquire(self) -> float:
        """Take a token for one post and return 0, or return the seconds until there is one.

        Call `refill` before: once for all posts that begin together, because it reads the clock.
        """
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        self._held_back = True
        return max((1 - self._tokens) / self.rate, MIN_WAIT)

    def on_success(self) -> None:
        """Count a post that was not throttled, whatever else its answer was."""
        if not self._succeeded + self._throttled:
            self._window_began = self._clock()
        self._succeeded += 1

    def on_throttled(self) -> None:
        """Count a post that was answered 429."""
        if not self._succeeded + self._throttled:
            self._window_began = self._clock()
        self._throttled += 1

    def evaluate(self) -> None:
        """Change the rate if the window is over. Call it after answers: once for all that came together."""
        outcomes = self._succeeded + self._throttled
        if not outcomes:
            return
        now = self._clock()
        if now - self._refilled_at > IDLE_RESET:  # `refill` is about to start over
            return
        took = now - self._window_began
        sample = OVERLOADED_SAMPLE if self._overloaded else WINDOW_SAMPLE
        if took < WINDOW or (outcomes < sample and took < MAX_WINDOW):
            return
        throughput = self._succeeded / took
        if self._succeeded:
            self._best = max(throughput, self._best * BEST_DECAY**took)
        tolerated = outcomes * TOLERATED_SHARE
        # More than chance explains, and more than one or two clients with full buffers.
        if self._throttled > max(2, tolerated + 2 * sqrt(tolerated)):
            self._slow_down(throughput)
        else:
            self._overloaded = self._limited = False
            if self._held_back:
                self._speed_up(
                    min(took, MAX_WINDOW)
                )  # the rest of it was a pause, in which nothing was learned
        self._window_began, self._succeeded, self._throttled, self._held_back = now, 0, 0, False

    def _slow_down(self, throughput: float) -> None:
        was_overloaded, self._overloaded = self._overloaded, self._throttled > self._succeeded
        self._unknown = False
        if not self._held_back and self._succeeded + self._throttled < WINDOW_SAMPLE:
            return  # a few posts to a quiet room: they say nothing about the quota
        if not self._succeeded:
            self._limit = self._best  # the overload may have begun within the last window, and lowered _limit
        elif self._limited or not (was_overloaded or self._overloaded):
            self._limit = throughput  # not in an overload's first or last window, which are only half of it
        self._limited = self._succeeded > 0
        if not self._held_back:  # there was less to post than the rate allows
            throughput = max(throughput, self.rate * self._succeeded / (self._succeeded + self._throttled))
        self.rate = max(throughput * DECREASE, self._limit * MIN_SHARE, MIN_RATE)
        self._tokens = min(self._tokens, 0.0)
        self._acceleration = 1.0

    def _speed_up(self, took: float) -> None:
        if self._unknown:
            self.rate = min(self.rate * PROBE_GROWTH, MAX_RATE)
            self._limit = self.rate
            return
        if self.rate < 0.9 * self._limit:
            self.rate = min(self.rate * RECOVERY_GROWTH, 0.95 * self._limit)
            return
        self._acceleration *= exp(took / ACCELERATION_SECONDS)
        self.rate += took * min(INCREASE * sqrt(self.rate) * self._acceleration, MAX_ACCELERATION * self.rate)


type QuotaMark = tuple[int, int]


class QuotaWatch:
    """Counts of all answers, to tell an exhausted quota from a single client that reads too slowly."""

    __slots__ = ("accepted", "throttled")

    def __init__(self) -> None:
        self.accepted = 0  # posts that were not throttled
        self.throttled = 0

    def mark(self) -> QuotaMark:
        """Return the counts of now, for `exhausted_since`."""
        return self.accepted, self.throttled

    def exhausted_since(self, mark: QuotaMark) -> bool:
        """True if a good part of the posts since `mark` were throttled."""
        accepted, throttled = mark
        return self.throttled - throttled > (self.accepted - accepted) * QUOTA_THRESHOLD
