"""Segments of a broadcast whose own invocation is sampled, or not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.xray import MAX_SEGMENTS, XRay

ROOT = "Root=1-5e1b4151-5ac6c58f5b5daa6532c9dfbf;Parent=53995c3f42cd8ad8"


class Daemon:
    def __init__(self) -> None:
        self.segments: list[Mapping[str, Any]] = []

    def send(self, segment: Mapping[str, Any]) -> None:
        self.segments.append(segment)


class Api:
    """X-Ray's API."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.error: ClientError | None = None

    def put_trace_segments(self, TraceSegmentDocuments: list[str]) -> dict[str, Any]:
        self.calls.append([json.loads(document) for document in TraceSegmentDocuments])
        if self.error:
            raise self.error
        return {"UnprocessedTraceSegments": []}


class Lab:
    def __init__(self) -> None:
        self.daemon, self.api = Daemon(), Api()
        self.xray = XRay(self.daemon)
        self.xray._client = self.api  # type: ignore[misc]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"{ROOT};Sampled=0;Lineage=1:fc3b4ff1:0")
    return Lab()


def test_a_message_is_traced_to_its_end_also_by_an_invocation_that_is_not_sampled(lab: Lab) -> None:
    lab.xray.send({"id": 1})
    lab.xray.send({"id": 2})
    assert (lab.daemon.segments, lab.api.calls) == ([], [])
    lab.xray.flush()
    lab.xray.flush()
    assert (lab.daemon.segments, lab.api.calls) == ([], [[{"id": 1}, {"id": 2}]])


@pytest.mark.parametrize("header", [f"{ROOT};Sampled=1", ""], ids=["sampled", "not on Lambda"])
def test_a_sampled_invocations_segments_go_to_the_daemon_at_once_and_nothing_is_called(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    lab.xray.send({"id": 1})
    assert lab.daemon.segments == [{"id": 1}]
    lab.xray.flush()
    assert lab.api.calls == []


def test_an_invocation_makes_one_call_at_most_however_many_messages_were_sampled(lab: Lab) -> None:
    for number in range(MAX_SEGMENTS + 10):
        lab.xray.send({"id": number})
    lab.xray.flush()
    assert [len(call) for call in lab.api.calls] == [MAX_SEGMENTS]


def test_segments_that_cannot_be_sent_fail_nothing_and_are_not_kept(lab: Lab) -> None:
    lab.api.error = ClientError({"Error": {"Code": "ThrottledException", "Message": ""}}, "PutTraceSegments")
    lab.xray.send({"id": 1})
    lab.xray.flush()
    lab.api.error = None
    lab.xray.flush()
    assert len(lab.api.calls) == 1
