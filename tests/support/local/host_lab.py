"""Functions written by a test, in a Lambda host with real processes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from local.functions.host import LambdaHost
from local.invocation import Result
from local.stack import Function


class Logs:
    """The lines that the host logged, and a way to wait for one."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, function: str, line: str) -> None:
        self.lines.append((function, line))
        self._changed.set()

    def of(self, function: str) -> list[str]:
        return [line for name, line in self.lines if name == function]

    async def wait_for(self, text: str) -> None:
        while not any(text in line for _, line in self.lines):
            self._changed.clear()
            await self._changed.wait()


class HostLab:
    """Writes handlers and runs them in one host."""

    def __init__(self, folder: Path, logs: Logs) -> None:
        self.folder = folder
        self.logs = logs
        self.functions: dict[str, Function] = {}
        self._hosts: list[LambdaHost] = []

    def write(self, name: str, source: str) -> None:
        (self.folder / f"{name}.py").write_text(source)

    def add(
        self,
        name: str,
        source: str,
        *,
        timeout: float = 30,
        traced: bool = False,
        **environment: str,
    ) -> None:
        self.write(name, source)
        self.functions[name] = Function(
            name=name,
            handler=f"{name}.handler",
            code=self.folder,
            timeout=timeout,
            memory=128,
            environment=environment,
            traced=traced,
        )

    async def start(self, **options: Any) -> LambdaHost:
        host = LambdaHost(
            self.functions,
            preload=(),  # the handlers that are written here use no library: half a second for each host
            environment={"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000"},
            log=self.logs,
            **options,
        )
        self._hosts.append(host)
        await host.start()
        return host

    async def stop(self) -> None:
        for host in self._hosts:
            await host.stop()


def document(result: Result) -> dict[str, Any]:
    """Return the error document of a failed call."""
    assert result.error == "Unhandled"
    parsed: dict[str, Any] = json.loads(result.payload)
    return parsed


def value(result: Result) -> Any:
    """Return the value that a call returned."""
    assert result.error is None, result.payload
    return json.loads(result.payload)
