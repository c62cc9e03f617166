"""$disconnect: forgets the connection and its memberships."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from chat.storage import dynamodb
from chat.storage.connections import Connections
from chat.storage.signals import Signals

logger = Logger()
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics()
client = dynamodb.client()
connections = Connections(client, os.environ["SOCKET_CONNECTIONS_TABLE_NAME"])
signals = Signals(client, os.environ["MESSAGES_TABLE_NAME"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    request = event["requestContext"]
    logger.append_keys(connection=request["connectionId"])
    if request["eventType"] != "DISCONNECT":  # a frame can name any route
        logger.warning("not a disconnect", event_type=request["eventType"])
        metrics.add_metric("Rejected", MetricUnit.Count, 1)
        return {"statusCode": 400}
    closed = connections.remove(request["connectionId"])
    metrics.add_metric("Disconnected", MetricUnit.Count, 1)
    if closed is None:
        logger.info("disconnected, and was forgotten before", status=request.get("disconnectStatusCode"))
    else:
        for room in closed.rooms:
            signals.presence_changed(room, closed.person)
        logger.info(
            "disconnected",
            room=min(closed.rooms, default=None),
            rooms=len(closed.rooms),
            sent=closed.sent,
            status=request.get("disconnectStatusCode"),
        )
    return {"statusCode": 200}
