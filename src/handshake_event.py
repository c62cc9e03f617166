"""Read the fields of API Gateway's handshake events, which $connect and its authorizer share."""

from __future__ import annotations

from typing import Any


def header(event: dict[str, Any], name: str) -> str | None:
    """Return a header by its lower-case name, several lines as one list (RFC 9110, section 5.3).

    API Gateway passes names as the client wrote them, and in `headers` only the last line of a name.
    """
    sent = (event.get("multiValueHeaders") or {}).items()
    lines = [line for key, values in sent if key.lower() == name for line in values]
    return ", ".join(lines) if lines else None


def query(event: dict[str, Any], name: str) -> str | None:
    """Return the last value of a query parameter."""
    value: str | None = (event.get("queryStringParameters") or {}).get(name)
    return value


def rooms(event: dict[str, Any]) -> list[str]:
    """Return every `?room=`."""
    values: list[str] = (event.get("multiValueQueryStringParameters") or {}).get("room") or []
    return values
