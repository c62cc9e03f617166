"""onMessage and $default: everything a connected client sends."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from apigateway.management import ManagementClient
from apigateway.outcomes import Delivered
from chat.actions.dispatch import Context, Sender, dispatch, room_of
from chat.identity.grants import Grants
from chat.identity.identity import Identity
from chat.moderation import MODERATOR, Moderation
from chat.protocol import frames
from chat.protocol.errors import ChatError, Expired, Internal
from chat.storage import dynamodb
from chat.storage.connections import Connections, Limits
from chat.storage.log import Log
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

ONE_WAY = "onMessage"  # the route without a route response in template.yaml
ENDPOINT = os.environ["CONNECTIONS_ENDPOINT"]

logger = Logger()
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics()
client = dynamodb.client()
messages = os.environ["MESSAGES_TABLE_NAME"]
per_connection = Rate(float(os.environ["MESSAGE_RATE"]), int(float(os.environ["MESSAGE_BURST"])))
room_rate = float(os.environ["ROOM_RATE"])
connections = Connections(
    client,
    os.environ["SOCKET_CONNECTIONS_TABLE_NAME"],
    limits=Limits(rooms=int(os.environ["MAX_ROOMS"]), rate=per_connection),
)
log = Log(client, messages, int(os.environ["HISTORY_DAYS"]), rate=Rate(room_rate, int(room_rate)))
rules = RoomRules(client, messages)
signals = Signals(client, messages)
# Made when first needed: most instances post nothing themselves, and the client costs a cold start.
sockets = cache(lambda: ManagementClient(ENDPOINT))
chat = Context(connections, log, rules, signals, Moderation(connections, log, rules, signals, sockets))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = event["requestContext"]
    author = request["authorizer"]
    sender = Sender(
        request["connectionId"],
        Identity(author["user"], author["name"], author["protocol"]),
        author["room"],
        Grants.parse(author["grants"]),
        MODERATOR in author["roles"].split(),
    )
    logger.append_keys(connection=sender.connection_id, room=sender.room)
    try:
        frame = frames.parse(event.get("body"))
        logger.append_keys(room=room_of(sender, frame))
        reply = dispatch(chat, sender, frame)
    except Expired as error:
        dismiss(sender)
        reply = refusal(sender, request["routeKey"], event.get("body"), error)
    except ChatError as error:
        reply = refusal(sender, request["routeKey"], event.get("body"), error)
    except Exception:
        # The client must hear that its frame came to nothing, and no traceback may reach it.
        logger.exception("failed")
        metrics.add_metric("Failed", MetricUnit.Count, 1)
        unknown = Internal("Something failed on our side. Send again with the same ref.")
        reply = refusal(sender, request["routeKey"], event.get("body"), unknown)
    else:
        metrics.add_metric("Accepted", MetricUnit.Count, 1)
        logger.info("done", route=request["routeKey"])
    # A one-way route drops the body, and an answer may hold nothing that the route does not take.
    return {"statusCode": 200} if request["routeKey"] == ONE_WAY else {"statusCode": 200, "body": reply}


def refusal(sender: Sender, route: str, body: str | None, error: ChatError) -> str:
    """The refusal as a frame. Where the route gives no reply, it is posted to the sender."""
    logger.info("refused", code=error.code, detail=str(error), route=route)
    metrics.add_metric("ErrorReplies", MetricUnit.Count, 1)
    frame = frames.error(frames.echoed_ref(body), error)
    if route == ONE_WAY:
        outcome = sockets().post(sender.connection_id, frame)
        if not isinstance(outcome, Delivered):
            logger.warning("the refusal did not reach its sender", outcome=str(outcome))
    return frame


def dismiss(sender: Sender) -> None:
    """Closes the socket of a connection whose token has ended; $disconnect then forgets it."""
    logger.info("expired")
    if sender.identity.protocol == "v1":
        sockets().post(sender.connection_id, frames.disconnect("token_expired", reconnect=True))
    sockets().close([sender.connection_id])
