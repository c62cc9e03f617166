"""Broadcasts what is new in each room: from the messages table's stream, and to slices of large rooms."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer

from chat import dynamodb
from chat.broadcast import Broadcaster, Tally
from chat.connections import Connections
from chat.gateway import ApiGateway
from chat.log import Log, from_head
from chat.members import Members
from chat.messages import Entry
from chat.pace import Pace
from chat.posting import Poster
from chat.slices import Cursors, Doorbell, Doorbells
from chat.tracing import Daemon

logger = Logger()
tracer = Tracer(auto_patch=False)  # patched, botocore would add a subsegment for every post
metrics = Metrics()
client = dynamodb.client()
region = os.environ["AWS_REGION"]
table = os.environ["SOCKET_CONNECTIONS_TABLE_NAME"]
messages = os.environ["MESSAGES_TABLE_NAME"]
doorbells = Doorbells(os.environ["DOORBELLS_URL"])
# One loop for the life of the process: the connections to API Gateway and to DynamoDB outlive an invocation.
loop = asyncio.new_event_loop()
gateway = ApiGateway(os.environ["CONNECTIONS_ENDPOINT"], region)
poster = Poster(gateway, Pace(loop.time, float(os.environ["FIRST_PACE"])), loop)
broadcaster = Broadcaster(
    Connections(client, table),
    Members(os.environ["AWS_ENDPOINT_URL_DYNAMODB"], region, table),
    Log(client, messages, int(os.environ["HISTORY_DAYS"])),
    gateway,
    poster,
    doorbells,
    Cursors(client, messages),
    Daemon(os.environ.get("AWS_XRAY_DAEMON_ADDRESS")),
    large=int(os.environ["LARGE_ROOM"]),
    slices=int(os.environ["SLICES"]),
)


AGAIN = 2  # seconds after which a doorbell rings again that we have failed to answer
POSTING = 0.9  # the part of an invocation's time after which nothing is posted any more, and
READING = 0.6  # that after which no more pages are begun


class BatchFailed(Exception):
    """The batch fails with its first record."""


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """The stream's: each room's run goes to its members, or is told to the slices of a large room."""
    poster.until = after(POSTING, context)
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
    for room, result in loop.run_until_complete(broadcaster.broadcast_all(runs)).items():
        if isinstance(result, Exception):
            failed.append(starts[room])
        else:
            report(room, result, first=runs[room][0].seq, last=runs[room][-1].seq)
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


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def slice_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """The doorbells': there is news for a slice of a large room."""
    (record,) = event["Records"]
    doorbell = Doorbell.parse(record["body"])
    logger.append_keys(room=doorbell.slice.room, slice=doorbell.slice.number)
    poster.until = after(POSTING, context)
    until = after(READING, context)
    try:
        tally = loop.run_until_complete(broadcaster.answer(doorbell, until))
    except Exception:
        # It rings again by itself when the queue's visibility has passed; what has failed may go well sooner.
        doorbells.hold(record["receiptHandle"], AGAIN)
        raise
    report(doorbell.slice.room, tally, first=doorbell.after + 1, last=doorbell.to)


def after(part: float, context: LambdaContext) -> float:
    """When so much of this invocation's time will have passed, in loop time."""
    return loop.time() + part * context.get_remaining_time_in_millis() / 1000


def report(room: str, tally: Tally | None, *, first: int, last: int) -> None:
    if tally is None:
        logger.info("rang the doorbells of a large room", room=room, first=first, last=last)
        return
    logger.info("broadcast", room=room, first=first, last=last, **asdict(tally))
    metrics.add_metric("Delivered", MetricUnit.Count, tally.delivered)
    metrics.add_metric("Gone", MetricUnit.Count, tally.gone)
    metrics.add_metric("Shed", MetricUnit.Count, tally.shed)
