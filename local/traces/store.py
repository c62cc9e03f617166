"""The newest traces: their documents as they came, and the tree that those make.

A document is a segment, whose subsegments are in it or are sent as documents of their own; ids and parent ids
tie them together, in whatever order they arrive.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

LIMIT = 500  # traces that are kept
MAX_DOCUMENTS = 1_000  # of one trace, so that no loop of a handler fills the memory
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")


@dataclass(slots=True)
class Span:
    """A segment or a subsegment, and what hangs below it: subsegments, then segments, each by time.

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
    orphan: bool = False  # its parent is not there, or not yet


class TraceStore:
    """Keeps the traces that began last."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._documents: OrderedDict[str, dict[str, dict[str, Any]]] = OrderedDict()

    def add(self, document: dict[str, Any]) -> None:
        """Takes a document; one that came before with the same id was in progress, and is replaced.

        A document without a trace id or an id belongs nowhere, and is dropped.
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
        """Ids and documents of the traces that began last, newest first; those whose id has this in it."""
        chosen = [trace_id for trace_id in reversed(self._documents) if containing in trace_id]
        return [(trace_id, list(self._documents[trace_id].values())) for trace_id in chosen[:last]]


def assemble(documents: Iterable[dict[str, Any]]) -> list[Span]:
    """The roots of a trace's trees, in the order of time; a trace whose documents are all there has one."""
    spans = {span.id: span for document in documents for span in _spans(document)}
    roots = []
    # What others did for a span comes after what it did itself: a broadcast after the handler, though it has
    # counted since the message was written.
    for span in sorted(spans.values(), key=lambda span: (span.segment, span.start)):
        parent = spans.get(span.parent_id or "")
        if parent is None or _descends(parent, span, spans):
            span.orphan = span.parent_id is not None
            roots.append(span)
        else:
            parent.children.append(span)
    return sorted(roots, key=lambda span: span.start)


def walk(roots: Iterable[Span]) -> Iterator[tuple[int, Span]]:
    """Every span after its parent, with its depth."""
    waiting = [(0, root) for root in reversed(list(roots))]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in reversed(span.children)]


def _spans(document: dict[str, Any]) -> Iterator[Span]:
    """The document's own span and those that are in it; what is no segment is left out."""
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
    """A Unix time in seconds, if that is what it is: up to the year 33658."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1e12 else None


def _descends(span: Span | None, from_: Span, spans: dict[str, Span]) -> bool:
    """Whether following the parents of a span leads to the other: documents that say so make no tree."""
    seen: set[str] = set()
    while span is not None and span.id not in seen:
        if span is from_:
            return True
        seen.add(span.id)
        span = spans.get(span.parent_id or "")
    return False
