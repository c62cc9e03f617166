"""What a client can ask for, by the name of its action."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from chat import tracing
from chat.identity.grants import EVERY_ROOM, Grants
from chat.identity.identity import Identity
from chat.identity.people import Person, is_user
from chat.moderation import Moderation
from chat.protocol import frames
from chat.protocol import pages as history
from chat.protocol.errors import (
    Forbidden,
    InvalidFrame,
    InvalidMessage,
    InvalidRef,
    InvalidRoom,
    NotAMember,
    UnknownAction,
)
from chat.protocol.messages import compose, message_ref
from chat.protocol.rooms import room_name
from chat.storage.connections import NOT_A_MEMBER, Connections
from chat.storage.log import MAX_SEQ, Log
from chat.storage.presence import MAX_LISTED_MEMBERS, people_in
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

MAX_RULE_SECONDS = 366 * 24 * 3600  # seconds that a ruling can last
MAX_PINGED = 64  # rooms; with the longest names the reply still fits a frame


@dataclass(frozen=True, slots=True)
class Sender:
    """The connection that a frame came in on; `room` is where it speaks when a frame names none."""

    connection_id: str
    identity: Identity
    room: str
    grants: Grants = Grants.parse(EVERY_ROOM)  # noqa: RUF009 - frozen
    moderator: bool = False

    @property
    def person(self) -> Person:
        return Person(self.identity.user, self.identity.name)


@dataclass(frozen=True, slots=True)
class Context:
    """What the actions work on."""

    connections: Connections
    log: Log
    rules: RoomRules
    signals: Signals
    moderation: Moderation


type Action = Callable[[Context, Sender, frames.Request], str]


def dispatch(context: Context, sender: Sender, request: frames.Request) -> str:
    """Does what a client's frame asks and returns the reply. Raises ChatError for a refusal."""
    action = ACTIONS.get(request.action) if isinstance(request.action, str) else None
    if action is None:
        raise UnknownAction(f"The actions are {', '.join(ACTIONS)}.")
    return action(context, sender, request)


def room_of(sender: Sender, request: frames.Request) -> str:
    """The room that a frame is about, where it names one; else the one that its sender speaks in."""
    try:
        return room_name(request.fields.get("room"))
    except InvalidRoom:
        return sender.room


def on_message(context: Context, sender: Sender, request: frames.Request) -> str:
    """`send` for the simplest clients: neither ref nor room is needed."""
    room = request.fields.get("room", sender.room)
    return _send(context, sender, request, room, request.fields.get("ref", str(uuid.uuid4())))


def send(context: Context, sender: Sender, request: frames.Request) -> str:
    """Stores a message in a room that the sender has joined; the table's stream has it broadcast."""
    if "ref" not in request.fields:
        raise InvalidRef('"send" needs a "ref", unique for each message.')
    return _send(context, sender, request, _room(request), request.fields["ref"])


def join(context: Context, sender: Sender, request: frames.Request) -> str:
    """Makes the sender a member and says how far the room's log goes: all that comes later it will hear.

    The head is read after the membership is written, so no message can fall between the two. With `after`,
    what the room has said since comes along, as far as it fits.
    """
    room, ref = _readable(sender, request), _ref(request)
    after = _number(request, "after", 0, MAX_SEQ) if "after" in request.fields else None
    context.rules.require_not_banned(sender.identity.user, [room])
    if context.connections.join(sender.connection_id, room):
        # Sent out while it joined, it was no member yet when the user's others were put out.
        context.rules.recheck_not_banned(
            sender.identity.user, [room], lambda: context.connections.leave(sender.connection_id, room)
        )
        context.signals.presence_changed(room, sender.person)
    whom = {"user": sender.identity.user, "name": sender.identity.name}
    seq = context.log.seqs([room])[room]
    if after is None:
        return frames.reply(ref, room=room, seq=seq, **whom)
    return _page_after(context, frames.PageReply(ref, history.LIMIT, room=room, seq=seq, **whom), room, after)


