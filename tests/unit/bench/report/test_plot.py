from __future__ import annotations

from xml.etree import ElementTree

from bench.report.plot import Curve, Plot


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
