"""Which callers the engine's ports answer.

Every page that the developer's browser has open can send requests to loopback. The browser says so: a page's
requests carry `Sec-Fetch-*` and, where they could do harm, `Origin`. And a stranger's host name can resolve
to 127.0.0.1, so that a page of that name reads what is served here as if it were its own (DNS rebinding); but
its requests still name that host.

API Gateway itself checks no Origin, only signatures and what an authorizer says: there a page reaches only
what everybody can reach.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-control-access.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from local.net.http_server import Request, Response

# The last is what containers call this machine: https://docs.docker.com/desktop/features/networking/
NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "host.docker.internal"})
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://([^/]+)", re.IGNORECASE)


def origin(text: str) -> str:
    """An origin as browsers send it. Raises ValueError for what is none."""
    found = text.rstrip("/").lower()
    if _origin_host(found) is None:
        raise ValueError(f"{text} is not an origin, such as https://chat.example.com or http://app.test:3000")
    return found


class Callers:
    """Those who name this machine, and pages of its own, from disk, or of the `origins` that are allowed.

    `also_on` is another address by which this machine is named. Raises ValueError for what is no origin.
    """

    def __init__(self, also_on: str | None = None, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin(each) for each in origins)
        bracketed = f"[{also_on}]" if also_on and ":" in also_on else also_on
        self._names = NAMES | ({bracketed.lower()} if bracketed else frozenset())
        # Whoever allows http://app.test:8080 may have named 127.0.0.1 so.
        self._hosts = self._names | {_origin_host(each) for each in self._origins}

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that is not for us or not from whom it should be, None for any other."""
        host, origin = request.header("host"), request.header("origin")
        if not self.named(host):
            name = _shown(host)
            return refused(f"{name} is no name of this machine; `--allow-origin http://{name}` allows it")
        if not self.admits(origin):
            return refused(f"pages of {_shown(origin)} may not; `--allow-origin {_shown(origin)}` allows it")
        return None

    def named(self, host: str | None) -> bool:
        """Whether a Host header names this machine, whatever the port."""
        return _host(host or "") in self._hosts

    def admits(self, origin: str | None) -> bool:
        """Whether an Origin header, if there is one, is that of a page that may speak to us.

        A page from disk may: browsers send `null` for it, or `file://` where its files are one origin. `null`
        is also what a stranger's sandboxed frame sends, and so gets in: what it can do is chat.
        """
        if origin in (None, "null", "file://"):
            return True
        return origin.lower() in self._origins or _origin_host(origin) in self._names


def from_a_page(request: Request) -> bool:
    """Whether a browser sent the request for some page, whichever.

    No page can leave out, or set, headers of these names: https://www.w3.org/TR/fetch-metadata/
    """
    names = [name.lower() for name, _ in request.headers]
    return any(name == "origin" or name.startswith("sec-fetch-") for name in names)


def refused(why: str) -> Response:
    """A 403 of one plain line."""
    return Response(403, f"refused: {why}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),))


def _host(authority: str) -> str | None:
    match = _AUTHORITY.fullmatch(authority)
    return match[1].lower() if match else None


def _origin_host(origin: str) -> str | None:
    match = _ORIGIN.fullmatch(origin)
    return _host(match[1]) if match else None


def _shown(value: str | None) -> str:
    return "nothing" if value is None else "".join(c if c.isprintable() else "?" for c in value[:200])
