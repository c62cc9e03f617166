"""What a client can ask for, by the name of its action."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from chat import frames, tracing
from chat.connections import Connections
from chat.errors import InvalidRef, InvalidRoom, UnknownAction
from chat.identity import Identity
from chat.log import Log
from chat.messages import compose, message_ref
from chat.rooms import room_name


@dataclass(frozen=True, slots=True)
class Sender:
    """The connection that a frame came in on; `room` is where it speaks when a frame names none."""

    connection_id: str
    identity: Identity
    room: str


@dataclass(frozen=True, slots=True)
class Chat:
    """What the actions work on."""

    connections: Connections
    log: Log


type Action = Callable[[Chat, Sender, frames.Request], str]


def act(chat: Chat, sender: Sender, request: frames.Request) -> str:
    """Does what a client's frame asks and returns the reply. Raises ChatError for a refusal."""
    action = ACTIONS.get(request.action) if isinstance(request.action, str) else None
    if action is None:
        raise UnknownAction(f"The actions are {', '.join(ACTIONS)}.")
    return action(chat, sender, request)


def room_of(sender: Sender, request: frames.Request) -> str:
    """The room that a frame is about, where it names one; else the one that its sender speaks in."""
    try:
        return room_name(request.fields.get("room"))
    except InvalidRoom:
        return sender.room


def on_message(chat: Chat, sender: Sender, request: frames.Request) -> str:
    """`send` for the simplest clients: neither ref nor room is needed."""
    room = request.fields.get("room", sender.room)
    return _send(chat, sender, request, room, request.fields.get("ref", str(uuid.uuid4())))


def send(chat: Chat, sender: Sender, request: frames.Request) -> str:
    """Stores a message in a room that the sender has joined; the table's stream has it broadcast."""
    if "ref" not in request.fields:
        raise InvalidRef('"send" needs a "ref", unique for each message.')
    if "room" not in request.fields:
        raise InvalidRoom('"send" needs a "room".')
    return _send(chat, sender, request, request.fields["room"], request.fields["ref"])


def ping(chat: Chat, sender: Sender, request: frames.Request) -> str:
    """Keeps the socket open: API Gateway closes it after ten minutes without a message."""
    ref = request.fields.get("ref")
    return frames.reply(None if ref is None else message_ref(ref), pong=True)


ACTIONS: dict[str, Action] = {"onMessage": on_message, "send": send, "ping": ping}


def _send(chat: Chat, sender: Sender, request: frames.Request, room: object, ref: object) -> str:
    name = room_name(room)
    message = compose(
        author=sender.identity,
        ref=message_ref(ref),
        text=request.fields.get("message"),
        data=request.fields.get("data"),
        at=_now(),
        trace=tracing.header(),
    )
    chat.connections.spend(sender.connection_id, name)
    receipt = chat.log.append(name, message)
    return frames.reply(message.id, room=name, seq=receipt.seq, id=message.id, at=receipt.at)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
