"""The newest traces: their documents as received, and the tree of their spans.

A document is a segment. Its subsegments are inside it or come as documents of their own. Ids and parent ids
connect them, in whatever order they arrive.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

LIMIT = 500  # traces that are kept
MAX_DOCUMENTS = 1_000  # of one trace: an endless loop in a handler must not fill the memory
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")


@dataclass(slots=True)
class Span:
    """A segment or a subsegment, with its children: subsegments, then segments, each by time.

    Times are Unix seconds.
    """

    id: str
    parent_id: str | None
    name: str
    start: float
    end: float | None  # None while it is in progress
    document: dict[str, Any]
    segment: bool  # else a subsegment
    children: list[Span] = field(default_factory=list)
    orphan: bool = False  # its parent is missing, perhaps not yet received


class TraceStore:
    """The traces that began last."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._documents: OrderedDict[str, dict[str, dict[str, Any]]] = OrderedDict()

    def add(self, document: dict[str, Any]) -> None:
        """Add a document; an earlier one with the same id was in progress, and is replaced.

        A document without a trace id or an id is dropped.
        """
        trace_id, own_id = document.get("trace_id"), document.get("id")
        if not isinstance(trace_id, str) or not _TRACE_ID.fullmatch(trace_id) or not isinstance(own_id, str):
            return
        documents = self._documents.setdefault(trace_id, {})
        if len(documents) < MAX_DOCUMENTS or own_id in documents:
            documents[own_id] = document
        if len(self._documents) > self._limit:
            self._documents.popitem(last=False)

    def newest(self, last: int | None = None, containing: str = "") -> list[tuple[str, list[dict[str, Any]]]]:
        """Return ids and documents of the newest traces whose id contains the text, newest first."""
        chosen = [trace_id for trace_id in reversed(self._documents) if containing in trace_id]
        return [(trace_id, list(self._documents[trace_id].values())) for trace_id in chosen[:last]]


def assemble(documents: Iterable[dict[str, Any]]) -> list[Span]:
    """Return the roots of a trace's trees, by time; a complete trace has one root."""
    spans = {span.id: span for document in documents for span in _spans(document)}
    roots = []
    circular = _circular(spans)
    # Segments below a span come after its subsegments: a broadcast after the handler, although its time
    # counts from when the message was written.
    for span in sorted(spans.values(), key=lambda span: (span.segment, span.start)):
        parent = spans.get(span.parent_id or "")
        if parent is None or span.id in circular:
            span.orphan = span.parent_id is not None
            roots.append(span)
        else:
            parent.children.append(span)
    return sorted(roots, key=lambda span: span.start)


def walk(roots: Iterable[Span]) -> Iterator[tuple[int, Span]]:
    """Yield every span after its parent, with its depth."""
    waiting = [(0, root) for root in reversed(list(roots))]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in reversed(span.children)]


def _spans(document: dict[str, Any]) -> Iterator[Span]:
    """Yield the spans of a document; a part that is not a segment is skipped."""
    waiting: list[tuple[Any, str | None]] = [(document, document.get("parent_id"))]
    while waiting:
        part, parent_id = waiting.pop()
        if not isinstance(part, dict):
            continue
        own_id, start, inner = part.get("id"), _time(part.get("start_time")), part.get("subsegments")
        if not isinstance(own_id, str) or start is None:
            continue
        yield Span(
            own_id,
            parent_id if isinstance(parent_id, str) else None,
            str(part.get("name")),
            start,
            _time(part.get("end_time")),
            part,
            part is document and part.get("type") != "subsegment",
        )
        if isinstance(inner, list):
            waiting += [(child, own_id) for child in reversed(inner)]


def _time(value: object) -> float | None:
    """Return a Unix time in seconds (up to the year 33658). None if it is not one."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1e12 else None


def _circular(spans: dict[str, Span]) -> set[str]:
    """Return the ids of spans that are their own ancestors: a broken tracer may send such documents."""
    walked: dict[str, int] = {}  # the walk that first reached a span
    circular: set[str] = set()
    for number, start in enumerate(spans.values()):
        path: list[str] = []
        span: Span | None = start
        while span is not None and span.id not in walked:
            walked[span.id] = number
            path.append(span.id)
            span = spans.get(span.parent_id or "")
        if span is not None and walked[span.id] == number:  # this walk has returned to its own path
            circular.update(path[path.index(span.id) :])
    return circular
