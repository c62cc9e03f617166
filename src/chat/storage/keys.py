"""Every key of both tables.

    connections table       pk                        sk
    a connection            CONN#<connection>         CONN
    a membership            ROOM#<room>               <hash of the connection's id><connection>
    a user's connections    USER#<user>               USER

    messages table
    a room's head           ROOM#<room>               HEAD
    a room's rules          ROOM#<room>               RULES
    a room's summary        ROOM#<room>               SUMMARY
    a subscription          USER#<user>               ROOM#<room>
    a row of a room's log   LOG#<room>                <seq, 12 digits>
    a ref                   REF#<room>#<ref>          REF
    a person's reaction     REACTION#<room>#<seq>     <reaction>#<user>
    a slow-mode cooldown    COOLDOWN#<room>#<user>    COOLDOWN
    a slice's cursor        CUR#<room>                <slice>/<slices>
    a cursor of reactions   CUR#<room>                REACTIONS
    a signal                SIG#<room>                PRESENCE, NOTICE or TYPING#<user>

`#` joins the parts of a partition key and is escaped in them. A room named "a#b" cannot reach the items of
room "a".
"""

from __future__ import annotations

import hashlib
from typing import Any

type Key = dict[str, str]

HEAD, RULES, REF, SUMMARY = "HEAD", "RULES", "REF", "SUMMARY"
PRESENCE, NOTICE = "PRESENCE", "NOTICE"
_CONNECTION, _ROOM, _USER, _SIGNAL, _TYPING = "CONN#", "ROOM#", "USER#", "SIG#", "TYPING#"

HASH_DIGITS = 4  # hexadecimal
HASH_SPACE: int = 16**HASH_DIGITS  # hashes; connection ids spread evenly over them
MAX_SEQ = 10**12 - 1  # the last seq that fits the 12 digits of a row's key


def escape(part: str) -> str:
    """Escape a part of a key."""
    return part.replace("%", "%25").replace("#", "%23")


def unescape(part: str) -> str:
    """Return what was given to `escape`."""
    return part.replace("%23", "#").replace("%25", "%")


# The connections table


def connection(connection_id: str) -> Key:
    return {"pk": _CONNECTION + connection_id, "sk": "CONN"}


def connection_id_of(pk: str) -> str:
    """Return the connection's id from the pk of its item."""
    return pk.removeprefix(_CONNECTION)


def membership(room: str, connection_id: str) -> Key:
    digits = hashlib.sha256(connection_id.encode()).hexdigest()[:HASH_DIGITS]
    return {"pk": room_pk(room), "sk": digits + connection_id}


def membership_json(room: str, sk: str) -> dict[str, dict[str, str]]:
    """Return the key of a membership as DynamoDB's JSON has it."""
    return {"pk": {"S": room_pk(room)}, "sk": {"S": sk}}


def member_id_of(sk: str) -> str:
    """Return the connection's id from the sk of a membership."""
    return sk[HASH_DIGITS:]


def hash_of(sk: str) -> int:
    """Return the hash of the connection's id from the sk of a membership."""
    return int(sk[:HASH_DIGITS], 16)


def membership_bounds(first: int, last: int) -> tuple[str, str]:
    """Return the bounds of the sks of memberships with a hash from `first` to `last`, both included."""
    return f"{first:0{HASH_DIGITS}x}", f"{last:0{HASH_DIGITS}x}\uffff"  # \uffff: after every connection id


def user(user: str) -> Key:
    return {"pk": user_pk(user), "sk": "USER"}


# Both tables


def room_pk(room: str) -> str:
    """Return the pk of a room's memberships, and of its head, rules and summary in the other table.

    It is the sk of subscriptions to the room, too.
    """
    return _ROOM + escape(room)


def room_of(pk: str) -> str:
    """Return what was given to `room_pk`."""
    return unescape(pk.removeprefix(_ROOM))


def user_pk(user: str) -> str:
    """Return the pk of a user's connections, and of the user's subscriptions in the other table."""
    return _USER + escape(user)


def user_of(pk: str) -> str:
    """Return what was given to `user_pk`."""
    return unescape(pk.removeprefix(_USER))


# The messages table


def head(room: str) -> Key:
    return {"pk": room_pk(room), "sk": HEAD}


def rules(room: str) -> Key:
    return {"pk": room_pk(room), "sk": RULES}


def summary(room: str) -> Key:
    return {"pk": room_pk(room), "sk": SUMMARY}


def subscription(user: str, room: str) -> Key:
    return {"pk": user_pk(user), "sk": room_pk(room)}


def is_subscription(pk: str) -> bool:
    return pk.startswith(_USER)


def log_pk(room: str) -> str:
    """Return the pk of a room's rows."""
    return f"LOG#{escape(room)}"


def row_sk(seq: int) -> str:
    return f"{seq:012d}"


def rows_between(room: str, first: int, last: int) -> dict[str, Any]:
    """Return the part of a Query's request that names a room's rows from one seq to another."""
    return {
        "KeyConditionExpression": "pk = :log AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":log": log_pk(room),
            ":first": row_sk(first),
            ":last": row_sk(last),
        },
    }


def row(room: str, seq: int) -> Key:
    return {"pk": log_pk(room), "sk": row_sk(seq)}


def ref(room: str, ref: str) -> Key:
    return {"pk": f"REF#{escape(room)}#{escape(ref)}", "sk": REF}


def reaction_pk(room: str, seq: int) -> str:
    """Return the pk of all reactions to a message."""
    return f"REACTION#{escape(room)}#{seq}"


def reaction(room: str, seq: int, reaction: str, user: str) -> Key:
    return {"pk": reaction_pk(room, seq), "sk": reaction_sk(reaction, user)}


def reaction_sk(reaction: str, user: str) -> str:
    return f"{escape(reaction)}#{escape(user)}"


def cooldown(room: str, user: str) -> Key:
    return {"pk": f"COOLDOWN#{escape(room)}#{escape(user)}", "sk": "COOLDOWN"}


def cursor(room: str, slice_: int, slices: int) -> Key:
    return {"pk": f"CUR#{escape(room)}", "sk": f"{slice_:04d}/{slices:04d}"}


def reaction_cursor(room: str) -> Key:
    return {"pk": f"CUR#{escape(room)}", "sk": "REACTIONS"}


def signal(room: str, kind: str) -> Key:
    """`kind` is PRESENCE or NOTICE."""
    return {"pk": _SIGNAL + escape(room), "sk": kind}


def typing(room: str, user: str) -> Key:
    return signal(room, _TYPING + user)


def is_signal(pk: str) -> bool:
    return pk.startswith(_SIGNAL)


def room_of_signal(pk: str) -> str:
    return unescape(pk.removeprefix(_SIGNAL))


def typist_of(sk: str) -> str | None:
    """Return the user from the sk of a typing signal, None for another signal."""
    return sk.removeprefix(_TYPING) if sk.startswith(_TYPING) else None
