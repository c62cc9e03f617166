"""The running local engine beside in-memory chat servers, with the same clients.

`send to receipt` is from writing a message to the sender's socket until its broadcast is read from there;
`last receipt` is until the last socket of the room has it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from websockets.asyncio.client import ClientConnection

from bench.peers.servers import Server, cpu_seconds, run_server
from bench.peers.sockets import allow_many_files, joined
from bench.report.report import Goal, Report, progress
from bench.simulator import DEFAULT_QUOTA
from bench.worker import ROOT

LAST_RECEIPT = "send to last receipt"
WS = "8.23.0"  # version of node's ws
PYTHON_PEER, NODE_PEER = "in memory (python websockets)", f"in memory (node ws {WS})"
PEER_SCRIPT = ROOT / "bench" / "peers" / "in_memory_chat.mjs"
# The largest that the template takes: its own defaults would be what is measured.
_LIMITS = {
    "ThrottleRate": DEFAULT_QUOTA.rate,
    "ThrottleBurst": DEFAULT_QUOTA.burst,
    "MessageRate": 1_000,
    "MessageBurst": 1_000,
    "RoomRate": 1_000,
}
_RUN = (
    *("local", "run", "--port", "0"),
    *(part for name, value in _LIMITS.items() for part in ("--set", f"{name}={value}")),
)
ENGINE, ENGINE_AWS_POLLING = "local engine", "local engine, polling as AWS"
SERVERS = {
    PYTHON_PEER: ("bench.peers.in_memory_chat",),
    ENGINE: _RUN,
    ENGINE_AWS_POLLING: (*_RUN, "--aws-polling"),
}
# Sockets, and how many times the in-memory server's time a broadcast may take, and should.
COMPARED = {1_000: (6, 4), 5_000: (10, 6)}
MESSAGES = "messages per second, 20 rooms at once"
CONNECTS = "connects per second"
BUSY_ROOMS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    sizes: tuple[int, ...]  # sockets in one room
    warm_up: int  # sends before those that are measured
    quiet_sends: int
    broadcasts: int
    busy_sends: int  # per room, of BUSY_ROOMS at once
    idle: float  # seconds
    node: bool  # install node's ws, and compare with it too


FULL = Plan((100, *COMPARED), warm_up=20, quiet_sends=200, broadcasts=7, busy_sends=50, idle=10.0, node=True)
QUICK = Plan((20,), warm_up=1, quiet_sends=5, broadcasts=2, busy_sends=2, idle=0.5, node=False)


def run(plan: Plan = FULL) -> Report:
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> Report:
    allow_many_files()
    report = Report(
        "local: the local engine beside in-memory servers (milliseconds unless another unit is given)"
    )
    commands = {name: (sys.executable, "-m", *arguments) for name, arguments in SERVERS.items()}
    with TemporaryDirectory(prefix="ws-") as folder:
        if plan.node and (node := _node_server(Path(folder), report)):
            commands = {NODE_PEER: node, **commands}
        for name, command in commands.items():
            async with run_server(name, *command) as server:
                await _quiet(server, report, plan)
                await _busy(server, report, plan)
                await _idle(server, report, plan.idle)
                for size in plan.sizes:
                    if size <= min(COMPARED) or name != ENGINE_AWS_POLLING:
                        await _room(server, size, report, plan.broadcasts)
    if set(COMPARED) <= set(plan.sizes):
        _compare(report)
    return report


def _compare(report: Report) -> None:
    p50 = {(row["server"], row["sockets"], row["what"]): float(row["p50"]) for row in report.rows}
    for size, (must, aim) in COMPARED.items():
        last = {server: time for (server, *what), time in p50.items() if what == [size, LAST_RECEIPT]}
        ratio = last[ENGINE] / last.get(NODE_PEER, last[PYTHON_PEER])
        what = f"local engine, {size:,} sockets: {LAST_RECEIPT} ÷ in memory"
        report.goals.append(Goal(what, ratio, must, aim))
    messages, connects = p50[ENGINE, 2 * BUSY_ROOMS, MESSAGES], p50[ENGINE, min(COMPARED), CONNECTS]
    report.goals.append(Goal(f"local engine: {MESSAGES}", messages, 150, 300, True))
    report.goals.append(Goal(f"local engine: {CONNECTS}", connects, 400, 500, True))


def _node_server(folder: Path, report: Report) -> tuple[str, ...] | None:
    """Install a chat server on node's ws into a folder and return its command. None if that fails."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        report.notes.append("node's ws: not run, because Node.js is not installed")
        return None
    progress(f"local: install ws {WS} into a temporary folder")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", f"ws@{WS}"]
    if subprocess.run(install, cwd=folder, stdout=subprocess.DEVNULL).returncode:
        report.notes.append("node's ws: not run, because npm could not install it")
        return None
    return (node, str(shutil.copy(PEER_SCRIPT, folder)))