def leave(context: Context, sender: Sender, request: frames.Request) -> str:
    """Ends the sender's membership."""
    room, ref = _room(request), _ref(request)
    if context.connections.leave(sender.connection_id, room):  # else anyone could be heard of in any room
        context.signals.presence_changed(room, sender.person)
    return frames.reply(ref, room=room)


def read_history(context: Context, sender: Sender, request: frames.Request) -> str:
    """A page of what a room that the sender has joined has said, after a seq or before one."""
    room, ref = _readable(sender, request), _ref(request)
    if ("after" in request.fields) == ("before" in request.fields):
        raise InvalidFrame('"history" needs either "after" or "before".')
    limit = _number(request, "limit", 1, history.MAX_LIMIT) if "limit" in request.fields else history.LIMIT
    reply = frames.PageReply(ref, limit, room=room)
    side = "after" if "after" in request.fields else "before"
    seq = _number(request, side, 0, MAX_SEQ)
    if room not in context.connections.rooms(sender.connection_id):
        raise NotAMember(NOT_A_MEMBER)
    if side == "after":
        return _page_after(context, reply, room, seq)
    return reply.encoded(history.page_before(context.log.rows_before(room, seq), reply.fits))


def ping(context: Context, sender: Sender, request: frames.Request) -> str:
    """Keeps the socket open: API Gateway closes it after ten minutes without a message.

    With `rooms`, says how far each of them that the sender is in has come: who was left out of a room's last
    message would hear of it only with the next.
    """
    ref = _ref(request)
    if "rooms" not in request.fields:
        return frames.reply(ref, pong=True)
    asked = request.fields["rooms"]
    if not isinstance(asked, list) or len(asked) > MAX_PINGED:
        raise InvalidFrame(f'"rooms" is a list of {MAX_PINGED} rooms at most.')
    names = {room_name(room) for room in asked}
    joined = names & context.connections.rooms(sender.connection_id)
    return frames.reply(ref, pong=True, seqs=context.log.seqs(joined))


def presence(context: Context, sender: Sender, request: frames.Request) -> str:
    """The people in a room that the sender has joined, each once; of a crowd only how many it may be."""
    room, ref = _readable(sender, request), _ref(request)
    after = request.fields.get("after", "")
    if not isinstance(after, str):
        raise InvalidFrame('"after" is a user.')
    context.connections.charge(sender.connection_id, room)
    members, crowd = context.connections.members(room, MAX_LISTED_MEMBERS)
    if crowd is not None:
        return frames.members(ref, room, [], count=crowd, approximate=True)
    here = people_in(members)
    people = [here[user] for user in sorted(here) if user > after]
    return frames.members(ref, room, people, count=len(here))


def typing(context: Context, sender: Sender, request: frames.Request) -> str:
    """Tells the others in a room that the sender is writing something."""
    room, ref = _writable(sender, request), _ref(request)
    context.connections.charge(sender.connection_id, room)
    context.rules.read(room).require_may_post(sender.identity.user, time.time())
    context.signals.typing(room, sender.person)
    return frames.reply(ref, room=room)


def delete(context: Context, sender: Sender, request: frames.Request) -> str:
    """Takes a message's text away."""
    room, ref = _readable(sender, request), _ref(request)
    seq = _number(request, "seq", 1, MAX_SEQ)
    _require_moderator(context, sender, room)
    if not context.moderation.delete(sender.person, room, seq):
        raise InvalidMessage("There is no such message, or not any more.")
    return frames.reply(ref, room=room, seq=seq)


def ban(context: Context, sender: Sender, request: frames.Request) -> str:
    """Sends a user out of a room for some time; 0 seconds end it."""
    room, ref, user, seconds = _readable(sender, request), _ref(request), _user(request), _seconds(request)
    _require_moderator(context, sender, room)
    until = context.moderation.ban(sender.person, room, user, seconds)
    return frames.reply(ref, room=room, user=user, until=until)


