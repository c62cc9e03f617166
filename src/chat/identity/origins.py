"""Of which sites' pages a connection may come."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"


@dataclass(frozen=True, slots=True)
class Origins:
    """Allowed origins as browsers send them, `scheme://host[:port]`; `null` is that of a page from disk."""

    allowed: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Origins:
        """Origins from a list that is separated by commas; `*` allows them all, and an empty list none."""
        return cls(frozenset(origin for part in text.split(",") if (origin := part.strip().lower())))

    def allows(self, origin: str | None) -> bool:
        """Whether a client with this Origin header may connect.

        Every browser sends one, and no page can change it. None is a client that is no browser: that could
        send whatever it likes, so there is nothing to check.
        """
        return origin is None or ANY in self.allowed or origin.lower() in self.allowed