async def _quiet(server: Server, report: Report, plan: Plan) -> None:
    progress(f"{server.name}: {plan.quiet_sends} messages among 3 clients")
    own, last = [], []
    async with joined(server.url, 3, "quiet") as (clients, _):
        for number in range(plan.quiet_sends + plan.warm_up):
            started = time.perf_counter()
            receipts = await _send(clients, "quiet", started)
            if number >= plan.warm_up:
                own.append(receipts[0])
                last.append(max(receipts))
    for what, times in (("send to receipt", own), (LAST_RECEIPT, last)):
        report.add(server=server.name, sockets=3, what=what, p50=_ms(times, 50), p99=_ms(times, 99))


async def _busy(server: Server, report: Report, plan: Plan) -> None:
    """Send in many small rooms at once; each room's next message follows when all have the one before."""
    progress(f"{server.name}: {plan.busy_sends} messages in each of {BUSY_ROOMS} rooms")

    async def send_all(clients: Sequence[ClientConnection], room: str, count: int) -> None:
        for _ in range(count):
            await _send(clients, room, time.perf_counter())

    async with AsyncExitStack() as stack:
        rooms = {
            room: (await stack.enter_async_context(joined(server.url, 2, room)))[0]
            for room in (f"busy-{number}" for number in range(BUSY_ROOMS))
        }
        # Twice: functions start more instances when calls first wait for one.
        for count in (plan.warm_up, plan.busy_sends):
            started = time.perf_counter()
            await asyncio.gather(*(send_all(clients, room, count) for room, clients in rooms.items()))
            rate = count * BUSY_ROOMS / (time.perf_counter() - started)
    report.add(server=server.name, sockets=2 * BUSY_ROOMS, what=MESSAGES, p50=rate)


async def _idle(server: Server, report: Report, seconds: float) -> None:
    progress(f"{server.name}: idle for {seconds:g} s")
    await asyncio.sleep(min(2.0, seconds))
    before = cpu_seconds(server.pid)
    await asyncio.sleep(seconds)
    used = (cpu_seconds(server.pid) - before) / seconds
    report.add(server=server.name, sockets=0, what="idle, % of a core (all processes)", p50=100 * used)


async def _room(server: Server, size: int, report: Report, broadcasts: int) -> None:
    progress(f"{server.name}: {size:,} sockets connect, then {broadcasts} broadcasts")
    room = f"room-{size}"
    async with joined(server.url, size, room) as (clients, seconds):
        report.add(server=server.name, sockets=size, what="all connected, seconds", p50=seconds)
        report.add(server=server.name, sockets=size, what=CONNECTS, p50=size / seconds)
        last = []
        for number in range(broadcasts + 2):
            receipts = await _send(clients, room, time.perf_counter())
            assert len(receipts) == size
            if number >= 2:
                last.append(max(receipts))
    report.add(server=server.name, sockets=size, what=LAST_RECEIPT, p50=_ms(last, 50), p99=_ms(last, 99))


async def _send(clients: Sequence[ClientConnection], room: str, started: float) -> list[float]:
    """Send one message from the first client; return the seconds until each client had it.

    Raises RuntimeError if it is answered with an error.
    """
    ref = str(uuid.uuid4())

    async def receive(client: ClientConnection) -> float:
        async with asyncio.timeout(60):
            async for frame in client:
                body = json.loads(frame)
                if (
                    body.get("status", "ok") != "ok" or "connectionId" in body
                ):  # a reply, or API Gateway's own
                    raise RuntimeError(f"a message was answered with an error: {frame!r}")
                if body.get("type") == "messages" and any(
                    message["id"] == ref for message in body["messages"]
                ):
                    return time.perf_counter() - started
        raise ConnectionError("the server closed a socket")

    await clients[0].send(json.dumps({"action": "send", "ref": ref, "room": room, "message": "Hi"}))
    return await asyncio.gather(*(receive(client) for client in clients))


def _ms(times: list[float], percent: int) -> float:
    return 1000 * statistics.quantiles(times, n=100, method="inclusive")[percent - 1]
