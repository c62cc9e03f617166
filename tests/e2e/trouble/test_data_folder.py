"""`make run` with --data, killed alone or with all of its processes as in a power cut, and started again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.e2e.support.clients import FrameClient, frame_client
from tests.support.project import ROOT
from tests.support.waiting import TIMEOUT, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True, slots=True)
class Run:
    process: asyncio.subprocess.Process
    url: str

    async def cut_power(self) -> None:
        """Kill the engine and every process that it has started; those below DynamoDB's first."""
        for pid in [*reversed(descendants(self.process.pid)), self.process.pid]:
            os.kill(pid, signal.SIGSTOP)
        for pid in [*descendants(self.process.pid), self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        await self.process.wait()


def descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [one for child in children for one in (child, *descendants(child))]


@asynccontextmanager
async def running(data: Path, *options: str, stderr: int = asyncio.subprocess.DEVNULL) -> AsyncIterator[Run]:
    command = ["-m", "local", "run", "--port", "0", "--data", str(data), *options]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=stderr
    )
    assert process.stdout is not None
    try:
        ready = (await process.stdout.readline()).decode()
        found = re.search(r"socket (ws://\S+)\)", ready)
        assert found, ready
        yield Run(process, found[1])
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def until_written(data: Path, text: str) -> None:
    await until(lambda: (file := data / "dynamodb.json").exists() and text in file.read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
async def test_what_was_acknowledged_a_second_before_a_power_cut_is_in_the_history(tmp_path: Path) -> None:
    sent = [str(uuid.uuid4()) for _ in range(10)]
    me = str(uuid.uuid4())
    async with running(tmp_path) as run, frame_client(run.url, client=me, room="general") as ada:
        replies = [await ada.request(action="send", room="general", message="Hi", ref=ref) for ref in sent]
        await until_written(tmp_path, sent[-1])
        await run.cut_power()
        await ada.abort()
    assert [reply["status"] for reply in replies] == ["ok"] * len(sent)
    async with running(tmp_path) as run, frame_client(run.url, client=me, room="general") as ada:
        page = await ada.request(action="join", room="general", after=0)
        assert [message["id"] for message in page["messages"]] == sent
        again = await ada.request(action="send", room="general", message="Hi", ref=sent[0])
        assert again["seq"] == replies[0]["seq"]


# So that the kill finds several sends under way.
FAST = ("--set", "MessageRate=1000", "--set", "RoomRate=1000")


async def send_many(ada: FrameClient) -> None:
    for _ in range(30):
        await ada.send("general", "Hi", ref=str(uuid.uuid4()))


async def test_what_was_acknowledged_before_a_kill_of_the_engine_alone_is_all_in_the_history(
    tmp_path: Path,
) -> None:
    me = str(uuid.uuid4())
    async with running(tmp_path, *FAST) as run, frame_client(run.url, client=me, room="general") as ada:
        await ada.send("general", "Hi")
        log = (await ada.request(action="join", room="general"))["epoch"]
        senders = [asyncio.create_task(send_many(ada)) for _ in range(4)]
        await ada.until(lambda: len(ada.replies) > 20)
        run.process.kill()
        with pytest.raises(ConnectionClosedError):
            await ada.until_closed()
        for sender in senders:
            sender.cancel()
    acknowledged = {reply["id"]: reply["seq"] for reply in ada.replies if "id" in reply}
    async with running(tmp_path, *FAST) as run, frame_client(run.url, client=me, room="general") as ada:
        page = await ada.request(action="history", room="general", after=0, epoch=log, limit=200)
        stored = {message["id"]: message["seq"] for message in page["messages"]}
        assert acknowledged.items() <= stored.items()
        again = [await ada.send("general", "Hi", ref=ref) for ref in acknowledged]
        assert {reply["id"]: reply["seq"] for reply in again} == acknowledged


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
async def test_after_a_power_cut_and_only_then_a_client_is_told_of_another_log(tmp_path: Path) -> None:
    me = str(uuid.uuid4())
    async with running(tmp_path) as run, frame_client(run.url, client=me, room="general") as ada:
        await ada.request(action="send", room="general", message="Hi", ref=str(uuid.uuid4()))
        before = await ada.request(action="join", room="general", after=0)
        log = before["epoch"]
    async with running(tmp_path) as run, frame_client(run.url, client=me, room="general") as ada:
        page = await ada.request(action="join", room="general", after=0, epoch=log)
        assert (page["epoch"], page["messages"]) == (log, before["messages"])
        # A second that is lost: its number is given to another message.
        lost = await ada.request(action="send", room="general", message="Lost?", ref=str(uuid.uuid4()))
        await run.cut_power()
        await ada.abort()
    async with running(tmp_path) as run, frame_client(run.url, client=me, room="general") as ada:
        reply = await ada.request(action="join", room="general", after=lost["seq"], epoch=log)
        assert reply["epoch"] != log
        assert "messages" not in reply
        sent = await ada.request(action="send", room="general", message="New", ref=str(uuid.uuid4()))
        page = await ada.request(action="history", room="general", after=0, epoch=reply["epoch"])
        assert page["messages"][-1] | {"seq": sent["seq"], "message": "New"} == page["messages"][-1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="fills a disk with /dev/full")
async def test_a_full_disk_stops_the_engine_with_one_line(tmp_path: Path) -> None:
    async with running(tmp_path, stderr=asyncio.subprocess.PIPE) as run:
        await until_written(tmp_path, "tables")
        (tmp_path / "dynamodb.json.tmp").symlink_to("/dev/full")
        _, errors = await asyncio.wait_for(run.process.communicate(), TIMEOUT)
    assert run.process.returncode == 1
    assert (
        errors.decode()
        .splitlines()[-1]
        .startswith(f"local: {tmp_path} cannot be written: No space left on device. ")
    )
