"""One call of one function, without the rest of the engine: what `sam local invoke` does in a container."""

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
    """The event in a file, on standard input (`-`), or an empty one. Raises LocalError, in one line."""
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
        raise LocalError(f"{'the event' if source == '-' else source} is not a JSON object")
    return event


async def once(
    path: Path,
    name: str,
    event: dict[str, Any],
    parameters: Mapping[str, str],
    overrides: Overrides,
    log: Log,
) -> str:
    """What the function answers, or its error document; its logs go to `log`.

    The two are not told apart, as SAM CLI prints both and exits with 0
    (https://github.com/aws/aws-sam-cli/issues/1081).
    """
    functions = template.load(path, parameters=parameters).functions
    if name not in functions:
        raise LocalError(f"Function {name} not found in template (it has: {', '.join(functions)})")
    chosen = override({name: functions[name]}, overrides)
    daemon = XRayListener()
    address = await daemon.start()
    host = LambdaHost(chosen, environment={"AWS_XRAY_DAEMON_ADDRESS": address}, log=log)
    try:
        result = await host.invoke(name, event)
    finally:
        await host.stop()
        daemon.stop()
    return result.payload.decode(errors="replace")
