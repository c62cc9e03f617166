"""The table of actions: from the name that a frame gives to the function that handles it."""

from __future__ import annotations

from collections.abc import Callable

from chat.actions import changes, membership, messages, moderation, subscriptions
from chat.actions.context import Context, Sender
from chat.protocol.errors import UnknownAction
from chat.protocol.frames import Request

type Action = Callable[[Context, Sender, Request], str]

ACTIONS: dict[str, Action] = {
    "onMessage": messages.on_message,
    "send": messages.send,
    "edit": changes.edit,
    "delete": changes.delete,
    "react": changes.react,
    "reactions": changes.reactions,
    "history": messages.history,
    "ping": messages.ping,
    "alive": messages.alive,
    "typing": messages.typing,
    "join": membership.join,
    "leave": membership.leave,
    "presence": membership.presence,
    "subscribe": subscriptions.subscribe,
    "unsubscribe": subscriptions.unsubscribe,
    "read": subscriptions.read,
    "rooms": subscriptions.rooms,
    "ban": moderation.ban,
    "mute": moderation.mute,
    "slow_mode": moderation.slow_mode,
    "lock": moderation.lock,
}


def dispatch(context: Context, sender: Sender, request: Request) -> str:
    """Run the action that a request names and return the reply frame. Raises ChatError if it is rejected."""
    action = ACTIONS.get(request.action) if isinstance(request.action, str) else None
    if action is None:
        raise UnknownAction(f"The actions are {', '.join(ACTIONS)}.")
    return action(context, sender, request)
