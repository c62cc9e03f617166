"""Room names: which are valid, and which rooms a connection asks for."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import normalize

from chat.identity.characters import is_printable, looks_empty
from chat.identity.grants import INBOX, is_inbox
from chat.identity.identity import MAX_USER, is_user
from chat.protocol.errors import InvalidRoom

LOBBY = "lobby"  # the room of a connection that asks for none
MAX_LENGTH = 100  # characters; as UTF-8 in a table's key it stays far below DynamoDB's 2,048 bytes
# A connection, its user and its memberships are one transaction, and DynamoDB allows 100 items in one.
MAX_ROOMS = 98


def room_name(value: object) -> str:
    """Return a room's name: 1 to 100 printable characters without white space. Raises InvalidRoom.

    In NFC: keyboards write `é` as one character, file names on macOS have two, and both are one name.
    An inbox's name is as long as its user's id, and may have spaces as that may.
    """
    name = normalize("NFC", value) if isinstance(value, str) else ""
    if is_inbox(name):
        if not is_user(name.removeprefix(INBOX)):
            raise InvalidRoom(
                f"An inbox is named {INBOX} and a user of 1 to {MAX_USER} printable characters."
            )
        return name
    if not 1 <= len(name) <= MAX_LENGTH:
        raise InvalidRoom(f"A room's name is text of 1 to {MAX_LENGTH} characters.")
    if not is_printable(name) or " " in name or looks_empty(name):
        raise InvalidRoom("A room's name has no spaces and no invisible characters.")
    return name


def asked_rooms(asked: Sequence[str], inbox_of: str | None = None) -> tuple[str, ...]:
    """Return the rooms that a connection asks for, in its order and each once; the lobby if it asks for none.

    A single empty name asks for no room yet. With `inbox_of`, that user's inbox is the last.
    Raises InvalidRoom.
    """
    named = [] if list(asked) == [""] else [room_name(room) for room in asked] or [LOBBY]
    inboxes = [] if inbox_of is None else [inbox(inbox_of)]
    rooms = tuple(dict.fromkeys(named + inboxes))
    if len(rooms) > MAX_ROOMS:
        raise InvalidRoom(f"A connection can ask for {MAX_ROOMS} rooms at most.")
    return rooms


def inbox(user: str) -> str:
    """Return the room that is a user's inbox.

    Raises InvalidRoom if the user's id is not in NFC: its inbox would be that of the user whose id is.
    """
    name = INBOX + user
    if room_name(name) != name:
        raise InvalidRoom("A user whose id is not in Unicode's form NFC has no inbox.")
    return name


def first_room(asked: Sequence[str]) -> str:
    """Return the room of frames that name none: the first that the connection asked for, or the lobby."""
    try:
        return next(iter(asked_rooms(asked)), LOBBY)
    except InvalidRoom:
        return LOBBY
