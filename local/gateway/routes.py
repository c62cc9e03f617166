"""Which route a message takes: the API's route selection expression."""

from __future__ import annotations

import json
import re
from typing import Any

DEFAULT = "$default"

# The two ways to write a variable:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
_EXPRESSION = re.compile(r"\$request\.body\.([\w.-]+)|\$\{request\.body\.([\w.-]+)\}")


class RouteSelection:
    """Reads the route key out of a message.

    Raises ValueError for an expression that is not one body variable, which is all that a WebSocket API's
    routes are selected by in practice.
    """

    def __init__(self, expression: str) -> None:
        match = _EXPRESSION.fullmatch(expression)
        if match is None:
            raise ValueError(f"route selection expression {expression!r}: only $request.body.<path> is read")
        self._path = (match[1] or match[2]).split(".")

    def key(self, message: str) -> str:
        """The message's route key; $default for anything that does not name a route of its own.

        That is what is no JSON object, has no string there, or names one of the predefined routes, which the
        API reserves for itself.
        """
        try:
            value: Any = json.loads(message)
        except (ValueError, RecursionError):  # thousands of nested brackets are no JSON to us
            return DEFAULT
        for name in self._path:
            if not isinstance(value, dict):
                return DEFAULT
            value = value.get(name)
        if not isinstance(value, str) or value.startswith("$"):
            return DEFAULT
        return value
