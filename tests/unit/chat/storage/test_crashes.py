"""A function that dies in the middle of sending or broadcasting a message.

Over 300 lines, because it is one table of crashes.

Every call to DynamoDB is a place to die at: right after it has been carried out. What must hold after all of
them: the message is in the history once, was broadcast once (or again with the same seq, which a client
drops), and whoever sends it again is told where it stands.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from apigateway.poster import Poster
from chat.actions.context import Context, Sender
from chat.actions.dispatch import dispatch
from chat.delivery.broadcast import Broadcaster
from chat.delivery.coalescing import Coalescing
from chat.delivery.deliver import Delivery
from chat.delivery.unread import Unread
from chat.identity.identity import Identity
from chat.membership import Membership
from chat.moderation import Moderation
from chat.protocol.errors import InvalidRef
from chat.protocol.frames import parse
from chat.protocol.messages import Entry
from chat.storage.connections import Connection, Connections, Limits
from chat.storage.cursors import ReactionCursors
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import MemberReader
from chat.storage.people.marks import Marks
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals
from tests.support.fakes.dynamodb_server import DynamoDBServer
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.mortal_dynamodb import Killed, MortalDynamoDB
from tests.support.fakes.slice_queue import FakeSliceQueue
from tests.support.fakes.stream import Stream
from tests.support.fakes.xray_daemon import NoDaemon

CONNECTIONS, MESSAGES = "ConnectionsTable", "MessagesTable"
ADA = Identity("u1", "Ada", "v1")
LISTENER, PLAIN = "listener", "plain"
type Runs = Mapping[str, Sequence[Entry]]


def chat_on(client: Any) -> Context:
    fast = Rate(10_000, 10_000)  # no call is a second try
    connections = Connections(client, CONNECTIONS, limits=Limits(rate=fast))
    rules, signals = RoomRules(client, MESSAGES), Signals(client, MESSAGES)
    log = Log(client, MESSAGES, 90, rules, rate=fast)
    sockets: Any = None  # nobody is moderated
    membership = Membership(connections, rules, signals)
    subscriptions = Subscriptions(client, MESSAGES)
    moderation = Moderation(membership, rules, signals, subscriptions, sockets)
    return Context(
        connections, log, rules, signals, membership, moderation, subscriptions, Summaries(client, MESSAGES)
    )


@dataclass
class World:
    """A room with a sender, a listener that speaks frames and a plain one; functions that can die."""

    dynamodb: Any
    stream: Stream
    members_url: str
    # One post at a time, so that some have received and others have not when the function dies.
    gateway: FakeGateway = field(default_factory=lambda: FakeGateway(limit=1))
    dies_at: str | None = None  # the connection whose post is the fan-out's last

    def connect(self) -> None:
        connections = Connections(self.dynamodb, CONNECTIONS)
        connections.add(Connection("sender", ADA, 0), ["general"])
        connections.add(Connection("sender again", ADA, 0), ["general"])
        connections.add(Connection(LISTENER, ADA, 0), ["general"])
        connections.add(Connection(PLAIN, Identity("u2", "Guest", "plain"), 0), ["general"])

    def send(
        self, *, ref: str = "r1", text: str = "Hi", connection: str = "sender", dies_after: int | None = None
    ) -> dict[str, Any]:
        """The message function, from frame to reply."""
        client = MortalDynamoDB(self.dynamodb, dies_after)
        chat = chat_on(client)
        frame = {"action": "send", "ref": ref, "room": "general", "message": text}
        reply: dict[str, Any] = json.loads(
            dispatch(chat, Sender(connection, ADA, "general"), parse(json.dumps(frame)))
        )
        return reply

    def send_and_die(self, dies_after: int, *, ref: str = "r1", text: str = "Hi") -> None:
        with pytest.raises(Killed):
            self.send(ref=ref, text=text, dies_after=dies_after)

    def fan_out(self, runs: Runs, dies_after: int | None = None) -> list[str]:
        """The fan-out function; returns what it asked of DynamoDB, but for the reading of members."""
        client = MortalDynamoDB(self.dynamodb, dies_after)
        with asyncio.Runner() as process:
            process.run(self._fan_out(runs, client))
        return client.calls

    async def _fan_out(self, runs: Runs, client: MortalDynamoDB) -> None:
        loop = asyncio.get_running_loop()
        members = MemberReader(self.members_url, "us-east-1", CONNECTIONS)
        slice_queue: Any = FakeSliceQueue()
        sockets: Any = None  # nobody expires
        poster = Poster(self.gateway)
        membership = Membership(
            Connections(client, CONNECTIONS), RoomRules(client, MESSAGES), Signals(client, MESSAGES)
        )
        log = LogRepair(client, MESSAGES, 90)
        broadcaster = Broadcaster(
            members,
            log,
            Delivery(membership, poster, lambda: sockets),
            slice_queue,
            Unread(Summaries(client, MESSAGES), Marks(client, MESSAGES)),
            Coalescing(log, ReactionCursors(client, MESSAGES), slice_queue),
            NoDaemon(),
            large_room=1_000,
            slices=16,
        )
        broadcasting = asyncio.ensure_future(broadcaster.broadcast_all(runs))
        dead = loop.create_future()

        def on_post(connection_id: str) -> None:
            if connection_id == self.dies_at:
                self.gateway.limit = 0  # the dead post no more
                dead.set_result(None)

        self.gateway.on_post = on_post
        await asyncio.wait([broadcasting, dead], return_when=asyncio.FIRST_COMPLETED)
        members.close()
        if dead.done():
            raise Killed
        await broadcasting

    def history(self) -> dict[int, str | None]:
        """The text of every row of the room's log, by seq; None for a skipped number."""
        items = self.dynamodb.scan(TableName=MESSAGES)["Items"]
        rows = [item for item in items if item["pk"] == "LOG#general"]
        return {int(row["sk"]): row.get("message") for row in rows}

    def received(self, connection: str = LISTENER) -> list[tuple[int, str]]:
        """What a connection was sent, in order, repeats and all."""
        frames = [json.loads(frame) for frame in self.gateway.frames[connection]]
        return [(message["seq"], message["message"]) for frame in frames for message in frame["messages"]]

    def skipped(self) -> list[int]:
        frames = [json.loads(frame) for frame in self.gateway.frames[LISTENER]]
        return [seq for frame in frames for seq in frame.get("skipped", [])]


