"""Run a simulated API Gateway, `POST /{stage}/@connections/{id}`, until it is interrupted.

Print one line of JSON when it is ready. With --piped, read the settings and then requests (control.py) from
standard input, one line of JSON each, and end with the input; without it, print the report at the end.
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
    requests = asyncio.StreamReader(limit=1 << 26)
    settings: Settings = options.settings
    if options.piped:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
        settings = settings.changed(json.loads(await requests.readline()))
    with TemporaryDirectory(prefix="simulator-") as folder:
        ca, tls = (None, None) if options.plain else certificate.make(Path(folder))
        service = Service(settings)
        listener, port = await server.listen(service, options.host, options.port, tls)
        scheme, host = ("http", options.host) if options.plain else ("https", "localhost")
        ready = {"endpoint": f"{scheme}://{host}:{port}/{settings.stage}", "ca": ca and str(ca)}
        print(json.dumps(ready), flush=True)
        if options.piped:
            serving = asyncio.ensure_future(_serve_requests(service, requests, ending))
        await ending.wait()
        listener.close()
        if options.piped:
            serving.cancel()
        else:
            print(json.dumps(asdict(service.report((), 20))))


async def _serve_requests(service: Service, requests: asyncio.StreamReader, ending: asyncio.Event) -> None:
    while line := await requests.readline():
        print(control.answer(service, line.decode()), flush=True)
    ending.set()  # the process that started this one has ended, or is done


def _options() -> argparse.Namespace:
    names = ", ".join(field.name for field in fields(Settings))
    parser = argparse.ArgumentParser(
        prog="python -m bench.simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"settings: {names}\nfaults: {', '.join(Fault)}\nsettings.py defines each.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--plain", action="store_true", help="HTTP instead of HTTPS")
    parser.add_argument(
        "--piped", action="store_true", help="read settings and requests from standard input, and end with it"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="change a setting; the value is JSON: --set rate=2500 --set 'faults={\"chunked\": 0.01}'",
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
        return name, value  # not JSON: a bare word


if __name__ == "__main__":
    main()
