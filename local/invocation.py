"""How the gateway and the mappings call a function, whatever runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """What a call came to: the JSON that the handler returned or, when it failed, Lambda's error document."""

    payload: bytes
    error: str | None = None  # "Unhandled", as in Lambda's X-Amz-Function-Error


# Calls the function of that name with an event; never raises for what the function does.
type Invoke = Callable[[str, dict[str, Any]], Awaitable[Result]]