@pytest.fixture
def world(dynamodb: Any, stream: Stream, dynamodb_server: DynamoDBServer) -> World:
    world = World(dynamodb, stream, dynamodb_server.url)
    world.connect()
    return world


HEAD, REF, ROW = 2, 3, 4  # the message function's calls; the first counts the message to its connection
after_each_write = pytest.mark.parametrize("dies_after", [HEAD, REF, ROW], ids=["head", "ref", "row"])


def test_these_are_the_places_where_the_message_function_can_die(dynamodb: Any, world: World) -> None:
    client = MortalDynamoDB(dynamodb)
    chat = chat_on(client)
    dispatch(chat, Sender("sender", ADA, "general"), parse('{"action":"onMessage","message":"Hi"}'))
    assert client.calls == ["update_item", "update_item", "put_item", "put_item"]


def test_a_death_before_the_head_leaves_nothing_and_the_resend_is_the_message(world: World) -> None:
    world.send_and_die(1)
    assert world.stream.batch() == {}
    assert world.send()["seq"] == 1
    world.fan_out(world.stream.batch())
    assert (world.history(), world.received(), world.skipped()) == ({1: "Hi"}, [(1, "Hi")], [])


@after_each_write
def test_a_message_whose_function_died_is_broadcast_and_in_the_history(world: World, dies_after: int) -> None:
    world.send_and_die(dies_after)
    world.fan_out(world.stream.batch())
    assert (world.history(), world.received()) == ({1: "Hi"}, [(1, "Hi")])
    assert world.gateway.frames[PLAIN] == ["Hi"]


@after_each_write
def test_a_resend_after_the_broadcast_gets_the_receipt_of_the_message(world: World, dies_after: int) -> None:
    world.send_and_die(dies_after)
    world.fan_out(world.stream.batch())
    assert world.send(connection="sender again")["seq"] == 1
    world.fan_out(world.stream.batch())
    assert world.history() == {1: "Hi", 2: None}
    assert (world.received(), world.skipped()) == ([(1, "Hi")], [2])
    assert world.gateway.frames[PLAIN] == ["Hi"]


@after_each_write
@pytest.mark.parametrize("batches", ["one batch", "two batches"])
def test_a_resend_that_overtakes_the_fan_out_counts_once(world: World, dies_after: int, batches: str) -> None:
    runs: list[Runs] = []
    world.send_and_die(dies_after)
    if batches == "two batches":
        runs.append(world.stream.batch())
    reply = world.send()
    runs.append(world.stream.batch())
    # After the head alone nothing tells that there was a first one: the resend gets the ref.
    stands, skipped = (2, 1) if dies_after == HEAD else (1, 2)
    assert reply["seq"] == stands
    for run in runs:
        world.fan_out(run)
    assert world.history() == {stands: "Hi", skipped: None}
    assert (world.received(), world.skipped()) == ([(stands, "Hi")], [skipped])
    assert world.gateway.frames[PLAIN] == ["Hi"]


@after_each_write
@pytest.mark.parametrize("resend_dies_after", [HEAD, REF, ROW], ids=["head", "ref", "row"])
def test_a_resend_may_die_too_and_a_third_gets_the_same_receipt(
    world: World, dies_after: int, resend_dies_after: int
) -> None:
    world.send_and_die(dies_after)
    world.send_and_die(resend_dies_after)
    reply = world.send()
    world.fan_out(world.stream.batch())
    assert world.received() == [(reply["seq"], "Hi")]
    assert world.history() == {seq: "Hi" if seq == reply["seq"] else None for seq in (1, 2, 3)}
    assert world.send()["seq"] == reply["seq"]


