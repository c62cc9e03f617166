"""How a broadcast's segments reach X-Ray: through Lambda's daemon, or by one call per invocation.

Lambda runs the daemon for sampled invocations. A broadcast belongs to the traces of its *messages*, and their
sampling is independent of that of the fan-out's own invocation: without a call of our own, most sampled
messages would be traced only as far as the stream.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chat.tracing import Sink

# Segments in one PutTraceSegments: as many as the daemon sends at once
# (https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon-configuration.html).
MAX_SEGMENTS = 50
# One try, and briefly: the next batch of the stream waits until the invocation ends.
_CONFIG = Config(connect_timeout=0.5, read_timeout=0.5, retries={"total_max_attempts": 1})

logger = Logger(child=True)


class XRay:
    """Takes the segments of an invocation. Call `flush` at its end.

    `daemon` gets them at once, except in an invocation that Lambda did not sample. Those are sent by `flush`,
    up to MAX_SEGMENTS; more are lost.
    """

    def __init__(self, daemon: Sink) -> None:
        self._daemon = daemon
        self._held: list[str] = []

    def send(self, segment: Mapping[str, Any]) -> None:
        if not _unsampled():
            self._daemon.send(segment)
        elif len(self._held) < MAX_SEGMENTS:
            self._held.append(json.dumps(segment, separators=(",", ":")))

    def flush(self) -> None:
        """Send what is held, in one call. A failure is logged: tracing fails no broadcast."""
        held, self._held = self._held, []
        if not held:
            return
        try:
            self._put(held)
        except (BotoCoreError, ClientError) as error:
            logger.warning("segments not sent", segments=len(held), reason=type(error).__name__)

    def _put(self, segments: Sequence[str]) -> None:
        answer = self._client.put_trace_segments(TraceSegmentDocuments=segments)
        if unprocessed := answer.get("UnprocessedTraceSegments"):
            logger.warning("segments not sent", segments=len(unprocessed), reason=unprocessed[0]["ErrorCode"])

    @cached_property
    def _client(self) -> Any:
        """Made when first needed: it would lengthen each cold start."""
        return boto3.client("xray", config=_CONFIG)


def _unsampled() -> bool:
    """True if Lambda says that it does not sample this invocation; it names a daemon all the same."""
    fields = os.environ.get("_X_AMZN_TRACE_ID", "").split(";")
    return "Sampled=0" in fields and "AWS_XRAY_DAEMON_ADDRESS" in os.environ
