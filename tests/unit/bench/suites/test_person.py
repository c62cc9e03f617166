from __future__ import annotations

from dataclasses import replace

from bench.suites import person


def test_a_page_of_rooms_takes_two_calls_and_fewer_units_than_a_read_per_room() -> None:
    report = person.run(replace(person.QUICK, engine_rooms=0))
    ours, naive = report.rows
    assert (ours["calls"], naive["calls"]) == (2, 1 + person.PAGE)
    assert float(ours["read_units"]) <= 30 < float(naive["read_units"])
