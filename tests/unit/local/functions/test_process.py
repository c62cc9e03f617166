"""The processes of instances: forks of a server, and interpreters of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from local.functions import process
from local.functions.process import Forks, Interpreters, Processes

VARIABLES = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
BOTH = [pytest.param("interpreters"), pytest.param("forks", marks=linux_only)]
forks_only = pytest.mark.parametrize("processes", BOTH[1:], indirect=True)


class Output(asyncio.SubprocessProtocol):
    """Keeps what a process prints, until its end."""

    def __init__(self) -> None:
        self.printed = b""
        self.ended = asyncio.Event()
        self.exited = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.process: Any = transport

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        self.printed += data

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()

    async def lines(self) -> list[str]:
        await self.exited.wait()
        await self.ended.wait()
        return self.printed.decode().splitlines()


@pytest.fixture(params=BOTH)
def processes(request: pytest.FixtureRequest) -> Iterator[Processes]:
    yield Interpreters() if request.param == "interpreters" else Forks(VARIABLES, ())


@pytest_asyncio.fixture
async def forks() -> AsyncIterator[Forks]:
    """With the libraries, as a user has them."""
    forks = Forks(VARIABLES)
    yield forks
    forks.close()


async def run(processes: Processes, folder: Path, source: str, **variables: str) -> Output:
    """Run a module's source in a process, to its start."""
    (folder / "program.py").write_text(source)
    output = Output()
    path = {"PYTHONPATH": str(folder)}
    await processes.start(output, ["program", "argument"], folder, {**VARIABLES, **path, **variables})
    return output


async def test_a_process_has_its_folder_its_variables_and_its_arguments(
    processes: Processes, tmp_path: Path
) -> None:
    source = "import os, sys; print(os.getcwd(), sys.argv[1:], sorted(os.environ), sys.stdin.read() == '')"
    output = await run(processes, tmp_path, source, TABLE="Rows", LC_CTYPE="C.UTF-8")
    names = sorted({*VARIABLES, "PYTHONPATH", "TABLE", "LC_CTYPE"})
    assert await output.lines() == [f"{tmp_path} ['argument'] {names} True"]
    processes.close()


@pytest.mark.parametrize(("source", "status"), [("", 0), ("raise SystemExit(3)", 3), ("1 / 0", 1)])
async def test_the_exit_status_is_reported(
    processes: Processes, tmp_path: Path, source: str, status: int
) -> None:
    output = await run(processes, tmp_path, source)
    lines = await output.lines()
    assert output.process.get_returncode() == status
    assert any("ZeroDivisionError" in line for line in lines) == (status == 1)
    processes.close()


async def test_a_process_that_is_killed_has_the_signal_as_its_status(
    processes: Processes, tmp_path: Path
) -> None:
    output = await run(processes, tmp_path, "import time; print('up', flush=True); time.sleep(60)")
    while not output.printed:
        await asyncio.sleep(0.01)
    os.killpg(output.process.get_pid(), signal.SIGKILL)  # a group of its own
    assert await output.lines() == ["up"]
    assert output.process.get_returncode() == -signal.SIGKILL
    processes.close()


async def test_a_missing_folder_is_an_error(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(OSError):
        await processes.start(Output(), ["platform"], tmp_path / "missing", VARIABLES)
    processes.close()


@linux_only
async def test_forks_have_the_libraries_loaded_and_share_nothing_else(forks: Forks, tmp_path: Path) -> None:
    source = "import sys; print('boto3' in sys.modules, hasattr(sys, 'mark')); sys.mark = True"
    for _ in range(2):
        assert await (await run(forks, tmp_path, source)).lines() == ["True False"]


CLIENT = """
import os, sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
os.environ |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "me"}
import boto3
client = boto3.client("dynamodb")
print(client.meta.region_name, boto3.DEFAULT_SESSION.get_credentials().access_key)
print([path for path in opened if "/data/" in path and path.endswith((".json", ".gz"))])
"""


@linux_only
async def test_a_fork_makes_a_client_from_what_its_server_has_read_and_from_its_own_variables(
    forks: Forks, tmp_path: Path
) -> None:
    assert await (await run(forks, tmp_path, CLIENT)).lines() == ["eu-west-1 me", "[]"]


@forks_only
async def test_forks_end_with_their_server_and_the_next_gets_a_new_one(
    processes: Processes, tmp_path: Path
) -> None:
    assert isinstance(processes, Forks)
    output = await run(processes, tmp_path, "import time; time.sleep(60)")
    assert processes._server is not None
    processes._server.kill()
    await output.lines()
    assert output.process.get_returncode() == -signal.SIGKILL
    assert await (await run(processes, tmp_path, "print('again')")).lines() == ["again"]
    processes.close()


@forks_only
async def test_a_request_to_a_server_that_has_just_ended_is_an_error(
    processes: Processes, tmp_path: Path
) -> None:
    assert isinstance(processes, Forks)
    await (await run(processes, tmp_path, "")).lines()
    assert processes._server is not None
    processes._server.kill()
    processes._server.wait()
    with pytest.raises(OSError):
        await run(processes, tmp_path, "")
    processes.close()


PARENT = "import os; print(os.getppid())"
TRACED = (
    PARENT
    + """
from aws_xray_sdk.core import xray_recorder
print(xray_recorder.emitter.port)
"""
)


async def parent(forks: Forks, folder: Path) -> int:
    (line,) = await (await run(forks, folder, PARENT)).lines()
    return int(line)


@linux_only
async def test_the_server_of_an_engine_that_has_ended_serves_the_next_one_of_its_kind(tmp_path: Path) -> None:
    first, same = Forks(VARIABLES), Forks({**VARIABLES, "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:3"})
    server = await parent(first, tmp_path)
    first.close()
    lines = await (await run(same, tmp_path, TRACED, AWS_XRAY_DAEMON_ADDRESS="127.0.0.1:3")).lines()
    assert lines == [str(server), "3"]
    at_once, another = Forks(VARIABLES), Forks({**VARIABLES, "AWS_REGION": "eu-west-1"})
    assert len({server, await parent(at_once, tmp_path), await parent(another, tmp_path)}) == 3
    last = await parent(another, tmp_path)
    for forks in (same, at_once, another):
        forks.close()
    assert [each.pid for _, each in process._spare.values()] == [last], "only one waits for an engine"


@forks_only
async def test_a_server_that_has_ended_meanwhile_serves_nobody(processes: Processes, tmp_path: Path) -> None:
    assert isinstance(processes, Forks)
    server = await parent(processes, tmp_path)
    processes.close()
    os.kill(server, signal.SIGKILL)
    os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
    assert await parent(processes, tmp_path) != server
    processes.close()
