"""The tables of docs/ are written between their markers, and only where a benchmark has results."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.__main__ import SUITES
from bench.report.write_docs import DOCUMENTS, EXCERPTS, write
from bench.worker import ROOT

FOUND = {
    "measured_at": "2026-11-24 09:28",
    "machine": "two cores",
    "rows": [
        {"client": "ours", "posts_per_CPU_second": 24_619.0, "posts_per_second": 24_611.0},
        {"other": "a row of another table"},
    ],
}


def test_every_table_of_the_docs_is_an_excerpt_of_a_benchmark_and_the_reverse() -> None:
    texts = [(ROOT / "docs" / name).read_text() for name in DOCUMENTS]
    marked = [name for text in texts for name in re.findall(r"<!-- table: ([\w-]+) -->", text)]
    assert sorted(marked) == sorted(EXCERPTS)
    assert {excerpt.benchmark for excerpt in EXCERPTS.values()} <= SUITES.keys()
    assert sum(text.count("<!-- end of table -->") for text in texts) == len(marked)


@pytest.mark.parametrize("name", EXCERPTS)
def test_a_table_of_the_docs_has_the_headings_of_its_excerpt(name: str) -> None:
    text = "".join((ROOT / "docs" / document).read_text() for document in DOCUMENTS)
    heading = text.split(f"<!-- table: {name} -->\n\n")[1].split("\n")[0]
    assert heading == f"| {' | '.join(EXCERPTS[name].columns.values())} |"


def test_results_replace_their_table_and_leave_the_others(tmp_path: Path) -> None:
    docs, results = tmp_path / "docs", tmp_path / "results"
    docs.mkdir()
    results.mkdir()
    before = "# Title\n<!-- table: {} -->\nold\n<!-- end of table -->\ntext\n"
    (docs / "architecture.md").write_text(before.format("posts"))
    (docs / "limits-and-cost.md").write_text(before.format("cost"))
    (results / "posts.json").write_text(json.dumps(FOUND))
    write(docs, results)
    written = (docs / "architecture.md").read_text()
    assert "| ours | 24,619 | 24,611 |  |" in written
    assert "Measured 2026-11-24 09:28 UTC (two cores)." in written
    assert "old" not in written and "another table" not in written
    assert written.startswith("# Title\n") and written.endswith("<!-- end of table -->\ntext\n")
    assert (docs / "limits-and-cost.md").read_text() == before.format("cost")
