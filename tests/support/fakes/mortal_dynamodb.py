"""A DynamoDB client of a process that can die."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """The process has died. Not an Exception, so that no `except Exception` catches it."""


class MortalDynamoDB:
    """A DynamoDB client whose process dies right after one of its calls has been carried out.

    `calls` counts what was asked. One lock serves them one at a time, as DynamoDB serialises the writes of an
    item.
    """

    def __init__(self, client: Any, dies_after: int | None = None) -> None:
        self._client = client
        self._dies_after = dies_after
        self._lock = threading.Lock()
        self.calls: list[str] = []
        self.asked: list[dict[str, Any]] = []  # the arguments of each call

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            with self._lock:
                self.calls.append(operation)
                self.asked.append(arguments)
                number = len(self.calls)
                try:
                    return getattr(self._client, operation)(**arguments)
                finally:  # a condition that does not hold is an answer too
                    if number == self._dies_after:
                        raise Killed

        return call
