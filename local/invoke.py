"""Calls one function once, without the rest of the engine, as `sam local invoke` does in a container."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.errors import LocalError
from local.functions.host import LambdaHost
from local.functions.instance import Log
from local.template import load as template
from local.template.env_vars import Overrides, override
from local.traces.daemon import XRayListener


def read_event(source: str | None) -> dict[str, Any]:
    """Read the event from a file or standard input (`-`). Without a source it is empty. Raises LocalError."""
    if source is None:
        return {}
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        event = json.loads(text)
    except OSError as error:
        raise LocalError(f"{source}: {error.strerror}") from error
    except ValueError as error:
        raise LocalError(f"{'the event' if source == '-' else source} is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise LocalError(f"{'the event' if source == '-' else source} must be a JSON object")
    return event


async def once(
    path: Path,
    name: str,
    event: dict[str, Any],
    parameters: Mapping[str, str],
    overrides: Overrides,
    log: Log,
) -> str:
    """Return the function's result or its error document; its logs go to `log`.

    Nothing tells the two apart: SAM CLI also prints both and exits with 0
    (https://github.com/aws/aws-sam-cli/issues/1081).
    """
    functions = template.load(path, parameters=parameters).functions
    if name not in functions:
        raise LocalError(f"function {name} is not in the template; use one of: {', '.join(functions)}")
    function = override({name: functions[name]}, overrides)
    daemon = XRayListener()
    address = await daemon.start()
    host = LambdaHost(function, environment={"AWS_XRAY_DAEMON_ADDRESS": address}, log=log)
    try:
        result = await host.invoke(name, event)
    finally:
        await host.stop()
        daemon.stop()
    return result.payload.decode(errors="replace")
