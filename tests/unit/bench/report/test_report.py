from __future__ import annotations

from bench.report.report import Goal, Report


def test_a_goal_says_how_far_it_was_reached() -> None:
    assert Goal("time", 1.0, must=1.25, aim=1.05).verdict == "aim"
    assert Goal("time", 1.2, must=1.25, aim=1.05).verdict == "must"
    assert Goal("time", 1.3, must=1.25, aim=1.05).verdict == "MISSED"
    assert Goal("rate", 10.0, must=12, aim=25, at_least=True).verdict == "MISSED"


def test_rows_of_another_kind_are_a_table_of_their_own() -> None:
    report = Report("a title")
    report.add(room="a", seconds=1.5)
    report.add(quota="b", posts=1_000)
    lines = report.table().splitlines()
    assert "room  seconds" in lines
    assert "quota  posts" in lines
    assert any(line.split() == ["b", "1,000"] for line in lines)
