"""Read the fields of API Gateway's handshake events, which $connect and its authorizer share."""

from __future__ import annotations

from typing import Any


def header(event: dict[str, Any], name: str) -> str | None:
    """Return a header by its lower-case name. API Gateway passes names as the client wrote them."""
    headers = {key.lower(): value for key, value in (event.get("headers") or {}).items()}
    value: str | None = headers.get(name)
    return value


def query(event: dict[str, Any], name: str) -> str | None:
    """Return the last value of a query parameter."""
    value: str | None = (event.get("queryStringParameters") or {}).get(name)
    return value


def rooms(event: dict[str, Any]) -> list[str]:
    """Return every `?room=`."""
    values: list[str] = (event.get("multiValueQueryStringParameters") or {}).get("room") or []
    return values
