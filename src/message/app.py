"""onMessage and $default: every frame that a connected client sends."""

from __future__ import annotations

from chat import cold_start  # isort: split

import os
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from apigateway.management import ManagementClient
from apigateway.outcomes import Delivered
from chat.actions.context import Context
from chat.actions.dispatch import dispatch
from chat.actions.fields import room_of
from chat.expiry import disconnect_expired
from chat.membership import Membership
from chat.moderation import Moderation
from chat.protocol import frames
from chat.protocol.errors import ChatError, Expired, Internal, InvalidFrame
from chat.storage import dynamodb
from chat.storage.connections import NOT_CONNECTED, Connections, Limits
from chat.storage.log.log import Log
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from chat.storage.signals import PostTyping, Signals
from message.call import Call

if TYPE_CHECKING:
    from chat.delivery.fast_lane import FastLane
    from chat.identity.identity import Person
    from chat.protocol.messages import Entry

ONE_WAY = "onMessage"  # the route without a route response in template.yaml
ENDPOINT = os.environ["CONNECTIONS_ENDPOINT"]
FAST_LANE = int(os.environ["FAST_LANE"])  # members of the largest room that takes it; 0: off

logger = Logger()
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics()
client = dynamodb.client()
messages = os.environ["MESSAGES_TABLE_NAME"]
connection_rate = Rate(float(os.environ["MESSAGE_RATE"]), int(float(os.environ["MESSAGE_BURST"])))
room_rate = float(os.environ["ROOM_RATE"])
limits = Limits(rooms=int(os.environ["MAX_ROOMS"]), rate=connection_rate)
connections = Connections(client, os.environ["SOCKET_CONNECTIONS_TABLE_NAME"], limits=limits)
rules = RoomRules(client, messages)
history_days = int(os.environ["HISTORY_DAYS"])
# Made when first needed: most instances never post, and the client would lengthen each cold start.
management = cache(lambda: ManagementClient(ENDPOINT))


@cache
def fast_lane() -> FastLane:
    # Imported when first needed, as the client above is made: with it comes the whole posting engine.
    from chat.delivery.fast_lane import FastLane, poster_to

    return FastLane(lambda: poster_to(ENDPOINT), connections.members, max_members=FAST_LANE)


def take_lane[T](call: Callable[[FastLane, float], T]) -> T | None:
    """Return what a call of the fast lane returns, which also gets when it began. None if it fails."""
    began = time.monotonic()
    try:
        with tracer.provider.in_subsegment("fast lane"):
            return call(fast_lane(), began)
    except Exception:  # what is posted is stored, and the stream brings it whatever happened here
        logger.exception("fast lane failed")
        return None


def post_at_once(room: str, epoch: str | None, entry: Entry) -> bool:
    posted = take_lane(lambda lane, began: lane.post(room, epoch, entry, began=began))
    if posted:
        metrics.add_metric("PostedAtOnce", MetricUnit.Count, 1)
    return bool(posted)


def prepare_typing(room: str, person: Person) -> PostTyping:
    if not FAST_LANE:
        return None
    post = take_lane(lambda lane, began: lane.prepare_typing(room, person, began=began))
    return post and (lambda: bool(take_lane(lambda lane, began: post())))


signals = Signals(client, messages, prepare_typing=prepare_typing)
log = Log(
    client,
    messages,
    history_days,
    rules,
    rate=Rate(room_rate, int(room_rate)),
    post_at_once=post_at_once if FAST_LANE else None,
)
membership = Membership(connections, rules, signals)
subscriptions, summaries = Subscriptions(client, messages), Summaries(client, messages)
moderation = Moderation(membership, rules, signals, subscriptions, management)
chat = Context(
    connections, log, rules, signals, membership, moderation, subscriptions, summaries, history_days
)
cold_start.done()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    call = Call.from_event(event)
    logger.append_keys(connection=call.sender.connection_id, room=call.sender.room)
    reply = reply_to(call)
    # The response of a one-way route may hold nothing that the route does not take.
    return {"statusCode": 200} if call.route == ONE_WAY else {"statusCode": 200, "body": reply}


def reply_to(call: Call) -> str:
    try:
        request = frames.parse(call.body)
    except InvalidFrame as error:
        return error_reply(call, None, error)
    ref = request.echoed_ref
    try:
        logger.append_keys(room=room_of(call.sender, request))
        if call.expires_at is not None and call.expires_at <= time.time():  # some actions read no connection
            raise Expired(NOT_CONNECTED)
        reply = dispatch(chat, call.sender, request)
    except Expired as error:
        logger.info("expired")
        frame = error_frame(call, ref, error)
        disconnect_expired(call.sender.connection_id, call.sender.identity.protocol, frame, management())
        return frame
    except ChatError as error:
        return error_reply(call, ref, error)
    except Exception:
        # The client must learn that its frame failed, and must not see a traceback.
        logger.exception("failed")
        metrics.add_metric("Failed", MetricUnit.Count, 1)
        return error_reply(call, ref, Internal("Something failed on our side. Send again with the same ref."))
    metrics.add_metric("Accepted", MetricUnit.Count, 1)
    if request.action == "ping":  # Most frames of an idle chat are pings, and each line costs.
        logger.debug("done", route=call.route)
    else:
        logger.info("done", route=call.route)
    return reply


def error_reply(call: Call, ref: str | None, error: ChatError) -> str:
    """Return an error as a reply frame. A one-way route returns no reply, so post the frame to the sender."""
    frame = error_frame(call, ref, error)
    if call.route == ONE_WAY:
        outcome = management().post(call.sender.connection_id, frame)
        if not isinstance(outcome, Delivered):
            logger.warning("error reply not delivered", outcome=str(outcome))
    return frame


def error_frame(call: Call, ref: str | None, error: ChatError) -> str:
    """Return an error as a reply frame, after counting it."""
    logger.info("error reply", code=error.code, detail=str(error), route=call.route)
    metrics.add_metric("ErrorReplies", MetricUnit.Count, 1)
    return frames.error(ref, error)
