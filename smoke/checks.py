"""What is checked, in this order. A check returns what it found, or raises Failed."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from smoke.client import PROTOCOL, Chat, Client, Failed

MESSAGES = 200  # that must arrive in order
SENDERS = 5  # of them, side by side
GAP = 10.0  # seconds in which the last of them must arrive, or is asked for
QUIET_SENDS = 40  # one after the other, whose times are measured
SLOW = 2.0  # seconds from a send to its receipt, at the median: Lambda polls a stream four times a second


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    run: Callable[[Chat], Awaitable[str]]
    look_at: str  # if it fails


@dataclass(frozen=True, slots=True)
class Finding:
    check: Check
    passed: bool | None  # None: not run, because an earlier check has failed that it rests on
    text: str = ""


async def check(chat: Chat, checks: Sequence[Check]) -> AsyncIterator[Finding]:
    """Run the checks. Without the first, the handshake, none of the others is run."""
    for number, each in enumerate(checks):
        try:
            yield Finding(each, True, await each.run(chat))
        except (Failed, KeyError) as failed:
            text = f"a frame has no field {failed}" if isinstance(failed, KeyError) else str(failed)
            yield Finding(each, False, text)
            if number == 0:
                for left in checks[1:]:
                    yield Finding(left, None, "not run")
                return


async def handshake(chat: Chat) -> str:
    began = time.monotonic()
    async with chat.client() as client:
        if client.socket.subprotocol != PROTOCOL:
            raise Failed(f"the server selected the subprotocol {client.socket.subprotocol}, not {PROTOCOL}")
        return f"{PROTOCOL}, {_ms(time.monotonic() - began)}"


async def ping(chat: Chat) -> str:
    async with chat.client() as client:
        began = time.monotonic()
        reply = await client.request("ping")
        if reply.get("pong") is not True:
            raise Failed(f"the reply has no pong: {reply}")
        return _ms(time.monotonic() - began)


async def join(chat: Chat) -> str:
    async with chat.client() as client:
        reply = await client.request("join", room=chat.room)
        return f"as {reply['name']}, newest number {reply['seq']}"


async def send(chat: Chat) -> str:
    async with chat.client(chat.room) as client:
        ref = str(uuid.uuid4())
        reply = await client.say(chat.room, "Is this stored?", ref)
        if reply["id"] != ref or reply["seq"] < 1:
            raise Failed(f"the reply is not that of the message: {reply}")
        return f"number {reply['seq']}"


async def broadcast(chat: Chat) -> str:
    async with chat.client(chat.room) as sender, chat.client(chat.room) as listener:
        began = time.monotonic()
        reply = await sender.say(chat.room, "Does everybody hear this?")
        await listener.hears(reply["id"])
        await sender.hears(reply["id"])
        return f"heard after {_ms(listener.arrived[reply['id']] - began)}"


async def plain(chat: Chat) -> str:
    async with chat.client(chat.room, plain=True) as client, chat.client(chat.room) as other:
        text = f"To a plain client, {uuid.uuid4()}"
        await other.say(chat.room, text)
        await client.until(lambda: text in client.texts, "the bare text did not arrive")
        text = f"From a plain client, {uuid.uuid4()}"
        await client.send({"action": "onMessage", "message": text})
        await other.until(lambda: text in _texts(other), "its own message did not arrive")
        return "hears bare text, and is heard"


async def resend(chat: Chat) -> str:
    async with chat.client(chat.room) as client:
        ref = str(uuid.uuid4())
        first = await client.say(chat.room, "Sent twice", ref)
        again = await client.say(chat.room, "Sent twice", ref)
        if first["seq"] != again["seq"]:
            raise Failed(f"a message that was sent again got the numbers {first['seq']} and {again['seq']}")
        page = await client.request("history", room=chat.room, after=first["seq"] - 1)
        copies = [message["seq"] for message in page["messages"] if message["id"] == ref]
        if copies != [first["seq"]]:
            raise Failed(f"the history has it {len(copies)} times")
        return f"one message, number {first['seq']}"


async def resume(chat: Chat) -> str:
    async with chat.client(chat.room) as sender:
        async with chat.client(chat.room) as listener:
            last = (await sender.say(chat.room, "Before the cut"))["seq"]
            listener.cut()
        missed = [(await sender.say(chat.room, f"During the cut, {n}"))["id"] for n in range(3)]
        async with chat.client(chat.room) as listener:
            reply = await listener.request("join", room=chat.room, after=last)
            found = [message["id"] for message in reply["messages"] if message["id"] in missed]
        if found != missed:
            raise Failed(
                f"{len(missed)} messages were sent meanwhile, and join with `after` gave {len(found)}"
            )
        return f"{len(missed)} messages from join with `after`"


async def closed_socket(chat: Chat) -> str:
    async with chat.client(chat.room) as sender, chat.client(chat.room) as listener:
        async with chat.client(chat.room) as closed:
            closed.cut()
            began = time.monotonic()
            reply = await sender.say(chat.room, "To a room with a closed socket")
        await listener.hears(reply["id"])
        return f"the others heard after {_ms(listener.arrived[reply['id']] - began)}"


async def order(chat: Chat, messages: int = MESSAGES) -> str:
    async def write(sender: Client, number: int) -> list[str]:
        texts = (f"Message {n} of sender {number}" for n in range(messages // SENDERS))
        return [(await sender.say(chat.room, text))["id"] for text in texts]

    began = time.monotonic()
    async with chat.client(chat.room) as listener:
        first = (await listener.say(chat.room, "The first of many"))["seq"]
        async with _clients(chat, SENDERS) as senders:
            written = await asyncio.gather(*(write(sender, n) for n, sender in enumerate(senders)))
        ids = {message_id for sent in written for message_id in sent}
        missed = await _missed(listener, ids)
        from_history = await _read(listener, chat.room, first) if missed else {}
    seqs = {message["id"]: message["seq"] for message in listener.messages}
    arrived = [seqs[message_id] for message_id in listener.arrived]
    if arrived != sorted(arrived):
        raise Failed("messages arrived in another order than that of their numbers")
    seqs |= from_history
    if lost := ids - seqs.keys():
        raise Failed(f"{len(lost)} of {len(ids)} acknowledged messages: neither broadcast nor in the history")
    if any(numbers != sorted(numbers) for numbers in ([seqs[one] for one in sent] for sent in written)):
        raise Failed("one sender's messages are numbered in another order than they were sent in")
    late = f", {len(missed)} of them only from the history" if missed else ""
    return f"{len(ids)} messages of {SENDERS} senders in {time.monotonic() - began:.1f} s{late}"


async def _missed(listener: Client, ids: set[str]) -> set[str]:
    """Return those messages whose broadcast did not come in time: a client then asks for them."""
    with suppress(Failed):
        await listener.until(lambda: ids <= listener.arrived.keys(), "", within=GAP)
    return ids - listener.arrived.keys()


async def _read(client: Client, room: str, after: int) -> dict[str, int]:
    """Return the seq of each message in the history after this one, by id."""
    found: dict[str, int] = {}
    more = True
    while more:
        page = await client.request("history", room=room, after=after)
        found |= {message["id"]: message["seq"] for message in page["messages"]}
        more = page["more"] and bool(page["messages"])
        after = max(found.values(), default=after)
    return found


async def latency(chat: Chat, sends: int = QUIET_SENDS) -> str:
    acknowledged, heard = [], []
    async with chat.client(chat.room) as sender, chat.client(chat.room) as listener:
        for number in range(sends):
            began = time.monotonic()
            message_id = (await sender.say(chat.room, f"Quiet message {number}"))["id"]
            acknowledged.append(time.monotonic() - began)
            await listener.hears(message_id)
            heard.append(listener.arrived[message_id] - began)
    found = (
        f"heard after {_ms(_percentile(heard, 50))} p50, {_ms(_percentile(heard, 99))} p99; "
        f"acknowledged after {_ms(_percentile(acknowledged, 50))}, {_ms(_percentile(acknowledged, 99))}"
    )
    if _percentile(heard, 50) > SLOW:
        raise Failed(found)
    return found


class _clients:
    """So many clients in the room, connected side by side."""

    def __init__(self, chat: Chat, count: int) -> None:
        self._contexts = [chat.client(chat.room) for _ in range(count)]

    async def __aenter__(self) -> list[Client]:
        return await asyncio.gather(*(context.__aenter__() for context in self._contexts))

    async def __aexit__(self, *error: object) -> None:
        await asyncio.gather(*(context.__aexit__(None, None, None) for context in self._contexts))


def _texts(client: Client) -> list[str]:
    return [message["message"] for message in client.messages]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _percentile(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


_LOGS = "`make logs` of"
CHECKS = (
    Check(
        "handshake",
        handshake,
        "the URL and its stage. 401, 403: the token (TOKEN), AllowedOrigins, or a room that it may not read; "
        f"429: ThrottleRate, MaxConnections; 5xx: {_LOGS} AuthorizerFunction and ConnectFunction",
    ),
    Check(
        "ping is answered",
        ping,
        "the route response of $default, which carries each reply (is the API's newest deployment the "
        f"stage's?); {_LOGS} MessageFunction",
    ),
    Check("join", join, f"{_LOGS} MessageFunction; what the token may read (docs/identity.md)"),
    Check(
        "send is acknowledged", send, f"{_LOGS} MessageFunction; what the token may write (docs/identity.md)"
    ),
    Check(
        "a broadcast is heard",
        broadcast,
        f"{_LOGS} FanoutFunction: does it start? The event source mapping FanoutMapping (enabled? its last "
        "result?), the function's permission execute-api:ManageConnections, and the queue FanoutFailures",
    ),
    Check("a plain client", plain, f"the route onMessage; {_LOGS} MessageFunction and FanoutFunction"),
    Check(
        "sent again, counts once", resend, f"{_LOGS} MessageFunction; the items REF# of the messages table"
    ),
    Check("resume after a cut", resume, f"{_LOGS} MessageFunction; the items LOG# of the messages table"),
    Check(
        "a closed socket",
        closed_socket,
        f"{_LOGS} FanoutFunction: a post that is answered 410 prunes the connection; the metric Shed",
    ),
    Check(
        f"{MESSAGES} messages in order",
        order,
        f"{_LOGS} FanoutFunction; its errors, throttles and iterator age; RoomRate and ThrottleRate",
    ),
    Check(
        "latency",
        latency,
        "a trace of a slow message (README, One trace per message); the fan-out's iterator age",
    ),
)
