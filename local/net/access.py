"""Which requests the engine's ports answer.

Any page that is open in the developer's browser can send requests to loopback. The browser marks them: they
carry `Sec-Fetch-*` and, where they could do harm, `Origin`. A foreign host name can also resolve to 127.0.0.1
(DNS rebinding), and a page of that name then reads what is served here as its own. Its requests still name
that host.

API Gateway itself checks no Origin, only signatures and the authorizer's answer. There a page reaches only
what everybody can reach.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-control-access.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from local.net.http_server import Request, Response

# Containers call this machine by the last one: https://docs.docker.com/desktop/features/networking/
NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "host.docker.internal"})
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([^/]+)", re.IGNORECASE)  # also capacitor:// of apps, and the like
_DEFAULT_PORT = re.compile(r"(http://.+):80|(https://.+):443")


def normalize_origin(text: str) -> str:
    """Return an origin as browsers send it. Raises ValueError if the text is not an origin."""
    normalized = text.rstrip("/").lower()
    if match := _DEFAULT_PORT.fullmatch(normalized):
        normalized = match[1] or match[2]
    if _origin_host(normalized) is None:
        raise ValueError(f"{text} is not an origin, such as https://chat.example.com or http://app.test:3000")
    return normalized


class AccessPolicy:
    """Allows requests that name this machine, from no page, a local page, or a page of an allowed origin.

    `also_on` is another address of this machine. Raises ValueError if one of `origins` is not an origin.
    """

    def __init__(self, also_on: str | None = None, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(normalize_origin(text) for text in origins)
        bracketed = f"[{also_on}]" if also_on and ":" in also_on else also_on
        self._names = NAMES | ({bracketed.lower()} if bracketed else frozenset())
        # A developer who allows http://app.test:8080 may have given 127.0.0.1 that name.
        self._hosts = self._names | {_origin_host(allowed) for allowed in self._origins}

    def check(self, request: Request) -> Response | None:
        """Return the 403 for a request that is not allowed. None for any other."""
        host, origin = request.header("host"), request.header("origin")
        if not self.allows_host(host):
            name = _printable(host)
            return forbidden(
                f"{name} is not a name of this machine; allow it by `--allow-origin http://{name}`"
            )
        if not self.allows_origin(origin):
            page = _printable(origin)
            return forbidden(f"pages of {page} are not allowed; allow them by `--allow-origin {page}`")
        return None

    def allows_host(self, host: str | None) -> bool:
        """True if a Host header names this machine, with any port."""
        return _host(host or "") in self._hosts

    def allows_origin(self, origin: str | None) -> bool:
        """True if there is no Origin header, or it names a page that may connect.

        A page from disk may connect: browsers send `null` for it, or `file://` where they treat files as one
        origin. A foreign page's sandboxed frame also sends `null` and is let in; all it can do is chat.
        """
        if origin in (None, "null", "file://"):
            return True
        return origin.lower() in self._origins or _origin_host(origin) in self._names


def from_a_page(request: Request) -> bool:
    """True if a browser sent the request for a page.

    A page cannot leave out or set headers of these names: https://www.w3.org/TR/fetch-metadata/
    """
    names = [name.lower() for name, _ in request.headers]
    return any(name == "origin" or name.startswith("sec-fetch-") for name in names)


def forbidden(reason: str) -> Response:
    """Return a 403 of one plain line."""
    return Response(403, f"forbidden: {reason}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),))


def _host(authority: str) -> str | None:
    match = _AUTHORITY.fullmatch(authority)
    return match[1].lower() if match else None


def _origin_host(origin: str) -> str | None:
    match = _ORIGIN.fullmatch(origin)
    return _host(match[1]) if match else None


def _printable(value: str | None) -> str:
    return "nothing" if value is None else "".join(c if c.isprintable() else "?" for c in value[:200])
