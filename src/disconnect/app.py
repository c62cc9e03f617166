"""$disconnect: delete the connection and its memberships."""

from __future__ import annotations

from chat import cold_start  # isort: split

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from chat.membership import Membership
from chat.storage import dynamodb
from chat.storage.connections import ClosedConnection, Connections
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

logger = Logger()
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics()
client = dynamodb.client()
messages = os.environ["MESSAGES_TABLE_NAME"]
membership = Membership(
    Connections(client, os.environ["SOCKET_CONNECTIONS_TABLE_NAME"]),
    RoomRules(client, messages),
    Signals(client, messages),
)
cold_start.done()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    request = event["requestContext"]
    logger.append_keys(connection=request["connectionId"])
    if request["eventType"] != "DISCONNECT":  # a client's frame can name any route
        logger.warning("not a disconnect event", event_type=request["eventType"])
        metrics.add_metric("Rejected", MetricUnit.Count, 1)
        return {"statusCode": 400}
    closed = membership.disconnect(request["connectionId"])
    metrics.add_metric("Disconnected", MetricUnit.Count, 1)
    logger.info("disconnected", status=request.get("disconnectStatusCode"), **log_keys(closed))
    return {"statusCode": 200}


def log_keys(closed: ClosedConnection | None) -> dict[str, Any]:
    if closed is None:
        return {"pruned_before": True}
    return {"room": min(closed.rooms, default=None), "rooms": len(closed.rooms), "sent": closed.sent}
