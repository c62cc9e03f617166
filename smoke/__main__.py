"""Check a deployed chat as its users would, in about half a minute: `make smoke URL=wss://… [TOKEN=…]`.

The checks write some 250 short messages into a room that nobody else uses, where they stay for HistoryDays.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import uuid
from urllib.parse import urlsplit

from smoke import table
from smoke.checks import CHECKS, check
from smoke.client import Chat


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 if every check has passed."""
    options = _parse(arguments)
    chat = Chat(options.url.rstrip("/"), os.environ.get("TOKEN", ""), options.room)
    print(f"{chat.url}, room {chat.room}", flush=True)
    passed = asyncio.run(_run(chat))
    print("\nEverything works." if passed else "\nSomething does not work.")
    return 0 if passed else 1


async def _run(chat: Chat) -> bool:
    passed = True
    async for finding in check(chat, CHECKS):
        print(table.row(finding), flush=True)
        passed = passed and finding.passed is True
    return passed


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m smoke",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="A chat with AuthMode jwt takes a user's token in the environment variable TOKEN. "
        "It is sent in a header, and printed nowhere.",
    )
    parser.add_argument("url", metavar="URL", help="the stack's output WebSocketUrl, wss://…")
    parser.add_argument(
        "--room",
        default=os.environ.get("ROOM") or f"smoke-{uuid.uuid4().hex[:8]}",
        help="a room that the user may read and write (default: ROOM in the environment, or a new room)",
    )
    options = parser.parse_args(arguments)
    parts = urlsplit(options.url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        parser.error("URL must begin with wss:// (or with ws:// and this machine's name)")
    if parts.query or parts.username:
        # A token in a URL is in the logs of everything between here and the chat.
        parser.error("URL must be the bare address; give a token in the environment variable TOKEN")
    return options


if __name__ == "__main__":
    sys.exit(main())
