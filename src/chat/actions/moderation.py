"""Actions of moderators: ban, mute, slow mode and lock."""

from __future__ import annotations

import time

from chat.actions import fields
from chat.actions.context import Context, Sender
from chat.protocol import frames
from chat.protocol.errors import Forbidden
from chat.protocol.frames import Request


def ban(context: Context, sender: Sender, request: Request) -> str:
    """Ban a user from a room for some seconds; 0 ends a ban."""
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    user, seconds = fields.user(request), fields.seconds(request)
    _require_moderator(context, sender, room)
    until = context.moderation.ban(sender.person, room, user, seconds)
    return frames.reply(ref, room=room, user=user, until=until, **frames.expires_in(until, time.time()))


def mute(context: Context, sender: Sender, request: Request) -> str:
    """Mute a user in a room for some seconds; 0 ends a mute."""
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    user, seconds = fields.user(request), fields.seconds(request)
    _require_moderator(context, sender, room)
    until = context.moderation.mute(sender.person, room, user, seconds)
    return frames.reply(ref, room=room, user=user, until=until, **frames.expires_in(until, time.time()))


def slow_mode(context: Context, sender: Sender, request: Request) -> str:
    """Set the seconds that each person waits between two messages in a room; 0 ends slow mode."""
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    seconds = fields.seconds(request)
    _require_moderator(context, sender, room)
    context.moderation.slow_mode(sender.person, room, seconds)
    return frames.reply(ref, room=room, seconds=seconds)


def lock(context: Context, sender: Sender, request: Request) -> str:
    """Make a room read-only, or open it again."""
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    locked = fields.flag(request, "locked", default=True)
    _require_moderator(context, sender, room)
    context.moderation.lock(sender.person, room, locked)
    return frames.reply(ref, room=room, locked=locked)


def _require_moderator(context: Context, sender: Sender, room: str) -> None:
    """Charge the connection for an act of moderation.

    Raises Forbidden if the sender is not a moderator. Charging checks that the sender is in the room and that
    the connection, and so the token that names the role, has not expired.
    """
    if not sender.moderator:
        raise Forbidden("Only a moderator may do that.")
    context.connections.charge(sender.connection_id, room)
