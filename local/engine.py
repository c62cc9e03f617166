"""The local engine: everything that template.yaml asks for, running on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local import template
from local.aws_defaults import Limits
from local.errors import LocalError
from local.forward import forward
from local.functions import CONCURRENCY, LambdaHost
from local.gateway import Gateway
from local.invocation import Result
from local.mappings import StreamPoller
from local.overrides import Overrides, override
from local.ports import refuse_taken
from local.services import LocalServices
from local.stack import Stack, StreamMapping
from local.xray import XRayListener

HOST = "127.0.0.1"


def _silent(function: str, line: str) -> None:
    pass


class Engine:
    """Runs a template from `async with` to its end; a port of 0 is any free one.

    `environment` overrides functions' variables as `sam local invoke --env-vars` does. `log` gets each line
    that a function prints, with the function's name. `also_on` is an address beside loopback. Entering raises
    LocalError, in one line, for what the developer can put right, and leaves nothing behind.
    """

    url: str  # of the web client
    socket_url: str
    stack: Stack
    services: LocalServices
    host: LambdaHost

    def __init__(
        self,
        path: Path,
        *,
        port: int = 0,
        service_port: int = 0,
        region: str = "us-east-1",
        parameters: Mapping[str, str] = MappingProxyType({}),
        environment: Overrides = MappingProxyType({}),
        limits: Limits = Limits(),  # noqa: B008 - frozen, so that it can be shared
        data: Path | None = None,
        also_on: str | None = None,
        aws_polling: bool = False,
        concurrency: int = CONCURRENCY,
        watch: bool = False,
        log: Callable[[str, str], None] = _silent,
    ) -> None:
        self._path = path
        self._port = port
        self._service_port = service_port
        self._region = region
        self._parameters = parameters
        self._environment = environment
        self._limits = limits
        self._data = data
        self._also_on = also_on
        self._aws_polling = aws_polling
        self._concurrency = concurrency
        self._watch = watch
        self._log = log
        self._running = AsyncExitStack()
        self._ready = asyncio.Event()
        self._pollers: list[StreamPoller] = []

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    async def __aenter__(self) -> Engine:
        try:
            await self._start()
        except BaseException:
            await self._running.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def _start(self) -> None:
        self.stack = template.load(self._path, parameters=self._parameters, region=self._region)
        if self._port:
            refuse_taken(self._port)
        self.services = LocalServices(port=self._service_port, region=self._region, data=self._data)
        await self._running.enter_async_context(self.services)
        await self.services.create(self.stack)
        gateway, port = await self._start_gateway()
        await self._start_functions(template.Endpoints(gateway=port, services=self.services.port))
        for mapping in self.stack.mappings:
            await self._start_mapping(mapping)
        if self._also_on:
            for inner in (port, self.services.port):
                server = await forward(self._also_on, inner)
                self._running.callback(server.close)
        # It stops first, while what its $disconnect events need is there; stopping it again does nothing.
        self._running.push_async_callback(gateway.stop)
        self._ready.set()
        self.url = f"http://{HOST}:{port}"
        self.socket_url = f"ws://{HOST}:{port}/{self.stack.api.stage}"

    async def _start_gateway(self) -> tuple[Gateway, int]:
        """It comes before the functions, which are told its port; what calls one this early waits."""
        web = self._path.parent / "web"
        try:
            gateway = Gateway(
                self.stack.api,
                self._invoke,
                web=web if web.is_dir() else None,
                limits=self._limits,
                region=self._region,
                on_activity=self._wake,
            )
            port = await gateway.start(HOST, self._port)
        except ValueError as error:
            raise LocalError(f"{self._path.name}: {error}") from error
        except OSError as error:
            raise LocalError(f"port {self._port} cannot be used: {error.strerror}") from error
        self._running.push_async_callback(gateway.stop)
        return gateway, port

    async def _start_functions(self, endpoints: template.Endpoints) -> None:
        daemon = XRayListener()
        address = await daemon.start()
        self._running.callback(daemon.stop)
        self.stack = template.redirect(self.stack, endpoints, self._region)
        functions = override(self.stack.functions, self._environment)
        self.stack = replace(self.stack, functions=functions)
        self.host = LambdaHost(
            functions,
            environment={"AWS_XRAY_DAEMON_ADDRESS": address},
            region=self._region,
            concurrency=self._concurrency,
            log=self._log,
            watch=self._watch,
        )
        self._running.push_async_callback(self.host.stop)
        await self.host.start()

    async def _start_mapping(self, mapping: StreamMapping) -> None:
        source = await self.services.stream(self.stack.tables[mapping.table])
        poller = StreamPoller(
            mapping,
            source,
            self._invoke,
            on_failure=partial(self._give_up, mapping),
            aws_polling=self._aws_polling,
            stream_arn=source.arn,
        )
        task = asyncio.create_task(poller.run())
        self._pollers.append(poller)
        self._running.push_async_callback(_cancel, task)

    async def _invoke(self, name: str, event: dict[str, Any]) -> Result:
        await self._ready.wait()
        return await self.host.invoke(name, event)

    async def _give_up(self, mapping: StreamMapping, document: str) -> None:
        """Sends what a mapping could not deliver to its on-failure queue."""
        assert mapping.on_failure is not None
        url = self.services.queue_url(self.stack.queues[mapping.on_failure])
        await self.services.sqs("SendMessage", {"QueueUrl": url, "MessageBody": document})

    def _wake(self) -> None:
        for poller in self._pollers:
            poller.wake()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
