"""Which messages the accepting function posts itself, and what it says of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from botocore.exceptions import ClientError

from apigateway.outcomes import Failed, Gone, Outcome, Throttled
from apigateway.poster import Poster
from chat.delivery.fast_lane import BEGIN_SECONDS, NO_RETRIES, POST_SECONDS, FastLane
from chat.identity.identity import Person, Protocol
from chat.protocol.messages import Entry, Message
from chat.storage.members import Member
from tests.support.fakes.gateway import FakeGateway

ENTRY = Entry(7, Message("r7", "u1", "Ada", "Hi", None, "2026-11-24T06:20:01.123Z"))


def member(connection: str, protocol: Protocol = "v1", *, expired: bool = False) -> Member:
    return Member(connection, protocol, 0, f"user of {connection}", "Ada", expired)


class Lane:
    """A fast lane in rooms of up to three, with its fakes."""

    def __init__(self, members: Sequence[Member], latency: float = 0.0) -> None:
        self.members = list(members)
        self.looks: list[str] = []
        self.error: Exception | None = None
        self.seconds = 0.0
        self.gateway = FakeGateway(latency=latency)
        self.posters: list[Poster] = []
        self._lane = FastLane(self._poster, self._read, max_members=3, now=lambda: self.seconds)

    def _poster(self) -> Poster:
        self.posters.append(Poster(self.gateway, retries=NO_RETRIES))
        return self.posters[-1]

    def _read(self, room: str, most: int) -> tuple[list[Member], int | None]:
        self.looks.append(room)
        if self.error:
            raise self.error
        return self.members[: most + 1], None if len(self.members) <= most else len(self.members)

    def post(self, began: float | None = None) -> bool:
        return self._lane.post("general", "e1", ENTRY, began=self.seconds if began is None else began)

    def typing(self, began: float | None = None) -> bool | None:
        """Post that the user of the connection "a" is typing. None if the lane does not take it."""
        ada = Person("user of a", "Ada")
        began = self.seconds if began is None else began
        post = self._lane.prepare_typing("general", ada, began=began)
        assert self.gateway.posts == [], "nothing is posted before the signal is stored"
        return post and post()


def test_every_member_gets_the_frame_that_the_stream_would_bring() -> None:
    lane = Lane([member("a"), member("b"), member("c")])
    assert lane.post()
    frames = [json.loads(frame) for frames in lane.gateway.frames.values() for frame in frames]
    assert list(lane.gateway.frames) == ["a", "b", "c"]
    assert frames == 3 * [frames[0]]
    assert (frames[0]["type"], frames[0]["room"], frames[0]["epoch"]) == ("messages", "general", "e1")
    assert [(entry["seq"], entry["message"]) for entry in frames[0]["messages"]] == [(7, "Hi")]


@pytest.mark.parametrize(
    "others", [[member("b"), member("c"), member("d")], [member("b", "plain")]], ids=["large", "plain"]
)
def test_a_room_that_is_large_or_has_plain_clients_is_left_alone_for_a_while(others: list[Member]) -> None:
    lane = Lane([member("a"), *others])
    assert not lane.post()
    del lane.members[1:]
    lane.seconds = 29
    assert not lane.post()
    assert lane.looks == ["general"]
    assert lane.gateway.posts == []
    lane.seconds = 31
    assert lane.post()


def test_who_is_no_longer_allowed_to_read_gets_nothing_and_is_left_to_the_stream() -> None:
    lane = Lane([member("a"), member("b", expired=True)])
    assert not lane.post()
    assert lane.gateway.posts == []


@pytest.mark.parametrize(
    "trouble", [Throttled(), Failed("status 500"), Failed("timed out")], ids=["429", "500", "no answer"]
)
def test_what_one_member_has_not_got_is_left_to_the_stream_and_tried_once(trouble: Outcome) -> None:
    lane = Lane([member("a"), member("b")])
    lane.gateway.troubles["b"] = [trouble]
    assert not lane.post()
    assert sorted(lane.gateway.posts) == ["a", "b"]
    lane.gateway.gone = {"b"}
    assert not lane.post()
    assert sorted(lane.gateway.posts) == ["a", "a", "b", "b"]
    lane.gateway.gone = set()
    assert lane.post()


def test_a_gateway_that_does_not_answer_in_time_is_not_waited_for_and_its_poster_ends() -> None:
    lane = Lane([member("a")], latency=POST_SECONDS * 20)
    assert not lane.post()
    assert len(lane.posters) == 2  # what was under way must not go out with the next message


def test_who_begins_too_late_posts_nothing() -> None:
    lane = Lane([member("a")])
    lane.seconds = 10
    assert not lane.post(began=10 - BEGIN_SECONDS - 0.01)
    assert lane.gateway.posts == []
    assert lane.post(began=10 - BEGIN_SECONDS + 0.01)


def test_a_database_that_fails_leaves_the_message_to_the_stream() -> None:
    lane = Lane([member("a")])
    lane.error = ClientError({"Error": {"Code": "InternalServerError", "Message": "down"}}, "Query")
    assert not lane.post()
    lane.error = None
    assert lane.post()


# Typing


def test_the_others_get_the_typing_frame_that_the_stream_would_bring() -> None:
    lane = Lane([member("a"), member("b"), member("c")])
    assert lane.typing()
    frame = {"type": "typing", "room": "general", "user": "user of a", "name": "Ada"}
    found = {id_: [json.loads(each) for each in frames] for id_, frames in lane.gateway.frames.items()}
    assert found == {"b": [frame], "c": [frame]}


def test_whoever_types_alone_posts_nothing_and_needs_no_stream() -> None:
    lane = Lane([member("a")])
    assert lane.typing()
    assert lane.gateway.posts == []


@pytest.mark.parametrize(
    "others",
    [[member("b"), member("c"), member("d")], [member("b", "plain")], [member("b", expired=True)]],
    ids=["large", "plain", "expired"],
)
def test_typing_is_left_to_the_stream_where_messages_are(others: list[Member]) -> None:
    lane = Lane([member("a"), *others])
    assert lane.typing() is None


def test_typing_is_left_to_the_stream_by_whoever_begins_too_late() -> None:
    lane = Lane([member("a"), member("b")])
    lane.seconds = 10
    assert lane.typing(began=10 - BEGIN_SECONDS - 0.01) is None


@pytest.mark.parametrize(
    "trouble", [Throttled(), Gone(), Failed("timed out")], ids=["429", "410", "no answer"]
)
def test_a_typing_frame_that_one_member_has_not_got_is_tried_once(trouble: Outcome) -> None:
    lane = Lane([member("a"), member("b"), member("c")])
    lane.gateway.troubles["b"] = [trouble]
    assert lane.typing() is False
    assert sorted(lane.gateway.posts) == ["b", "c"]


def test_typing_does_not_wait_for_a_gateway_that_does_not_answer() -> None:
    lane = Lane([member("a"), member("b")], latency=POST_SECONDS * 20)
    assert lane.typing() is False
    assert len(lane.posters) == 2
