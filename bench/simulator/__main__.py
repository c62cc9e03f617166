"""Runs a simulated API Gateway: `POST /{stage}/@connections/{id}`, until it is interrupted.

Prints one line of JSON when it is ready. With --piped it takes its settings, and then requests (control.py),
from standard input, a line of JSON each, and ends with it; without, it prints its report when it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from bench.simulator import certificate, control, server
from bench.simulator.service import Service
from bench.simulator.settings import Fault, Settings


def main() -> None:
    options = _options()
    try:
        uvloop.run(_serve(options))
    except OSError as error:
        sys.exit(f"cannot listen: {error}")


async def _serve(options: argparse.Namespace) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    asked = asyncio.StreamReader(limit=1 << 26)
    settings: Settings = options.settings
    if options.piped:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
        settings = settings.changed(json.loads(await asked.readline()))
    with TemporaryDirectory(prefix="simulator-") as folder:
        ca, tls = (None, None) if options.plain else certificate.make(Path(folder))
        service = Service(settings)
        listener, port = await server.listen(service, options.host, options.port, tls)
        scheme, host = ("http", options.host) if options.plain else ("https", "localhost")
        ready = {"endpoint": f"{scheme}://{host}:{port}/{settings.stage}", "ca": ca and str(ca)}
        print(json.dumps(ready), flush=True)
        if options.piped:
            obeying = asyncio.ensure_future(_obey(service, asked, ending))
        await ending.wait()
        listener.close()
        if options.piped:
            obeying.cancel()
        else:
            print(json.dumps(asdict(service.report((), 20))))


async def _obey(service: Service, asked: asyncio.StreamReader, ending: asyncio.Event) -> None:
    while line := await asked.readline():
        print(control.obey(service, line.decode()), flush=True)
    ending.set()  # whoever started this is gone, or done


def _options() -> argparse.Namespace:
    names = ", ".join(field.name for field in fields(Settings))
    parser = argparse.ArgumentParser(
        prog="python -m bench.simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"settings: {names}\nfaults: {', '.join(Fault)}\nsettings.py says what each means.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="the port (default: any free one)")
    parser.add_argument("--plain", action="store_true", help="HTTP instead of HTTPS")
    parser.add_argument("--piped", action="store_true", help="obey standard input, and end with it")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting, its value as JSON: --set rate=2500 --set 'faults={\"chunked\": 0.01}'",
    )
    options = parser.parse_args()
    try:
        options.settings = Settings().changed(dict(map(_setting, options.set)))
    except ValueError as error:
        parser.error(str(error))
    return options


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value  # a bare word is text


if __name__ == "__main__":
    main()
