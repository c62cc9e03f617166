"""Deliver what is new in each room: from the messages table's stream, and to slices of large rooms."""

from __future__ import annotations

from chat import cold_start  # isort: split

import asyncio
import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from apigateway import ApiGateway, ManagementClient, Poster
from chat.delivery import coalescing
from chat.delivery.announce import Announcer
from chat.delivery.broadcast import Broadcaster
from chat.delivery.coalescing import Coalescing, ReactionWorker
from chat.delivery.deliver import Delivery, Results
from chat.delivery.notices import Notifier
from chat.delivery.slice_queue import ReactionTask, SliceQueue, Task, parse_task
from chat.delivery.slices import SliceWorker
from chat.delivery.unread import Unread
from chat.membership import Membership
from chat.storage import dynamodb
from chat.storage.connections import Connections
from chat.storage.cursors import Cursors, ReactionCursors
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import MemberReader
from chat.storage.people.marks import Marks
from chat.storage.people.summaries import Summaries
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals
from chat.tracing import XRayDaemon
from chat.xray import XRay
from fanout.batch import RoomBatch, batch_response, group_by_room
from fanout.results import record_counts, record_notices, record_response_times, record_results

logger = Logger()
tracer = Tracer(auto_patch=False)  # patched, botocore would add a subsegment for every post
metrics = Metrics()
client = dynamodb.client()
region = os.environ["AWS_REGION"]
table = os.environ["SOCKET_CONNECTIONS_TABLE_NAME"]
messages = os.environ["MESSAGES_TABLE_NAME"]
endpoint = os.environ["CONNECTIONS_ENDPOINT"]
slice_queue = SliceQueue(os.environ["SLICE_QUEUE_URL"])
receipts = os.environ["RECEIPTS"] == "on"
# One loop for the life of the process: the connections to API Gateway and to DynamoDB outlive an invocation.
loop = asyncio.new_event_loop()
gateway = ApiGateway(endpoint, region=region, timeout=float(os.environ["POST_TIMEOUT"]))
poster = Poster(gateway, initial_rate=float(os.environ["INITIAL_POST_RATE"]))
signals = Signals(client, messages)
connections = Connections(client, table)
membership = Membership(connections, RoomRules(client, messages), signals)
# Made when first needed: sockets are closed rarely, and boto3's client would lengthen each cold start.
management = cache(lambda: ManagementClient(endpoint))
delivery = Delivery(membership, poster, management)
members = MemberReader(os.environ["AWS_ENDPOINT_URL_DYNAMODB"], region, table)
log = LogRepair(client, messages, int(os.environ["HISTORY_DAYS"]))
xray = XRay(XRayDaemon(os.environ.get("AWS_XRAY_DAEMON_ADDRESS")))
summaries = Summaries(client, messages)
reaction_cursors = ReactionCursors(client, messages)
broadcaster = Broadcaster(
    members,
    log,
    delivery,
    slice_queue,
    Unread(summaries, Marks(client, messages)),
    Coalescing(log, reaction_cursors, slice_queue),
    xray,
    large_room=int(os.environ["LARGE_ROOM"]),
    slices=int(os.environ["SLICES"]),
)
slice_worker = SliceWorker(members, log, delivery, slice_queue, Cursors(client, messages), xray)
reaction_worker = ReactionWorker(members, log, delivery, slice_queue, reaction_cursors, xray)
announcer = Announcer(members, log, signals, delivery, slice_queue)
notifier = Notifier(connections, summaries, delivery)
cold_start.done()

RETRY_SECONDS = 2  # until a task that failed is received again
# Fractions of an invocation's time after which nothing is posted any more, and no further page is read.
POST_UNTIL = 0.9
READ_UNTIL = 0.6


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Deliver a batch of the stream: each room's run of messages, its signals, and notices to people."""
    delivery.deadline = deadline(POST_UNTIL, context)
    records = event["Records"]
    batch, failed = group_by_room(records, receipts=receipts)
    broadcasts, announcements, notices = loop.run_until_complete(deliver(batch))
    xray.flush()
    rooms, users = record_results(batch, broadcasts, announcements), record_notices(batch, notices)
    failed |= batch.positions(rooms, users)
    record_response_times(gateway.take_response_times())
    metrics.add_metric("FailedRecords", MetricUnit.Count, len(failed))
    return batch_response(records, failed)


async def deliver(batch: RoomBatch) -> tuple[Results, Results, Results]:
    return await asyncio.gather(
        broadcaster.broadcast_all(batch.runs),
        announcer.announce_all(batch.signals),
        notifier.notify_all(batch.subscriptions),
    )


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def slice_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Run a task of the slice queue: deliver to one slice of a large room, or reactions that waited."""
    (record,) = event["Records"]
    task = parse_task(record["body"])
    if isinstance(task, ReactionTask) and record["attributes"]["ApproximateReceiveCount"] == "1":
        # SQS has no delay for one message of a FIFO queue. Nothing else is in this message's group.
        slice_queue.delay(record["receiptHandle"], coalescing.SECONDS)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    delivery.deadline = deadline(POST_UNTIL, context)
    try:
        run_task(task, context)
    except Exception:
        # The queue would make the task visible again only after its visibility time-out; a retry may succeed
        # sooner.
        slice_queue.delay(record["receiptHandle"], RETRY_SECONDS)
        raise
    finally:
        xray.flush()
    record_response_times(gateway.take_response_times())
    return {"batchItemFailures": []}


def run_task(task: Task, context: LambdaContext) -> None:
    if isinstance(task, ReactionTask):
        logger.append_keys(room=task.room)
        last, counts = loop.run_until_complete(reaction_worker.run(task))
        record_counts(task.room, counts, first=task.after + 1, last=last)
    else:
        logger.append_keys(room=task.slice.room, slice=task.slice.number)
        counts = loop.run_until_complete(slice_worker.run_slice(task, deadline(READ_UNTIL, context)))
        record_counts(task.slice.room, counts, first=task.after + 1, last=task.to)


def deadline(fraction: float, context: LambdaContext) -> float:
    """Return the loop time at which this fraction of the invocation's time will have passed."""
    return loop.time() + fraction * context.get_remaining_time_in_millis() / 1000
