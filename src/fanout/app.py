"""The messages table's stream: broadcasts what is new in each room."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer

from chat import dynamodb
from chat.broadcast import Broadcaster, Tally
from chat.connections import Connections
from chat.log import Log, from_head
from chat.messages import Entry
from chat.posting import MAX_IN_FLIGHT, ManagementApi, Poster

logger = Logger()
tracer = Tracer(auto_patch=False)  # patched, botocore would add a subsegment for every post
metrics = Metrics()
client = dynamodb.client()
broadcaster = Broadcaster(
    Connections(client, os.environ["SOCKET_CONNECTIONS_TABLE_NAME"]),
    Log(client, os.environ["MESSAGES_TABLE_NAME"], int(os.environ["HISTORY_DAYS"])),
    Poster(ManagementApi(os.environ["CONNECTIONS_ENDPOINT"])),
    ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="post"),
)


class BatchFailed(Exception):
    """The batch fails with its first record."""


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    runs: dict[str, list[Entry]] = {}
    starts: dict[str, int] = {}  # where in the batch each room's run begins
    failed: list[int] = []
    for position, record in enumerate(event["Records"]):
        try:
            room, entry = read_head(record)
        except Exception:
            # Stop here: Lambda repeats all that follows a failed record, and what had been posted before
            # would be posted again at every retry.
            logger.exception("a record that is no room's head", sequence_number=sequence_number(record))
            failed.append(position)
            break
        runs.setdefault(room, []).append(entry)
        starts.setdefault(room, position)
    for room, result in broadcaster.broadcast_all(runs).items():
        if isinstance(result, Tally):
            report(room, runs[room], result)
        else:
            failed.append(starts[room])
    metrics.add_metric("FailedRecords", MetricUnit.Count, len(failed))
    if not failed:
        return {"batchItemFailures": []}
    if min(failed) == 0 and len(event["Records"]) > 1:
        # Reported, the whole batch would come again as it is, and be given up as a whole in the end. A
        # function error has Lambda split it, until what fails is alone and the rest is done.
        raise BatchFailed
    return {
        "batchItemFailures": [
            {"itemIdentifier": sequence_number(event["Records"][position])} for position in failed
        ]
    }


def sequence_number(record: dict[str, Any]) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def read_head(record: dict[str, Any]) -> tuple[str, Entry]:
    """The room and its newest entry, from a record of the stream."""
    deserialize = TypeDeserializer().deserialize
    return from_head({name: deserialize(value) for name, value in record["dynamodb"]["NewImage"].items()})


def report(room: str, run: list[Entry], tally: Tally) -> None:
    logger.info(
        "broadcast",
        room=room,
        first=run[0].seq,
        last=run[-1].seq,
        recipients=tally.recipients,
        delivered=tally.delivered,
        gone=tally.gone,
        shed=tally.shed,
    )
    metrics.add_metric("Delivered", MetricUnit.Count, tally.delivered)
    metrics.add_metric("Gone", MetricUnit.Count, tally.gone)
    metrics.add_metric("Shed", MetricUnit.Count, tally.shed)
