"""Quality against time of an engine that asks another, worked out by hand."""

from xml.etree import ElementTree

import pytest

from processing.evaluation.curve import Look, Point, cascade_point, drawing, table

GOOD = {"mae": 0.1, "s": 0.9, "weighted_f": 0.8}
POOR = {"mae": 0.5, "s": 0.5, "weighted_f": 0.4}
LOOKS = [
    Look(0.2, POOR, GOOD, seconds=0.1, extra_seconds=0.3),
    Look(0.9, GOOD, GOOD, seconds=0.1, extra_seconds=0.3),
]


@pytest.mark.parametrize(
    ("threshold", "asked", "seconds", "mae"),
    [(0.0, 0, 0.1, 0.3), (0.2, 0, 0.1, 0.3), (0.5, 0.5, 0.25, 0.1), (1.1, 1, 0.4, 0.1)],
)
def test_who_is_asked(threshold: float, asked: float, seconds: float, mae: float) -> None:
    point = cascade_point(LOOKS, threshold)
    assert point.asked == asked
    assert point.seconds == pytest.approx(seconds)
    assert point.values["mae"] == pytest.approx(mae)


def test_one_slow_picture_moves_nothing() -> None:
    slow = Look(0.9, GOOD, GOOD, seconds=60, extra_seconds=60)
    assert cascade_point([*LOOKS, slow], 0.5).seconds == pytest.approx(0.1 + 0.3 / 3)


def test_table() -> None:
    points = [Point("single", 0.2, GOOD), cascade_point(LOOKS, 0.5)]
    lines = table(points, {"mae": "MAE", "s": "S"}).splitlines()
    assert lines[2:] == [
        "| single |  | 200 | 0.1000 | 0.9000 |",
        "| below 0.5 | 50 | 250 | 0.1000 | 0.9000 |",
    ]


def test_the_drawing_has_each_point_within_its_frame() -> None:
    points = [Point("single", 0.2, POOR), *(cascade_point(LOOKS, t) for t in (0, 0.5, 1.1))]
    root = ElementTree.fromstring(drawing(points, "s", "S"))  # noqa: S314
    circles = root.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 4
    width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
    for circle in circles:
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height
    low, high = float(circles[0].attrib["cy"]), float(circles[2].attrib["cy"])
    assert high < low, "better is further up"
