"""A person, as the others in a room see one."""

from __future__ import annotations

from dataclasses import dataclass

MAX_USER = 128  # characters


@dataclass(frozen=True, slots=True)
class Person:
    """`user` names the person for good, `name` is what they call themselves."""

    user: str
    name: str
