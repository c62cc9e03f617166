"""One instance of a function: a process of AWS's own runtime client, and the Runtime API that it calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from enum import Enum
from typing import cast

from local.aws_defaults import INIT_TIMEOUT
from local.functions.process import Handle, Processes
from local.functions.runtime_api import Call, RuntimeApi, error
from local.invocation import Result
from local.stack import Function

type Log = Callable[[str, str], None]  # a function's name, and a line that it printed


class State(Enum):
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    GONE = "gone"


class Instance:
    """A process that handles one event at a time.

    `on_idle` is called when it asks for an event, the first time and after each call. `on_gone` is called
    once, when it takes no more calls; with a failure if it ended before it asked for its first event.
    """

    def __init__(
        self,
        function: Function,
        environment: dict[str, str],
        processes: Processes,
        on_idle: Callable[[Instance], None],
        on_gone: Callable[[Instance, Result | None], None],
        log: Log,
    ) -> None:
        self.function = function
        self.state = State.STARTING
        self.stale = False  # its source has changed since it started
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._environment = environment
        self._processes = processes
        self._on_idle = on_idle
        self._on_gone = on_gone
        self._log = log
        self._api = RuntimeApi(
            on_next=self._next_requested,
            on_disconnect=self._mark_gone,
            on_result=self._result_received,
            on_init_error=self._init_failed,
        )
        self._output = _Output(self._log_line, self._exited)
        self._call: Call | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Result | None = None
        self._began = time.time()
        self._initialized: tuple[float, float] | None = None  # until the first call's trace has it

    async def start(self) -> None:
        """Start the process; `on_idle` follows when the handler's module is imported."""
        loop = asyncio.get_running_loop()
        try:
            address = await self._api.start()
            await self._processes.start(
                self._output,
                ["awslambdaric", self.function.handler],
                # The working folder comes first on the import path: it is Lambda's task root.
                self.function.code,
                {**self._environment, "AWS_LAMBDA_RUNTIME_API": address},
            )
        except (OSError, ValueError) as failure:
            self._failure = error("Runtime.ExitError", f"the process could not be started: {failure}")
            self._api.stop()
            self._mark_gone()
            return
        if self.state is State.GONE:  # stop() came first
            self._signal(signal.SIGKILL)
        elif self.state is State.STARTING:
            limit = INIT_TIMEOUT + self.function.timeout
            self._timer = loop.call_later(limit, self._init_timed_out, limit)

    def deliver(self, call: Call) -> bool:
        """Give an idle instance its next event. False if it no longer waits for one.

        The connection of a process that has died closes before its exit is reported.
        """
        assert self.state is State.IDLE
        if not self._api.waiting:
            self._mark_gone()
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
        """Send SIGKILL, as a crash: the call in progress fails."""
        self._signal(signal.SIGKILL)

    async def stop(self, timeout: float) -> None:
        """End the process and all that it has started: SIGTERM, and SIGKILL after `timeout` seconds."""
        self._mark_gone()
        if self._output.process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._output.exited.wait(), timeout)
        except TimeoutError:
            pass
        finally:
            self._signal(signal.SIGKILL)  # to the group: a process that the handler started may remain
        await self._output.exited.wait()
        with contextlib.suppress(TimeoutError):  # a process that left the group may still hold the pipe
            await asyncio.wait_for(self._output.closed.wait(), 1)
        self._output.process.close()

    # the Runtime API's callbacks

    def _next_requested(self) -> None:
        if self.state is State.GONE:
            return
        self._cancel_timer()
        self.state = State.IDLE
        if not self.started.done():
            self._initialized = (self._began, time.time())
            self.started.set_result(None)
        self._on_idle(self)

    def _result_received(self, request_id: str, result: Result) -> None:
        if self._call is not None and self._call.request_id == request_id:
            self._cancel_timer()
            self._call.complete(result)
            self._call = None

    def _init_failed(self, document: bytes) -> None:
        self._failure = Result(document, "Unhandled")
        # The client now exits by itself; _exited reports it.

    # the end

    def _timed_out(self) -> None:
        assert self._call is not None
        self._fail_call("Sandbox.Timedout", f"Task timed out after {self._call.timeout:.2f} seconds")
        self._signal(signal.SIGKILL)
        self._mark_gone()

    def _init_timed_out(self, limit: float) -> None:
        self._failure = error("Sandbox.Timedout", f"Error: Init timed out after {limit:.2f} seconds")
        self._signal(signal.SIGKILL)

    def _exited(self) -> None:
        reason = _exit_reason(self._output.process.get_returncode() if self._output.process else None)
        if self.state is State.STARTING and self._failure is None:
            self._failure = error("Runtime.ExitError", f"Error: {reason}")
        self._fail_call("Runtime.ExitError", reason)
        self._signal(signal.SIGKILL)  # processes that the handler left running
        self._api.stop()
        self._mark_gone()

    def _fail_call(self, kind: str, reason: str) -> None:
        if self._call is not None:
            message = f"RequestId: {self._call.request_id} Error: {reason}"
            self._log_line(message)
            self._call.complete(error(kind, message))
            self._call = None

    def _mark_gone(self) -> None:
        """Take no more calls, and call `on_gone` once."""
        if self.state is State.GONE:
            return
        failure = self._failure if self.state is State.STARTING else None
        self.state = State.GONE
        self._cancel_timer()
        if not self.started.done():
            self.started.set_result(None)
        self._on_gone(self, failure)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _signal(self, number: signal.Signals) -> None:
        if self._output.pid is not None:
            # Both errors mean that the group has no process left; macOS returns EPERM for its zombies.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._output.pid, number)

    def _log_line(self, line: str) -> None:
        self._log(self.function.name, line)


def _exit_reason(status: int | None) -> str:
    """Return Lambda's words for the end of a process; a negative status is a signal."""
    if not status:
        return "Runtime exited without providing a reason"
    reason = f"exit status {status}" if status > 0 else f"signal: {_SIGNALS.get(-status, -status)}"
    return f"Runtime exited with error: {reason}"


_SIGNALS: dict[int, str] = {
    signal.SIGKILL: "killed",
    signal.SIGTERM: "terminated",
    signal.SIGSEGV: "segmentation fault",
}


class _Output(asyncio.SubprocessProtocol):
    """Reads the lines that the process prints, at once: a full pipe would stop the handler."""

    def __init__(self, on_line: Callable[[str], None], on_exit: Callable[[], None]) -> None:
        self._on_line = on_line
        self._on_exit = on_exit
        self._rest = b""
        self.process: Handle | None = None
        self.pid: int | None = None
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.process = cast(Handle, transport)  # asyncio's, uvloop's or ours
        self.pid = self.process.get_pid()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        # Lambda's client writes an error as one log event, with carriage returns between its lines.
        *lines, self._rest = (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace"))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd != 0 and self._rest:
            self._on_line(self._rest.decode(errors="replace"))
            self._rest = b""

    def process_exited(self) -> None:
        self.exited.set()
        self._on_exit()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
