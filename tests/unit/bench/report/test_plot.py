from __future__ import annotations

from xml.etree import ElementTree

from bench.report.plot import Curve, Plot, _Axis


def test_a_plot_draws_every_curve_and_names_it() -> None:
    curves = [
        Curve("ours", [(1, 0.5), (1_000, 80)]),
        Curve("a <bound>", [(1, 0.4), (1_000, 70)], dashed=True),
    ]
    drawn = ElementTree.fromstring(Plot("title", "members", "seconds", curves).svg())
    namespace = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f"{namespace}polyline")) == 2
    assert {"ours", "a <bound>"} <= {text.text for text in drawn.findall(f"{namespace}text")}
    for line in drawn.findall(f"{namespace}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 720
            assert 0 <= y <= 400


def test_a_linear_axis_may_end_anywhere_and_has_at_most_eight_steps() -> None:
    for highest in (1, 8, 9, 9.9, 10, 99, 100, 850):
        axis = _Axis([0, highest], False, 0, 100)
        assert axis.ticks[-1] >= highest
        assert 2 <= len(axis.ticks) <= 9
