"""Start a simulator in a new process, for benchmarks and tests."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.simulator.record import Expected, Report
from bench.simulator.settings import Settings

_ROOT = Path(__file__).parents[2]
_END_TIMEOUT = 10  # seconds for the process to end


class Simulator:
    """A context manager. Its methods wait for the process, which answers between two posts.

    That takes a millisecond, and a tenth of a second for a report of 100,000 connections.
    Raises RuntimeError if the process does not start or has ended, ValueError if a setting is invalid.
    """

    endpoint: str  # https://localhost:PORT/STAGE
    ca: str | None  # path of the certificate to trust; None over plain HTTP
    pid: int

    def __init__(
        self, settings: Settings | None = None, *, tls: bool = True, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.settings = settings or Settings()
        self._arguments = ["--piped", "--host", host, "--port", str(port), *([] if tls else ["--plain"])]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.simulator", *self._arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C must not end it before the report is read
        )
        self.pid = self._process.pid
        ready = self._send(self.settings.as_json())
        self.endpoint, self.ca = ready["endpoint"], ready["ca"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._process.communicate(timeout=_END_TIMEOUT)  # it ends with its input
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables with which an AWS SDK signs as the simulator expects, and trusts it."""
        variables = {
            "AWS_ACCESS_KEY_ID": self.settings.access_key,
            "AWS_SECRET_ACCESS_KEY": self.settings.secret_key,
            "AWS_SESSION_TOKEN": self.settings.session_token,
            "AWS_DEFAULT_REGION": self.settings.region,
            "AWS_REGION": self.settings.region,
            "AWS_CA_BUNDLE": self.ca,
        }
        return {name: value for name, value in variables.items() if value is not None}

    def change(self, **changes: Any) -> None:
        """Change some settings, from the next post on."""
        settings = self.settings.changed(changes)
        values = settings.as_json()
        self._request("change", settings={name: values[name] for name in changes})
        self.settings = settings

    def storm(self, seconds: float) -> None:
        """Answer all posts with 429 for so many seconds."""
        self._request("storm", seconds=seconds)

    def restart(self) -> None:
        """Clear the record, fill the bucket, end a storm; connections stay open."""
        self._request("restart")

    def report(self, expected: Sequence[Expected] = (), *, examples: int = 20) -> Report:
        """Return what came since the start; see record.Record.report."""
        groups = [
            {
                "members": [group.members.start, group.members.stop, group.members.step],
                "numbers": [*group.numbers],
            }
            for group in expected
        ]
        report = Report(**self._request("report", expected=groups, examples=examples))
        report.statuses = {int(status): count for status, count in report.statuses.items()}
        return report

    def arrivals(self, connection_id: str) -> dict[str, Any]:
        """Return what one connection accepted: `posts`, and the `numbers` in them, ascending, each once."""
        arrivals: dict[str, Any] = self._request("arrivals", connection=connection_id)
        return arrivals

    def _request(self, name: str, **details: Any) -> Any:
        answer = self._send({"request": name, **details})
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["answer"]

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        if self._process.stdin.closed:
            raise RuntimeError("the simulator has ended")
        with contextlib.suppress(BrokenPipeError):  # then reading the answer raises below
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator has ended, with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer
