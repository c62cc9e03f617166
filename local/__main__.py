"""`python -m local run`, `python -m local invoke` and `python -m local traces`."""

from __future__ import annotations

import sys

if sys.version_info < (3, 13):  # noqa: UP036 - what is imported below would not even parse
    sys.exit(
        f"Roomcast needs Python 3.13 or later; this is {sys.version.split()[0]} ({sys.executable}). "
        "`make run` finds the right one."
    )

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path

try:
    import uvloop

    from local import invoke
    from local.engine import Engine
    from local.errors import LocalError
    from local.functions.host import CONCURRENCY
    from local.net import access as callers
    from local.template import env_vars as overrides
    from local.terminal import Terminal
    from local.traces import pages as trace_pages
    from local.traces import waterfall
except ModuleNotFoundError as missing:
    sys.exit(
        f"{sys.executable} has no {missing.name}. `make run` installs what is needed, and starts the engine."
    )

PORT = 8080


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 (after Ctrl-C and SIGTERM too), or 1 with one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        status: int = uvloop.run(options.command(options))
    except LocalError as error:
        print(f"local: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # of `invoke`; `run` stops by its own handler
        return 128 + signal.SIGINT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Runs template.yaml on this machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="serve the whole application until Ctrl-C",
        description="Serves the web client, the socket API and its functions until Ctrl-C or SIGTERM.",
    )
    run.set_defaults(command=_run)
    run.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("PORT", PORT),
        metavar="N",
        help="where to serve (default: the environment's PORT, or 8080); DynamoDB and SQS are on N+1, "
        "where functions under `sam local invoke` reach them",
    )
    run.add_argument("--data", type=Path, metavar="DIR", help="keep tables and queues in this folder")
    run.add_argument(
        "--also-on",
        metavar="ADDRESS",
        help="listen on this address beside 127.0.0.1, such as that of Docker's bridge (172.17.0.1), so that "
        "containers reach the engine; so does whoever else reaches the address",
    )
    run.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        dest="origins",
        type=_origin,
        metavar="ORIGIN",
        help="let pages of this origin, such as http://app.test:5173, open sockets, beside those of this "
        "machine; may be repeated",
    )
    run.add_argument(
        "--raw-logs",
        action="store_true",
        help="show the functions' logs and metrics as they print them, instead of a short line a record",
    )
    run.add_argument(
        "--aws-polling",
        action="store_true",
        help="read streams four times a second, as Lambda does, instead of at once",
    )
    run.add_argument(
        "--concurrency",
        type=_positive,
        default=CONCURRENCY,
        metavar="N",
        help=f"instances of one function at most (default: {CONCURRENCY})",
    )
    _add_template(run)

    once = commands.add_parser(
        "invoke",
        help="run one function once",
        description="Runs one function once, as `sam local invoke` does: logs on standard error, the result "
        "on standard output. The exit status is 0 also when the function fails.",
    )
    once.set_defaults(command=_invoke)
    once.add_argument("name", metavar="NAME", help="the function's logical id in the template")
    once.add_argument(
        "-e", "--event", metavar="FILE", help="its event, JSON; - is standard input (default: {})"
    )
    once.add_argument(
        "-n",
        "--env-vars",
        type=Path,
        metavar="FILE",
        help='JSON, {"NAME": {"VARIABLE": "value"}}: overrides variables that the template declares',
    )
    _add_template(once)

    traces = commands.add_parser(
        "traces",
        help="show what a running engine has traced",
        description="Shows the newest traces of a running engine as waterfalls, the newest at the end. "
        "In a browser they are at /_local/traces.",
    )
    traces.set_defaults(command=_traces)
    traces.add_argument(
        "--port",
        type=int,
        default=os.environ.get("PORT", PORT),
        metavar="N",
        help="where the engine serves (default: the environment's PORT, or 8080)",
    )
    traces.add_argument("--last", type=_positive, default=5, metavar="N", help="how many traces (default: 5)")
    traces.add_argument("id", nargs="?", default="", metavar="ID", help="a trace's id, or a part of it")
    return parser


def _add_template(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        action="append",
        default=[],
        dest="parameters",
        type=_assignment,
        metavar="NAME=VALUE",
        help="give a parameter of the template another value; may be repeated",
    )
    command.add_argument(
        "-t",
        "--template",
        type=Path,
        default=Path("template.yaml"),
        metavar="FILE",
        help="default: %(default)s",
    )


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:18]) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of 1 or more")
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:18]) > 65534:
        raise argparse.ArgumentTypeError(
            f"{text} is not a port from 1 to 65534 (the next one is for DynamoDB and SQS), or 0 for any"
        )
    return int(text)


def _origin(text: str) -> str:
    try:
        return callers.origin(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


async def _run(options: argparse.Namespace) -> int:
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Stopping is bounded in time and not cut short: a second Ctrl-C changes nothing.
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
        concurrency=options.concurrency,
        watch=True,
        log=terminal.show,
    )
    serving = asyncio.create_task(_serve(engine, terminal))
    stop = asyncio.create_task(interrupted.wait())
    await asyncio.wait([serving, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    return 0


async def _serve(engine: Engine, terminal: Terminal) -> None:
    """Until it is cancelled, or raises LocalError because a part of it has broken."""
    async with engine:
        for line in engine.stack.unknown:
            terminal.show("local", line)
        stage = engine.stack.api.stage
        page = f"{engine.url}/" if stage == "prod" else f"{engine.url}/?endpoint=/{stage}"
        print(f"Roomcast is ready: open {page} (socket {engine.socket_url})", flush=True)
        await engine.broken()


async def _invoke(options: argparse.Namespace) -> int:
    event = invoke.read_event(options.event)
    given = overrides.read(options.env_vars) if options.env_vars else {}
    output = await invoke.once(
        options.template.resolve(), options.name, event, dict(options.parameters), given, _print_plain
    )
    print(output)
    return 0


async def _traces(options: argparse.Namespace) -> int:
    traces = trace_pages.fetch(options.port, last=options.last, containing=options.id)
    width = shutil.get_terminal_size((120, 24)).columns
    for trace in reversed(traces):
        print(waterfall.draw(trace, width), end="\n\n")
    if not traces:
        print("No traces." if not options.id else f"No trace with {options.id} in its id.", file=sys.stderr)
    return 0 if traces else 1


def _print_plain(function: str, line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
