"""The loss checker's run in every test run: 45 seconds of faults of every kind.

Longer ones are started by hand: `python -m tests.loss_checker --seconds 120`.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.e2e.support.library import Library, needs_node
from tests.loss_checker.faults import faulty_engine
from tests.loss_checker.run import Settings, run


@needs_node
async def test_every_member_receives_each_acknowledged_message_once_and_in_one_order(
    tmp_path: Path,
) -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    settings = Settings(clients=20, rooms=4, seconds=45)
    async with (
        faulty_engine(tmp_path, rng, fast_lane=rng.choice([0, 50])) as (url, faults),
        Library() as library,
    ):
        report = await run(library, url, settings, rng, faults)
    print(f"seed {seed}: {report}")  # shown when it fails
    assert report.findings == []
    assert report.counts["acknowledged"] > 200
    # Else what was judged of them proves nothing.
    for what in ("send", "reply", "edit", "delete", "react", "read"):
        assert report.counts[f"acknowledged {what}"] > 0, what
    for what in ("acknowledged of the library", "mention", "notice", "slices of changing rooms"):
        assert report.counts[what] > 0, what
