"""$connect: stores the connection and its rooms."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from chat.identity.grants import Grants
from chat.identity.identity import SUBPROTOCOL, Identity, negotiate, subprotocols
from chat.identity.people import Person
from chat.protocol.errors import Forbidden, InvalidRoom
from chat.protocol.rooms import asked_rooms
from chat.storage import dynamodb
from chat.storage.connections import Connection, Connections, Limits, TooManyConnections
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

logger = Logger()
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics()
client = dynamodb.client()
messages = os.environ["MESSAGES_TABLE_NAME"]
connections = Connections(
    client,
    os.environ["SOCKET_CONNECTIONS_TABLE_NAME"],
    limits=Limits(rooms=int(os.environ["MAX_ROOMS"]), connections=int(os.environ["MAX_CONNECTIONS"])),
)
rules = RoomRules(client, messages)
signals = Signals(client, messages)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = event["requestContext"]
    logger.append_keys(connection=request["connectionId"])
    if request["eventType"] != "CONNECT":  # a frame can name any route
        return refuse(f"not a connect but {request['eventType']}")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    protocol = negotiate(subprotocols(headers.get("sec-websocket-protocol")))
    if protocol is None:
        return refuse("offers no subprotocol that we speak")
    author = request["authorizer"]
    identity = Identity(author["user"], author["name"], protocol)
    expires_at = int(author["expires_at"]) if author["expires_at"] else None
    connection = Connection(request["connectionId"], identity, request["connectedAt"], expires_at)
    try:
        rooms = asked_rooms((event.get("multiValueQueryStringParameters") or {}).get("room") or [])
        if not all(map(Grants.parse(author["grants"]).may_read, rooms)):
            raise Forbidden("may not read a room that it asks for")
        rules.require_not_banned(identity.user, rooms)
        connections.add(connection, rooms)
        # Sent out while it connected, it was no member yet when the user's others were put out.
        rules.recheck_not_banned(identity.user, rooms, lambda: connections.remove(connection.id))
    except InvalidRoom as refusal:
        return refuse(str(refusal))
    except Forbidden as refusal:
        return refuse(str(refusal), status=403)
    except TooManyConnections as refusal:
        return refuse(str(refusal), status=429)
    for room in rooms:
        signals.presence_changed(room, Person(identity.user, identity.name))
    metrics.add_metric("Connected", MetricUnit.Count, 1)
    logger.info(
        "connected", room=next(iter(rooms), None), rooms=len(rooms), user=identity.user, protocol=protocol
    )
    if protocol == "plain":
        return {"statusCode": 200}
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}


def refuse(why: str, status: int = 400) -> dict[str, Any]:
    """Refuses the handshake. A browser sees no more than that it failed; why is in the log."""
    metrics.add_metric("Rejected", MetricUnit.Count, 1)
    logger.info("refused", why=why)
    return {"statusCode": status}
