"""What the latency benchmark makes of the times that it has measured."""

from __future__ import annotations

from bench.report.report import Goal
from bench.suites.latency import BY_STREAM, FULL, WITH_LANE, Found, Times, report_of


def found() -> Found:
    """Return four messages to each room: after 100 ms by the stream, and by the lane after 2 to 50."""
    lane = {size: Times([30.0] * 4, [float(size)] * 4, 4 * size) for size in FULL.sizes}
    return {
        WITH_LANE: lane,
        BY_STREAM: {size: Times([20.0] * 4, [100.0] * 4, 4 * size) for size in FULL.sizes},
    }


def goals(times: Found) -> list[Goal]:
    return report_of(times).goals


def test_the_goals_are_of_the_slower_of_the_small_rooms_and_of_the_last_receipt() -> None:
    p50, p90, later, latest, posts = goals(found())
    assert (p50.measured, p90.measured) == (10, 10)
    assert (later.measured, latest.measured) == (10, 10)
    assert posts.measured == 1


def test_a_repeat_by_the_stream_and_one_late_acknowledgement_are_seen() -> None:
    times = found()
    times[WITH_LANE][2].posts += 2
    times[WITH_LANE][50].acknowledged[0] = 500.0
    *_, later, latest, posts = goals(times)
    assert later.measured == 10
    assert (latest.measured, latest.verdict) == (480, "MISSED")
    assert (posts.measured, posts.verdict) == (1.25, "MISSED")


def test_what_others_publish_stands_beside_it_with_its_source() -> None:
    published = [row for row in report_of(found()).rows if "published" in row]
    assert [row["published"] for row in published] == ["Ably", "Centrifugo", "Slack"]
    assert all(str(row["source"]).startswith("https://") for row in published)
