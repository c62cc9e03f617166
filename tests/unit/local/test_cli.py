"""`python -m local run`, as a process."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.cli import main, no_collection
from local.net.ports import require_free
from tests.support.local.barrier import Barrier
from tests.support.local.small_template import write_template
from tests.support.ports import free_pair
from tests.support.project import ROOT


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return write_template(tmp_path)


class Command:
    """`python -m local run` in a process of its own, with a temporary folder of its own."""

    def __init__(self, process: asyncio.subprocess.Process, temporary: Path) -> None:
        self.process = process
        self.temporary = temporary

    async def ready_line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode()

    async def end(self, *signals: signal.Signals) -> tuple[int, str]:
        """Send the signals, and return the exit status and the lines on standard error."""
        for number in signals:
            self.process.send_signal(number)
        _, errors = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()


@asynccontextmanager
async def run(template: Path, *arguments: str, **environment: str) -> AsyncIterator[Command]:
    temporary = template.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "local", "run", "--template", str(template), *arguments),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Command(process, temporary)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGTERM], [signal.SIGINT], [signal.SIGINT, signal.SIGINT, signal.SIGTERM]],
    ids=["terminated", "interrupted", "interrupted twice"],
)
async def test_run_prints_its_address_and_stops_without_a_trace(
    template: Path, signals: list[signal.Signals]
) -> None:
    async with Barrier() as barrier:
        # Each function holds a connection for as long as its process lives.
        arrive = f"import socket\nbarrier = socket.create_connection(('127.0.0.1', {barrier.port}))\n"
        arrive += "barrier.sendall(b'0 0\\n')\n"
        for handler in ("write.py", "follow.py"):
            path = template.parent / handler
            path.write_text(arrive + path.read_text())
        port = free_pair()
        async with run(template, "--port", str(port)) as command:
            ready = f"Roomcast is ready: open http://127.0.0.1:{port}/ (socket ws://127.0.0.1:{port}/prod)\n"
            assert await command.ready_line() == ready
            arrivals = [await barrier.arrival() for _ in range(2)]
            status, errors = await command.end(*signals)
            assert status == 0
            assert errors.splitlines() == [f"{'local':<20} Bucket: AWS::S3::Bucket is not run here"]
            for arrival in arrivals:
                await arrival.wait_ended()
            require_free(port)
            require_free(port + 1)
            assert list(command.temporary.iterdir()) == []


async def test_run_can_be_interrupted_before_it_is_ready(template: Path) -> None:
    async with Barrier() as barrier:
        slow = f"import socket\nsocket.create_connection(('127.0.0.1', {barrier.port})).sendall(b'0 0\\n')\n"
        slow += "import time\ntime.sleep(60)\n"
        (template.parent / "write.py").write_text(slow)
        async with run(template, "--port", str(free_pair())) as command:
            arrival = await barrier.arrival()
            status, _ = await command.end(signal.SIGINT)
            assert status == 0
            await arrival.wait_ended()
            assert list(command.temporary.iterdir()) == []


class Here:
    """`python -m local run` in this process, where the engine is loaded; a new one takes a second to."""

    def __init__(
        self, template: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.template = template
        self.temporary = template.parent / "tmp"
        self.temporary.mkdir()
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(tempfile, "tempdir", str(self.temporary))

    def run(self, *arguments: str, once_ready: Callable[[], None] | None = None) -> tuple[int, str, str]:
        """Return the exit status, standard output and standard error."""
        output = Output(once_ready or (lambda: os.kill(os.getpid(), signal.SIGTERM)))
        with self._monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", output)
            status = main(["run", "--template", str(self.template), *arguments])
        gc.unfreeze()  # this process goes on
        return status, output.getvalue(), self._capsys.readouterr().err


class Output(io.StringIO):
    """Standard output that does something once the engine is ready."""

    def __init__(self, once_ready: Callable[[], None]) -> None:
        super().__init__()
        self._once_ready = once_ready

    def write(self, text: str) -> int:
        if text.startswith("Roomcast is ready"):
            self._once_ready()
        return super().write(text)


@pytest.fixture
def here(template: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(template, capsys, monkeypatch)


def test_a_stage_of_another_name_is_in_both_urls(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_pair()
    monkeypatch.setenv("PORT", str(port))
    _, output, _ = here.run("--set", "Stage=live")
    assert output == (
        f"Roomcast is ready: open http://127.0.0.1:{port}/?endpoint=/live "
        f"(socket ws://127.0.0.1:{port}/live)\n"
    )


def test_an_error_is_one_line_and_leaves_nothing(here: Here) -> None:
    port = free_pair()
    with socket.create_server(("127.0.0.1", port + 1)):
        status, _, errors = here.run("--port", str(port + 1))
        assert status == 1
        assert errors == f"local: port {port + 1} is taken; choose another PORT\n"
        status, _, errors = here.run("--port", str(port))
        assert status == 1
        above = f"(for DynamoDB and SQS, one above {port})"
        assert errors == f"local: port {port + 1} {above} is taken; choose another PORT\n"
    here.template.write_text("Resources: [")
    status, _, errors = here.run("--port", str(free_pair()))
    assert status == 1
    assert errors.startswith("local: template.yaml: line 1")
    assert errors.count("\n") == 1
    assert list(here.temporary.iterdir()) == []


async def test_a_process_ends_with_one_line_for_an_error(template: Path) -> None:
    template.write_text("Resources: [")
    async with run(template, "--port", str(free_pair())) as command:
        status, errors = await command.end()
    assert status == 1
    assert errors.startswith("local: template.yaml: line 1")
    assert errors.count("\n") == 1
    assert list(command.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--port", "65535"], "65535 is not a port from 1 to 65534"),
        (["--port", "http"], "http is not a port"),
        (["--concurrency", "0"], "0 is not a number of 1 or more"),
        (["--allow-origin", "app.test"], "app.test is not an origin, such as "),
    ],
    ids=str,
)
def test_an_invalid_option_names_valid_values(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["run", *arguments])
    assert line in capsys.readouterr().err


async def test_without_its_packages_it_says_in_one_line_how_to_get_them() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-m", "local", "run"),  # without site-packages
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert "has no uvloop. `make run` installs" in errors.decode()
    assert errors.count(b"\n") == 1


def ministacks() -> set[int]:
    """The processes of ministack that this process has started, those of other tests too."""
    find = ["pgrep", "-P", str(os.getpid()), "-f", "local.services.serve"]
    found = subprocess.run(find, capture_output=True, text=True, check=False).stdout
    return {int(pid) for pid in found.split()}


def test_when_ministack_dies_the_engine_ends_with_one_line(here: Here) -> None:
    others = ministacks()

    def kill() -> None:
        (pid,) = ministacks() - others
        os.kill(pid, signal.SIGKILL)

    status, _, errors = here.run("--port", str(free_pair()), once_ready=kill)
    assert status == 1
    assert errors.splitlines()[-1].startswith("local: ministack has ended (status -9): ")
    assert list(here.temporary.iterdir()) == []


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "readable"])
def test_logs_are_short_lines_unless_they_are_asked_for_raw(here: Here, raw: bool) -> None:
    record = {"level": "INFO", "message": "imported", "service": "roomcast", "room": "lobby"}
    path = here.template.parent / "write.py"
    path.write_text(f"print({json.dumps(json.dumps(record))})\n" + path.read_text())
    _, _, errors = here.run("--port", str(free_pair()), *["--raw-logs"] * raw)
    assert (json.dumps(record) if raw else f"{'Write':<20} imported room=lobby") in errors.splitlines()


async def test_killed_outright_it_leaves_no_process(template: Path) -> None:
    async with Barrier() as barrier:
        arrive = "import os, pathlib, socket\npathlib.Path('services').write_text(os.environ['DYNAMODB'])\n"
        arrive += f"barrier = socket.create_connection(('127.0.0.1', {barrier.port}))\n"
        path = template.parent / "write.py"
        path.write_text(arrive + "barrier.sendall(b'0 0\\n')\n" + path.read_text())
        port = free_pair()
        async with run(template, "--port", str(port)) as command:
            await command.ready_line()
            arrival = await barrier.arrival()
            url = urlsplit((template.parent / "services").read_text())
            services, writer = await asyncio.open_connection(url.hostname, url.port)
            await command.end(signal.SIGKILL)
            await arrival.wait_ended()
            assert await services.read() == b""  # the connection ends with ministack
            writer.close()


def test_help_does_not_wait_for_the_imports_of_an_engine() -> None:
    source = "import sys, local.cli; print({'local.engine', 'samtranslator'} & {*sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


def test_garbage_is_not_collected_during_the_imports_and_is_from_then_on() -> None:
    runs: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        runs.append(phase)

    gc.callbacks.append(note)
    try:
        with no_collection():
            kept: list[list[int]] = [[] for _ in range(100_000)]
            assert runs == []
        kept += [[] for _ in range(100_000)]
        assert runs
    finally:
        gc.callbacks.remove(note)
        gc.unfreeze()
    assert gc.isenabled()
