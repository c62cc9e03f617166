"""What idle clients cost: the docs say what the suite counts, and the suite what the library does."""

from __future__ import annotations

import re

from bench.report.report import Report, shown
from bench.report.write_docs import EXCERPTS
from bench.suites import idle
from bench.worker import ROOT

DOCUMENT = (ROOT / "docs" / "limits-and-cost.md").read_text()


def rows() -> list[list[str]]:
    report = Report("idle")
    idle.add_rows(report)
    return [[shown(row.get(column, "")) for column in EXCERPTS["cost-idle"].columns] for row in report.rows]


def test_the_documented_costs_are_those_of_the_suite() -> None:
    (table,) = re.findall(r"<!-- table: cost-idle -->\n(.*?)<!-- end of table -->", DOCUMENT, re.DOTALL)
    documented = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    assert [[cell.strip() for cell in cells] for cells in documented[2:]] == rows()


def test_the_changelog_has_the_same_totals() -> None:
    _, frequent, quiet = (row[-1] for row in rows())
    text = " ".join((ROOT / "CHANGELOG.md").read_text().split())
    assert f"10,000 idle clients cost ${quiet} in pings per month, not ${frequent}." in text


def test_the_intervals_are_those_of_the_library() -> None:
    source = (ROOT / "web" / "roomcast" / "room" / "pinger.js").read_text()
    found = re.search(r"soon: \[([\d_]+), [\d_]+\], rare: \[([\d_]+), ([\d_]+)\]", source)
    assert found
    soonest, least, most = (int(value) / 60_000 for value in found.groups())
    assert (soonest, (least + most) / 2) == (idle.SOON, idle.RARE)


def test_a_line_is_the_difference_in_logs() -> None:
    assert idle.FREQUENT.log_bytes - idle.QUIET.log_bytes == idle.LINE_BYTES
    assert idle.FREQUENT.per_second * 24_000 / idle.CLIENTS == 200
    assert 200 / idle.QUIET.per_second * idle.CLIENTS > 100_000
