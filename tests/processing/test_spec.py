"""Canonical strings round-trip, and junk is refused by the name of the parameter."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from processing.errors import InvalidSpec, UnknownEngine
from processing.spec import (
    DISPLAY,
    OUTPUT_FORMATS,
    THUMBNAIL,
    ExtractSpec,
    RenderSpec,
)

colours = st.tuples(*[st.integers(0, 255)] * 4)
numbers = st.none() | st.integers(1, 30_000)
params = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(sorted(OUTPUT_FORMATS)),
        "background": colours.map(lambda colour: "#" + bytes(colour).hex())
        | st.sampled_from(["transparent", "white", "rebeccapurple", "#F80", "0af8", ""]),
        "width": st.integers(1, 30_000).map(str),
        "height": st.integers(1, 30_000).map(str),
        "max_pixels": st.integers(1, 10**9).map(str),
        "quality": st.integers(1, 100).map(str),
        "channels": st.sampled_from(["rgba", "alpha"]),
        "decontaminate": st.sampled_from(["1", "0"]),
    },
)


@given(params)
def test_render_specs_round_trip(given_params: dict[str, str]) -> None:
    spec = RenderSpec.from_params(given_params)
    assert RenderSpec.parse(str(spec)) == spec
    assert str(RenderSpec.parse(str(spec))) == str(spec)


@given(params)
def test_order_and_defaults_do_not_matter(given_params: dict[str, str]) -> None:
    spec = RenderSpec.from_params(given_params)
    backwards = dict(reversed(given_params.items()))
    defaults = {"format": "png", "channels": "rgba", "decontaminate": "1", "width": ""}
    assert str(RenderSpec.from_params({**defaults, **backwards})) == str(spec)


def test_canonical_strings() -> None:
    assert str(RenderSpec()) == "format=png"
    assert str(THUMBNAIL) == "format=webp&width=480&height=480"
    assert str(DISPLAY) == "format=webp&width=2048&height=2048"
    spec = RenderSpec.from_params(
        {"quality": "80", "background": "#f80", "format": "jpeg", "decontaminate": "0"}
    )
    assert str(spec) == "format=jpeg&background=ff8800&quality=80&decontaminate=0"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"background": "red"}, {"background": "#F00"}),
        ({"background": "#ff0000ff"}, {"background": "f00"}),
        ({"background": "#12345600"}, {}),
        ({"format": "jpeg", "background": "white"}, {"format": "jpeg"}),
        ({"format": "png", "quality": "40"}, {}),
        ({"format": "webp", "quality": "85"}, {"format": "webp"}),
        ({"format": "PNG", "background": "Transparent"}, {}),
    ],
)
def test_equal_meanings_have_one_string(first: dict[str, str], second: dict[str, str]) -> None:
    assert str(RenderSpec.from_params(first)) == str(RenderSpec.from_params(second))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "gif"),
        ("background", "#12"),
        ("background", "no-such-colour"),
        ("background", "blur"),
        ("background", "rgb(1,2,3)"),
        ("width", "0"),
        ("width", "-5"),
        ("width", "1e3"),
        ("width", "٣"),
        ("height", "30001"),
        ("max_pixels", "many"),
        ("quality", "0"),
        ("quality", "101"),
        ("channels", "rgb"),
        ("decontaminate", "yes"),
        ("crop", "subject"),
        ("shadow", "drop"),
        ("feather", "2"),
        ("colour", "red"),
    ],
)
def test_wrong_values_and_unknown_names_are_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        RenderSpec.from_params({"format": "webp", name: value})
    assert caught.value.parameter == name
    assert name in caught.value.message


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for parse in (RenderSpec.parse, ExtractSpec.parse):
        with contextlib.suppress(InvalidSpec):
            assert parse(text) == parse(str(parse(text)))


def test_extract_specs() -> None:
    assert str(ExtractSpec()) == "engine=u2net"
    assert ExtractSpec.parse("") == ExtractSpec.parse({"engine": ""}) == ExtractSpec()
    spec = ExtractSpec.parse({"engine": "u2netp", "refine_edges": "off"})
    assert str(spec) == "engine=u2netp"
    assert ExtractSpec.parse(str(spec)) == spec


@pytest.mark.parametrize("value", ["on", "auto", "maybe"])
def test_refining_edges_is_refused_for_now(value: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        ExtractSpec.parse({"refine_edges": value})
    assert caught.value.parameter == "refine_edges"


def test_unknown_engines_are_refused() -> None:
    with pytest.raises(UnknownEngine) as caught:
        ExtractSpec.parse({"engine": "sam"})
    assert (caught.value.code, caught.value.parameter) == ("unknown_engine", "engine")


@given(
    st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    numbers,
    numbers,
    st.none() | st.integers(1, 10**8),
)
def test_fitting_never_enlarges_and_keeps_within(
    size: tuple[int, int], width: int | None, height: int | None, max_pixels: int | None
) -> None:
    fitted = RenderSpec(width=width, height=height, max_pixels=max_pixels).fit(size)
    assert 1 <= fitted[0] <= min(size[0], width or size[0])
    assert 1 <= fitted[1] <= min(size[1], height or size[1])
    assert fitted[0] * fitted[1] <= (max_pixels or size[0] * size[1])


def test_fitting_keeps_proportions() -> None:
    assert RenderSpec(width=480, height=480).fit((4000, 3000)) == (480, 360)
    assert RenderSpec(max_pixels=1_000_000).fit((4000, 4000)) == (1000, 1000)
    assert RenderSpec().fit((4000, 3000)) == (4000, 3000)


@pytest.mark.parametrize(("name", "size"), [("webp", (16_384, 10)), ("avif", (4001, 4001))])
def test_a_format_that_cannot_hold_the_size_says_so(name: str, size: tuple[int, int]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        RenderSpec(format=name).fit(size)
    assert caught.value.parameter == "format"
    assert RenderSpec(format=name, width=1000).fit(size)[0] == 1000


def test_types_and_extensions() -> None:
    assert (THUMBNAIL.content_type, THUMBNAIL.extension) == ("image/webp", "webp")
    assert RenderSpec(format="jpeg").extension == "jpg"


def test_names_of_colours_that_pillow_has_used_before() -> None:
    for _ in range(2):
        Image.new("RGB", (1, 1), "rebeccapurple")
        spec = RenderSpec.from_params({"background": "RebeccaPurple"})
        assert spec.background == (0x66, 0x33, 0x99, 255)
