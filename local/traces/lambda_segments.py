"""The two segments that Lambda itself sends to X-Ray per call; the function's own subsegments are below them.

"Lambda records two segments for each trace": AWS::Lambda is the service, from accepting the call to its end.
AWS::Lambda::Function is the function at work, with its cold start.
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from local.invocation import Result

type Record = Callable[[dict[str, Any]], None]


class CallTrace:
    """The trace of one call, from its creation on; a sampled one passes its segments to `record`."""

    def __init__(
        self,
        *,
        function: str,
        arn: str,
        request_id: str,
        sampled: bool,
        record: Record,
        lineage: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._function = function
        self._arn = arn
        self._request_id = request_id
        self._sampled = sampled
        self._record = record
        self._lineage = f";{lineage}" if lineage else ""
        self._clock = clock
        self._accepted = clock()
        self._id = f"1-{int(self._accepted):08x}-{secrets.token_hex(12)}"
        self._function_id = secrets.token_hex(8)
        self._initialized: tuple[float, float] | None = None
        self._delivered: float | None = None

    @property
    def header(self) -> str:
        """The trace header that Lambda makes for a caller without one. The parent is the function's segment.

        https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
        """
        return f"Root={self._id};Parent={self._function_id};Sampled={int(self._sampled)}{self._lineage}"

    def delivered(self, initialized: tuple[float, float] | None) -> None:
        """Note that an instance has the event; its first one comes with the times of its initialization."""
        self._delivered = self._clock()
        if initialized and initialized[1] > self._accepted:  # else the instance was ready before the call
            self._initialized = initialized

    def ended(self, result: Result) -> None:
        if not self._sampled:
            return
        end = self._clock()
        service_id = secrets.token_hex(8)
        ending = {"name": self._function, "trace_id": self._id, "end_time": end, **_outcome(result)}
        self._record(
            {
                **ending,
                "id": service_id,
                "start_time": self._accepted,
                "origin": "AWS::Lambda",
                "resource_arn": self._arn,
                "aws": {"request_id": self._request_id},
                "http": {"response": {"status": 200}},  # also of a call whose function failed
            }
        )
        if self._delivered is None:  # no instance could be started
            return
        function = {
            **ending,
            "id": self._function_id,
            "parent_id": service_id,
            "start_time": self._delivered,
            "origin": "AWS::Lambda::Function",
            "aws": {"function_arn": self._arn},
        }
        if self._initialized is not None:
            began, ready = self._initialized
            function["subsegments"] = [
                {"name": "Initialization", "id": secrets.token_hex(8), "start_time": began, "end_time": ready}
            ]
        self._record(function)


def _outcome(result: Result) -> dict[str, Any]:
    if result.error is None:
        return {}
    try:
        kind = str(json.loads(result.payload)["errorType"])  # not the message: it may quote a chat message
    except (ValueError, LookupError, TypeError):  # the error document may have any form
        kind = "Unknown"
    return {"fault": True, "cause": {"exceptions": [{"id": secrets.token_hex(8), "type": kind}]}}
