"""The instances of one function, and the calls that wait for an instance."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from local.functions.instance import Instance, Log, State
from local.functions.process import Processes
from local.functions.runtime_api import Call, error
from local.invocation import Result
from local.stack import Function

# Seconds that a call waits for a busy instance before another one is started: as long as the last start took,
# within these bounds. Started sooner, it would mostly come too late, and its start would slow the others.
MIN_DELAY, MAX_DELAY = 0.025, 0.25
STOP_TIMEOUT = 1.0  # seconds between SIGTERM and SIGKILL


class StartLimit:
    """Bounds how many processes start at once, over all functions.

    Starting more than there are cores makes none of them ready sooner, and takes the cores from those that
    are ready. `on_free` is called when another process may start.
    """

    def __init__(self, limit: int, on_free: Callable[[], None]) -> None:
        self._limit = limit
        self._starting = 0
        self._on_free = on_free
        self.stopped = False

    @property
    def is_free(self) -> bool:
        return self._starting < self._limit and not self.stopped

    def begin(self) -> None:
        self._starting += 1

    def end(self) -> None:
        self._starting -= 1
        self._on_free()


class Pool:
    """Gives calls to the warmest idle instance, and starts and ends instances as calls come and go."""

    def __init__(
        self,
        function: Function,
        environment: dict[str, str],
        *,
        processes: Processes,
        max_instances: int,
        starts: StartLimit,
        log: Log,
    ) -> None:
        self.function = function
        self._environment = environment
        self._processes = processes
        self._max_instances = max_instances
        self._starts = starts
        self._log = log
        self._waiting: deque[Call] = deque()
        self._instances: set[Instance] = set()
        self._idle: list[tuple[float, Instance]] = []  # since when; the last is the warmest
        self._timer: asyncio.TimerHandle | None = None
        self._delay = MIN_DELAY
        self._failed = False  # the last start failed: the next one waits for the next call
        self._tasks: set[asyncio.Task[None]] = set()

    async def warm_up(self) -> None:
        await self._start().started

    def submit(self, call: Call) -> None:
        self._failed = False
        while self._idle:
            if self._idle.pop()[1].deliver(call):
                return
        self._waiting.append(call)
        if self._timer is None:
            delay = self._delay if self._instances else 0
            self._timer = asyncio.get_running_loop().call_later(delay, self._scale_out_after_delay)

    def kill(self, max_instances: int | None) -> int:
        """Crash instances that are in a call, and return how many."""
        victims = [instance for instance in self._instances if instance.in_call][:max_instances]
        for instance in victims:
            instance.kill()
        return len(victims)

    def scale_out(self) -> None:
        """Start an instance for each waiting call that no starting instance will take, within the limits."""
        if self._failed or self._timer is not None:  # with a timer, the calls may still get a busy instance
            return
        starting = sum(instance.state is State.STARTING for instance in self._instances)
        wanted = len(self._waiting) - starting
        for _ in range(min(wanted, self._max_instances - len(self._instances))):
            if not self._starts.is_free:
                return  # StartLimit calls again
            self._start()

    def scale_in(self, idle_since: float) -> None:
        """End the instances that have been idle since then, except the warmest."""
        cold = [instance for since, instance in self._idle[:-1] if since < idle_since]
        for instance in cold:
            self._end(instance)

    def replace(self) -> None:
        """End the instances that run old code: idle ones now, busy ones after their call."""
        for instance in list(self._instances):
            if instance.state is State.BUSY:
                instance.stale = True
            else:
                self._end(instance)
        self._start()

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fail_waiting(error("Sandbox.Stopped", "the local engine is stopping"))
        for instance in list(self._instances):
            self._end(instance)
        await asyncio.gather(*self._tasks)

    # an instance's callbacks

    def _on_idle(self, instance: Instance) -> None:
        if instance.stale:
            self._end(instance)
            self.scale_out()
        elif self._waiting:
            instance.deliver(self._waiting.popleft())  # it waits for an event: it has just asked
        else:
            self._idle.append((time.monotonic(), instance))

    def _on_gone(self, instance: Instance, failure: Result | None) -> None:
        if instance not in self._instances:
            return  # the pool ended it
        self._end(instance)  # it ends by itself, but stop() has to wait for it too
        if failure is not None:
            self._failed = True
            self._log(self.function.name, f"failed to start: {failure.payload.decode(errors='replace')}")
            # Waiting calls get an instance that runs. Without one they get the failure.
            running = (State.IDLE, State.BUSY)
            if not any(other.state in running and not other.stale for other in self._instances):
                self._fail_waiting(failure)
        self.scale_out()

    def _start(self) -> Instance:
        instance = Instance(
            self.function, self._environment, self._processes, self._on_idle, self._on_gone, self._log
        )
        self._instances.add(instance)
        self._starts.begin()
        self._run(self._run_start(instance))
        return instance

    async def _run_start(self, instance: Instance) -> None:
        began = time.monotonic()
        try:
            await instance.start()
            await instance.started
            self._delay = min(max(time.monotonic() - began, MIN_DELAY), MAX_DELAY)
        finally:
            self._starts.end()

    def _end(self, instance: Instance) -> None:
        self._instances.discard(instance)
        self._idle = [(since, other) for since, other in self._idle if other is not instance]
        self._run(instance.stop(STOP_TIMEOUT))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _scale_out_after_delay(self) -> None:
        self._timer = None
        self.scale_out()

    def _fail_waiting(self, failure: Result) -> None:
        while self._waiting:
            self._waiting.popleft().complete(failure)
