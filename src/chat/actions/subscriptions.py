"""Actions on a person's rooms: subscribe, unsubscribe, read, and the list of them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from chat.actions import fields
from chat.actions.context import Context, Sender
from chat.membership import undo_if_forbidden
from chat.protocol import frames, places
from chat.protocol.frames import Request
from chat.protocol.places import RoomsReply
from chat.storage.keys import MAX_SEQ
from chat.storage.newest import Newest
from chat.storage.people.place import Place, Subscription
from chat.storage.people.summaries import Summary

ROOMS, MAX_ROOMS = 50, 100  # in a page of `rooms`, if the client asks for no number; and at most


def subscribe(context: Context, sender: Sender, request: Request) -> str:
    """Follow a room from now on, with all of it read. The sender need not have joined it."""
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    muted = fields.flag(request, "muted", default=False) if "muted" in request.fields else None
    context.connections.charge(sender.connection_id)
    context.rules.read_for(sender.user, room)
    place = context.subscriptions.subscribe(sender.user, room, muted)
    # A ban may have landed meanwhile: it ended the subscription before this one existed.
    with undo_if_forbidden(lambda: context.subscriptions.unsubscribe(sender.user, room)):
        context.rules.read_for(sender.user, room)
    return frames.reply(ref, room=room, **place.fields())


def unsubscribe(context: Context, sender: Sender, request: Request) -> str:
    """Follow a room no longer."""
    room, ref = fields.room(request), fields.ref(request)
    context.connections.charge(sender.connection_id)
    context.subscriptions.unsubscribe(sender.user, room)
    return frames.reply(ref, room=room)


def read(context: Context, sender: Sender, request: Request) -> str:
    """Note how far the sender has read a room, on all of the person's devices."""
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    seq = fields.number(request, "seq", 0, MAX_SEQ)
    context.connections.charge(sender.connection_id)
    place = context.subscriptions.mark(sender.person, room, seq)
    marked = places.read_fields(place.subscription.read, place.unread, place.subscription.mentioned)
    return frames.reply(ref, room=room, **marked)


def rooms(context: Context, sender: Sender, request: Request) -> str:
    """Return a page of the rooms that the sender has subscribed to, ordered by name.

    Rooms that the sender may not read any more are left out.
    """
    ref = fields.ref(request)
    limit = fields.number(request, "limit", 1, MAX_ROOMS) if "limit" in request.fields else ROOMS
    after = fields.after_room(request)
    context.connections.charge(sender.connection_id)
    page: list[Subscription] = []
    more = True
    while more and len(page) < limit:
        found, more = context.subscriptions.page(sender.user, after, limit - len(page))
        after = found[-1].room if found else after
        page += [each for each in found if sender.grants.may_read(each.room)]
    summaries = context.summaries.read([each.room for each in page])
    oldest = datetime.fromtimestamp(time.time(), UTC) - timedelta(days=context.history_days)
    reply = RoomsReply(ref, sender.person)
    for each in page:
        summary = summaries.get(each.room)
        if not reply.fits(each.room, Place(each, summary).fields(), _shown(summary, oldest)):
            return reply.encoded(more=True)
    return reply.encoded(more=more)


def _shown(summary: Summary | None, oldest: datetime) -> dict[str, object] | None:
    """Return what a list shows of a room's newest message, None if it is not in the history any more."""
    newest: Newest | None = summary.newest if summary else None
    if newest is None or datetime.fromisoformat(newest.at) < oldest:
        return None
    fields: dict[str, object] = {
        "seq": newest.seq, "user": newest.user, "name": newest.name, "at": newest.at, "message": newest.text,
    }  # fmt: skip
    return fields | ({"deleted": True} if newest.deleted else {})
