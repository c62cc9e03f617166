"""$connect: stores the connection and its rooms."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from chat import dynamodb
from chat.connections import Connection, Connections
from chat.errors import InvalidRoom
from chat.identity import SUBPROTOCOL, Identity, spoken, subprotocols
from chat.rooms import asked_rooms

logger = Logger()
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics()
connections = Connections(dynamodb.client(), os.environ["SOCKET_CONNECTIONS_TABLE_NAME"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = event["requestContext"]
    logger.append_keys(connection=request["connectionId"])
    if request["eventType"] != "CONNECT":  # a frame can name any route
        return refuse(f"not a connect but {request['eventType']}")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    protocol = spoken(subprotocols(headers.get("sec-websocket-protocol")))
    if protocol is None:
        return refuse("offers no subprotocol that we speak")
    try:
        rooms = asked_rooms((event.get("multiValueQueryStringParameters") or {}).get("room") or [])
    except InvalidRoom as refusal:
        return refuse(str(refusal))
    author = request["authorizer"]
    identity = Identity(author["user"], author["name"], protocol)
    connections.open(Connection(request["connectionId"], identity, request["connectedAt"]), rooms)
    metrics.add_metric("Connected", MetricUnit.Count, 1)
    room = next(iter(rooms), None)
    logger.info("connected", room=room, rooms=len(rooms), user=identity.user, protocol=protocol)
    if protocol == "plain":
        return {"statusCode": 200}
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}


def refuse(why: str) -> dict[str, Any]:
    """Refuses the handshake. A browser sees no more than that it failed; why is in the log."""
    metrics.add_metric("Refused", MetricUnit.Count, 1)
    logger.info("refused", why=why)
    return {"statusCode": 400}
