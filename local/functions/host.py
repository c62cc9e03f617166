"""The Lambda host: runs the stack's functions as Lambda does, several instances of each at once.

An instance handles one event at a time. An event takes the warm instance that was used last; if none is
free it waits a moment for one, and then another is started.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections import deque
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import watchfiles

from local.functions.environment import environment as lambda_environment
from local.functions.instance import Instance, Log, State
from local.functions.runtime_api import Call, error
from local.invocation import Result
from local.stack import Function
from local.template.intrinsics import ACCOUNT, PARTITION
from local.traces.lambda_segments import CallTrace, Record

CONCURRENCY = 16  # instances of one function
PATIENCE = 0.025  # seconds that an event waits for a busy instance before another is started
KEEP_WARM = 60.0  # seconds that a function keeps more than one idle instance
DRAIN = 1.0  # seconds that calls may take to finish once the host is being stopped
GRACE = 1.0  # seconds between SIGTERM and SIGKILL


class LambdaHost:
    """Starts, calls and stops the functions of a stack.

    `environment` is added to what every function sees. `log` gets each line that a function prints, and
    what the host has to say of it, with the function's name; `record` gets Lambda's own segments of each call
    of a traced function. With `watch`, a function whose code changes is started anew.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        *,
        environment: Mapping[str, str],
        region: str = "us-east-1",
        concurrency: int = CONCURRENCY,
        keep_warm: float = KEEP_WARM,
        log: Log,
        record: Record = lambda segment: None,
        watch: bool = False,
    ) -> None:
        # To start more processes at once than there are cores gets none of them ready sooner, and takes the
        # cores from those that are ready.
        self._starts = max(2, os.cpu_count() or 1)
        self._starting = 0
        self._pools = {
            name: _Pool(function, lambda_environment(function, region, environment), concurrency, self, log)
            for name, function in functions.items()
        }
        self._arn = f"arn:{PARTITION}:lambda:{region}:{ACCOUNT}:function:"
        self._functions = functions
        self._keep_warm = keep_warm
        self._log = log
        self._record = record
        self._watch = watch
        self._tasks: list[asyncio.Task[None]] = []
        self._results: set[asyncio.Future[Result]] = set()  # of the calls in flight
        self._stopping = False

    async def start(self) -> None:
        """Returns when one instance of each function is ready for its first event, or has failed."""
        await asyncio.gather(*[pool.warm_up() for pool in self._pools.values()])
        self._tasks.append(asyncio.create_task(self._cool_down()))
        if self._watch:
            self._tasks.append(asyncio.create_task(self._follow_changes()))

    async def invoke(self, name: str, event: dict[str, Any]) -> Result:
        """Calls a function and waits for its result; whatever goes wrong in it is part of the result."""
        if self._stopping:
            return error("Sandbox.Stopped", "the local engine is stopping")
        function = self._functions[name]
        request_id, arn = str(uuid.uuid4()), self._arn + name
        call = Call(
            request_id=request_id,
            arn=arn,
            event=json.dumps(event, separators=(",", ":")).encode(),
            trace=CallTrace(
                function=name, arn=arn, request_id=request_id, sampled=function.traced, record=self._record
            ),
            timeout=function.timeout,
            result=asyncio.get_running_loop().create_future(),
        )
        self._results.add(call.result)
        call.result.add_done_callback(self._results.discard)
        self._pools[name].take(call)
        return await call.result

    def kill(self, name: str, most: int | None = None) -> int:
        """Crashes the instances of a function that are in a call, all or `most` of them, with SIGKILL.

        Returns how many those were.
        """
        return self._pools[name].kill(most)

    async def stop(self) -> None:
        """Lets calls finish for a moment, then ends every process."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._results:
            await asyncio.wait(self._results, timeout=DRAIN)
        await asyncio.gather(*[pool.stop() for pool in self._pools.values()])

    # for the pools

    def may_start(self) -> bool:
        return self._starting < self._starts and not self._stopping

    def start_began(self) -> None:
        self._starting += 1

    def start_ended(self) -> None:
        self._starting -= 1
        for pool in self._pools.values():
            pool.grow()

    async def _cool_down(self) -> None:
        while True:
            await asyncio.sleep(self._keep_warm / 2)
            for pool in self._pools.values():
                pool.cool_down(time.monotonic() - self._keep_warm)

    async def _follow_changes(self) -> None:
        folders = {function.code for function in self._functions.values()}
        try:
            async for changes in watchfiles.awatch(*folders, watch_filter=_is_source):
                changed = [Path(path) for _, path in changes]
                self._log("local", f"{changed[0].name} has changed: the functions start anew")
                for pool in self._pools.values():
                    if any(path.is_relative_to(pool.function.code) for path in changed):
                        pool.replace()
        except (OSError, RuntimeError) as failure:  # e.g. no inotify watches left
            self._log("local", f"changes of the code are not followed: {failure}")


def _is_source(change: watchfiles.Change, path: str) -> bool:
    return path.endswith(".py")


class _Pool:
    """The instances of one function, and the calls that wait for one."""

    def __init__(
        self, function: Function, environment: dict[str, str], limit: int, host: LambdaHost, log: Log
    ) -> None:
        self.function = function
        self._environment = environment
        self._limit = limit
        self._host = host
        self._log = log
        self._waiting: deque[Call] = deque()
        self._instances: set[Instance] = set()
        self._idle: list[tuple[float, Instance]] = []  # when it became idle; the last is the warmest
        self._timer: asyncio.TimerHandle | None = None
        self._failed = False  # the last start did; no other is made before the next call
        self._tasks: set[asyncio.Task[None]] = set()

    async def warm_up(self) -> None:
        await self._start().started

    def take(self, call: Call) -> None:
        self._failed = False
        while self._idle:
            if self._idle.pop()[1].deliver(call):
                return
        self._waiting.append(call)
        if self._timer is None:
            patience = PATIENCE if self._instances else 0
            self._timer = asyncio.get_running_loop().call_later(patience, self._lose_patience)

    def kill(self, most: int | None) -> int:
        victims = [instance for instance in self._instances if instance.in_call][:most]
        for instance in victims:
            instance.kill()
        return len(victims)

    def grow(self) -> None:
        """Starts as many instances as there are calls that nothing is being started for, within bounds."""
        if self._failed or self._timer is not None:  # with a timer, they may still get a busy one
            return
        wanted = len(self._waiting) - self._count(State.STARTING)
        for _ in range(min(wanted, self._limit - len(self._instances))):
            if not self._host.may_start():
                return  # start_ended asks again
            self._start()

    def cool_down(self, since: float) -> None:
        """Ends what has been idle since then, but for the warmest."""
        cold = [instance for became_idle, instance in self._idle[:-1] if became_idle < since]
        for instance in cold:
            self._end(instance)

    def replace(self) -> None:
        """Ends what runs the code of before: at once if it is idle, else after its call."""
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

    def idle(self, instance: Instance) -> None:
        if instance.stale:
            self._end(instance)
            self.grow()
        elif self._waiting:
            instance.deliver(self._waiting.popleft())  # it has asked just now
        else:
            self._idle.append((time.monotonic(), instance))

    def gone(self, instance: Instance, failure: Result | None) -> None:
        if instance not in self._instances:
            return  # we ended it
        self._end(instance)  # it is about to go by itself; whoever stops the host waits for that, too
        if failure is not None:
            self._failed = True
            self._log(self.function.name, f"failed to start: {failure.payload.decode(errors='replace')}")
            # What waits is served by an instance that is ready; if there is none, it is answered.
            if not any(it.state in (State.IDLE, State.BUSY) and not it.stale for it in self._instances):
                self._fail_waiting(failure)
        self.grow()

    def _start(self) -> Instance:
        instance = Instance(self.function, self._environment, self, self._log)
        self._instances.add(instance)
        self._host.start_began()
        self._run(self._see_started(instance))
        return instance

    async def _see_started(self, instance: Instance) -> None:
        try:
            await instance.start()
            await instance.started
        finally:
            self._host.start_ended()

    def _end(self, instance: Instance) -> None:
        self._forget(instance)
        self._run(instance.stop(GRACE))

    def _forget(self, instance: Instance) -> None:
        self._instances.discard(instance)
        self._idle = [(since, it) for since, it in self._idle if it is not instance]

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lose_patience(self) -> None:
        self._timer = None
        self.grow()

    def _fail_waiting(self, failure: Result) -> None:
        while self._waiting:
            self._waiting.popleft().settle(failure)

    def _count(self, state: State) -> int:
        return sum(instance.state is state for instance in self._instances)
