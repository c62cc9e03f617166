"""Broadcasts what is new in each room: from the messages table's stream, and to slices of large rooms."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer

from apigateway import ManagementClient, Poster
from chat.delivery.announce import Announcer
from chat.delivery.broadcast import Broadcaster
from chat.delivery.deliver import Counts, Delivery, Results
from chat.delivery.slice_queue import Cursors, SliceQueue, SliceTask
from chat.protocol.messages import Entry
from chat.storage import dynamodb
from chat.storage.connections import Connections
from chat.storage.log import Log, from_head
from chat.storage.member_reader import MemberReader
from chat.storage.signals import Signal, Signals, from_item, is_signal
from chat.tracing import XRayDaemon

logger = Logger()
tracer = Tracer(auto_patch=False)  # patched, botocore would add a subsegment for every post
metrics = Metrics()
client = dynamodb.client()
region = os.environ["AWS_REGION"]
table = os.environ["SOCKET_CONNECTIONS_TABLE_NAME"]
messages = os.environ["MESSAGES_TABLE_NAME"]
endpoint = os.environ["CONNECTIONS_ENDPOINT"]
slice_queue = SliceQueue(os.environ["SLICE_QUEUE_URL"])
# One loop for the life of the process: the connections to API Gateway and to DynamoDB outlive an invocation.
loop = asyncio.new_event_loop()
poster = Poster(endpoint, region=region, initial_rate=float(os.environ["INITIAL_POST_RATE"]))
signals = Signals(client, messages)
# Connections are closed rarely, and boto3's client costs a cold start.
delivery = Delivery(Connections(client, table), signals, poster, cache(lambda: ManagementClient(endpoint)))
members = MemberReader(os.environ["AWS_ENDPOINT_URL_DYNAMODB"], region, table)
log = Log(client, messages, int(os.environ["HISTORY_DAYS"]))
broadcaster = Broadcaster(
    members,
    log,
    delivery,
    slice_queue,
    Cursors(client, messages),
    XRayDaemon(os.environ.get("AWS_XRAY_DAEMON_ADDRESS")),
    large=int(os.environ["LARGE_ROOM"]),
    slices=int(os.environ["SLICES"]),
)
announcer = Announcer(members, log, signals, delivery, slice_queue)


RETRY_SECONDS = 2  # seconds after which a doorbell rings again that we have failed to answer
POST_UNTIL = 0.9  # the part of an invocation's time after which nothing is posted any more, and
READ_UNTIL = 0.6  # that after which no more pages are begun


class BatchFailed(Exception):
    """The batch fails with its first record."""


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """The stream's: each room's run and signals go to its members, or are told to the slices of a large
    room.
    """
    delivery.deadline = deadline(POST_UNTIL, context)
    batch = RoomBatch()
    failed: list[int] = []
    for position, record in enumerate(event["Records"]):
        try:
            batch.add(position, new_image(record))
        except Exception:
            # Stop here: Lambda repeats all that follows a failed record, and what had been posted before
            # would be posted again at every retry.
            logger.exception(
                "a record that nothing of the chat has made", sequence_number=sequence_number_of(record)
            )
            failed.append(position)
            break
    broadcasts, announcements = loop.run_until_complete(deliver(batch))
    for room, result in broadcasts.items():
        if isinstance(result, Exception):
            failed.append(batch.starts[room])
        else:
            log_counts(room, result, first=batch.runs[room][0].seq, last=batch.runs[room][-1].seq)
    for room, result in announcements.items():
        if isinstance(result, Exception):
            failed.append(batch.starts[room])
        else:
            logger.info("announced", room=room, signals=len(batch.signals[room]))
    metrics.add_metric("FailedRecords", MetricUnit.Count, len(failed))
    if not failed:
        return {"batchItemFailures": []}
    if min(failed) == 0 and len(event["Records"]) > 1:
        # Reported, the whole batch would come again as it is, and be given up as a whole in the end. A
        # function error has Lambda split it, until what fails is alone and the rest is done.
        raise BatchFailed
    return {
        "batchItemFailures": [
            {"itemIdentifier": sequence_number_of(event["Records"][position])} for position in failed
        ]
    }


class RoomBatch:
    """What a batch brings, by room."""

    def __init__(self) -> None:
        self.runs: dict[str, list[Entry]] = {}
        self.signals: dict[str, list[Signal]] = {}
        self.starts: dict[str, int] = {}  # where in the batch a room first appears

    def add(self, position: int, item: dict[str, Any]) -> None:
        """Raises KeyError and TypeError when the item is neither a head nor a signal."""
        if is_signal(item):
            if signal := from_item(item):
                self.signals.setdefault(signal[0], []).append(signal[1])
                self.starts.setdefault(signal[0], position)
        elif entry := from_head(item):
            self.runs.setdefault(entry[0], []).append(entry[1])
            self.starts.setdefault(entry[0], position)


async def deliver(batch: RoomBatch) -> tuple[Results, Results]:
    return await asyncio.gather(broadcaster.broadcast_all(batch.runs), announcer.announce_all(batch.signals))


def new_image(record: dict[str, Any]) -> dict[str, Any]:
    """The item that a record of the stream is about, as it was written."""
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in record["dynamodb"]["NewImage"].items()}


def sequence_number_of(record: dict[str, Any]) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def slice_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """The doorbells': there is news for a slice of a large room."""
    (record,) = event["Records"]
    task = SliceTask.parse(record["body"])
    logger.append_keys(room=task.slice.room, slice=task.slice.number)
    delivery.deadline = deadline(POST_UNTIL, context)
    until = deadline(READ_UNTIL, context)
    try:
        counts = loop.run_until_complete(broadcaster.answer(task, until))
    except Exception:
        # It rings again by itself when the queue's visibility has passed; what has failed may go well sooner.
        slice_queue.delay(record["receiptHandle"], RETRY_SECONDS)
        raise
    log_counts(task.slice.room, counts, first=task.after + 1, last=task.to)


def deadline(fraction: float, context: LambdaContext) -> float:
    """When so much of this invocation's time will have passed, in loop time."""
    return loop.time() + fraction * context.get_remaining_time_in_millis() / 1000


def log_counts(room: str, counts: Counts | None, *, first: int, last: int) -> None:
    if counts is None:
        logger.info("rang the doorbells of a large room", room=room, first=first, last=last)
        return
    logger.info("broadcast", room=room, first=first, last=last, **asdict(counts))
    metrics.add_metric("Delivered", MetricUnit.Count, counts.delivered)
    metrics.add_metric("Gone", MetricUnit.Count, counts.gone)
    metrics.add_metric("Shed", MetricUnit.Count, counts.shed)
