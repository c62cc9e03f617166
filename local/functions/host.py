"""The Lambda host: runs the stack's functions as Lambda does, each in several instances.

An instance handles one event at a time. An event goes to the warm instance that was used last. If none is
idle, the event waits a moment for one, and then another instance is started.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import watchfiles

from local.aws_defaults import ACCOUNT, MAX_RECURSION, PARTITION
from local.functions.environment import environment as lambda_environment
from local.functions.environment import library_environment
from local.functions.instance import Log
from local.functions.lineage import Lineage
from local.functions.pool import Pool, StartLimit
from local.functions.process import LIBRARIES, processes
from local.functions.runtime_api import Call, error
from local.invocation import Result
from local.stack import Function
from local.traces.lambda_segments import CallTrace, Record

CONCURRENCY = 16  # instances per function
KEEP_WARM = 60.0  # seconds that a function keeps more than one idle instance
DRAIN_TIMEOUT = 1.0  # seconds that calls may take to finish when the host stops


class LambdaHost:
    """Starts, calls and stops the functions of a stack.

    `environment` is added to every function's own. `log` gets each line that a function prints, and each line
    of the host about it, with the function's name. `record` gets Lambda's own segments of each call of a
    traced function. With `watch`, a function is restarted when its code changes. `preload` names modules that
    are loaded once, where the system can do that, and not in each process.
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
        preload: Sequence[str] = LIBRARIES,
    ) -> None:
        self._starts = StartLimit(max(2, os.cpu_count() or 1), self._scale_out)
        self._processes = processes(
            library_environment(next(iter(functions.values())), region, environment) if functions else {},
            preload,
        )
        self._pools = {
            name: Pool(
                function,
                lambda_environment(function, region, environment),
                processes=self._processes,
                max_instances=concurrency,
                starts=self._starts,
                log=log,
            )
            for name, function in functions.items()
        }
        self._arn_prefix = f"arn:{PARTITION}:lambda:{region}:{ACCOUNT}:function:"
        self._functions = functions
        self._keep_warm = keep_warm
        self._log = log
        self._record = record
        self._watch = watch
        self._tasks: list[asyncio.Task[None]] = []
        self._results: set[asyncio.Future[Result]] = set()  # of the calls in flight
        self._stopping = False

    async def start(self) -> None:
        """Return when one instance of each function waits for its first event, or has failed."""
        await asyncio.gather(*[pool.warm_up() for pool in self._pools.values()])
        self._tasks.append(asyncio.create_task(self._scale_in()))
        if self._watch:
            self._tasks.append(asyncio.create_task(self._restart_on_changes()))

    async def invoke(self, name: str, event: dict[str, Any]) -> Result:
        """Call a function and return its result; every failure of the function is a result too."""
        if self._stopping:
            return error("Sandbox.Stopped", "the local engine is stopping")
        function = self._functions[name]
        lineage = Lineage.of(event)
        if lineage.calls(name) >= MAX_RECURSION and not function.may_recur:
            self._log(name, f"not called: {MAX_RECURSION} times in one chain already (RecursiveLoop: Allow)")
            return error("RecursiveInvocationException", "Lambda stops recursive loops")
        request_id, arn = str(uuid.uuid4()), self._arn_prefix + name
        call = Call(
            request_id=request_id,
            arn=arn,
            event=json.dumps(event, separators=(",", ":")).encode(),
            trace=CallTrace(
                function=name,
                arn=arn,
                request_id=request_id,
                sampled=function.traced,
                record=self._record,
                lineage=str(lineage.then(name)),
            ),
            timeout=function.timeout,
            result=asyncio.get_running_loop().create_future(),
        )
        self._results.add(call.result)
        call.result.add_done_callback(self._results.discard)
        self._pools[name].submit(call)
        return await call.result

    def kill(self, name: str, max_instances: int | None = None) -> int:
        """Crash instances of a function that are in a call, all or `max_instances`, with SIGKILL.

        Returns how many were killed.
        """
        return self._pools[name].kill(max_instances)

    async def stop(self) -> None:
        """Let calls finish for a moment, then end every process."""
        self._stopping = self._starts.stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._results:
            await asyncio.wait(self._results, timeout=DRAIN_TIMEOUT)
        await asyncio.gather(*[pool.stop() for pool in self._pools.values()])
        self._processes.close()

    def _scale_out(self) -> None:
        for pool in self._pools.values():
            pool.scale_out()

    async def _scale_in(self) -> None:
        while True:
            await asyncio.sleep(self._keep_warm / 2)
            for pool in self._pools.values():
                pool.scale_in(time.monotonic() - self._keep_warm)

    async def _restart_on_changes(self) -> None:
        folders = {function.code for function in self._functions.values()}
        try:
            async for changes in watchfiles.awatch(*folders, watch_filter=_is_source):
                changed = [Path(path) for _, path in changes]
                self._log("local", f"{changed[0].name} has changed: restarting the functions")
                for pool in self._pools.values():
                    if any(path.is_relative_to(pool.function.code) for path in changed):
                        pool.replace()
        except (OSError, RuntimeError) as failure:  # e.g. no inotify watches left
            self._log("local", f"cannot watch the code; restart the engine after a change: {failure}")


def _is_source(change: watchfiles.Change, path: str) -> bool:
    return path.endswith(".py")