def mute(context: Context, sender: Sender, request: frames.Request) -> str:
    """Keeps a user from writing in a room for some time; 0 seconds end it."""
    room, ref, user, seconds = _readable(sender, request), _ref(request), _user(request), _seconds(request)
    _require_moderator(context, sender, room)
    until = context.moderation.mute(sender.person, room, user, seconds)
    return frames.reply(ref, room=room, user=user, until=until)


def slow_mode(context: Context, sender: Sender, request: frames.Request) -> str:
    """Sets how long everybody in a room waits between two messages; 0 seconds end it."""
    room, ref, seconds = _readable(sender, request), _ref(request), _seconds(request)
    _require_moderator(context, sender, room)
    context.moderation.slow_mode(sender.person, room, seconds)
    return frames.reply(ref, room=room, seconds=seconds)


def lock(context: Context, sender: Sender, request: frames.Request) -> str:
    """Make a room read-only, or open it again."""
    room, ref, locked = _readable(sender, request), _ref(request), request.fields.get("locked", True)
    if not isinstance(locked, bool):
        raise InvalidFrame('"locked" is true or false.')
    _require_moderator(context, sender, room)
    context.moderation.lock(sender.person, room, locked)
    return frames.reply(ref, room=room, locked=locked)


ACTIONS: dict[str, Action] = {
    "onMessage": on_message,
    "send": send,
    "join": join,
    "leave": leave,
    "history": read_history,
    "ping": ping,
    "presence": presence,
    "typing": typing,
    "delete": delete,
    "ban": ban,
    "mute": mute,
    "slow_mode": slow_mode,
    "lock": lock,
}


def _ref(request: frames.Request) -> str | None:
    ref = request.fields.get("ref")
    return None if ref is None else message_ref(ref)


def _room(request: frames.Request) -> str:
    if "room" not in request.fields:
        raise InvalidRoom(f'"{request.action}" needs a "room".')
    return room_name(request.fields["room"])


def _readable(sender: Sender, request: frames.Request) -> str:
    room = _room(request)
    if not sender.grants.may_read(room):
        raise Forbidden("You may not read this room.")
    return room


def _writable(sender: Sender, request: frames.Request) -> str:
    room = _room(request)
    _must_write(sender, room)
    return room


def _must_write(sender: Sender, room: str) -> None:
    if not sender.grants.may_write(room):
        raise Forbidden("You may not write in this room.")


def _require_moderator(context: Context, sender: Sender, room: str) -> None:
    """Lets a moderator act who is in the room, for as long as the connection, and so the token, lasts."""
    if not sender.moderator:
        raise Forbidden("Only a moderator may do that.")
    context.connections.charge(sender.connection_id, room)


def _user(request: frames.Request) -> str:
    user = request.fields.get("user")
    if not is_user(user):
        raise InvalidFrame('"user" is the user of a message or of a presence.')
    return user


def _seconds(request: frames.Request) -> int:
    return _number(request, "seconds", 0, MAX_RULE_SECONDS)


def _number(request: frames.Request, field: str, least: int, most: int) -> int:
    value = request.fields.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidFrame(f'"{field}" is a whole number from {least} to {most}.')
    return value


def _page_after(context: Context, reply: frames.PageReply, room: str, seq: int) -> str:
    return reply.encoded(history.page_after(seq, context.log.rows_after(room, seq), reply.fits, time.time()))


def _send(context: Context, sender: Sender, request: frames.Request, room: object, ref: object) -> str:
    name = room_name(room)
    _must_write(sender, name)
    message = compose(
        author=sender.identity,
        ref=message_ref(ref),
        text=request.fields.get("message"),
        data=request.fields.get("data"),
        at=_now(),
        trace=tracing.header(),
    )
    context.connections.charge(sender.connection_id, name)
    receipt = context.log.append(name, message, moderator=sender.moderator)
    return frames.reply(message.id, room=name, seq=receipt.seq, id=message.id, at=receipt.at)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
