"""ministack, the process that stands in for DynamoDB, SQS and the services of secrets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from local.aws_defaults import ACCOUNT
from local.errors import LocalError
from local.net.http_client import HttpClient
from local.net.ports import free_port, random_loopback_address
from local.services import durable
from local.services.changes import VARIABLE, Changes
from local.services.scratch import Scratch

CHILD = Path(__file__).parents[1] / "child.py"
START_TIMEOUT = 15.0  # seconds until it must answer; it takes 0.2
STOP_TIMEOUT = 5.0  # seconds to save its state
_ANY_REQUEST = (("X-Amz-Target", "DynamoDB_20120810.ListTables"),)
_ATTEMPTS = 3  # another program may take a free port before ministack binds it


class Ministack:
    """One ministack process. With `data`, it keeps its state in that folder, through kills too (durable.py).

    `on_record` is called when streams have new records.

    `url` is at an address that is hard to find, because ministack answers everybody. Only processes of this
    engine get it.

    ministack separates regions by the region in a request's signature. It separates accounts by the access
    key if that is twelve digits; all other keys see the same tables.
    """

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        data: Path | None = None,
        on_record: Callable[[], None] = lambda: None,
    ) -> None:
        self.address, self.port = random_loopback_address(), 0
        self.region = region
        self._data = data
        self._on_record = on_record
        self._changes: Changes | None = None
        self._scratch: Scratch | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._unsaved: LocalError | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The id of the process. None before it is started."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Return when it answers. Raises LocalError, with the end of its log, if it does not start."""
        if self._data is not None:
            try:
                self._data.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _unusable(self._data, error) from error
        self._scratch = Scratch()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            self.port = (self._kept_port() if attempt == 1 else None) or free_port(self.address)
            await self._launch()
            if await self._answers():
                break
            assert self._process is not None
            if self._process.returncode == durable.CANNOT_SAVE:
                raise LocalError(self._end_of_log(lines=1))
            if attempt == _ATTEMPTS:
                raise LocalError(f"ministack did not start on port {self.port}: {self._end_of_log()}")
        if self._data is not None and self.port != self._kept_port():
            try:
                (self._data / "port").write_text(f"{self.port}\n")
            except OSError as error:
                raise _unusable(self._data, error) from error

    def _kept_port(self) -> int | None:
        """Return the port that kept state was made at: ministack knows its queues by URLs with that port."""
        try:
            port = int((self._data / "port").read_text()) if self._data is not None else 0
        except (OSError, ValueError):
            return None
        return port if 0 < port < 65536 else None

    async def _launch(self) -> None:
        assert self._scratch is not None
        self._forget_changes()
        self._changes = Changes(self._on_record)
        with open(self._scratch.path / "log", "wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(CHILD),
                "local.services.durable" if self._data else "local.services.serve",
                cwd=self._scratch.path,
                env=self._environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(self._changes.write,),
            )
        self._changes.begin()

    def _forget_changes(self) -> None:
        if self._changes is not None:
            self._changes.close()
            self._changes = None

    def _environment(self) -> dict[str, str]:
        assert self._scratch is not None and self._changes is not None
        folder = self._scratch.path
        return {
            VARIABLE: str(self._changes.write),
            "PATH": os.environ.get("PATH", os.defpath),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": self.address,
            "IOT_MTLS_ENABLED": "0",  # it would open port 8883
            "SERVICES": "dynamodb,dynamodbstreams,secretsmanager,sqs,ssm",
            "LOG_LEVEL": "WARNING",
            "DOCKER_HOST": f"unix://{folder}/none",  # it would look for containers of its own to end
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self.region,
            "TMPDIR": str(folder),  # it leaves folders behind
            "PERSIST_STATE": "1" if self._data else "0",
            "PYTHONPATH": str(CHILD.parents[1]),  # for durable.py
            "STATE_DIR": str((self._data or folder / "state").resolve()),
        }

    async def _answers(self) -> bool:
        """Wait until it answers. False if it ends instead, or takes too long."""
        assert self._process is not None
        client = HttpClient(self.url, timeout=START_TIMEOUT)
        exited = asyncio.ensure_future(self._process.wait())
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        try:
            while not exited.done() and asyncio.get_running_loop().time() < deadline:
                with contextlib.suppress(OSError):
                    answer = await client.post("/", _ANY_REQUEST, b"{}")
                    # If another program had the port, ministack would have ended.
                    if answer.status == 200 and not exited.done():
                        return True
                await asyncio.wait([exited], timeout=0.02)
        finally:
            client.close()
            exited.cancel()
        return False

    async def wait_ended(self) -> None:
        """Wait until it ends by itself, which it should not, and raise LocalError."""
        assert self._process is not None
        raise self._ended(await self._process.wait())

    def _ended(self, status: int) -> LocalError:
        if status == durable.CANNOT_SAVE:
            return LocalError(self._end_of_log(lines=1))
        return LocalError(f"ministack has ended (status {status}): {self._end_of_log()}")

    def _end_of_log(self, lines: int = 3) -> str:
        assert self._scratch is not None
        log = (self._scratch.path / "log").read_text(errors="replace")
        return " / ".join(log.strip().splitlines()[-lines:])

    async def stop(self) -> None:
        """End it, after it has saved state that is to be kept, and remove its temporary folder."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
            if self._data is not None and self._process.returncode:
                self._unsaved = self._ended(self._process.returncode)
        self._forget_changes()
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None

    async def __aenter__(self) -> Ministack:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it. Raises LocalError if state that is to be kept could not be saved."""
        await self.stop()
        if self._unsaved is not None:
            raise self._unsaved


def _unusable(data: Path, error: OSError) -> LocalError:
    return LocalError(f"{data}: {error.strerror}; choose another data folder")
