"""The engine in simulated time, and the tables and plots that benchmarks make."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.fakes.table import room_of, table
from bench.fakes.table_server import Room
from bench.report.plot import Curve, Plot
from bench.report.report import Goal, Report
from bench.simulator import Settings, member_id
from bench.suites import capacity_units as units
from bench.suites import hot_room, rooms
from chat.storage.connections import Member
from chat.storage.member_reader import RING, Members


def test_a_slow_processor_makes_a_slow_broadcast() -> None:
    took, _, posts, delivered = rooms.simulate(100, Settings(rate=None), instances=1, per_post=0.01)
    assert (posts, delivered) == (100, 100)
    assert took > 1.0


def test_a_room_takes_no_less_than_its_quota_allows() -> None:
    settings = Settings(rate=1_000, burst=500)
    took, account, _, delivered = rooms.simulate(2_500, settings, instances=1, per_post=1e-5)
    assert delivered == 2_500
    assert took > rooms.bound(2_500, 1_000, 500) == 2.0
    assert account.report().missed == 0


def test_slices_share_one_quota() -> None:
    settings = Settings(rate=1_000, burst=500)
    took, account, posts, _ = rooms.simulate(2_500, settings, instances=4, per_post=1e-5)
    assert took > 2.0
    assert posts == account.report().requests


def test_what_waits_for_a_broadcast_is_posted_together() -> None:
    settings = Settings(rate=200, burst=10)
    together = hot_room.simulate(5, members=50, settings=settings)
    singly = hot_room.simulate(5, coalesced=False, members=50, settings=settings)
    assert singly.posts >= singly.messages * 50
    assert together.posts < singly.posts


async def test_pages_hold_every_member_once_and_say_what_they_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found: list[str] = []

    async def use(members: list[Member]) -> None:
        found.extend(member.connection_id for member in members)

    with table([2_500]) as server:
        members = Members(server.endpoint, "us-east-1", "connections")
        await members.read(room_of(2_500), use)
        members.close()
        used = server.used()
    assert sorted(found) == sorted(map(member_id, range(2_500)))
    assert used.calls["Query"] >= 3
    assert 2_500 * 100 / 4096 < used.units < 2_500 * 150 / 4096  # items of some 120 bytes


def test_half_the_ring_is_about_half_the_room() -> None:
    half = {":first": {"S": "0000"}, ":last": {"S": f"{RING // 2 - 1:04x}\uffff"}}
    page, _ = Room("general", 1_000).query({"ExpressionAttributeValues": half})
    assert 400 < page.count(b'"sk"') < 600


def test_a_message_is_four_writes() -> None:
    sending, settling = units.of_a_message()
    assert sending.writes == 4
    assert settling.writes == 0


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


def test_a_plot_draws_every_curve_and_names_it() -> None:
    curves = [
        Curve("ours", [(1, 0.5), (1_000, 80)]),
        Curve("a <bound>", [(1, 0.4), (1_000, 70)], dashed=True),
    ]
    drawn = ElementTree.fromstring(Plot("title", "members", "seconds", curves).svg())
    space = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f"{space}polyline")) == 2
    assert {"ours", "a <bound>"} <= {text.text for text in drawn.findall(f"{space}text")}
    for line in drawn.findall(f"{space}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 720
            assert 0 <= y <= 400
