"""A person, as the others in a room see one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

MAX_USER = 128  # characters


def is_user(value: object) -> TypeGuard[str]:
    """Whether this can name a person: 1 to 128 printable characters."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_USER and value.isprintable()


@dataclass(frozen=True, slots=True)
class Person:
    """`user` names the person for good, `name` is what they call themselves."""

    user: str
    name: str
