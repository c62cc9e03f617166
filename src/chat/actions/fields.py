"""The fields of a request, checked. Each function raises a ChatError that says what to send instead."""

from __future__ import annotations

from chat.actions.context import Sender
from chat.identity.grants import is_inbox
from chat.identity.identity import is_user
from chat.protocol.errors import Forbidden, InvalidFrame, InvalidRoom
from chat.protocol.frames import Request
from chat.protocol.messages import message_ref
from chat.protocol.rooms import room_name
from chat.storage.keys import MAX_SEQ

MAX_RULE_SECONDS = 366 * 24 * 3600  # the longest ban, mute or slow mode
MAX_EPOCH = 64  # characters; more than the chat's own, of which clients know nothing
MAX_PINGED = 64  # rooms per ping; with the longest names the reply still fits into a frame
MAX_COUNTED = 8  # rooms per ping whose people are counted: each reads up to 201 members, and a ping is free


def room_of(sender: Sender, request: Request) -> str:
    """Return the room that a request names, or the sender's default if it names no valid room."""
    try:
        return room_name(request.fields.get("room"))
    except InvalidRoom:
        return sender.room


def ref(request: Request) -> str | None:
    value = request.fields.get("ref")
    return None if value is None else message_ref(value)


def room(request: Request) -> str:
    if "room" not in request.fields:
        raise InvalidRoom(f'"{request.action}" needs a "room".')
    return room_name(request.fields["room"])


def readable_room(sender: Sender, request: Request) -> str:
    """Return the room of a request. Raises Forbidden if the sender's grants do not let it read the room."""
    name = room(request)
    if not sender.grants.may_read(name):
        raise Forbidden("You may not read this room.")
    return name


def writable_room(sender: Sender, request: Request) -> str:
    """Return the room of a request. Raises Forbidden if the sender's grants do not let it write there."""
    name = room(request)
    require_may_write(sender, name)
    return name


def authors_room(sender: Sender, request: Request) -> str:
    """Return the room of a request. Raises Forbidden if the sender can have no message there to take back."""
    name = room(request)
    if is_inbox(name) and sender.grants.may_write(name):
        return name
    return readable_room(sender, request)


def room_to_be_in(sender: Sender, room: str) -> str | None:
    """Return the room that a sender has to be a member of to write in `room`.

    None for an inbox of somebody else: nobody but its person can be a member, and others write to it.
    """
    return room if sender.grants.may_read(room) or not is_inbox(room) else None


def require_may_write(sender: Sender, room: str) -> None:
    if not sender.grants.may_write(room):
        raise Forbidden("You may not write in this room.")


def epoch(request: Request) -> str | None:
    """Return the epoch of the log that the client has read, None if it names none."""
    value = request.fields.get("epoch")
    if "epoch" in request.fields and not (isinstance(value, str) and 1 <= len(value) <= MAX_EPOCH):
        raise InvalidFrame('"epoch" is that of the room\'s messages.')
    return value


def user(request: Request) -> str:
    value = request.fields.get("user")
    if not is_user(value):
        raise InvalidFrame('"user" is the user of a message or of a presence.')
    return value


def after_user(request: Request) -> str:
    """Return the user that the page of members follows; the empty text comes before all users."""
    value = request.fields.get("after", "")
    if not isinstance(value, str):
        raise InvalidFrame('"after" is a user.')
    return value


def after_room(request: Request) -> str:
    """Return the room that the page of rooms follows; the empty text comes before all rooms."""
    return room_name(request.fields["after"]) if request.fields.get("after") is not None else ""


def reply_to(request: Request) -> int | None:
    """Return the seq of the message that a message replies to, None if it is no reply."""
    return None if request.fields.get("reply_to") is None else number(request, "reply_to", 1, MAX_SEQ)


def after_reaction(request: Request) -> tuple[str, str] | None:
    """Return the reaction and the user that the page of reactions follows, None for the first page."""
    value = request.fields.get("after")
    if value is None:
        return None
    match value:
        case {"reaction": str(reaction), "user": str(user)}:
            return reaction, user
    raise InvalidFrame('"after" has the "reaction" and the "user" that the page begins after.')


def rooms(request: Request, field: str, maximum: int) -> set[str] | None:
    """Return the rooms of a field, None if the request does not have it."""
    if field not in request.fields:
        return None
    value = request.fields[field]
    if not isinstance(value, list) or len(value) > maximum:
        raise InvalidFrame(f'"{field}" is a list of {maximum} rooms at most.')
    return {room_name(name) for name in value}


def seconds(request: Request) -> int:
    return number(request, "seconds", 0, MAX_RULE_SECONDS)


def number(request: Request, field: str, minimum: int, maximum: int) -> int:
    value = request.fields.get(field)
    if isinstance(value, float) and value.is_integer():  # 41.0 is an integer, as JSON Schema has it
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise InvalidFrame(f'"{field}" is a whole number from {minimum} to {maximum}.')
    return value


def flag(request: Request, field: str, *, default: bool) -> bool:
    value = request.fields.get(field, default)
    if not isinstance(value, bool):
        raise InvalidFrame(f'"{field}" is true or false.')
    return value
