"""The keys that tokens are signed with: when to fetch them, and how long to trust them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger(child=True)

PAUSE = 30  # seconds between two fetches, however many tokens fail meanwhile
FIRST_PAUSE = 5  # and while there are no keys at all, when nobody can connect


class KeysUnavailable(Exception):
    """No keys are known, and none can be fetched. The text is the reason, for the log."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key for one algorithm. `id` is the `kid` of the tokens that it signs, None for any token."""

    algorithm: str
    id: str | None
    value: Any  # as PyJWT takes it

    def fits(self, algorithm: str, kid: str | None) -> bool:
        """True if this key may have signed a token with this header."""
        return algorithm == self.algorithm and (self.id is None or kid is None or kid == self.id)


class SigningKeys:
    """Keys that are fetched at first use, when they are old, and for a token that no known key fits.

    However many threads and tokens there are, there is one fetch at a time, and half a minute between two.
    Known keys stay in use while no others can be fetched.
    """

    def __init__(
        self,
        fetch: Callable[[], Sequence[Key]],
        algorithms: Sequence[str],
        *,
        lifetime: float,
        now: Callable[[], float] = time.time,  # not monotonic: that stops while Lambda freezes the process
    ) -> None:
        """`fetch` returns keys for these algorithms, or raises KeysUnavailable. `lifetime` is in seconds."""
        self.algorithms = algorithms
        self._fetch = fetch
        self._lifetime = lifetime
        self._now = now
        self._lock = threading.Lock()
        self._keys: Sequence[Key] = ()
        self._fetched = self._tried = float("-inf")

    def candidates(self) -> Iterator[Sequence[Key]]:
        """Yield the known keys, then newly fetched ones if none of the known keys fits the token.

        Raises KeysUnavailable.
        """
        known = self._known()
        yield known
        newer = self._newest()
        if newer is not known:
            yield newer

    def _known(self) -> Sequence[Key]:
        with self._lock:
            if not 0 <= self._now() - self._fetched < self._lifetime:
                self._refresh()
            if not self._keys:
                raise KeysUnavailable("no keys could be fetched")
            return self._keys

    def _newest(self) -> Sequence[Key]:
        with self._lock:
            self._refresh()
            return self._keys

    def _refresh(self) -> None:
        """Fetch keys, unless this or another thread fetched or tried a moment ago."""
        now = self._now()
        if 0 <= now - self._tried < (PAUSE if self._keys else FIRST_PAUSE):
            return
        self._tried = now
        try:
            self._keys = self._fetch()
        except KeysUnavailable as failure:
            logger.error("signing keys not fetched", reason=str(failure), known=len(self._keys))
        else:
            self._fetched = now
