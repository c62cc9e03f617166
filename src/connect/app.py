"""$connect: store the connection and its rooms."""

from __future__ import annotations

from chat import cold_start  # isort: split

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from chat.membership import Membership
from chat.protocol.errors import Forbidden, InvalidRoom
from chat.protocol.subprotocol import SUBPROTOCOL
from chat.storage import dynamodb
from chat.storage.connections import Connections, Limits, TooManyConnections
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals
from connect.handshake import Handshake, InvalidHandshake

if TYPE_CHECKING:
    from chat.displacement import Displacement

logger = Logger()
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics()
client = dynamodb.client()
table = os.environ["SOCKET_CONNECTIONS_TABLE_NAME"]
endpoint = os.environ["CONNECTIONS_ENDPOINT"]
limits = Limits(rooms=int(os.environ["MAX_ROOMS"]), connections=int(os.environ["MAX_CONNECTIONS"]))
messages = os.environ["MESSAGES_TABLE_NAME"]
membership = Membership(
    Connections(client, table, limits=limits),
    RoomRules(client, messages),
    Signals(client, messages),
)
cold_start.done()

type Rejection = InvalidHandshake | InvalidRoom | Forbidden | TooManyConnections
STATUS: dict[type[Exception], int] = {
    InvalidHandshake: 400,
    InvalidRoom: 400,
    Forbidden: 403,
    TooManyConnections: 429,
}


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.append_keys(connection=event["requestContext"]["connectionId"])
    try:
        handshake = Handshake.from_event(event)
        connect(handshake)
    except (InvalidHandshake, InvalidRoom, Forbidden, TooManyConnections) as error:
        return reject(error)
    return accept(handshake)


def connect(handshake: Handshake) -> None:
    """Store a connection; if its user has too many, in the place of one that gives no sign of life."""
    connection, rooms, grants = handshake.connection, handshake.rooms, handshake.grants
    try:
        membership.connect(connection, rooms, grants)
    except TooManyConnections as error:
        if not displacement().make_way(connection.identity.user, error.connections):
            raise
        membership.connect(connection, rooms, grants)


@cache
def displacement() -> Displacement:
    """Imported when first needed: each cold start would pay for what hardly any user causes."""
    from apigateway.management import ManagementClient
    from chat.displacement import Displacement
    from chat.storage.user_connections import UserConnections

    users = UserConnections(client, table, limit=limits.connections)
    return Displacement(users, membership, ManagementClient(endpoint))


def accept(handshake: Handshake) -> dict[str, Any]:
    identity, rooms = handshake.connection.identity, handshake.rooms
    metrics.add_metric("Connected", MetricUnit.Count, 1)
    logger.info(
        "connected",
        room=next(iter(rooms), None),
        rooms=len(rooms),
        user=identity.user,
        protocol=identity.protocol,
    )
    if identity.protocol == "plain":
        return {"statusCode": 200}
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}


def reject(error: Rejection) -> dict[str, Any]:
    """Reject the handshake. A browser learns only that it failed; the reason is in the log."""
    metrics.add_metric("Rejected", MetricUnit.Count, 1)
    logger.info("rejected", reason=error.code, detail=str(error))
    return {"statusCode": STATUS[type(error)]}
