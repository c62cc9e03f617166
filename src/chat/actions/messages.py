"""Actions on messages: send, history, ping and typing."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from chat import tracing
from chat.actions import fields
from chat.actions.context import Context, Sender
from chat.actions.people import people_and_count
from chat.protocol import frames, pages
from chat.protocol.errors import InvalidFrame, InvalidMessage, InvalidRef, NotAMember
from chat.protocol.frames import Request
from chat.protocol.messages import Message, compose, message_ref
from chat.protocol.rooms import room_name
from chat.protocol.timestamps import iso
from chat.storage.connections import NOT_A_MEMBER
from chat.storage.keys import MAX_SEQ
from chat.storage.log.log import Receipt


def on_message(context: Context, sender: Sender, request: Request) -> str:
    """Send a message for the simplest clients, which need neither ref nor room."""
    room = request.fields.get("room", sender.room)
    return _send(context, sender, request, room, request.fields.get("ref", str(uuid.uuid4())))


def send(context: Context, sender: Sender, request: Request) -> str:
    """Store a message in a room that the sender has joined. The table's stream brings it to the fan-out."""
    if "ref" not in request.fields:
        raise InvalidRef('"send" needs a "ref", unique for each message.')
    return _send(context, sender, request, fields.room(request), request.fields["ref"])


def _send(context: Context, sender: Sender, request: Request, room: object, ref: object) -> str:
    name = room_name(room)
    fields.require_may_write(sender, name)
    message = compose(
        author=sender.identity,
        ref=message_ref(ref),
        text=request.fields.get("message"),
        data=request.fields.get("data"),
        at=iso(time.time(), "milliseconds"),
        trace=tracing.header(),
        reply_to=fields.reply_to(request),
        mentions=request.fields.get("mentions"),
    )
    context.connections.charge(sender.connection_id, fields.room_to_be_in(sender, name))
    receipt = _append(context, name, message, exempt=sender.moderator)
    return frames.reply(message.id, room=name, seq=receipt.seq, id=message.id, at=receipt.at)


def _append(context: Context, room: str, message: Message, *, exempt: bool) -> Receipt:
    """Append a message; a reply with the first message of its chain, which a client cannot forge."""
    if message.reply_to is not None:
        answered = context.log.messages(room, [message.reply_to]).get(message.reply_to)
        if answered is None:
            error = InvalidMessage("The message to reply to is not there, or not any more.")
            return context.log.committed_before(room, message, error)
        message = replace(message, root=answered.root or message.reply_to)
    return context.log.append(room, message, exempt=exempt)


def history(context: Context, sender: Sender, request: Request) -> str:
    """Return a page of the log of a room that the sender has joined, after a seq or before a seq."""
    room, ref = fields.readable_room(sender, request), fields.ref(request)
    if ("after" in request.fields) == ("before" in request.fields):
        raise InvalidFrame('"history" needs either "after" or "before".')
    limit = pages.LIMIT
    if "limit" in request.fields:
        limit = fields.number(request, "limit", 1, pages.MAX_LIMIT)
    side = "after" if "after" in request.fields else "before"
    seq, epoch = fields.number(request, side, 0, MAX_SEQ), fields.epoch(request)
    if room not in context.connections.rooms(sender.connection_id):
        raise NotAMember(NOT_A_MEMBER)
    head = context.log.head(room)
    reply = frames.PageReply(ref, limit, head.epoch, room=room)
    if not head.may_follow(epoch):
        return reply.encoded(pages.Page([], more=False))
    if side == "after":
        return page_after(context, reply, room, seq)
    return reply.encoded(pages.page_before(context.log.rows_before(room, seq), reply.fits))


def page_after(context: Context, reply: frames.PageReply, room: str, seq: int) -> str:
    """Return `reply` with the entries of a room after `seq`, as many as fit."""
    rows = context.log.rows_after(room, seq)
    return reply.encoded(pages.page_after(seq, rows, reply.fits, time.time()))


def ping(context: Context, sender: Sender, request: Request) -> str:
    """Keep the socket open: API Gateway closes it after ten minutes without a message.

    With `rooms`, also return the newest seq and the epoch of each of these rooms that the sender has joined,
    and how many people are in those of `counts`. Otherwise a client that missed a room's last message or
    presence frame would notice only when the next one arrives.
    """
    ref = fields.ref(request)
    rooms = fields.rooms(request, "rooms", fields.MAX_PINGED)
    counted = fields.rooms(request, "counts", fields.MAX_COUNTED) or set()
    if rooms is None:
        return frames.reply(ref, pong=True)
    joined = rooms & context.connections.rooms(sender.connection_id)
    heads = {room: frames.log_fields(head) for room, head in context.log.heads(joined).items()}
    for room in counted & joined:
        _, count = people_and_count(context, room)
        heads[room] |= count
    return frames.reply(ref, pong=True, heads=heads)


def alive(context: Context, sender: Sender, request: Request) -> str:
    """Note a sign of life: the answer to a `check`, which connections of a user with too many get."""
    ref = fields.ref(request)
    context.connections.charge(sender.connection_id)
    return frames.reply(ref)


def typing(context: Context, sender: Sender, request: Request) -> str:
    """Signal to the room's other members that the sender is typing."""
    room, ref = fields.writable_room(sender, request), fields.ref(request)
    context.connections.charge(sender.connection_id, room)
    context.rules.read(room).require_may_post(sender.user, time.time())
    context.signals.typing(room, sender.person)
    return frames.reply(ref, room=room)
