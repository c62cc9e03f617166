"""Which origins may connect."""

from __future__ import annotations

import re
from dataclasses import dataclass

ANY = "*"
_DEFAULT_PORTS = {"http://": ":80", "https://": ":443"}
_SUBDOMAINS = "://*."
_LABELS = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Origins:
    """Allowed origins as browsers send them, `scheme://host[:port]`; `null` is a page from disk.

    `subdomains` are the parts of `scheme://*.host[:port]` before and after the star.
    """

    allowed: frozenset[str]
    subdomains: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Origins:
        """Parse a comma-separated list. `*` allows every origin, an empty list none.

        `https://*.example.com` allows all subdomains of example.com, of any depth, but not itself.
        """
        listed = [_as_sent(origin) for part in text.split(",") if (origin := part.strip())]
        subdomains = [origin for origin in listed if _SUBDOMAINS in origin]
        parts = [origin.split("*", 1) for origin in subdomains]
        return cls(
            frozenset(listed) - frozenset(subdomains), tuple((before, after) for before, after in parts)
        )

    def allows(self, origin: str | None) -> bool:
        """True if a client with this Origin header may connect.

        Every browser sends the header, and no page can change it. A client without it is not a browser. It
        could send any origin, so there is nothing to check.
        """
        if origin is None or ANY in self.allowed:
            return True
        sent = origin.lower()
        return sent in self.allowed or any(
            sent.startswith(before)
            and sent.endswith(after)
            and _LABELS.fullmatch(sent, len(before), len(sent) - len(after)) is not None
            for before, after in self.subdomains
        )


def _as_sent(origin: str) -> str:
    """Return an origin as browsers send it: in lower case, without the default port of its scheme."""
    lowered = origin.lower()
    for scheme, port in _DEFAULT_PORTS.items():
        if lowered.startswith(scheme):
            return lowered.removesuffix(port)
    return lowered
