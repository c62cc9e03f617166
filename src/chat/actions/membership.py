"""Actions on the sender's place in a room: join, leave, and who else is present."""

from __future__ import annotations

import time

from chat.actions import fields
from chat.actions.context import Context, Sender
from chat.actions.messages import page_after
from chat.actions.people import people_and_count
from chat.protocol import frames, pages
from chat.protocol.frames import Request
from chat.protocol.timestamps import iso
from chat.storage.keys import MAX_SEQ
from chat.storage.rules import Rules


def join(context: Context, sender: Sender, request: Request) -> str:
    """Make the sender a member and return the room's newest seq; with `after`, also the entries since.

    The head is read after the membership is written, so every later message reaches the sender.
    """
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    after = fields.number(request, "after", 0, MAX_SEQ) if "after" in request.fields else None
    epoch = fields.epoch(request)
    rules = context.membership.join(sender.connection_id, sender.person, room)
    identity: dict[str, object] = {"user": sender.user, "name": sender.identity.name}
    identity["rules"] = _rules(sender, room, rules)
    if sender.expires_in is not None:
        identity["expires_in"] = sender.expires_in
    head = context.log.head(room)
    if after is None or not head.may_follow(epoch):
        return frames.reply(ref, room=room, **frames.log_fields(head), **identity)
    reply = frames.PageReply(ref, pages.LIMIT, head.epoch, room=room, seq=head.seq, **identity)
    return page_after(context, reply, room, after)


def _rules(sender: Sender, room: str, rules: Rules) -> dict[str, object]:
    """Return what holds for the sender in a room, as a reply has it."""
    fields: dict[str, object] = {
        "locked": rules.locked,
        "slow_mode": rules.slow_mode,
        "read_only": not sender.grants.may_write(room),
        "moderator": sender.moderator,
    }
    now = int(time.time())
    if (until := rules.muted.get(sender.user, 0)) > now:
        fields["muted"] = {"until": iso(until), "expires_in": until - now}
    return fields


def leave(context: Context, sender: Sender, request: Request) -> str:
    """End the sender's membership."""
    room, ref = fields.room(request), fields.ref(request)
    context.membership.leave(sender.connection_id, sender.person, room)
    return frames.reply(ref, room=room)


def presence(context: Context, sender: Sender, request: Request) -> str:
    """Return the people in a room that the sender has joined, each once.

    Above the presence limit, return only an estimate of the number of connections.
    """
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    after = fields.after_user(request)
    context.connections.charge(sender.connection_id, room)
    present, count = people_and_count(context, room)
    people = [present[user] for user in sorted(present) if user > after]
    return frames.members(ref, room, people, **count)
