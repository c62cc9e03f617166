"""The running local engine beside in-memory chat servers, with the same clients.

`send to receipt` is from writing a message to the sender's socket until its broadcast is read from there;
`last receipt` is until the last socket of the room has it.
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
from bench.simulator import DEFAULT_QUOTA
from bench.worker import ROOT

CONNECTING = 100  # concurrent handshakes
MAX_FILES = 20_000  # open files of a process, if the system allows as many
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
COMPARED = 1_000  # sockets


@dataclass(frozen=True, slots=True)
class Plan:
    sizes: tuple[int, ...]  # sockets in one room
    warm_up: int  # sends before those that are measured
    quiet_sends: int
    broadcasts: int
    idle: float  # seconds
    node: bool  # install node's ws, and compare with it too


FULL = Plan((100, COMPARED, 5_000), warm_up=20, quiet_sends=200, broadcasts=7, idle=10.0, node=True)
QUICK = Plan((20,), warm_up=1, quiet_sends=5, broadcasts=2, idle=0.5, node=False)


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    url: str
    pid: int


def run(plan: Plan = FULL) -> Report:
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> Report:
    _allow_many_files()
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
                await _idle(server, report, plan.idle)
                for size in plan.sizes:
                    if size <= COMPARED or name != ENGINE_AWS_POLLING:
                        await _room(server, size, report, plan.broadcasts)
    if COMPARED in plan.sizes:
        _compare(report)
    return report


def _compare(report: Report) -> None:
    last = {
        row["server"]: float(row["p50"])
        for row in report.rows
        if row["sockets"] == COMPARED and row["what"] == "send to last receipt"
    }
    peer = last.get(NODE_PEER, last[PYTHON_PEER])
    ratio = last[ENGINE] / peer
    report.goals.append(
        Goal(f"local engine, {COMPARED:,} sockets: send to last receipt ÷ in memory", ratio, 10, 6)
    )


def _allow_many_files() -> None:
    """Raise the limit of open files for this process and for the servers that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


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
    async with _clients(server.url, 3, "quiet") as (clients, _):
        for number in range(plan.quiet_sends + plan.warm_up):
            started = time.perf_counter()
            receipts = await _send(clients, "quiet", started)
            if number >= plan.warm_up:
                own.append(receipts[0])
                last.append(max(receipts))
    for what, times in (("send to receipt", own), ("send to last receipt", last)):
        report.add(server=server.name, sockets=3, what=what, p50=_ms(times, 50), p99=_ms(times, 99))


async def _idle(server: Server, report: Report, seconds: float) -> None:
    progress(f"{server.name}: idle for {seconds:g} s")
    await asyncio.sleep(min(2.0, seconds))
    before = _cpu_seconds(server.pid)
    await asyncio.sleep(seconds)
    used = (_cpu_seconds(server.pid) - before) / seconds
    report.add(server=server.name, sockets=0, what="idle, % of a core (all processes)", p50=100 * used)


async def _room(server: Server, size: int, report: Report, broadcasts: int) -> None:
    progress(f"{server.name}: {size:,} sockets connect, then {broadcasts} broadcasts")
    room = f"room-{size}"
    async with _clients(server.url, size, room) as (clients, seconds):
        report.add(server=server.name, sockets=size, what="all connected, seconds", p50=seconds)
        report.add(server=server.name, sockets=size, what="connects per second", p50=size / seconds)
        last = []
        for number in range(broadcasts + 2):
            receipts = await _send(clients, room, time.perf_counter())
            assert len(receipts) == size
            if number >= 2:
                last.append(max(receipts))
    report.add(
        server=server.name, sockets=size, what="send to last receipt", p50=_ms(last, 50), p99=_ms(last, 99)
    )


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


@asynccontextmanager
async def _clients(url: str, count: int, room: str) -> AsyncIterator[tuple[list[ClientConnection], float]]:
    """Connect clients in one room; yield them, and the seconds it took."""
    handshakes = asyncio.Semaphore(CONNECTING)

    async def join(stack: AsyncExitStack, number: int) -> ClientConnection:
        async with handshakes:
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
        clients = await asyncio.gather(*(join(stack, number) for number in range(count)))
        yield clients, time.perf_counter() - started


@asynccontextmanager
async def run_server(name: str, *command: str) -> AsyncIterator[Server]:
    """Run a server in new processes until the context ends; yield it when clients can connect."""
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
    """Return the CPU seconds of a process and its descendants, from /proc (Linux)."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended since the listing
            continue
        pid = int(stat.parent.name)
        parents[pid], used[pid] = int(fields[1]), int(fields[11]) + int(fields[12])

    def ours(pid: int) -> bool:
        return pid == leader or (pid in parents and ours(parents[pid]))

    return sum(ticks for pid, ticks in used.items() if ours(pid)) / os.sysconf("SC_CLK_TCK")


def _ms(times: list[float], percent: int) -> float:
    return 1000 * statistics.quantiles(times, n=100, method="inclusive")[percent - 1]
