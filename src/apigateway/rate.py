"""How fast to post: all of a quota that nobody tells us, and that is shared with whoever else posts."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sqrt

START = 10_000.0  # posts a second: API Gateway's default for an account
_AT_ONCE = 1_000.0  # posts that may go at once at first
_AHEAD = 0.4  # seconds' worth of posts that may go at once after a pause; AWS's own burst is half a second's
_TICK = 0.001  # seconds to wait at least: what an event loop's timers can tell apart

_WINDOW = 0.05  # seconds over which outcomes are weighed, at least
_SAMPLE = 20  # outcomes in a window, at least
_STORM_SAMPLE = 5  # the same in a storm, whose end should not be missed
_PATIENCE = 1.0  # seconds after which a window ends with fewer
# A share of refused posts that is the price of going up to the limit, or clients that read too slowly.
_TOLERATED = 0.03

_DROP = 0.95  # of what got through. The rest is not lost: AWS's bucket keeps it for when the rate is up again
_CLIMB = 2.0  # times the root of the rate, posts a second more after each second ...
_HURRY = 1.0  # ... and e times as many for each so many seconds without a refusal: the quota was raised
_STEEPEST = 2.0  # times the rate, posts a second more after each second
_FIND_OUT = 1.5  # growth a window until the first refusals
_CATCH_UP = 4.0  # growth a window while well below the limit that is known
_FORGET = 0.5  # what was best counts for so much after a second
_MOST = 1e6  # posts a second, beyond any quota and any machine
_FORGOTTEN = 2.0  # seconds without a post after which a share of the quota says nothing any more
_LEAST = 5.0  # posts a second, however hard it is throttled: times _AHEAD at least one; and ...
_LEAST_PART = 0.02  # ... of the limit: enough to notice when that ends


class Pace:
    """A rate that follows 429s down to what gets through, and creeps up again.

    A textbook AIMD halves its rate on every sign of congestion and uses three quarters of the quota. Here the
    throttled posts themselves tell the quota: while some are refused, what gets through *is* the quota, or
    our share of it. So the rate falls to a little below that.

    It climbs by the root of itself, so that who has less climbs faster in proportion, and paces that share a
    quota come to equal parts (Bansal and Balakrishnan, "Binomial Congestion Control Algorithms", INFOCOM
    2001). In a storm, when nothing gets through at all, the limit is remembered.
    """

    def __init__(self, clock: Callable[[], float], start: float = START) -> None:
        self._clock = clock
        self._start = start
        self._filled = clock()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.rate = self._start
        self._tokens = min(_AT_ONCE, self._start * _AHEAD)
        self._limit = self._start  # what got through when more was tried
        self._best = self._start  # what got through lately
        self._limited = False  # the last window was too much, and yet something got through
        self._unknown = True  # nothing was refused yet: the quota may be any
        self._hurry = 1.0  # how much faster the climb has become
        self._began = self._clock()  # of the window
        self._passed = 0
        self._refused = 0
        self._held_back = False  # the pace, and not the supply, bounded this window
        self.storm = False  # nearly everything is refused: no connection's own fault

    def wait(self) -> float:
        """Takes leave to post: 0, or the seconds until there is some."""
        now = self._clock()
        if now - self._filled > _FORGOTTEN:
            self._begin_anew()
        self._tokens = min(self._tokens + (now - self._filled) * self.rate, self.rate * _AHEAD)
        self._filled = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        self._held_back = True
        return max((1 - self._tokens) / self.rate, _TICK)

    def passed(self) -> None:
        """A post was answered, and not for its being too early."""
        self._begin()
        self._passed += 1
        self._weigh()

    def refused(self) -> None:
        """A post was answered 429."""
        self._begin()
        self._refused += 1
        self._weigh()

    def _begin(self) -> None:
        if not self._passed + self._refused:
            self._began = self._clock()

    def _weigh(self) -> None:
        now = self._clock()
        took = now - self._began
        outcomes = self._passed + self._refused
        sample = _STORM_SAMPLE if self.storm else _SAMPLE
        if took < _WINDOW or (outcomes < sample and took < _PATIENCE):
            return
        through = self._passed / took
        if self._passed:
            self._best = max(through, self._best * _FORGET**took)
        tolerated = outcomes * _TOLERATED
        # More than chance makes of it, and more than a client or two with full buffers.
        if self._refused > max(2, tolerated + 2 * sqrt(tolerated)):
            self._slow_down(through)
        else:
            self.storm = self._limited = False
            if self._held_back:
                self._speed_up(took)
        self._began, self._passed, self._refused, self._held_back = now, 0, 0, False

    def _slow_down(self, through: float) -> None:
        was_storm, self.storm = self.storm, self._refused > self._passed
        self._unknown = False
        if not self._held_back and self._passed + self._refused < _SAMPLE:
            return  # a few posts of a quiet room: they tell nothing of the quota
        if not self._passed:
            self._limit = self._best  # the window before may have been half a storm, and told too little
        elif self._limited or not (was_storm or self.storm):
            self._limit = through  # unless it may be the edge of a storm
        self._limited = self._passed > 0
        if not self._held_back:  # there was less to post than the rate allows
            through = max(through, self.rate * self._passed / (self._passed + self._refused))
        self.rate = max(through * _DROP, self._limit * _LEAST_PART, _LEAST)
        self._tokens = min(self._tokens, 0.0)
        self._hurry = 1.0

    def _speed_up(self, took: float) -> None:
        if self._unknown:
            self.rate = min(self.rate * _FIND_OUT, _MOST)
            self._limit = self.rate
            return
        if self.rate < 0.9 * self._limit:
            self.rate = min(self.rate * _CATCH_UP, 0.95 * self._limit)
            return
        self._hurry *= exp(took / _HURRY)
        self.rate += took * min(_CLIMB * sqrt(self.rate) * self._hurry, _STEEPEST * self.rate)
