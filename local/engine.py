"""The local engine: everything that template.yaml asks for, running on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local.aws_defaults import Limits
from local.errors import LocalError
from local.functions.host import CONCURRENCY, LambdaHost
from local.gateway.gateway import Gateway
from local.invocation import Result
from local.mappings.queue_poller import QueuePoller
from local.mappings.stream_poller import StreamPoller
from local.net.access import Callers
from local.net.ports import refuse_taken
from local.net.tcp_forward import forward
from local.services.ministack import LocalServices
from local.services.proxy import ServicesFront
from local.stack import QueueMapping, Stack, StreamMapping
from local.template import load as template
from local.template.env_vars import Overrides, override
from local.traces.daemon import XRayListener
from local.traces.store import Traces

log = logging.getLogger(__name__)

HOST = "127.0.0.1"


def _silent(function: str, line: str) -> None:
    pass


class Engine:
    """Runs a template from `async with` to its end; a port of 0 is any free one.

    `environment` overrides functions' variables as `sam local invoke --env-vars` does. `log` gets each line
    that a function prints, with the function's name. `also_on` is an address beside loopback, `origins` are
    those of pages served elsewhere that may open sockets. Entering raises LocalError, in one line, for what
    the developer can put right, and leaves nothing behind.

    `port` is the gateway's. `service_port` is where DynamoDB and SQS are for whatever the engine has not
    started.
    """

    url: str  # of the web client
    socket_url: str
    services_url: str  # of DynamoDB and SQS, for what the engine has not started
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
        origins: Collection[str] = (),
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
        self._callers = Callers(also_on, origins)
        self._aws_polling = aws_polling
        self._concurrency = concurrency
        self._watch = watch
        self._log = log
        self.traces = Traces()
        self._running = AsyncExitStack()
        self._ready = asyncio.Event()
        self._broken = asyncio.Event()
        self._failure: LocalError | None = None  # what broke it
        self._pollers: list[StreamPoller] = []
        self._queue_pollers: list[QueuePoller] = []

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

    async def broken(self) -> None:
        """Waits until a part that the rest needs has ended by itself; raises LocalError that says which."""
        await self._broken.wait()
        assert self._failure is not None
        raise self._failure

    async def _start(self) -> None:
        self.stack = template.load(self._path, parameters=self._parameters, region=self._region)
        self._refuse_taken_ports()
        self.services = LocalServices(region=self._region, data=self._data)
        await self._running.enter_async_context(self.services)
        self._supervise("DynamoDB and SQS", self.services.ended())
        await self.services.create(self.stack)
        gateway, port = await self._start_gateway()
        service_port = await self._start_services_front()
        queues = await self._start_queue_port()
        endpoints = template.Endpoints(
            gateway=f"{HOST}:{port}",
            services=f"{self.services.address}:{self.services.port}",
            queues=f"{self.services.address}:{queues}",
        )
        await self._start_functions(endpoints)
        for mapping in self.stack.stream_mappings:
            await self._start_mapping(mapping)
        for queue_mapping in self.stack.queue_mappings:
            self._start_queue_mapping(queue_mapping)
        if self._also_on:
            for inner in (port, service_port):
                server = await forward(self._also_on, inner, to=(HOST, inner))
                self._running.callback(server.close)
        # It stops first, while what its $disconnect events need is there; stopping it again does nothing.
        self._running.push_async_callback(gateway.stop)
        self._ready.set()
        self.url = f"http://{HOST}:{port}"
        self.services_url = f"http://{HOST}:{service_port}"
        self.socket_url = f"ws://{HOST}:{port}/{self.stack.api.stage}"

    def _refuse_taken_ports(self) -> None:
        if self._port:
            refuse_taken(self._port)
        if self._service_port:
            above = f", one above {self._port}" if self._service_port == self._port + 1 else ""
            refuse_taken(self._service_port, f"for DynamoDB and SQS{above}")

    async def _start_gateway(self) -> tuple[Gateway, int]:
        """It comes before the functions, which are told its port; what calls one this early waits."""
        web = self._path.parent / "web"
        try:
            gateway = Gateway(
                self.stack.api,
                self._invoke,
                web=web if web.is_dir() else None,
                traces=self.traces,
                limits=self._limits,
                region=self._region,
                callers=self._callers,
                on_activity=self._wake,
            )
            port = await gateway.start(HOST, self._port)
        except ValueError as error:
            raise LocalError(f"{self._path.name}: {error}") from error
        except OSError as error:
            raise LocalError(f"port {self._port} cannot be used: {error.strerror}") from error
        self._running.push_async_callback(gateway.stop)
        return gateway, port

    async def _start_services_front(self) -> int:
        front = ServicesFront(self.services.url, self._callers)
        self._running.push_async_callback(front.stop)
        try:
            return await front.start(HOST, self._service_port)
        except OSError as error:
            raise LocalError(f"port {self._service_port} cannot be used: {error.strerror}") from error

    async def _start_queue_port(self) -> int:
        """Where functions reach SQS: an answer that they get may be to a message that a mapping waits for."""
        address = self.services.address
        server = await forward(address, 0, to=(address, self.services.port), on_answer=self._wake_queues)
        self._running.callback(server.close)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _start_functions(self, endpoints: template.Endpoints) -> None:
        daemon = XRayListener(self.traces.add)
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
            record=self.traces.add,
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
        self._pollers.append(poller)
        self._supervise(mapping.name, poller.run())

    def _start_queue_mapping(self, mapping: QueueMapping) -> None:
        source = self.services.queue(self.stack.queues[mapping.queue])
        poller = QueuePoller(mapping, source, self._invoke, concurrency=self._concurrency)
        self._queue_pollers.append(poller)
        self._supervise(mapping.name, poller.run())

    def _supervise(self, name: str, part: Coroutine[Any, Any, None]) -> None:
        """Runs a part of the engine to the engine's end; one that ends before breaks the engine."""
        task = asyncio.create_task(part)
        task.add_done_callback(partial(self._ended, name))
        self._running.push_async_callback(_cancel, task)

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if not isinstance(error, LocalError):  # else its line says all
            log.error("%s has ended by itself", name, exc_info=error)
            error = LocalError(f"{name} has stopped working, and with it the engine: {_cause(error)!r}")
        self._failure = self._failure or error
        self._broken.set()

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

    def _wake_queues(self) -> None:
        for poller in self._queue_pollers:
            poller.wake()


def _cause(error: BaseException | None) -> BaseException | None:
    """The first of what a task group wraps up."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
