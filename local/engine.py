"""The local engine: runs everything that template.yaml declares on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local.aws_defaults import Limits
from local.errors import LocalError
from local.functions.host import CONCURRENCY, LambdaHost
from local.gateway.gateway import Gateway
from local.gateway.sample_connections import CONNECT, SampleConnections
from local.invocation import Result
from local.net.access import AccessPolicy
from local.net.ports import require_free
from local.net.tcp_forward import forward
from local.pollers import Pollers
from local.services.client import ServicesClient
from local.services.ministack import Ministack
from local.services.provision import provision
from local.services.proxy import ServicesProxy
from local.services.queue_port import QueuePort
from local.stack import Stack
from local.supervisor import Supervisor, cancel
from local.template import load as template
from local.template.env_vars import Overrides, override
from local.traces.daemon import XRayListener
from local.traces.store import TraceStore

HOST = "127.0.0.1"


def _no_log(function: str, line: str) -> None:
    pass


class Engine:
    """Runs a template inside `async with`.

    `port` is the gateway's. `service_port` is where processes that the engine has not started reach DynamoDB
    and SQS. A port of 0 is any free one.

    `environment` overrides functions' variables as `sam local invoke --env-vars` does. `log` gets each line
    that a function prints, with the function's name. `also_on` is an address beside loopback. `origins` are
    origins of pages served elsewhere that may open sockets. `samples` is a folder of sample events: their
    connections are open, and `log` gets what is posted to them.

    Entering raises LocalError, in one line, for what the developer can fix, and leaves nothing running.
    """

    url: str  # of the web client
    socket_url: str
    services_url: str  # of DynamoDB and SQS, for processes that the engine has not started
    stack: Stack
    services: ServicesClient
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
        post_latency: float = 0.0,
        concurrency: int = CONCURRENCY,
        watch: bool = False,
        samples: Path | None = None,
        log: Callable[[str, str], None] = _no_log,
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
        self._access = AccessPolicy(also_on, origins)
        self._concurrency = concurrency
        self._post_latency = post_latency
        self._watch = watch
        self._samples_folder = samples
        self._log = log
        self.traces = TraceStore()
        self._running = AsyncExitStack()
        self._ready = asyncio.Event()
        self._supervisor = Supervisor()
        self._pollers = Pollers(self._invoke, aws_polling=aws_polling, concurrency=concurrency)

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
        """Wait until a part that the others need has ended by itself. Raises LocalError that names it."""
        await self._supervisor.broken()

    async def _start(self) -> None:
        self.stack = template.load(self._path, parameters=self._parameters, region=self._region)
        self._require_free_ports()
        ministack = await self._start_services()
        gateway, port = await self._start_gateway()
        service_port = await self._start_proxy()
        queue_port = await self._start_queue_port(ministack)
        endpoints = template.Endpoints(
            gateway=f"{HOST}:{port}",
            services=f"{ministack.address}:{ministack.port}",
            queues=f"{ministack.address}:{queue_port}",
        )
        await self._start_functions(endpoints)
        await self._start_mappings()
        if self._also_on:
            for inner in (port, service_port):
                server = await forward(self._also_on, inner, to=(HOST, inner))
                self._running.callback(server.close)
        # The gateway stops first, while its $disconnect events still find functions and tables. Its own
        # callback stops it a second time, which does nothing.
        self._running.push_async_callback(gateway.stop)
        self._ready.set()
        self.url = f"http://{HOST}:{port}"
        self.services_url = f"http://{HOST}:{service_port}"
        self.socket_url = f"ws://{HOST}:{port}/{self.stack.api.stage}"

    def _require_free_ports(self) -> None:
        if self._port:
            require_free(self._port)
        if self._service_port:
            above = f", one above {self._port}" if self._service_port == self._port + 1 else ""
            require_free(self._service_port, f"for DynamoDB and SQS{above}")

    async def _start_services(self) -> Ministack:
        ministack = Ministack(region=self._region, data=self._data, on_record=self._pollers.poll_streams)
        await self._running.enter_async_context(ministack)
        self._supervise("DynamoDB and SQS", ministack.wait_ended())
        self.services = ServicesClient(ministack.url, region=self._region)
        await self._running.enter_async_context(self.services)
        await provision(self.services, self.stack)
        return ministack

    async def _start_gateway(self) -> tuple[Gateway, int]:
        """Start it before the functions, whose environment names its port. Calls wait until all is ready."""
        web = self._path.parent / "web"
        self._samples = self._sample_connections()
        try:
            gateway = Gateway(
                self.stack.api,
                self._invoke,
                web=web if web.is_dir() else None,
                traces=self.traces,
                limits=self._limits,
                region=self._region,
                access=self._access,
                samples=self._samples.open if self._samples else {},
                post_latency=self._post_latency,
            )
            port = await gateway.start(HOST, self._port)
        except ValueError as error:
            raise LocalError(f"{self._path.name}: {error}") from error
        except OSError as error:
            raise _unusable(self._port, error) from error
        self._running.push_async_callback(gateway.stop)
        return gateway, port

    def _sample_connections(self) -> SampleConnections | None:
        if self._samples_folder is None or not (self._samples_folder / CONNECT).exists():
            return None
        lifetime = self._limits.duration
        return SampleConnections(self._samples_folder, self.stack.api, self._invoke, lifetime, self._log)

    async def _start_proxy(self) -> int:
        # Whoever reaches DynamoDB from outside may run a sample event.
        prepare = {"prepare": self._samples.connect} if self._samples else {}
        proxy = ServicesProxy(self.services.url, self._access, **prepare)
        self._running.push_async_callback(proxy.stop)
        try:
            return await proxy.start(HOST, self._service_port)
        except OSError as error:
            raise _unusable(self._service_port, error) from error

    async def _start_queue_port(self, ministack: Ministack) -> int:
        """Return the port at which functions reach SQS."""
        queue_port = QueuePort(ministack.url, self._poll_queues)
        self._running.push_async_callback(queue_port.stop)
        return await queue_port.start(ministack.address)

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

    async def _start_mappings(self) -> None:
        await self._pollers.start(self.stack, self.services, self._supervise)

    def _supervise(self, name: str, part: Coroutine[Any, Any, None]) -> None:
        self._running.push_async_callback(cancel, self._supervisor.start(name, part))

    async def _invoke(self, name: str, event: dict[str, Any]) -> Result:
        await self._ready.wait()
        return await self.host.invoke(name, event)

    def _poll_queues(self) -> None:
        self._pollers.poll_queues()


def _unusable(port: int, error: OSError) -> LocalError:
    return LocalError(f"port {port} cannot be used: {error.strerror}; choose another PORT")
