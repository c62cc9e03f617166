"""The engine's temporary folder."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import pytest

from local.services.scratch import Scratch
from tests.support.project import ROOT

HOLD = """
import sys; from local.services.scratch import Scratch; print(Scratch().path, flush=True); sys.stdin.read()
"""


async def test_the_next_engine_removes_the_folder_of_an_engine_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    processes, folders = [], []
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", HOLD),
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        folders.append(Path((await process.stdout.readline()).decode().strip()))
        processes.append(process)
    (folders[0] / "log").write_text("last words")
    foreign = tmp_path / "roomcast-notes"
    foreign.mkdir()
    try:
        processes[0].kill()
        await processes[0].wait()
        ours = Scratch()
        assert set(tmp_path.iterdir()) == {ours.path, folders[1], foreign}
        ours.remove()
        assert not ours.path.exists()
    finally:
        processes[1].kill()
        await processes[1].wait()
