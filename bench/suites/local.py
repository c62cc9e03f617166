"""The running local engine beside in-memory chat servers, with the same clients.

`send to receipt` is what a person waits for: from handing a message to the socket until the broadcast is read
from the sender's own. `last receipt` is until the last socket of the room has it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.report.report import Goal, Report, progress

ROOT = Path(__file__).parents[2]
SIZES = (100, 1_000, 5_000)  # sockets in one room
QUIET_SENDS = 200
BROADCASTS = 7
IDLE = 10.0  # seconds
CONNECTING = 100  # handshakes under way at once
MOST_FILES = 20_000  # a process's open files, if the system allows so many
WS = "8.23.0"  # of node's ws
PYTHON_PEER, NODE_PEER = "in memory (python websockets)", f"in memory (node ws {WS})"
PEERS = {
    PYTHON_PEER: ("bench.peers.in_memory_chat",),
    # The stage's own throttle, 200 requests a second, would be what is measured.
    "local engine": (
        "local",
        "run",
        "--port",
        "0",
        "--set",
        "ThrottleRate=10000",
        "--set",
        "ThrottleBurst=5000",
    ),
    "local engine, polling as AWS": (
        *("local", "run", "--port", "0", "--aws-polling"),
        *("--set", "ThrottleRate=10000", "--set", "ThrottleBurst=5000"),
    ),
}


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    url: str
    pid: int


def run() -> Report:
    return asyncio.run(_run())


async def _run() -> Report:
    _allow_many_files()
    report = Report(
        "local: the local engine beside in-memory servers (milliseconds unless it says otherwise)"
    )
    commands = {name: (sys.executable, "-m", *arguments) for name, arguments in PEERS.items()}
    with TemporaryDirectory(prefix="ws-") as folder:
        if node := _node_server(Path(folder), report):
            commands = {NODE_PEER: node, **commands}
        for name, command in commands.items():
            async with _server(name, *command) as server:
                await _quiet(server, report)
                await _idle(server, report)
                for size in SIZES:
                    if size <= 1_000 or "polling" not in name:
                        await _room(server, size, report)
    _compare(report)
    return report


def _compare(report: Report) -> None:
    last = {
        row["server"]: float(row["p50"])
        for row in report.rows
        if row["sockets"] == 1_000 and row["what"] == "send to last receipt"
    }
    peer = last.get(NODE_PEER, last[PYTHON_PEER])
    ratio = last["local engine"] / peer
    report.goals.append(Goal("local engine, 1,000 sockets: send to last receipt ÷ in memory", ratio, 10, 6))


def _allow_many_files() -> None:
    """For itself and for the servers that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _node_server(folder: Path, report: Report) -> tuple[str, ...] | None:
    """The command of a chat server on node's ws, installed into a folder; None where that cannot be."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        report.notes.append("node's ws: not run, because Node.js is not installed")
        return None
    progress(f"local: installs ws {WS} into a temporary folder")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", f"ws@{WS}"]
    if subprocess.run(install, cwd=folder, stdout=subprocess.DEVNULL).returncode:
        report.notes.append("node's ws: not run, because npm could not install it")
        return None
    shutil.copy(ROOT / "bench" / "in_memory_chat.mjs", folder)
    return (node, str(folder / "in_memory_chat.mjs"))


async def _quiet(server: Server, report: Report) -> None:
    progress(f"{server.name}: {QUIET_SENDS} messages among 3 clients")
    own, last = [], []
    async with _clients(server.url, 3, "quiet") as (clients, _):
        for number in range(QUIET_SENDS + 20):
            started = time.perf_counter()
            receipts = await _say(clients, "quiet", started)
            if number >= 20:  # the first ones warm up
                own.append(receipts[0])
                last.append(max(receipts))
    for what, times in (("send to receipt", own), ("send to last receipt", last)):
        report.add(server=server.name, sockets=3, what=what, p50=_ms(times, 50), p99=_ms(times, 99))


async def _idle(server: Server, report: Report) -> None:
    progress(f"{server.name}: idle for {IDLE:.0f} s")
    await asyncio.sleep(2)
    before = _cpu_seconds(server.pid)
    await asyncio.sleep(IDLE)
    used = (_cpu_seconds(server.pid) - before) / IDLE
    report.add(server=server.name, sockets=0, what="idle, % of a core (all processes)", p50=100 * used)


async def _room(server: Server, size: int, report: Report) -> None:
    progress(f"{server.name}: {size:,} sockets connect, then {BROADCASTS} broadcasts")
    room = f"room-{size}"
    async with _clients(server.url, size, room) as (clients, seconds):
        report.add(server=server.name, sockets=size, what="all connected, seconds", p50=seconds)
        report.add(server=server.name, sockets=size, what="connects per second", p50=size / seconds)
        last = []
        for number in range(BROADCASTS + 2):
            receipts = await _say(clients, room, time.perf_counter())
            assert len(receipts) == size
            if number >= 2:
                last.append(max(receipts))
    report.add(
        server=server.name, sockets=size, what="send to last receipt", p50=_ms(last, 50), p99=_ms(last, 99)
    )


async def _say(clients: Sequence[ClientConnection], room: str, started: float) -> list[float]:
    """Sends one message from the first client; seconds until each client had it."""
    ref = str(uuid.uuid4())

    async def hear(client: ClientConnection) -> float:
        async with asyncio.timeout(60):
            async for frame in client:
                heard = json.loads(frame)
                if heard["type"] == "messages" and any(message["id"] == ref for message in heard["messages"]):
                    return time.perf_counter() - started
        raise ConnectionError("the server closed a socket")

    await clients[0].send(json.dumps({"action": "send", "ref": ref, "room": room, "message": "Hi"}))
    return await asyncio.gather(*(hear(client) for client in clients))


@asynccontextmanager
async def _clients(url: str, count: int, room: str) -> AsyncIterator[tuple[list[ClientConnection], float]]:
    """That many clients in one room, and the seconds it took to connect them."""
    turns = asyncio.Semaphore(CONNECTING)

    async def one(stack: AsyncExitStack, number: int) -> ClientConnection:
        async with turns:
            return await stack.enter_async_context(
                connect(
                    f"{url}?room={room}&name=Client{number}",
                    subprotocols=[Subprotocol("roomcast.v1")],
                    compression=None,
                    ping_interval=None,
                    open_timeout=60,
                )
            )

    async with AsyncExitStack() as stack:
        started = time.perf_counter()
        clients = await asyncio.gather(*(one(stack, number) for number in range(count)))
        yield clients, time.perf_counter() - started


@asynccontextmanager
async def _server(name: str, *command: str) -> AsyncIterator[Server]:
    """A server in processes of its own, ready for clients; stopped afterwards."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"socket (ws://\S+?)\)?$", line.strip()):
                break
        else:
            raise RuntimeError(f"{name} did not start")
        draining = asyncio.create_task(_drain(process.stdout))
        yield Server(name, found[1], process.pid)
        draining.cancel()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


def _cpu_seconds(leader: int) -> float:
    """CPU time of a process and all that it started, from /proc (Linux)."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(stat.parent.name)
        parents[pid], used[pid] = int(fields[1]), int(fields[11]) + int(fields[12])

    def ours(pid: int) -> bool:
        return pid == leader or (pid in parents and ours(parents[pid]))

    return sum(ticks for pid, ticks in used.items() if ours(pid)) / os.sysconf("SC_CLK_TCK")


def _ms(times: list[float], percent: int) -> float:
    return 1000 * statistics.quantiles(times, n=100, method="inclusive")[percent - 1]
