"""Which origins may connect."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"


@dataclass(frozen=True, slots=True)
class Origins:
    """Allowed origins as browsers send them, `scheme://host[:port]`; `null` is a page from disk."""

    allowed: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Origins:
        """Parse a comma-separated list. `*` allows every origin, an empty list none."""
        return cls(frozenset(origin for part in text.split(",") if (origin := part.strip().lower())))

    def allows(self, origin: str | None) -> bool:
        """True if a client with this Origin header may connect.

        Every browser sends the header, and no page can change it. A client without it is not a browser. It
        could send any origin, so there is nothing to check.
        """
        return origin is None or ANY in self.allowed or origin.lower() in self.allowed
