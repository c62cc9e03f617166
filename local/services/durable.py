"""ministack, as the engine runs it with `--data`: what it keeps survives a kill.

    python -P child.py local.services.durable

ministack saves its state when it ends in order, and never its streams. Here it also saves while it runs, and
with the tables the newest records of their streams: after a start they are delivered again, so that what a
killed function left half-way is repaired. A save is complete or does not happen: tables and records are one
file, and ministack renames it into its place.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import runpy
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

INTERVAL = 1.0  # seconds between two saves, at least
MAX_SHARE = 0.05  # of the time, for saving; with much data, saves are rarer
REPLAYED = 60.0  # seconds; a record that is older was delivered long ago
LOCK_TIMEOUT = 10.0  # seconds for a killed engine's ministack to end: it saves once more

type States = dict[str, Any]  # by service


def main() -> None:
    folder = Path(os.environ["STATE_DIR"])
    lock = _lock(folder)
    _keep_streams()
    _save_while_running(folder)
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
    os.close(lock)


def _lock(folder: Path) -> int:
    """Return the descriptor of a lock on the folder. Exits if another process keeps it."""
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"{folder} is in use by another engine; stop it, or choose another data folder")
            time.sleep(0.05)
        else:
            return descriptor


def _keep_streams() -> None:
    """Put the streams' newest records into DynamoDB's state."""
    from ministack.services import dynamodb

    get_state, load_state = dynamodb.get_state, dynamodb.load_persisted_state

    def with_records() -> States:
        newest = type(dynamodb._stream_records)()
        since = time.time() - REPLAYED
        for (account, region, table), records in dynamodb._stream_records.all_items():
            kept = [record for record in records if _created(record) > since]
            newest.set_scoped(account, region, table, kept)
        state: States = get_state()
        return state | {"stream_records": newest}

    def load(state: States) -> None:
        records = state.pop("stream_records", {})
        load_state(state)
        dynamodb._stream_records.update(records)

    dynamodb.get_state, dynamodb.load_persisted_state = with_records, load


def _created(record: dict[str, Any]) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _save_while_running(folder: Path) -> None:
    from ministack import app
    from ministack.core.persistence import save_state

    load, save_all = app._load_persisted_state, app.save_all
    saving = threading.Lock()
    ended = threading.Event()
    tasks: set[asyncio.Task[None]] = set()

    def save(states: States) -> None:
        with saving:
            if not ended.is_set():  # the state at the end is newer
                for service, state in states.items():
                    save_state(service, state)
                    _sync(folder / f"{service}.json")

    async def save_again_and_again() -> None:
        pause = INTERVAL
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            # Copied between two requests, and written beside those that follow.
            states = {service: state() for service, state in app._build_persistence_save_dict().items()}
            await asyncio.to_thread(
                save, {name: state for name, state in states.items() if state is not None}
            )
            pause = max(INTERVAL, (time.monotonic() - began) / MAX_SHARE)

    def start() -> None:
        load()
        tasks.add(asyncio.get_running_loop().create_task(save_again_and_again()))

    def save_at_the_end(services: dict[str, Callable[[], Any]]) -> None:
        with saving:
            ended.set()
            save_all(services)

    app._load_persisted_state, app.save_all = start, save_at_the_end


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    main()
