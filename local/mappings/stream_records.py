"""A stream's records as Lambda writes them: the function's event, and the pointer to records given up."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.invocation import Result
from local.timestamps import iso


@dataclass(frozen=True, slots=True)
class Record:
    """One change of one item, as the function gets it."""

    sequence: str
    arrived: float  # Unix time, seconds
    item: str  # the item's whole key, partition and sort: changes of one item stay in order
    event: dict[str, Any]
    size: int  # bytes of the event's JSON

    @classmethod
    def parse(cls, raw: dict[str, Any], *, stream_arn: str, now: float) -> Record:
        """Parse a record of the Streams API's GetRecords. A record without a creation time counts as new.

        Raises AttributeError, KeyError, TypeError or ValueError if it is not a record.
        """
        change = _as_json(raw["dynamodb"])
        if not isinstance(change["SequenceNumber"], str):
            raise TypeError("SequenceNumber is not a string")
        change["ApproximateCreationDateTime"] = arrived = change.get("ApproximateCreationDateTime", now)
        event = {
            "eventID": raw["eventID"],
            "eventName": raw["eventName"],
            "eventVersion": raw.get("eventVersion", "1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": raw.get("awsRegion") or _arn_part(stream_arn, 3),
            "dynamodb": change,
            # Only in records of rows that TTL deleted.
            **({"userIdentity": raw["userIdentity"]} if raw.get("userIdentity") else {}),
            "eventSourceARN": stream_arn,
        }
        return cls(
            sequence=change["SequenceNumber"],
            arrived=float(arrived),
            item=json.dumps(change["Keys"], sort_keys=True),
            event=event,
            size=_json_size(event),
        )


def event(records: Sequence[Record]) -> dict[str, Any]:
    """Return the event of these records."""
    return {"Records": [record.event for record in records]}


def pointer(
    records: Sequence[Record],
    *,
    condition: str,
    calls: int,
    result: Result | None,
    function: str,
    shard: str,
    stream_arn: str,
    now: float,
) -> str:
    """Return the JSON that AWS sends to an on-failure queue: where the records are in the stream.

    `condition` is RetryAttemptsExhausted or RecordAgeExceeded; `result` is the function's last one, None if
    it was never called. After https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html.
    """
    account = f"{_arn_part(stream_arn, 3)}:{_arn_part(stream_arn, 4)}"
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": f"arn:{_arn_part(stream_arn, 1)}:lambda:{account}:function:{function}",
            "condition": condition,
            "approximateInvokeCount": calls,
        }
    }
    if result is not None:
        document["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if result.error is not None:
            document["responseContext"]["functionError"] = result.error
    document |= {
        "version": "1.0",
        "timestamp": iso(now),
        "DDBStreamBatchInfo": _batch_info(records, shard, stream_arn),
    }
    return json.dumps(document)


def _batch_info(records: Sequence[Record], shard: str, stream_arn: str) -> dict[str, Any]:
    first, last = records[0], records[-1]
    return {
        "shardId": shard,
        "startSequenceNumber": first.sequence,
        "endSequenceNumber": last.sequence,
        "approximateArrivalOfFirstRecord": iso(first.arrived, "seconds"),
        "approximateArrivalOfLastRecord": iso(last.arrived, "seconds"),
        "batchSize": len(records),
        "streamArn": stream_arn,
    }


def _json_size(value: Any) -> int:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode(errors="surrogatepass"))  # a lone surrogate in an item must not stop the stream


def _arn_part(arn: str, index: int) -> str:
    return arn.split(":")[index]


def _as_json(value: Any) -> Any:
    """Return the value as Lambda's event holds it: an SDK has times as datetime and binary as bytes."""
    match value:
        case dict():
            return {key: _as_json(item) for key, item in value.items()}
        case list():
            return [_as_json(item) for item in value]
        case datetime():
            seconds = value.timestamp()
            return int(seconds) if seconds.is_integer() else seconds
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return value
