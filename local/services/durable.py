"""ministack, as the engine runs it with `--data`: what it keeps survives a kill.

    python -P child.py local.services.durable

ministack saves its state when it ends in order, and never its streams. Here it also saves while it runs, and
with the tables the newest records of their streams: after a start they are delivered again, so that what a
killed function left half-way is repaired. A save is complete or does not happen: tables and records are one
file, which is renamed into its place.

A save that fails ends the process: nothing more is acknowledged that a restart would not have. After an end
without a last save each room has another log (`_begin_other_logs`), because the numbers of acknowledged
messages that are missing will be given to others.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from local.services import serve

INTERVAL = 1.0  # seconds between two saves, at least
MAX_SHARE = 0.05  # of the time, for saving; with much data, saves are rarer
REPLAYED = 60.0  # seconds; a record that is older was delivered long ago
LOCK_TIMEOUT = 10.0  # seconds for a killed engine's ministack to end: it saves once more
RUNNING = "running"  # a file in the folder: what is acknowledged may not be saved yet
CANNOT_SAVE = os.EX_IOERR  # exit status

type States = dict[str, Any]  # by service
type Services = dict[str, Callable[[], Any]]  # what returns a copy of each service's state


def main() -> None:
    folder = Path(os.environ["STATE_DIR"])
    try:
        lock = _lock(folder)
        was_running = _mark(folder)
    except OSError as error:
        _give_up(f"{folder} cannot be written: {error.strerror}; choose another data folder")
    _keep_streams(other_logs=was_running)
    serve.main(*_saving(folder))
    os.close(lock)


def _mark(folder: Path) -> bool:
    """Mark the folder as in use. True if it has the mark of an engine that ended without its last save."""
    mark = folder / RUNNING
    was_running = mark.exists()
    mark.touch()
    _sync(folder)
    return was_running


def _give_up(reason: str) -> NoReturn:
    """End the process at once. The reason is the last line of its log."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(CANNOT_SAVE)


def _not_saved(folder: Path, error: Exception) -> NoReturn:
    reason = error.strerror if isinstance(error, OSError) else repr(error)
    _give_up(
        f"{folder} cannot be written: {reason}. What was acknowledged since the last write is lost; "
        "make room, or choose another data folder"
    )


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


def _keep_streams(*, other_logs: bool) -> None:
    """Put the streams' newest records into DynamoDB's state. `other_logs`: see `_begin_other_logs`."""
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
        if other_logs:
            _begin_other_logs(state)
        load_state(state)
        dynamodb._stream_records.update(records)

    dynamodb.get_state, dynamodb.load_persisted_state = with_records, load


def _begin_other_logs(state: States) -> None:
    """Give the head of each room's log another `epoch`, as the chat's first write to a room does.

    Clients that have read numbers which are not in this state read the rooms again: docs/protocol.md, Another
    log. Not a write to the table: its stream record would be broadcast.
    """
    for table in state["tables"].all_values():
        for rows in table["items"].values():
            for item in rows.values():
                if "epoch" in item:
                    item["epoch"] = {"S": secrets.token_hex(4)}


def _created(record: dict[str, Any]) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _saving(folder: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what loads the state and begins to save it, and what saves it at the end."""
    from ministack import app

    saving = threading.Lock()
    ended = threading.Event()
    tasks: set[asyncio.Task[None]] = set()

    def save(states: States) -> None:
        with saving:
            if not ended.is_set():  # the state at the end is newer
                _write(folder, states)

    async def save_again_and_again() -> None:
        pause = INTERVAL
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                # Copied between two requests, and written beside those that follow.
                await asyncio.to_thread(save, _copy(app._build_persistence_save_dict()))
            except Exception as error:
                _not_saved(folder, error)
            pause = max(INTERVAL, (time.monotonic() - began) / MAX_SHARE)

    def start() -> None:
        app._load_persisted_state()
        tasks.add(asyncio.get_running_loop().create_task(save_again_and_again()))

    def save_at_the_end() -> None:
        with saving:
            ended.set()
            try:
                _write(folder, _copy(app._build_persistence_save_dict()))
                (folder / RUNNING).unlink()
                _sync(folder)
            except Exception as error:
                _not_saved(folder, error)

    return start, save_at_the_end


def _copy(services: Services) -> States:
    states = {service: get_state() for service, get_state in services.items()}
    return {service: state for service, state in states.items() if state is not None}


def _write(folder: Path, states: States) -> None:
    """Write files as ministack's save_state does, which hides errors. Raises OSError."""
    from ministack.core import persistence

    for service, state in states.items():
        version = persistence._state_format_version(service)
        document = {"__ministack_format__": version, "payload": state}
        new = folder / f"{service}.json.tmp"
        with new.open("w") as file:
            json.dump(document, file, default=persistence._json_default)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / f"{service}.json")
    _sync(folder)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