class Overtaken:
    """The fan-out's DynamoDB client; between its reading and its first write a resend comes by."""

    def __init__(self, client: Any, overtake: Any) -> None:
        self._client = client
        self._overtake = overtake

    def put_item(self, **arguments: Any) -> Any:
        overtake, self._overtake = self._overtake, None
        if overtake is not None:
            overtake()
        return self._client.put_item(**arguments)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def test_a_resend_between_the_fan_outs_reading_and_writing_counts_once(world: World) -> None:
    replies: list[int] = []
    world.send_and_die(HEAD)
    client = Overtaken(world.dynamodb, lambda: replies.append(world.send()["seq"]))
    repaired = LogRepair(client, MESSAGES, 90).repair("general", world.stream.batch()["general"]).entries
    assert (replies, repaired) == ([2], [Entry(1, None)])
    world.fan_out(world.stream.batch())
    assert (world.history(), world.received()) == ({1: None, 2: "Hi"}, [(2, "Hi")])


def test_another_message_under_the_ref_of_one_that_died_is_skipped_if_it_was_second(world: World) -> None:
    world.send_and_die(REF)
    with pytest.raises(InvalidRef):
        world.send(text="Ho")
    world.fan_out(world.stream.batch())
    assert (world.history(), world.received(), world.skipped()) == ({1: "Hi", 2: None}, [(1, "Hi")], [2])


# The fan-out dies

# Of a run of three, of which the second is the first again and the third is whole: the reading, the ref and
# the row of the first, the row of the second.
FAN_OUT_CALLS = ["batch_get_item", "put_item", "put_item", "put_item"]


def torn_run(world: World) -> Runs:
    world.send_and_die(HEAD)
    world.send_and_die(HEAD)
    world.send(ref="r2", text="Ho")
    return world.stream.batch()


def test_these_are_the_places_where_the_fan_out_can_die(world: World) -> None:
    assert world.fan_out(torn_run(world)) == FAN_OUT_CALLS
    assert world.history() == {1: "Hi", 2: None, 3: "Ho"}


@pytest.mark.parametrize("dies_after", range(1, len(FAN_OUT_CALLS) + 1))
def test_the_stream_comes_again_and_nothing_is_doubled_or_lost(world: World, dies_after: int) -> None:
    runs = torn_run(world)
    with pytest.raises(Killed):
        world.fan_out(runs, dies_after)
    assert world.received() == []  # nobody receives what is not repaired
    world.fan_out(runs)
    assert (world.received(), world.skipped()) == ([(1, "Hi"), (3, "Ho")], [2])
    assert world.history() == {1: "Hi", 2: None, 3: "Ho"}
    assert world.send()["seq"] == 1


def test_a_fan_out_that_dies_after_each_write_still_gets_to_the_end(world: World) -> None:
    runs = torn_run(world)
    for _ in range(FAN_OUT_CALLS.count("put_item")):
        with pytest.raises(Killed):
            world.fan_out(runs, dies_after=2)  # the reading, and one write
    assert world.history() == {1: "Hi", 2: None, 3: "Ho"}
    assert world.fan_out(runs) == ["batch_get_item"]
    assert world.received() == [(1, "Hi"), (3, "Ho")]


def test_what_is_posted_again_after_a_death_can_be_told_by_its_seq(world: World) -> None:
    runs = torn_run(world)
    rows = world.dynamodb.scan(TableName=CONNECTIONS)["Items"]
    keys = sorted(row["sk"] for row in rows if row["pk"] == "ROOM#general")
    *before, world.dies_at, after = [key[4:] for key in keys]
    with pytest.raises(Killed):
        world.fan_out(runs)
    world.dies_at, world.gateway.limit = None, 1
    world.fan_out(runs)
    assert PLAIN in before
    for connection in {*before, after} - {PLAIN}:
        received = world.received(connection)
        assert len(received) == (2 if connection == after else 4)
        assert list(dict(received)) == [
            1,
            3,
        ]  # a client that drops what it has by seq hears each once, in order
        assert set(received) == {(1, "Hi"), (3, "Ho")}  # and a seq is the same message every time


def test_a_resend_while_the_fan_out_is_dead_gets_the_receipt_of_what_will_be_broadcast(world: World) -> None:
    world.send_and_die(HEAD)
    runs = world.stream.batch()
    with pytest.raises(Killed):
        world.fan_out(runs, dies_after=2)  # the ref is written, the row is not
    assert world.send()["seq"] == 1
    world.fan_out(runs)
    world.fan_out(world.stream.batch())
    assert (world.history(), world.received(), world.skipped()) == ({1: "Hi", 2: None}, [(1, "Hi")], [2])
