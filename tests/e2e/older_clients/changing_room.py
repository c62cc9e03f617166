"""A room whose members change, answer and mark messages, while a client that knows none of this reads it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, frame_client, user_of
from tests.e2e.support.library import Library, LibraryRoom
from tests.support.waiting import until

type Shown = list[tuple[int, str, str]]  # (seq, id, text)


class OlderClient(Protocol):
    """A client that knows no changes, in the room."""

    async def send(self, text: str) -> int:
        """Send a message, and return its seq when it is acknowledged."""

    async def until(self, seq: int) -> None:
        """Wait until the message with this seq, or a later one, is shown."""

    async def shown(self) -> Shown:
        """Return what was shown, in that order."""

    async def acknowledged(self) -> dict[str, int]:
        """Return the seqs of the client's own messages by id."""


class ChangingRoom:
    """The members that know changes.

    `forms` has the texts that each message may have had when the older client read it, by seq.
    """

    def __init__(
        self, room: str, bob: FrameClient, eve: FrameClient, phone: FrameClient, grace: LibraryRoom
    ) -> None:
        self.name = room
        self.forms: dict[int, set[str]] = {}
        self._bob = bob
        self._eve = eve
        self._phone = phone  # of the person who uses the older client
        self._grace = grace
        self._person = ""

    async def before_anybody_reads(self, person: str) -> None:
        """Send and change what is in the history when the older client of this person joins."""
        self._person = person
        first, second = await self.say("first"), await self.say("second")
        await self.change("edit", first, message="First")
        await self.change("delete", second)
        await self.change("react", first, reaction="👍")
        self.forms |= {first: {"First"}, second: {""}}
        await self.say("third", reply_to=first)

    async def while_it_reads(self, client: OlderClient) -> None:
        """Change messages after the client has shown them, one at a time: it shows each as it was."""
        await self._phone.request(action="subscribe", room=self.name)
        edited, deleted = await self.say("is edited later"), await self.say("is deleted later")
        last = await self._note((await self._grace.send("from the library of today"))["seq"])
        await self._own(client, "from the older client")
        await client.until(last)
        await self.change("edit", edited, message="was edited")
        await self.change("react", last, reaction="🎉")
        await self.say("a reply", reply_to=edited)
        await self.change("delete", deleted)
        mention = await self.say("a mention", mentions=[self._person])
        await self._phone.request(action="read", room=self.name, seq=mention)
        await self.change("react", last, reaction="🎉", on=False)
        await self._send_twice("was sent twice")
        await client.until(await self.say("while it reads: the end"))

    async def all_at_once(self, client: OlderClient) -> None:
        """Send, edit, delete and react at the same time."""

        async def say_and_change(number: int) -> None:
            seq = await self.say(f"busy {number}")
            self.forms[seq] |= {f"edited {number}", ""} if number % 3 else {f"edited {number}"}
            await self._ok(self._bob, action="edit", seq=seq, message=f"edited {number}")
            await self._ok(self._eve, action="react", seq=seq, reaction="👀")
            if number % 3:
                await self._ok(self._bob, action="delete", seq=seq)

        async def write(number: int) -> None:
            await self._note((await self._grace.send(f"beside it {number}"))["seq"], f"beside it {number}")
            await self._own(client, f"an older client's {number}")

        await asyncio.gather(*map(say_and_change, range(12)), *map(write, range(3)))
        await client.until(await self.say("all at once: the end"))

    async def while_it_is_away(self, shown: int) -> int:
        """Send and change while the client is not connected; `shown` is a message of Bob's that it has shown.

        Return the seq of the last message.
        """
        edited, deleted = await self.say("away"), await self.say("away, and deleted")
        await self.change("edit", edited, message="away, and edited")
        await self.change("delete", deleted)
        await self.change("delete", shown)
        self.forms |= {edited: {"away, and edited"}, deleted: {""}}
        for reaction in "abcdefgh":
            await self._ok(self._eve, action="react", seq=edited, reaction=reaction)
        last = await self.say("away: the end", reply_to=edited, mentions=[self._person])
        await self.change("react", last, reaction="👋")
        return last

    async def say(self, text: str, **fields: Any) -> int:
        """Let Bob send a message."""
        reply = await self._ok(self._bob, action="send", message=text, **fields)
        return await self._note(reply["seq"], text)

    async def change(self, action: str, seq: int, **fields: Any) -> None:
        """Let Bob change a message, and wait until he sees it."""
        reply = await self._ok(self._bob, action=action, seq=seq, **fields)
        await self._bob.until_changed(reply["seq"])

    async def note_own(self, sending: asyncio.Task[int], text: str) -> None:
        """Wait for a message of the older client's that was under way."""
        await self._note(await sending, text)

    async def check(self, client: OlderClient) -> dict[int, dict[str, Any]]:
        """Check what the client has shown against the history, and return the history's messages by seq."""
        last = await self.say("the very end")
        await client.until(last)
        await until(lambda: set(self._bob.known_seqs) == set(range(1, last + 1)))
        messages, changes = await self._bob.history(self.name, last)
        shown = await client.shown()
        assert [seq for seq, _, _ in shown] == sorted(messages) == sorted(self.forms)
        assert {seq: id_ for seq, id_, _ in shown} == {seq: each["id"] for seq, each in messages.items()}
        assert [entry for entry in shown if entry[2] not in self.forms[entry[0]]] == []
        assert len(changes) > 40
        own = {each["id"]: seq for seq, each in messages.items() if each["user"] == self._person}
        assert own == await client.acknowledged()
        assert len(own) >= 5
        return messages

    async def _own(self, client: OlderClient, text: str) -> None:
        await self._note(await client.send(text), text)

    async def _note(self, seq: int, text: str = "from the library of today") -> int:
        self.forms.setdefault(seq, set()).add(text)
        return seq

    async def _send_twice(self, text: str) -> None:
        """Send the same frame twice at once: it counts once, and its other number is skipped."""
        frame = {"room": self.name, "message": text, "ref": f"{self.name} {len(self.forms)}"}
        one, two = await asyncio.gather(*(self._ok(self._bob, action="send", **frame) for _ in range(2)))
        assert one["seq"] == two["seq"]
        await self._note(one["seq"], text)

    async def _ok(self, who: FrameClient, **fields: Any) -> dict[str, Any]:
        """Send a frame, again if the room has too many at once, and return its reply."""
        fields = {"room": self.name, "ref": str(uuid.uuid4()), **fields}
        while (reply := await who.request(**fields)).get("code") == "rate_limited":
            await asyncio.sleep(reply["retry_after"])
        assert reply["status"] == "ok", reply
        return reply


@asynccontextmanager
async def changing_room(
    engine: Engine, library: Library, room: str, client: str
) -> AsyncIterator[ChangingRoom]:
    """A room with a history, and who changes it; `client` is the random id of the older client's person."""
    url = engine.socket_url
    async with (
        frame_client(url, room=room, client=f"bob {room}", name="Bob") as bob,
        frame_client(url, room=room, client=f"eve {room}", name="Eve") as eve,
        frame_client(url, room="", client=client) as phone,
    ):
        grace = await library.open(f"Grace {room}", url, fresh=True)
        members = ChangingRoom(room, bob, eve, phone, await grace.join(room))
        await members.before_anybody_reads(user_of(client))
        yield members
        await grace.close()
