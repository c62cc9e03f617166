"""One trace per message: from the function that accepted it to the broadcast that delivered it.

X-Ray follows an SQS queue by itself, but not a DynamoDB stream
(https://docs.aws.amazon.com/xray/latest/devguide/xray-tracelinking.html). So the message function stores its
trace header with the message, and the fan-out sends a segment of its own into that trace.

The segment goes to the daemon as a raw document. Inside Lambda the X-Ray SDK can send only subsegments of the
running function's segment (`put_segment` in aws_xray_sdk/core/lambda_launcher.py does nothing).
Format: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html; transport:
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Protocol

_PREAMBLE = b'{"format":"json","version":1}\n'
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_SEGMENT_ID = re.compile(r"[0-9a-f]{16}")
_NOTHING = nullcontext()  # may be entered many times, at the same time too

# What a broadcast spends its time on. "enqueue": the tasks of a large room's slices.
type Phase = Literal["repair", "read members", "post", "enqueue"]


def header() -> str | None:
    """Return the running call's trace, as text to store with a message. None if it is not sampled.

    Segments that are sent into that trace later hang under the function's own segment. An unsampled message
    stores nothing, and costs nothing from here on.
    """
    # The runtime client sets the variable for each call, and a process has one call at a time.
    place = _read(os.environ.get("_X_AMZN_TRACE_ID", ""))
    return place and f"Root={place[0]};Parent={place[1]};Sampled=1"


def _read(text: str) -> tuple[str, str] | None:
    """Return the trace id and parent id of a sampled header. Its fields may be in any order, beside others.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """
    fields = dict(field.strip().partition("=")[::2] for field in text.split(";"))
    root, parent = fields.get("Root", ""), fields.get("Parent", "")
    if fields.get("Sampled") != "1" or not _TRACE_ID.fullmatch(root) or not _SEGMENT_ID.fullmatch(parent):
        return None
    return root, parent


class Sink(Protocol):
    """Takes segments."""

    def send(self, segment: Mapping[str, Any]) -> None: ...


class XRayDaemon:
    """The X-Ray daemon. A segment that it does not take at once is lost: tracing never delays a broadcast.

    `address` is AWS_XRAY_DAEMON_ADDRESS: `host:port`, or `tcp:host:port udp:host:port` in either order, with
    an IPv4 or IPv6 address as host. Without a valid address nothing is sent.
    """

    def __init__(self, address: str | None) -> None:
        self._socket: socket.socket | None = None
        with suppress(OSError, ValueError):
            family, kind, protocol, _, self._address = _resolve(address or "")
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)

    def send(self, segment: Mapping[str, Any]) -> None:
        if self._socket is not None:
            with suppress(OSError):  # no daemon, a full buffer, or more than a datagram holds
                document = json.dumps(segment, separators=(",", ":")).encode()
                self._socket.sendto(_PREAMBLE + document, self._address)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _resolve(address: str) -> Any:
    """Return the first result of getaddrinfo. Raises ValueError or OSError if the address is not valid."""
    (udp,) = [place.removeprefix("udp:") for place in address.split() if not place.startswith("tcp:")]
    host, colon, port = udp.rpartition(":")
    if not colon:
        raise ValueError(f"no port in {udp!r}")
    # Only numbers: resolving a name could take seconds.
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM, flags=flags)[0]


@dataclass(frozen=True, slots=True)
class _Origin:
    """A sampled message: the trace and segment that wrote it, and when."""

    trace_id: str
    parent_id: str
    written: float


@dataclass(slots=True)
class _Span:
    """A phase, from its first start to its last end."""

    start: float
    end: float
    times: int = 0
    failed: bool = False


class BroadcastTrace:
    """A broadcast of one room's run of messages, for the traces of its sampled messages.

        with BroadcastTrace(daemon, room, [(message.trace, message.at), ...]) as trace:
            with trace.phase("repair"):
                ...
            trace.annotate(recipients=3, delivered=3, gone=0, shed=0)

    `run` has, for each message, the result of `header` when it was written, and the time (ISO 8601). At the
    end, also if the broadcast fails, one segment goes into each sampled message's trace. It begins when the
    message was written, so its length is the delay that people see. Without a sampled message nothing is
    recorded. `slice` is the number of the slice, if the room is large.

    A segment has 1 to 2 KB, however large the room: phases are merged by name, and posts have none. Can be
    used from the tasks of one event loop.
    """

    def __init__(
        self,
        sink: Sink,
        room: str,
        run: Iterable[tuple[str | None, str]],
        *,
        slice: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._start = clock()
        self._annotations: dict[str, str | int] = {"room": room}
        self._name, self._waited = "Roomcast broadcast", "wait in stream"
        if slice is not None:
            self._annotations["slice"] = slice
            self._name, self._waited = "Roomcast slice", "wait in stream and queue"
        self._origins: list[_Origin] = []
        self._phases: dict[str, _Span] = {}
        coalesced = 0
        for trace, at in run:
            coalesced += 1
            if trace is not None and (place := _read(trace)):
                self._origins.append(_Origin(*place, self._written(at)))
        self._annotations["coalesced"] = coalesced

    def _written(self, at: str) -> float:
        try:
            written = datetime.fromisoformat(at).timestamp()
        except ValueError:
            return self._start
        return min(written, self._start)  # another machine's clock may be ahead

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Time a phase. Entered again, per page, it is one phase from the first start to the last end."""
        return self._timed(name) if self._origins else _NOTHING

    @contextmanager
    def _timed(self, name: str) -> Generator[None]:
        start = self._clock()
        failed = True
        try:
            yield
            failed = False
        finally:
            end = self._clock()
            span = self._phases.setdefault(name, _Span(start, end))
            span.start, span.end = min(span.start, start), max(span.end, end)
            span.times += 1
            span.failed |= failed

    def annotate(self, **counts: int) -> None:
        """Add annotations: `recipients`, `delivered`, `gone`, `shed`, and others to search for."""
        self._annotations.update(counts)

    def __enter__(self) -> BroadcastTrace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._origins:
            return
        end = self._clock()
        ended = {"name": self._name, "end_time": end, "annotations": self._annotations, **_flags(kind)}
        if kind is None and self._annotations.get("shed"):
            ended["error"] = True  # a connection was shed; nothing is broken on our side
        phases = [_subsegment(name, span) for name, span in self._phases.items()]
        for origin in self._origins:
            waited = _subsegment(self._waited, _Span(origin.written, self._start))
            self._sink.send(
                {
                    **ended,
                    "id": _id(),
                    "trace_id": origin.trace_id,
                    "parent_id": origin.parent_id,
                    "start_time": origin.written,
                    "subsegments": [waited, *phases],
                }
            )


def _subsegment(name: str, span: _Span) -> dict[str, Any]:
    subsegment = {"id": _id(), "name": name, "start_time": span.start, "end_time": span.end}
    if span.times > 1:
        subsegment["annotations"] = {"times": span.times}
    return subsegment | ({"fault": True} if span.failed else {})


def _flags(kind: type[BaseException] | None) -> dict[str, Any]:
    """Return the error without its text, which may quote a message."""
    if kind is None:
        return {}
    return {"fault": True, "cause": {"exceptions": [{"id": _id(), "type": kind.__name__}]}}


def _id() -> str:
    """64 random bits: ids need to differ within one trace only."""
    return secrets.token_hex(8)
