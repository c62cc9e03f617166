"""The processes of instances: forks of one server on Linux, elsewhere interpreters of their own.

macOS's system libraries may crash in a fork of a process that has used them, so Python itself does not fork
there by default (https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

CHILD = Path(__file__).parents[1] / "child.py"
SERVER = Path(__file__).with_name("fork_server.py")
# What the libraries of Lambda and of the layer load in every instance. Not the runtime client: it reads the
# address of its Runtime API when it is imported.
LIBRARIES = (
    "boto3.dynamodb.transform",
    "botocore.httpsession",
    "botocore.retries.standard",
    "botocore.signers",
    "aws_lambda_powertools",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.tracing",
    "aws_xray_sdk.core",
    "aws_xray_sdk.ext.botocore",
    "aws_lambda_powertools.utilities.typing",
    "simplejson",
    "unicodedata",
)


class Handle(Protocol):
    """A process that has been started; a part of asyncio's SubprocessTransport."""

    def get_pid(self) -> int | None: ...

    def get_returncode(self) -> int | None: ...

    def close(self) -> None: ...


class Processes(Protocol):
    """Where instances get their processes."""

    async def start(
        self,
        output: asyncio.SubprocessProtocol,
        arguments: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
    ) -> None:
        """Run `child.py` with these arguments. `output` gets what the process prints, and its end."""

    def close(self) -> None: ...


class Interpreters:
    """Starts a new interpreter per process."""

    async def start(
        self,
        output: asyncio.SubprocessProtocol,
        arguments: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
    ) -> None:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: output,
            sys.executable,
            "-P",  # keep the folder of child.py off the path
            str(CHILD),
            *arguments,
            cwd=folder,
            env=variables,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal must reach the engine only
        )

    def close(self) -> None:
        """Nothing to close."""


# Variables that an instance has of its own, although the server's libraries have read them.
_OF_INSTANCES = {"AWS_XRAY_DAEMON_ADDRESS"}

type _Kind = tuple[object, ...]  # all that a server is made from

# The server that nothing uses any more since the last engine ended, by its kind, for an engine that needs the
# same: the tests start a hundred engines in a process. It ends with this process, which has the other end of
# its socket.
_spare: dict[_Kind, tuple[socket.socket, subprocess.Popen[bytes]]] = {}


class Forks:
    """Starts processes as forks of one server, which has these variables and has loaded these modules."""

    def __init__(self, variables: Mapping[str, str], preload: Sequence[str] = LIBRARIES) -> None:
        self._variables = variables
        self._preload = preload
        shared = sorted((name, value) for name, value in variables.items() if name not in _OF_INSTANCES)
        self._kind: _Kind = (*preload, *shared)
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket
        self._requested: deque[_Fork] = deque()  # no answer yet
        self._running: dict[int, _Fork] = {}  # by process id

    async def start(
        self,
        output: asyncio.SubprocessProtocol,
        arguments: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
    ) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder {folder}")
        if self._server is None:
            self._start_server()
        stdin, keep_alive = os.pipe()
        printed, stdout = os.pipe()
        request = {"arguments": list(arguments), "folder": str(folder), "variables": dict(variables)}
        fork = _Fork(output, keep_alive)
        self._requested.append(fork)
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [stdin, stdout])
        except OSError:
            self._end()
        finally:
            os.close(stdin)
            os.close(stdout)
        await asyncio.get_running_loop().connect_read_pipe(lambda: fork, os.fdopen(printed, "rb"))
        await fork.started
        if fork.get_pid() is None:
            raise OSError("the fork server has ended")

    def close(self) -> None:
        if self._server is None:
            return
        if self._requested or self._running:
            self._end()
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        while _spare:
            _end_server(*_spare.popitem()[1])
        _spare[self._kind] = self._socket, self._server
        self._server = None

    def _start_server(self) -> None:
        if self._kind in _spare:
            self._socket, self._server = _spare.pop(self._kind)
            if self._server.poll() is not None:
                _end_server(self._socket, self._server)
                self._run_server()
        else:
            self._run_server()
        asyncio.get_running_loop().add_reader(self._socket, self._answered)

    def _run_server(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-P", str(SERVER), str(CHILD), *self._preload],
                env=self._variables,
                stdin=theirs.fileno(),
                start_new_session=True,
            )

    def _answered(self) -> None:
        try:
            message = self._socket.recv(4096)
        except ConnectionResetError:  # it has ended with a request unread
            message = b""
        if not message:
            self._end()
            return
        answer = json.loads(message)
        if "status" in answer:
            self._running.pop(answer["pid"]).exit(answer["status"])
        else:
            fork = self._running[answer["pid"]] = self._requested.popleft()
            fork.begin(answer["pid"])

    def _end(self) -> None:
        """End the server and its forks: nobody would report their exits. The next start needs a new one."""
        assert self._server is not None
        asyncio.get_running_loop().remove_reader(self._socket)
        _end_server(self._socket, self._server)
        self._server = None
        while self._requested:
            self._requested.popleft().begin(None)
        while self._running:
            pid, fork = self._running.popitem()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            fork.exit(-signal.SIGKILL)


def _end_server(server_socket: socket.socket, server: subprocess.Popen[bytes]) -> None:
    server_socket.close()
    server.kill()
    server.wait()


class _Fork(asyncio.Protocol):
    """One process, as asyncio's SubprocessTransport tells its protocol of one."""

    def __init__(self, output: asyncio.SubprocessProtocol, keep_alive: int) -> None:
        self._output = output
        self._keep_alive: int | None = keep_alive  # the process ends when this end of its pipe closes
        self._pipe: asyncio.BaseTransport | None = None
        self._pid: int | None = None
        self._status: int | None = None
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def get_pid(self) -> int | None:
        return self._pid

    def get_returncode(self) -> int | None:
        return self._status

    def close(self) -> None:
        if self._keep_alive is not None:
            os.close(self._keep_alive)
            self._keep_alive = None
        if self._pipe is not None:
            self._pipe.close()

    def begin(self, pid: int | None) -> None:
        self._pid = pid
        if pid is None:
            self.close()
        else:
            self._output.connection_made(self)  # type: ignore[arg-type]
        self.started.set_result(None)

    def exit(self, status: int) -> None:
        self._status = status
        self._output.process_exited()

    # the callbacks of the pipe that the process prints to

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pipe = transport

    def data_received(self, data: bytes) -> None:
        self._output.pipe_data_received(1, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._output.pipe_connection_lost(1, exc)
        self._output.connection_lost(exc)


def processes(variables: Mapping[str, str], preload: Sequence[str]) -> Processes:
    """Return the fastest way to start processes, which all use these modules, on this system."""
    return Forks(variables, preload) if sys.platform == "linux" else Interpreters()
