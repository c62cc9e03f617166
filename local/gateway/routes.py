"""The route of a message: the API's route selection expression."""

from __future__ import annotations

import json
import re
from typing import Any

DEFAULT = "$default"

# The two ways to write a variable:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
_EXPRESSION = re.compile(r"\$request\.body\.([\w.-]+)|\$\{request\.body\.([\w.-]+)\}")


class RouteSelection:
    """Reads the route key of a message.

    Raises ValueError if the expression is not one variable of the body; other forms are not used in practice.
    """

    def __init__(self, expression: str) -> None:
        match = _EXPRESSION.fullmatch(expression)
        if match is None:
            raise ValueError(
                f"route selection expression {expression!r} is not supported; use $request.body.<path>"
            )
        self._path = (match[1] or match[2]).split(".")

    def key(self, message: str) -> str:
        """Return the message's route key, or $default.

        $default is for a message that is not a JSON object, has no string there, or names a predefined route
        such as $connect.
        """
        try:
            value: Any = json.loads(message)
        except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets
            return DEFAULT
        for name in self._path:
            if not isinstance(value, dict):
                return DEFAULT
            value = value.get(name)
        if not isinstance(value, str) or value.startswith("$"):
            return DEFAULT
        return value
