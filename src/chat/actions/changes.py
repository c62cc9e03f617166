"""Actions that change a message: edit, delete and react; and who has reacted."""

from __future__ import annotations

import time
from collections.abc import Callable

from aws_lambda_powertools import Logger

from chat import tracing
from chat.actions import fields
from chat.actions.context import Context, Sender
from chat.protocol import frames
from chat.protocol.errors import ChatError, Forbidden, InvalidMessage, InvalidRef
from chat.protocol.frames import Request
from chat.protocol.messages import (
    Change,
    Message,
    compose_deletion,
    compose_edit,
    compose_reaction,
    message_ref,
)
from chat.protocol.timestamps import iso
from chat.storage.keys import MAX_SEQ
from chat.storage.log.fold import MAX_REACTIONS

logger = Logger(child=True)


def edit(context: Context, sender: Sender, request: Request) -> str:
    """Give a message of the sender's own another text and data."""
    room, ref, seq = fields.writable_room(sender, request), _ref(request), _seq(request)
    change = compose_edit(
        author=sender.identity,
        ref=ref,
        of=seq,
        text=request.fields.get("message"),
        data=request.fields.get("data"),
        at=_now(),
        trace=tracing.header(),
    )
    return _commit(context, sender, room, change, lambda message: _require_author(sender, message))


def delete(context: Context, sender: Sender, request: Request) -> str:
    """Delete the text, data and reactions of a message of the sender's own; a moderator's, of any.

    Whoever may not write any more may still take back what they wrote.
    """
    room, ref, seq = fields.authors_room(sender, request), _ref(request), _seq(request)
    change = compose_deletion(author=sender.identity, ref=ref, of=seq, at=_now(), trace=tracing.header())

    def check(message: Message) -> None:
        if not sender.moderator:
            _require_author(sender, message)

    return _commit(context, sender, room, change, check, exempt=True)


def react(context: Context, sender: Sender, request: Request) -> str:
    """Add the sender's reaction to a message, or take it back."""
    room, ref, seq = fields.writable_room(sender, request), _ref(request), _seq(request)
    change = compose_reaction(
        author=sender.identity,
        ref=ref,
        of=seq,
        reaction=request.fields.get("reaction"),
        on=fields.flag(request, "on", default=True),
        at=_now(),
        trace=tracing.header(),
    )

    def check(message: Message) -> None:
        known = {reaction.reaction for reaction in message.reactions}
        if change.on and change.reaction not in known and len(known) >= MAX_REACTIONS:
            raise InvalidMessage(f"A message has {MAX_REACTIONS} different reactions at most.")

    return _commit(context, sender, room, change, check)


def reactions(context: Context, sender: Sender, request: Request) -> str:
    """Return who has reacted to a message and how, ordered by reaction and user."""
    room, ref, seq = fields.readable_room(sender, request), fields.ref(request), _seq(request)
    after = fields.after_reaction(request)
    context.connections.charge(sender.connection_id, room)
    message = context.log.messages(room, [seq]).get(seq)
    # The items stay when their message is deleted: there may be 100,000.
    page = ([], False) if message is None or message.deleted else context.log.reactions(room, seq, after)
    return frames.reactions(ref, room, seq, *page)


def _commit(
    context: Context,
    sender: Sender,
    room: str,
    change: Change,
    check: Callable[[Message], None],
    *,
    exempt: bool = False,
) -> str:
    """Commit a change of a message that is there and that passes `check`, which raises a ChatError.

    Charging the connection checks that the sender is in the room.
    """
    context.connections.charge(sender.connection_id, fields.room_to_be_in(sender, room))
    message = context.log.messages(room, [change.of]).get(change.of)
    try:
        if message is None or message.deleted:
            raise InvalidMessage("There is no such message, or not any more.")
        check(message)
    except ChatError as error:
        receipt = context.log.committed_before(room, change, error)
    else:
        receipt = context.log.append(room, change, exempt=exempt or sender.moderator)
        if change.kind == "delete" and message.user != sender.user:
            seq, user = change.of, message.user
            logger.info("moderated", action="delete", moderator=sender.user, room=room, seq=seq, user=user)
    return frames.reply(change.id, room=room, seq=receipt.seq, of=change.of, id=change.id, at=receipt.at)


def _require_author(sender: Sender, message: Message) -> None:
    if message.user != sender.user:
        raise Forbidden("Only its author may change a message.")


def _ref(request: Request) -> str:
    if "ref" not in request.fields:
        raise InvalidRef(f'"{request.action}" needs a "ref", unique for each change.')
    return message_ref(request.fields["ref"])


def _seq(request: Request) -> int:
    return fields.number(request, "seq", 1, MAX_SEQ)


def _now() -> str:
    return iso(time.time(), "milliseconds")
