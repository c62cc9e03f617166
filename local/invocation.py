"""How the gateway and the mappings call a function, independent of what runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a call: the JSON that the handler returned, or Lambda's error document if it failed."""

    payload: bytes
    error: str | None = None  # "Unhandled", as in Lambda's X-Amz-Function-Error


# Calls the named function with an event. A failure of the function is a result, never an exception.
type Invoke = Callable[[str, dict[str, Any]], Awaitable[Result]]
