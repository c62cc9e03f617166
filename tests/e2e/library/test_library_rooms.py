"""The client library's list of a person's rooms, and the inbox, against the real functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.support.clients import frame_client, user_of
from tests.e2e.support.jwt_engine import JwtEngine, token_of
from tests.e2e.support.library import Library, LibraryClient, Rejected, needs_node
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


async def device(library: Library, engine: Engine, room: str, name: str) -> LibraryClient:
    """Open a device of Ada's."""
    return await library.open(
        f"{name} {room}", engine.socket_url, fresh=True, client=f"Ada of {room}", name="Ada"
    )


async def test_the_list_of_rooms_counts_what_is_unread_on_all_devices(
    engine: Engine, library: Library, room: str
) -> None:
    laptop = await device(library, engine, room, "laptop")
    general, news = await laptop.join(room), await laptop.join(f"{room}-news")
    await asyncio.gather(general.subscribe(), news.subscribe(muted=True))
    async with frame_client(engine.socket_url, name="Bob", room=room) as bob:
        for text in ("one", "two", "three"):
            last = (await bob.send(room, text))["seq"]
        await bob.request(action="edit", room=room, seq=1, message="One", ref="e1")
        await laptop.rooms(**{room: {"unread": 3, "read": 0}})
        await general.read(2)
        places = await laptop.rooms(**{room: {"unread": 1, "read": 2}})
        assert [place["room"] for place in places] == [room, f"{room}-news"]
        assert places[0]["newest"]["message"] == "three"
        assert places[1]["muted"] is True

        phone = await device(library, engine, room, "phone")
        await phone.rooms(**{room: {"unread": 1, "read": 2}, f"{room}-news": {"unread": 0}})
        general_on_phone = await phone.join(room)
        await general_on_phone.send("Read all of it")
        await asyncio.gather(*(each.rooms(**{room: {"unread": 0}}) for each in (laptop, phone)))
        await bob.send(room, "five")
        await asyncio.gather(*(each.rooms(**{room: {"unread": 1}}) for each in (laptop, phone)))
        assert last == 3
    await phone.close()

    await laptop.dispatch("offline")
    async with frame_client(engine.socket_url, name="Bob", room=room) as bob:
        await bob.send(f"{room}-news", "not in this room")
        await bob.request(action="join", room=f"{room}-news")
        await bob.send(f"{room}-news", "News")
    await laptop.dispatch("online")
    places = await laptop.rooms(**{room: {"unread": 1}, f"{room}-news": {"unread": 1}})
    assert places[0]["newest"]["message"] == "News"
    await news.unsubscribe()
    await laptop.rooms(**{f"{room}-news": None})
    with pytest.raises(Rejected, match="not_subscribed"):
        await news.read(1)
    await laptop.close()


async def test_marks_of_many_messages_are_few_requests(engine: Engine, library: Library, room: str) -> None:
    ada = await device(library, engine, room, "laptop")
    general = await ada.join(room)
    await general.subscribe()
    async with frame_client(engine.socket_url, name="Bob", room=room) as bob:
        for number in range(20):
            await bob.send(room, f"message {number}")
    await general.until(seq=20)
    before = (await ada.connection_log()).frames
    await asyncio.gather(*(general.read(seq) for seq in range(1, 21)))
    assert (await ada.connection_log()).frames - before <= 3
    await ada.rooms(**{room: {"unread": 0, "read": 20}})
    await ada.close()


async def test_the_inbox_is_found_read_and_kept_over_an_absence(
    jwt_engine: JwtEngine, library: Library, room: str
) -> None:
    user = f"ada {room}"
    ada = await library.open(user, jwt_engine.url, fresh=True, token=token_of(user))
    inbox = await ada.inbox()
    assert inbox.name == f"@{user}"
    async with frame_client(jwt_engine.url, token=token_of("shop", rooms="@*:write"), room="") as shop:
        await shop.send(inbox.name, "Your order is on its way", ref=f"1 {room}")
        await inbox.until(count=1)
        await ada.dispatch("offline")
        await shop.send(inbox.name, "It is here", ref=f"2 {room}")
        await ada.dispatch("online")
        await inbox.until(count=2)
    assert (await inbox.events()).texts == ["Your order is on its way", "It is here"]
    await ada.close()


async def mentioned_in(person: LibraryClient, room: str, seq: int) -> bool:
    (place,) = await person.rooms(**{room: {}})
    return bool(place.get("mention", {}).get("seq") == seq)


async def test_a_mention_is_in_the_list_of_its_person_on_all_devices_until_it_is_read_on_one(
    engine: Engine, library: Library, room: str
) -> None:
    phone, laptop = (
        await device(library, engine, room, "phone"),
        await device(library, engine, room, "laptop"),
    )
    general = await laptop.join(room)
    await general.subscribe()
    await asyncio.gather(*(each.rooms(**{room: {"unread": 0}}) for each in (phone, laptop)))
    grace = await library.open(f"Grace of {room}", engine.socket_url, fresh=True, name="Grace")
    graces = await grace.join(room)
    ada, eve = user_of(f"Ada of {room}"), user_of(f"Eve of {room}")

    await graces.send("to all")
    await graces.send("Ada?", mentions=[ada, eve])
    second = (await graces.send("Ada!", mentions=[ada]))["seq"]
    for each in (phone, laptop):
        # A list counts mentions, and only a notice tells of the newest.
        await until(lambda each=each: mentioned_in(each, room, second))
        (place,) = await each.rooms(**{room: {"unread": 3, "mentions": 2}})
        assert (place["mention"]["seq"], place["mention"]["name"]) == (second, "Grace")
    await graces.delete(2)
    for each in (phone, laptop):
        (place,) = await each.rooms(**{room: {"unread": 3, "mentions": 1}})
        assert place["mention"]["seq"] == second

    await general.until(seq=second)  # what has not come cannot be marked
    await general.read(second)
    for each in (phone, laptop):
        (place,) = await each.rooms(**{room: {"unread": 0, "mentions": 0, "read": second}})
        assert "mention" not in place
    await asyncio.gather(*(each.close() for each in (phone, laptop, grace)))


async def test_the_list_has_the_room_with_the_newest_message_first(
    engine: Engine, library: Library, room: str
) -> None:
    phone, laptop = (
        await device(library, engine, room, "phone"),
        await device(library, engine, room, "laptop"),
    )
    names = [f"{room}-{name}" for name in "abc"]
    joined = [await laptop.join(name) for name in names]
    await asyncio.gather(*(each.subscribe() for each in joined))
    async with frame_client(engine.socket_url, name="Bob", room=names) as bob:
        for name in (names[2], names[0], names[1]):
            await bob.send(name, "first")
        places = await laptop.rooms(**{name: {"unread": 1} for name in names})
        assert [place["room"] for place in places] == [names[1], names[0], names[2]]
        await joined[2].send("Ada's own")
        await bob.until_received("Ada's own")
        places = await laptop.rooms(**{names[2]: {"unread": 0}})
        assert [place["room"] for place in places] == [names[2], names[1], names[0]]

        # The phone is in none of the rooms. It learns of mentions alone.
        await phone.dispatch("offline")
        await phone.dispatch("online")
        await phone.rooms(**{names[0]: {"unread": 1}, names[2]: {"unread": 0}})
        await bob.send(names[0], "Ada?", mentions=[user_of(f"Ada of {room}")])
        places = await phone.rooms(**{names[0]: {"mentions": 1}})
        assert [place["room"] for place in places] == [names[0], names[2], names[1]]
    await asyncio.gather(phone.close(), laptop.close())
