"""Where pictures come to lie: numbers that can be worked out by hand, and laws that always hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.errors import InvalidSpec
from processing.layout import lay_out
from processing.spec import RenderSpec

SIZE = (400, 300)
BBOX = (100, 50, 300, 250)


def laid(parameters: str) -> tuple[tuple[int, int], tuple[float, ...], tuple[int, ...]]:
    layout = lay_out(RenderSpec.parse(parameters), SIZE, BBOX, reach=2)
    return layout.canvas, layout.source, layout.target


@pytest.mark.parametrize(
    ("parameters", "canvas", "source", "target"),
    [
        ("", (400, 300), (0, 0, 400, 300), (0, 0, 400, 300)),
        ("width=200", (200, 150), (0, 0, 400, 300), (0, 0, 200, 150)),
        ("max_side=200", (200, 150), (0, 0, 400, 300), (0, 0, 200, 150)),
        ("width=9999", (400, 300), (0, 0, 400, 300), (0, 0, 400, 300)),
        # An exact canvas: fitted, centred, padded, never enlarged.
        ("width=200&height=200", (200, 200), (0, 0, 400, 300), (0, 25, 200, 175)),
        ("width=600&height=400", (600, 400), (0, 0, 400, 300), (100, 50, 500, 350)),
        ("width=600&height=400&max_pixels=60000", (300, 200), (0, 0, 400, 300), (16, 0, 283, 200)),
        ("crop=subject", (200, 200), BBOX, (0, 0, 200, 200)),
        ("crop=subject&margin=10%25", (240, 240), (80, 30, 320, 270), (0, 0, 240, 240)),
        ("crop=subject&margin=10px%2020px", (240, 220), (80, 40, 320, 260), (0, 0, 240, 220)),
        # A margin beyond the picture is empty.
        ("crop=subject&margin=100px", (400, 400), (0, 0, 400, 300), (0, 50, 400, 350)),
        ("crop=subject&width=100", (100, 100), BBOX, (0, 0, 100, 100)),
        # The subject fills so much of the canvas, and may be enlarged for that.
        ("width=800&height=800&scale=50", (800, 800), (98, 48, 302, 252), (196, 196, 604, 604)),
        ("scale=100&position=0%25", (400, 300), (100, 50, 302, 250), (0, 0, 303, 300)),
        ("position=100%25,0%25", (400, 300), (98, 50, 300, 252), (198, 0, 400, 202)),
    ],
)
def test_by_hand(
    parameters: str,
    canvas: tuple[int, int],
    source: tuple[float, ...],
    target: tuple[int, ...],
) -> None:
    found = laid(parameters)
    assert (found[0], found[2]) == (canvas, target)
    assert found[1] == pytest.approx(source, abs=0.51)


def test_without_a_subject_the_picture_is_one() -> None:
    layout = lay_out(RenderSpec.parse("crop=subject"), SIZE, None)
    assert layout.is_whole(SIZE)


def test_a_canvas_has_a_limit() -> None:
    with pytest.raises(InvalidSpec) as caught:
        lay_out(RenderSpec(width=30_000, height=30_000), SIZE, BBOX)
    assert caught.value.parameter == "width"
    with pytest.raises(InvalidSpec) as caught:
        lay_out(RenderSpec(format="avif", width=5000, height=5000), SIZE, BBOX)
    assert caught.value.parameter == "format"


def test_a_margin_has_a_limit() -> None:
    spec = RenderSpec.parse("crop=subject&margin=50%25")
    with pytest.raises(InvalidSpec) as caught:
        lay_out(spec, (7000, 7000), (0, 0, 7000, 7000))
    assert caught.value.parameter == "margin"
    smaller = RenderSpec.parse("crop=subject&margin=50%25&max_side=4000")
    assert lay_out(smaller, (7000, 7000), (0, 0, 7000, 7000)).canvas == (4000, 4000)


sides = st.integers(1, 3000)
sizes = st.tuples(sides, sides)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    width, height = draw(sizes)
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
    return (width, height), (left, top, right, bottom)


specs = st.builds(
    lambda **given: RenderSpec.from_params({k: str(v) for k, v in given.items() if v is not None}),
    crop=st.sampled_from(["none", "subject"]),
    margin=st.sampled_from([None, "50%", "500px", "0 10% 3px 7%"]),
    width=st.none() | st.integers(1, 5000),
    height=st.none() | st.integers(1, 5000),
    max_side=st.none() | st.integers(1, 5000),
    max_pixels=st.none() | st.integers(1, 10**7),
    scale=st.none() | st.integers(10, 100),
    position=st.sampled_from([None, "center", "0%", "100%,0%", "33.3%,66.7%"]),
)


@given(specs, scenes(), st.floats(0, 50))
def test_laws(
    spec: RenderSpec, scene: tuple[tuple[int, int], tuple[int, int, int, int]], reach: float
) -> None:
    size, bbox = scene
    layout = lay_out(spec, size, bbox, reach=reach)
    left, top, right, bottom = layout.target
    assert 0 <= left < right <= layout.canvas[0]
    assert 0 <= top < bottom <= layout.canvas[1]
    first, above, last, below = layout.source
    assert 0 <= first < last <= size[0]
    assert 0 <= above < below <= size[1]
    if spec.width and spec.height and not (spec.max_side or spec.max_pixels):
        assert layout.canvas == (spec.width, spec.height)
    if spec.max_pixels:
        assert layout.canvas[0] * layout.canvas[1] <= spec.max_pixels
    if spec.max_side:
        assert max(layout.canvas) <= spec.max_side
