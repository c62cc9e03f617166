"""What the client library shows of its user's own changes: pending, then stored, or taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.library.own_changes import rejected_with, waiting
from tests.e2e.support.clients import FrameClient, frame_client
from tests.e2e.support.jwt_engine import JwtEngine, token_of
from tests.e2e.support.library import Form, Library, LibraryRoom, needs_node
from tests.e2e.support.tcp_fault_proxy import TcpFaultProxy, tcp_fault_proxy
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


def form(seq: int, text: str, *, pending: bool = False, deleted: bool = False, **reactions: int) -> Form:
    return Form(seq=seq, text=text, reactions=reactions, deleted=deleted, pending=pending)


async def last_form_is(room: LibraryRoom, expected: Form) -> None:
    async def is_so() -> bool:
        return (await room.events()).forms[-1:] == [expected]

    await until(is_so)


@asynccontextmanager
async def moderated_room(
    jwt_engine: JwtEngine, library: Library, room: str
) -> AsyncIterator[tuple[LibraryRoom, FrameClient, TcpFaultProxy]]:
    """Let Ada use the library in a room, over a network that a test can cut, and Mia moderate the room."""
    port = urlsplit(jwt_engine.url).port or 0
    mias = token_of("mia", roles=["moderator"])
    async with (
        tcp_fault_proxy(port) as network,
        frame_client(jwt_engine.url, token=mias, room=room) as mia,
    ):
        url = jwt_engine.url.replace(f":{port}", f":{network.port}")
        ada = await library.open(f"Ada of {room}", url, fresh=True, token=token_of("ada"))
        general = await ada.join(room)
        yield general, mia, network
        await ada.close()


async def test_a_change_is_shown_at_once_as_pending_and_then_as_stored(
    engine: Engine, library: Library, room: str
) -> None:
    ada = await library.open("Ada", engine.socket_url, fresh=True)
    general = await ada.join(room)
    async with frame_client(engine.socket_url, room=room) as bob:
        await general.send("teh end")
        await general.until(seq=1)
        told = 0
        for number, (change, expected) in enumerate(
            [
                (lambda: general.edit(1, "the end"), form(1, "the end")),
                (lambda: general.react(1, "👍"), form(1, "the end", **{"👍": 1})),
                (lambda: general.react(1, "👍", False), form(1, "the end")),
                (lambda: general.delete(1), form(1, "", deleted=True)),
            ],
            2,
        ):
            acknowledgement = await change()
            assert acknowledgement and (acknowledgement["seq"], acknowledgement["of"]) == (number, 1)
            await bob.until_changed(number)
            assert bob.shown[1]["message"] == expected.text
            assert {each["reaction"]: each["count"] for each in bob.shown[1].get("reactions", [])} == (
                expected.reactions
            )
            await last_form_is(general, expected)
            forms = (await general.events()).forms
            assert forms[told].pending
            assert {repr(each) for each in forms[told + 1 :]} == {repr(expected)}
            assert repr(forms[told]).replace("pending=True", "pending=False") == repr(expected)
            told = len(forms)
    events = await general.events()
    assert (events.failed, events.gaps, events.pending_changes) == ({}, [], [])
    assert sorted(events.acknowledged.values()) == [1, 2, 3, 4, 5]
    await ada.close()


async def test_a_change_of_anothers_message_is_taken_back(
    engine: Engine, library: Library, room: str
) -> None:
    ada = await library.open("Ada", engine.socket_url, fresh=True)
    general = await ada.join(room)
    async with frame_client(engine.socket_url, room=room) as bob:
        await bob.send(room, "Bob's")
        await general.until(seq=1)
        await rejected_with("forbidden", general.edit(1, "mine"))
        await rejected_with("forbidden", general.delete(1))
        assert bob.changes == []
    events = await general.events()
    theirs = form(1, "Bob's")
    assert events.forms == [
        form(1, "mine", pending=True),
        theirs,
        form(1, "", deleted=True, pending=True),
        theirs,
    ]
    assert events.failed_changes == [("edit", 1, "forbidden"), ("delete", 1, "forbidden")]
    await ada.close()


async def test_a_muted_persons_changes_are_taken_back_but_for_a_deletion_of_their_own(
    jwt_engine: JwtEngine, library: Library, room: str
) -> None:
    async with moderated_room(jwt_engine, library, room) as (general, mia, _):
        await general.send("Ada's")
        await general.until(seq=1)
        await mia.request(action="mute", room=room, user="ada", seconds=3600)
        await rejected_with("forbidden", general.react(1, "👍"))
        await rejected_with("forbidden", general.edit(1, "Ada's own"))
        events = await general.events()
        assert events.forms == [
            form(1, "Ada's", pending=True, **{"👍": 1}),
            form(1, "Ada's"),
            form(1, "Ada's own", pending=True),
            form(1, "Ada's"),
        ]
        assert events.failed_changes == [("react", 1, "forbidden"), ("edit", 1, "forbidden")]
        await general.delete(1)
        await mia.until_changed(2)
        await last_form_is(general, form(1, "", deleted=True))


async def test_the_changes_of_a_person_who_was_banned_meanwhile_are_taken_back(
    jwt_engine: JwtEngine, library: Library, room: str
) -> None:
    async with moderated_room(jwt_engine, library, room) as (general, mia, network):
        await general.send("Ada's")
        await general.until(seq=1)
        network.cut_off()
        changes = await waiting(general, general.edit(1, "edited"), general.react(1, "👍"))
        await mia.request(action="ban", room=room, user="ada", seconds=3600)
        network.restore()
        for change in changes:
            await rejected_with("forbidden", change)
        await last_form_is(general, form(1, "Ada's"))
        events = await general.events()
        assert events.failed_changes == [("edit", 1, "forbidden"), ("react", 1, "forbidden")]
        assert (events.pending_changes, mia.changes) == ([], [])
        await rejected_with("forbidden", general.edit(1, "edited when banned"))
        await mia.request(action="ban", room=room, user="ada", seconds=0)

        again = await library.open(general.client.name, jwt_engine.url, token=token_of("ada"))
        general = await again.join(room)
        await general.send("Here again")
        await mia.until_received("Here again")
        assert (await general.events()).texts == ["Ada's", "Here again"]
        await again.close()


async def test_a_change_of_a_message_that_was_deleted_meanwhile_is_taken_back(
    jwt_engine: JwtEngine, library: Library, room: str
) -> None:
    async with moderated_room(jwt_engine, library, room) as (general, mia, network):
        await general.send("Ada's")
        await general.send("Ada's second")
        await general.until(seq=2)
        network.cut_off()
        changes = await waiting(general, general.edit(1, "edited"), general.react(1, "👍"))
        await mia.request(action="delete", room=room, seq=1)
        network.restore()
        for change in changes:
            await rejected_with("invalid_message", change)
        await last_form_is(general, form(1, "", deleted=True))
        events = await general.events()
        assert events.forms[:2] == [
            form(1, "edited", pending=True),
            form(1, "edited", pending=True, **{"👍": 1}),
        ]
        assert {each.text for each in events.forms[2:]} == {""}
        assert events.failed_changes == [("edit", 1, "invalid_message"), ("react", 1, "invalid_message")]
        assert [each["kind"] for each in mia.changes] == ["delete"]
