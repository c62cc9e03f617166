"""Every error that a client can get, by its code.

ChatError
├── InvalidFrame      invalid_frame       not a JSON object, or too deep to read
├── UnknownAction     unknown_action      no action of that name
├── InvalidMessage    invalid_message     no text, or text that cannot be sent
├── MessageTooLarge   message_too_large   more than a message may hold
├── InvalidRoom       invalid_room        not a room's name
├── InvalidRef        invalid_ref         not a ref, or one that another message has used
├── NotAMember        not_a_member        this connection has not joined the room
├── NotSubscribed     not_subscribed      this person has not subscribed to the room
├── NotConnected      not_connected       the chat does not know this connection (any more)
│   └── Expired                           the time of the connection, or of its token, is over
├── Forbidden         forbidden           this person may not do it, or not now
├── RateLimited       rate_limited        too soon; try again after `retry_after` seconds
└── Internal          internal            the server failed, and may or may not have stored the message
"""

from __future__ import annotations

from typing import ClassVar


class ChatError(Exception):
    """An error for a client: a code for programs, and a text for people that never quotes the client."""

    code: ClassVar[str]


class InvalidFrame(ChatError):
    code = "invalid_frame"


class UnknownAction(ChatError):
    code = "unknown_action"


class InvalidMessage(ChatError):
    code = "invalid_message"


class MessageTooLarge(ChatError):
    code = "message_too_large"


class InvalidRoom(ChatError):
    code = "invalid_room"


class InvalidRef(ChatError):
    code = "invalid_ref"


class NotAMember(ChatError):
    code = "not_a_member"


class NotSubscribed(ChatError):
    code = "not_subscribed"


class NotConnected(ChatError):
    code = "not_connected"


class Expired(NotConnected):
    pass


class Forbidden(ChatError):
    code = "forbidden"


class RateLimited(ChatError):
    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Internal(ChatError):
    code = "internal"
