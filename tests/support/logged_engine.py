"""The local engine as tests start it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.engine import Engine
from tests.support.plugins.engine_logs import add_log
from tests.support.project import TEMPLATE


class LoggedEngine(Engine):
    """A local engine in this process. What its functions print is in the report of a test that fails."""

    def __init__(
        self, path: Path = TEMPLATE, *, log: Callable[[str, str], None] | None = None, **options: Any
    ) -> None:
        self.lines: list[str] = []  # each after its function's name

        def keep(function: str, line: str) -> None:
            self.lines.append(f"{function}: {line}")
            if log is not None:
                log(function, line)

        super().__init__(path, log=keep, **options)

    async def __aenter__(self) -> LoggedEngine:
        self._kept = add_log("the engine", lambda: self.lines)
        await super().__aenter__()
        self._kept.name = f"the engine at {self.url}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await super().__aexit__(*exc)
        self._kept.stop()
