"""The data beside a message's text: JSON that a parser of any language can read.

One message that a client cannot parse hides its whole page of the history from that client. Parsers bound
how deep JSON nests (.NET's System.Text.Json 64 levels, Ruby's 100, Rust's serde_json 128), read numbers as
doubles (Go, JavaScript, PHP), or cut text at U+0000.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from chat.protocol.errors import InvalidMessage, MessageTooLarge

MAX_DATA = 4 * 1024  # bytes, encoded
MAX_LEVELS = 32  # of lists and objects; a frame adds three


def encode(value: Any) -> str | None:
    """Return data as JSON text, None for null. Raises InvalidMessage and MessageTooLarge."""
    if value is None:
        return None
    _require_readable(value, MAX_LEVELS)
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        size = len(data.encode())
    except UnicodeEncodeError as error:
        raise InvalidMessage('"data" cannot hold half characters (lone surrogates).') from error
    if size > MAX_DATA:
        raise MessageTooLarge(f'"data" holds {MAX_DATA} bytes of JSON at most.')
    return data


def canonical(data: str) -> str:
    """Return the same text for all JSON texts of one value: keys are sorted, and numbers are doubles.

    A client that encodes a message again before it sends it again may order keys as it likes, and write 1.0
    as 1.
    """
    return json.dumps(json.loads(data, parse_int=_double, parse_float=_double), sort_keys=True)


def _double(text: str) -> float:
    return float(text) + 0.0  # 0.0 for -0.0


def _require_readable(value: Any, levels: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidMessage('"data" cannot hold the character U+0000.')
    elif isinstance(value, int | float):
        if not _fits_a_double(value):
            raise InvalidMessage('A number in "data" must fit a double: send larger ones as text.')
    elif isinstance(value, list | dict):
        if not levels:
            raise InvalidMessage(f'"data" nests {MAX_LEVELS} lists and objects at most.')
        for each in value:
            _require_readable(each, levels - 1)
        for each in value.values() if isinstance(value, dict) else ():
            _require_readable(each, levels - 1)


def _fits_a_double(number: float) -> bool:
    try:
        return isfinite(number)
    except OverflowError:  # an integer
        return False
