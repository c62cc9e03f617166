"""The traces over HTTP: `/_local/traces` for people, `/_local/traces.json` for programs.

The page follows a running chat; waterfall.py shows the same rows in the terminal that runs the engine, where
there may be no browser.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from local.errors import LocalError
from local.net.http_server import Request, Response
from local.traces.store import Span, TraceStore, assemble, walk

PREFIX = "/_local/"
_PAGE = Path(__file__).with_name("traces.html")
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    (
        "Content-Security-Policy",
        "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)


class TracePages:
    def __init__(self, traces: TraceStore) -> None:
        self._traces = traces

    def get(self, request: Request) -> Response | None:
        """Return the response to a path below `/_local/`. None if there is no such page."""
        if request.method not in ("GET", "HEAD"):
            return None
        match request.path.removeprefix(PREFIX):
            case "traces":
                return _response("text/html; charset=utf-8", _PAGE.read_bytes())
            case "traces.json":
                return _response("application/json", self._json(parse_qs(request.query)))
        return None

    def _json(self, query: dict[str, list[str]]) -> bytes:
        """Return the traces that `?last=N` and `?id=PART` choose."""
        last = query.get("last", [""])[0]
        chosen = self._traces.newest(
            int(last[:9]) if last.isascii() and last.isdigit() else None, query.get("id", [""])[0]
        )
        return json.dumps({"traces": [_trace(*trace) for trace in chosen]}).encode()


def _response(content_type: str, body: bytes) -> Response:
    return Response(200, body, (("Content-Type", content_type), *_HEADERS))


def _trace(trace_id: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a summary, the rows of a waterfall (in seconds from the first start), and the documents."""
    rows = list(walk(assemble(documents)))
    spans = [span for _, span in rows]
    start = min((span.start for span in spans), default=0.0)
    end = max((span.end or span.start for span in spans), default=start)
    return {
        "id": trace_id,
        "name": spans[0].name if spans else "?",
        "start_time": start,
        "duration": end - start,
        "in_progress": any(span.end is None for span in spans),
        "annotations": _annotations(spans),
        **{flag: any(_flag(span, flag) for span in spans) for flag in _FLAGS},
        "rows": [_row(depth, span, start) for depth, span in rows],
        "documents": documents,
    }


_FLAGS = ("fault", "error", "throttle")


def _flag(span: Span, flag: str) -> bool:
    return span.document.get(flag) is True


def _annotations(spans: Iterable[Span]) -> dict[str, Any]:
    """Return the segments' annotations. If several have the same, as the slices of a room, the first wins."""
    found: dict[str, Any] = {}
    for span in spans:
        if span.segment:
            found = _object(span.document.get("annotations")) | found
    return found


def _row(depth: int, span: Span, start: float) -> dict[str, Any]:
    aws = _object(span.document.get("aws"))
    detail = [aws.get("operation"), aws.get("table_name"), span.document.get("origin")]
    return {
        "id": span.id,
        "parent_id": span.parent_id,
        "depth": depth,
        "name": span.name,
        "segment": span.segment,
        "detail": " ".join(part for part in detail if isinstance(part, str)),
        "start": span.start - start,
        "duration": None if span.end is None else max(0.0, span.end - span.start),
        "annotations": _object(span.document.get("annotations")),
        "flags": [flag for flag in _FLAGS if _flag(span, flag)] + ["orphan"] * span.orphan,
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def fetch(port: int, *, last: int, containing: str) -> list[dict[str, Any]]:
    """Return the traces of the engine on that port, newest first. Raises LocalError without an engine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", f"{PREFIX}traces.json?{urlencode({'last': last, 'id': containing})}")
        answer = connection.getresponse()
        if answer.status != 200:
            raise LocalError(
                f"port {port} is not an engine's (status {answer.status}); give its port with --port"
            )
        traces: list[dict[str, Any]] = json.loads(answer.read())["traces"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise LocalError(
            f"no engine answers on port {port}; start it, or give its port with --port: {error}"
        ) from error
    finally:
        connection.close()
    return traces
