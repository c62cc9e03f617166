"""One instance of a function: a process of AWS's own runtime client, and its end of the Runtime API."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Protocol, cast

from local.aws_defaults import INIT_TIMEOUT
from local.functions.runtime_api import Call, RuntimeApi, error
from local.invocation import Result
from local.stack import Function

CHILD = Path(__file__).parents[1] / "child.py"
# What Lambda says of a process that is gone, by how it ended.
_NO_REASON = "Runtime exited without providing a reason"

type Log = Callable[[str, str], None]  # a function's name, and a line of its


class State(Enum):
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    GONE = "gone"


class Owner(Protocol):
    """Whoever gives the instance its calls."""

    def idle(self, instance: Instance) -> None:
        """It asks for an event, for the first time or again."""

    def gone(self, instance: Instance, failure: Result | None) -> None:
        """It takes no more calls; failure says why, when it never came to ask for one."""


class Instance:
    def __init__(self, function: Function, environment: dict[str, str], owner: Owner, log: Log) -> None:
        self.function = function
        self.state = State.STARTING
        self.stale = False  # its source has changed since it started
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._environment = environment
        self._owner = owner
        self._log = log
        self._api = RuntimeApi(
            asked=self._asked, left=self._leave, answered=self._answered, failed=self._failed
        )
        self._output = _Output(self._line, self._exited)
        self._call: Call | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Result | None = None
        self._began = time.time()
        self._initialized: tuple[float, float] | None = None  # until the first call is told of it

    async def start(self) -> None:
        """Starts the process; the owner hears `idle` once the handler's module is imported."""
        loop = asyncio.get_running_loop()
        try:
            address = await self._api.start()
            await loop.subprocess_exec(
                lambda: self._output,
                sys.executable,
                "-P",  # the leash's own folder stays off the path
                str(CHILD),
                "awslambdaric",
                self.function.handler,
                # The working folder comes first on a module's path: it is Lambda's task root.
                cwd=self.function.code,
                env={**self._environment, "AWS_LAMBDA_RUNTIME_API": address},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is the engine's to handle
            )
        except (OSError, ValueError) as failure:
            self._failure = error("Runtime.ExitError", f"the process could not be started: {failure}")
            self._api.stop()
            self._leave()
            return
        if self.state is State.GONE:  # stopped while it was being started
            self._signal(signal.SIGKILL)
        elif self.state is State.STARTING:
            limit = INIT_TIMEOUT + self.function.timeout
            self._timer = loop.call_later(limit, self._init_timed_out, limit)

    def deliver(self, call: Call) -> bool:
        """Gives an idle instance its next event; False, and the call is another's, if it waits for none.

        A process that has died closes its connection before anybody hears of its exit.
        """
        assert self.state is State.IDLE
        if not self._api.waiting:
            self._leave()
            return False
        self.state = State.BUSY
        self._call = call
        call.trace.delivered(self._initialized)
        self._initialized = None
        self._timer = asyncio.get_running_loop().call_later(call.timeout, self._timed_out)
        self._api.deliver(call)
        return True

    @property
    def in_call(self) -> bool:
        return self._call is not None

    def kill(self) -> None:
        """SIGKILL, as a crash: what it was doing fails."""
        self._signal(signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """Ends the process and all that it started: SIGTERM, and SIGKILL after `grace` seconds."""
        self._leave()
        if self._output.process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._output.exited.wait(), grace)
        except TimeoutError:
            pass
        finally:
            self._signal(signal.SIGKILL)  # to the whole group: what the handler started may have stayed
        await self._output.exited.wait()
        with contextlib.suppress(TimeoutError):  # whoever left the group may still hold the pipe
            await asyncio.wait_for(self._output.closed.wait(), 1)
        self._output.process.close()

    # the Runtime API's callbacks

    def _asked(self) -> None:
        if self.state is State.GONE:
            return
        self._cancel_timer()
        self.state = State.IDLE
        if not self.started.done():
            self._initialized = (self._began, time.time())
            self.started.set_result(None)
        self._owner.idle(self)

    def _answered(self, request_id: str, result: Result) -> None:
        if self._call is not None and self._call.request_id == request_id:
            self._cancel_timer()
            self._call.settle(result)
            self._call = None

    def _failed(self, document: bytes) -> None:
        self._failure = Result(document, "Unhandled")
        # The client exits by itself now; its exit tells the owner.

    # its end

    def _timed_out(self) -> None:
        assert self._call is not None
        overrun = f"Task timed out after {self._call.timeout:.2f} seconds"
        message = f"RequestId: {self._call.request_id} Error: {overrun}"
        self._line(message)
        self._call.settle(error("Sandbox.Timedout", message))
        self._call = None
        self._signal(signal.SIGKILL)
        self._leave()

    def _init_timed_out(self, limit: float) -> None:
        self._failure = error("Sandbox.Timedout", f"Error: Init timed out after {limit:.2f} seconds")
        self._signal(signal.SIGKILL)

    def _exited(self) -> None:
        reason = _NO_REASON
        if code := self._output.process.get_returncode() if self._output.process else None:
            reason = f"exit status {code}" if code > 0 else f"signal: {_SIGNALS.get(-code, -code)}"
            reason = f"Runtime exited with error: {reason}"
        if self.state is State.STARTING and self._failure is None:
            self._failure = error("Runtime.ExitError", f"Error: {reason}")
        if self._call is not None:
            message = f"RequestId: {self._call.request_id} Error: {reason}"
            self._line(message)
            self._call.settle(error("Runtime.ExitError", message))
            self._call = None
        self._signal(signal.SIGKILL)  # what the handler started and left running
        self._api.stop()
        self._leave()

    def _leave(self) -> None:
        """Takes no more calls, and says so once."""
        if self.state is State.GONE:
            return
        failure = self._failure if self.state is State.STARTING else None
        self.state = State.GONE
        self._cancel_timer()
        if not self.started.done():
            self.started.set_result(None)
        self._owner.gone(self, failure)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _signal(self, number: signal.Signals) -> None:
        if self._output.pid is not None:
            # Neither error says more than that nobody of the group is left; macOS has EPERM for its zombies.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._output.pid, number)

    def _line(self, line: str) -> None:
        self._log(self.function.name, line)


_SIGNALS: dict[int, str] = {
    signal.SIGKILL: "killed",
    signal.SIGTERM: "terminated",
    signal.SIGSEGV: "segmentation fault",
}


class _Output(asyncio.SubprocessProtocol):
    """What the process prints, by lines. It is always read at once: a full pipe would stop the handler."""

    def __init__(self, line: Callable[[str], None], exited: Callable[[], None]) -> None:
        self._line = line
        self._on_exit = exited
        self._rest = b""
        self.process: asyncio.SubprocessTransport | None = None
        self.pid: int | None = None
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.process = cast(asyncio.SubprocessTransport, transport)  # uvloop's is none by its class
        self.pid = self.process.get_pid()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        # Lambda's client writes an error as one log event, its lines parted by carriage returns.
        *lines, self._rest = (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace"))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd != 0 and self._rest:
            self._line(self._rest.decode(errors="replace"))
            self._rest = b""

    def process_exited(self) -> None:
        self.exited.set()
        self._on_exit()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
