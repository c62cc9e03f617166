"""Coming and going: how connections and memberships begin and end.

Each change is made here as a whole: the table, the check of bans, and the signal to the room.

    connect, join       begin a membership, unless the user is banned
    leave, disconnect   end it for the client
    remove              ends a banned user's memberships of a room
    prune               ends connections that a broadcast found closed or expired

How the socket of an expired connection ends is in expiry.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from chat.identity.grants import Grants
from chat.identity.identity import Person
from chat.protocol.errors import Forbidden, NotConnected
from chat.storage.connections import ClosedConnection, Connection, Connections
from chat.storage.members import Member
from chat.storage.rules import RoomRules, Rules
from chat.storage.signals import Signals

# $connect writes its rows before API Gateway opens the socket, and a post in between is answered 410 as if
# the socket were closed. For this long after the connect a 410 may mean that, so it prunes nobody.
CONNECT_GRACE = 10.0  # seconds


@contextmanager
def undo_if_forbidden(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` if the body raises Forbidden, which is raised on."""
    try:
        yield
    except Forbidden:
        undo()
        raise


class Membership:
    """The memberships of all connections."""

    def __init__(self, connections: Connections, rules: RoomRules, signals: Signals) -> None:
        self._connections = connections
        self._rules = rules
        self._signals = signals

    def connect(self, connection: Connection, rooms: Collection[str], grants: Grants) -> None:
        """Store a connection as a member of these rooms, all or none.

        Raises Forbidden if the user may not read one of the rooms or is banned from it, and
        TooManyConnections if the user has too many already.
        """
        if not all(map(grants.may_read, rooms)):
            raise Forbidden("You may not read one of the rooms.")
        user = connection.identity.user
        self._rules.require_not_banned(user, rooms)
        self._connections.add(connection, rooms)
        # A ban may have landed meanwhile: it removed the user's other memberships before these existed.
        with undo_if_forbidden(lambda: self._connections.remove(connection.id)):
            self._rules.require_not_banned(user, rooms)
        self._signal(rooms, Person(user, connection.identity.name))

    def join(self, connection_id: str, person: Person, room: str) -> Rules:
        """Make a connection a member of a room, if it is not one already, and return the room's rules.

        They were read when it was a member: it gets a notice of every later change.
        Raises Forbidden if the user is banned or the connection is in too many rooms, NotConnected, and
        RateLimited: a join costs a post per member, so it is charged like a message.
        """
        rules = self._rules.read_for(person.user, room)
        if not self._connections.join(connection_id, room):
            return rules
        with undo_if_forbidden(lambda: self._connections.leave(connection_id, room)):  # as in `connect`
            rules = self._rules.read_for(person.user, room)
        self._signal([room], person)
        return rules

    def leave(self, connection_id: str, person: Person, room: str) -> None:
        """End a connection's membership of a room. Raises NotConnected."""
        # Only a member is shown as leaving: anyone could otherwise appear in any room.
        if self._connections.leave(connection_id, room):
            self._signal([room], person)

    def disconnect(self, connection_id: str) -> ClosedConnection | None:
        """Delete a connection and its memberships. None if it was deleted before."""
        closed = self._connections.remove(connection_id)
        if closed is not None:
            self._signal(closed.rooms, closed.person)
        return closed

    def remove(self, user: str, room: str, notify: Callable[[Member], object]) -> None:
        """End all of a user's memberships of a room. `notify` is called for each before it ends."""
        for connection_id in self._connections.ids_of_user(user):
            try:
                member = self._connections.member(connection_id, room)
                if member is None:
                    continue
                notify(member)
                self._connections.leave(connection_id, room)
            except NotConnected:  # it closed meanwhile
                continue
            self._signal([room], Person(member.user, member.name))

    def prune(self, room: str | None, members: Sequence[Member]) -> None:
        """Delete connections that were found dead, in a room or elsewhere, with all their memberships."""
        for closed in self._connections.prune(room, members):
            self._signal(closed.rooms, closed.person)

    def _signal(self, rooms: Iterable[str], person: Person) -> None:
        for room in rooms:
            self._signals.presence_changed(room, person)
