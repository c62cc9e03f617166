"""The command line: `run`, `invoke` and `traces`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from local.errors import LocalError
from local.functions.host import CONCURRENCY
from local.net import access
from local.template import env_vars
from local.terminal import Terminal
from local.traces import pages as trace_pages
from local.traces import waterfall

if TYPE_CHECKING:
    from local.engine import Engine

PORT = 8080


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 (after Ctrl-C and SIGTERM too), or 1 with one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        status: int = uvloop.run(options.command(options))
    except LocalError as error:
        print(f"local: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # of `invoke`; `run` has a handler of its own
        return 128 + signal.SIGINT
    return status


# the options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="Run template.yaml on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(
        commands.add_parser(
            "run",
            help="serve the whole application until Ctrl-C",
            description="Serve the web client, the WebSocket API and its functions until Ctrl-C or SIGTERM.",
        )
    )
    _add_invoke(
        commands.add_parser(
            "invoke",
            help="run one function once",
            description="Run one function once, as `sam local invoke` does: logs on standard error, the "
            "result on standard output. The exit status is 0 even if the function fails.",
        )
    )
    _add_traces(
        commands.add_parser(
            "traces",
            help="show the traces of a running engine",
            description="Show the newest traces of a running engine as waterfalls, the newest last. "
            "A browser shows them at /_local/traces.",
        )
    )
    return parser


def _add_run(command: argparse.ArgumentParser) -> None:
    command.set_defaults(command=_run)
    _add_port(
        command,
        _port,
        "port of the web client and the API (default: PORT in the environment, or 8080); DynamoDB and SQS "
        "are on N+1, where functions under `sam local invoke` reach them",
    )
    command.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="keep tables and queues in this folder. It is written every second (more rarely if it holds "
        "much): after a power cut, only what was acknowledged since then is missing, and clients read the "
        "rooms again. If it cannot be written, the engine stops",
    )
    command.add_argument(
        "--also-on",
        metavar="ADDRESS",
        help="also listen on this address, such as Docker's bridge (172.17.0.1), so that containers reach "
        "the engine; so does everything else that reaches the address",
    )
    command.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        dest="origins",
        type=_origin,
        metavar="ORIGIN",
        help="allow pages of this origin, such as http://app.test:5173, to open sockets, besides pages of "
        "this machine; may be repeated",
    )
    command.add_argument(
        "--raw-logs",
        action="store_true",
        help="show logs and metrics as the functions print them, instead of one short line per record",
    )
    command.add_argument(
        "--aws-polling",
        action="store_true",
        help="read streams four times per second, as Lambda does, instead of at once",
    )
    command.add_argument(
        "--post-latency", type=_positive, default=0, metavar="MS", help="milliseconds that a post takes"
    )
    command.add_argument(
        "--concurrency",
        type=_positive,
        default=CONCURRENCY,
        metavar="N",
        help=f"run at most N instances of a function (default: {CONCURRENCY})",
    )
    _add_template(command)


def _add_invoke(command: argparse.ArgumentParser) -> None:
    command.set_defaults(command=_invoke)
    command.add_argument("name", metavar="NAME", help="logical id of the function in the template")
    command.add_argument(
        "-e", "--event", metavar="FILE", help="JSON file with the event; - is standard input (default: {})"
    )
    command.add_argument(
        "-n",
        "--env-vars",
        type=Path,
        metavar="FILE",
        help='JSON file, {"NAME": {"VARIABLE": "value"}}, that overrides variables of the template',
    )
    _add_template(command)


def _add_traces(command: argparse.ArgumentParser) -> None:
    command.set_defaults(command=_traces)
    _add_port(command, int, "port of the engine (default: PORT in the environment, or 8080)")
    command.add_argument(
        "--last", type=_positive, default=5, metavar="N", help="number of traces (default: 5)"
    )
    command.add_argument("id", nargs="?", default="", metavar="ID", help="id of a trace, or a part of it")


def _add_port(command: argparse.ArgumentParser, parse: Callable[[str], int], text: str) -> None:
    command.add_argument("--port", type=parse, default=os.environ.get("PORT", PORT), metavar="N", help=text)


def _add_template(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="parameters",
        type=_assignment,
        metavar="NAME=VALUE",
        help="set a parameter of the template; may be repeated",
    )
    command.add_argument(
        "-t",
        "--template",
        type=Path,
        default=Path("template.yaml"),
        metavar="FILE",
        help="SAM template (default: %(default)s)",
    )


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:18]) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of 1 or more")
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:18]) > 65534:
        raise argparse.ArgumentTypeError(
            f"{text} is not a port from 1 to 65534 (the next one is for DynamoDB and SQS), or 0 for any port"
        )
    return int(text)


def _origin(text: str) -> str:
    try:
        return access.normalize_origin(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


# The commands. Their imports take most of a second of CPU, half of it for SAM's translator: not for --help.


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage meanwhile, and look at nothing that is there by then later on: modules stay.

    To look through them would take a quarter of the CPU of their imports.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _run(options: argparse.Namespace) -> int:
    with no_collection():
        from local.engine import Engine

    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Stopping takes a bounded time and is not cut short: a second Ctrl-C changes nothing.
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    terminal = Terminal(sys.stderr, raw=options.raw_logs)
    engine = Engine(
        options.template.resolve(),
        port=options.port,
        service_port=options.port and options.port + 1,
        parameters=dict(options.parameters),
        data=options.data,
        also_on=options.also_on,
        origins=options.origins,
        aws_polling=options.aws_polling,
        post_latency=options.post_latency / 1000,
        concurrency=options.concurrency,
        watch=True,
        samples=options.template.resolve().parent / "events",
        log=terminal.show,
    )
    if options.data is not None:
        terminal.show("local", f"{options.data} is written every second: a power cut loses that much at most")
    serving = asyncio.create_task(_serve(engine, terminal))
    stop = asyncio.create_task(interrupted.wait())
    await asyncio.wait([serving, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    return 0


async def _serve(engine: Engine, terminal: Terminal) -> None:
    """Run the engine until cancelled. Raises LocalError if a part of it ends by itself."""
    async with engine:
        for line in engine.stack.unknown:
            terminal.show("local", line)
        stage = engine.stack.api.stage
        page = f"{engine.url}/" if stage == "prod" else f"{engine.url}/?endpoint=/{stage}"
        print(f"Roomcast is ready: open {page} (socket {engine.socket_url})", flush=True)
        await engine.broken()


async def _invoke(options: argparse.Namespace) -> int:
    with no_collection():
        from local import invoke

    event = invoke.read_event(options.event)
    overrides = env_vars.read(options.env_vars) if options.env_vars else {}
    parameters = dict(options.parameters)
    path = options.template.resolve()
    print(await invoke.once(path, options.name, event, parameters, overrides, _print_to_stderr))
    return 0


async def _traces(options: argparse.Namespace) -> int:
    traces = trace_pages.fetch(options.port, last=options.last, containing=options.id)
    width = shutil.get_terminal_size((120, 24)).columns
    for trace in reversed(traces):
        print(waterfall.draw(trace, width), end="\n\n")
    if not traces:
        print("No traces." if not options.id else f"No trace with {options.id} in its id.", file=sys.stderr)
    return 0 if traces else 1


def _print_to_stderr(function: str, line: str) -> None:
    print(line, file=sys.stderr, flush=True)
