"""The traces that the engine keeps, and the trees that their documents make."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from local.traces.store import MAX_DOCUMENTS, TraceStore, assemble, walk


def trace_id(number: int) -> str:
    return f"1-66a1b2c3-{number:024x}"


def document(own_id: str, parent_id: str | None = None, *, start: float = 1.0, **more: Any) -> dict[str, Any]:
    made = {"id": own_id, "trace_id": trace_id(1), "name": own_id, "start_time": start, "end_time": start + 1}
    return made | ({"parent_id": parent_id} if parent_id else {}) | more


def outline(documents: list[dict[str, Any]]) -> list[str]:
    """Return the names of spans, indented by depth."""
    return ["  " * depth + span.name for depth, span in walk(assemble(documents))]


# trees

LAMBDA = document("lambda")
FUNCTION = document("function", "lambda")
HANDLER = document("handler", "function", type="subsegment", start=1.1)
CALL = document("call", "handler", type="subsegment", start=1.2)
BROADCAST = document(
    "broadcast",
    "function",
    start=1.0,  # since the message was written, before the handler began
    subsegments=[
        {"id": "post", "name": "post", "start_time": 1.5, "end_time": 2},
        {"id": "repair", "name": "repair", "start_time": 1.4, "end_time": 1.5},
    ],
)
TREE = [
    "lambda",
    "  function",
    "    handler",
    "      call",
    "    broadcast",
    "      repair",
    "      post",
]


@pytest.mark.parametrize("order", list(itertools.permutations([LAMBDA, FUNCTION, HANDLER, CALL, BROADCAST])))
def test_documents_make_one_tree_in_whatever_order_they_come(order: tuple[dict[str, Any], ...]) -> None:
    assert outline(list(order)) == TREE


def test_a_span_whose_parent_is_missing_is_a_root_marked_as_an_orphan() -> None:
    roots = assemble([LAMBDA, CALL])
    assert [(root.name, root.orphan) for root in roots] == [("lambda", False), ("call", True)]


@pytest.mark.parametrize(
    "documents",
    [
        [document("self", "self")],
        [document("a", "b"), document("b", "a")],
        [document("a", "c"), document("b", "a"), document("c", "b")],
    ],
)
def test_documents_that_are_their_own_ancestors_are_each_shown_once(documents: list[dict[str, Any]]) -> None:
    names = [span.name for _, span in walk(assemble([*documents, document("below", documents[0]["id"])]))]
    assert sorted(names) == sorted(["below", *(part["id"] for part in documents)])


@pytest.mark.parametrize(
    "part",
    [
        None,
        "text",
        {},
        {"id": 1, "start_time": 1},
        {"id": "x"},
        {"id": "x", "start_time": "1"},
        {"id": "x", "start_time": 10**400},
        {"id": "x", "start_time": -1},
    ],
)
def test_an_invalid_subsegment_is_left_out(part: Any) -> None:
    good = {"id": "good", "name": "good", "start_time": 1}
    assert outline([document("segment", subsegments=[part, good])]) == ["segment", "  good"]


def test_deeply_nested_subsegments_are_read() -> None:
    inner: dict[str, Any] = {"id": "0", "name": "0", "start_time": 1}
    for number in range(1, 5_000):
        inner = {"id": str(number), "name": str(number), "start_time": 1, "subsegments": [inner]}
    assert len(outline([document("segment", subsegments=[inner])])) == 5_001


# the store


def test_a_document_replaces_the_one_that_was_in_progress() -> None:
    traces = TraceStore()
    traces.add(document("a", in_progress=True))
    traces.add(document("a", end_time=9))
    [(_, [kept])] = traces.newest()
    assert kept["end_time"] == 9
    assert "in_progress" not in kept


def test_the_traces_that_began_last_are_kept_and_come_newest_first() -> None:
    traces = TraceStore(limit=3)
    for number in range(5):
        traces.add(document("a", trace_id=trace_id(number)))
    assert [found for found, _ in traces.newest()] == [trace_id(4), trace_id(3), trace_id(2)]
    assert [found for found, _ in traces.newest(last=1)] == [trace_id(4)]
    assert [found for found, _ in traces.newest(containing=trace_id(3)[-8:])] == [trace_id(3)]
    assert traces.newest(containing=trace_id(0)) == []


@pytest.mark.parametrize(
    "bad", [{}, {"trace_id": None}, {"trace_id": 1}, {"trace_id": "1-x"}, {"id": None}, {"id": 7}]
)
def test_a_document_without_a_trace_is_dropped(bad: dict[str, Any]) -> None:
    traces = TraceStore()
    traces.add(document("a") | bad if bad else {})
    assert traces.newest() == []


def test_a_trace_has_a_maximum_of_documents() -> None:
    traces = TraceStore()
    for number in range(MAX_DOCUMENTS + 10):
        traces.add(document(str(number)))
    traces.add(document("0", end_time=9))
    [(_, documents)] = traces.newest()
    assert len(documents) == MAX_DOCUMENTS
    assert documents[0]["end_time"] == 9
