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
    SHADOWS,
    THUMBNAIL,
    ExtractSpec,
    RegionEmpty,
    RegionOutside,
    RenderSpec,
)

colours = st.tuples(*[st.integers(0, 255)] * 4)
numbers = st.none() | st.integers(1, 30_000)
percents = st.integers(0, 1000).map(lambda tenths: f"{tenths / 10:g}%")
lengths = st.integers(0, 500).map(lambda tenths: f"{tenths / 10:g}%") | st.integers(0, 500).map(
    lambda px: f"{px}px"
)
params = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(sorted(OUTPUT_FORMATS)),
        "background": colours.map(lambda colour: "#" + bytes(colour).hex())
        | st.sampled_from(
            [
                *("transparent", "white", "rebeccapurple", "#F80", "0af8", "", "blur", "blur-7"),
                *("gradient-fff-00000080-45", "gradient-abc-def", f"backdrop-{'0a' * 32}"),
            ]
        ),
        "width": st.integers(1, 30_000).map(str),
        "height": st.integers(1, 30_000).map(str),
        "max_pixels": st.integers(1, 10**9).map(str),
        "quality": st.integers(1, 100).map(str),
        "channels": st.sampled_from(["rgba", "alpha"]),
        "decontaminate": st.sampled_from(["1", "0"]),
        "crop": st.sampled_from(["none", "subject"]),
        "margin": st.lists(lengths, min_size=1, max_size=4)
        .filter(lambda parts: len(parts) != 3)
        .map(" ".join),
        "scale": st.integers(10, 100).map(str),
        "position": st.just("center") | st.tuples(percents, percents).map(",".join) | percents,
        "shadow": st.sampled_from(SHADOWS),
        "shadow_opacity": st.integers(0, 100).map(str),
        "feather": st.integers(0, 1000).map(lambda tenths: f"{tenths / 10:g}"),
        "shift": st.integers(-1000, 1000).map(lambda tenths: f"{tenths / 10:g}"),
        "max_side": st.integers(1, 30_000).map(str),
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
    assert str(THUMBNAIL) == "format=webp&max_side=480"
    assert str(DISPLAY) == "format=webp&max_side=2048"
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
        ({"background": "blur"}, {"background": "Blur-50"}),
        ({"background": "gradient-fff-000"}, {"background": "gradient-#ffffff-#000000-180"}),
        ({"crop": "subject", "margin": "10px 10px"}, {"crop": "subject", "margin": "10px"}),
        ({"margin": "10px"}, {}),
        ({"position": "50%"}, {"position": "center"}),
        ({"shadow": "drop", "shadow_opacity": "0"}, {}),
        ({"shadow_opacity": "30"}, {}),
        ({"shadow": "drop", "shadow_opacity": "50"}, {"shadow": "drop"}),
        ({"feather": "0", "shift": "0.0"}, {}),
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
        ("colour", "red"),
        ("background", "blur-0"),
        ("background", "blur-101"),
        ("background", "gradient-fff"),
        ("background", "gradient-fff-000-361"),
        ("background", "backdrop-../../etc"),
        ("crop", "yes"),
        ("margin", "10"),
        ("margin", "51%"),
        ("margin", "501px"),
        ("margin", "1px 2px 3px"),
        ("margin", "-1px"),
        ("scale", "9"),
        ("scale", "101"),
        ("position", "left"),
        ("position", "10px"),
        ("position", "10%,20%,30%"),
        ("position", "101%"),
        ("shadow", "long"),
        ("shadow_opacity", "-1"),
        ("feather", "-1"),
        ("feather", "1e2"),
        ("shift", "nan"),
        ("shift", "101"),
        ("max_side", "0"),
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


regions = st.lists(lengths, min_size=4, max_size=4).map(" ".join)


@given(regions)
def test_regions_round_trip(roi: str) -> None:
    spec = ExtractSpec.parse({"roi": roi})
    assert ExtractSpec.parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("roi", "box"),
    [
        ("10% 20% 90% 80%", (40, 60, 360, 240)),
        ("10px,20px,100%,300px", (10, 20, 400, 300)),
        ("0 0 50% 50%", (0, 0, 200, 150)),
    ],
)
def test_regions_in_pixels(roi: str, box: tuple[int, int, int, int]) -> None:
    spec = ExtractSpec.parse({"roi": roi})
    assert spec.roi is not None
    assert spec.roi.box((400, 300)) == box


def test_the_whole_picture_is_no_region() -> None:
    assert ExtractSpec.parse({"roi": "0% 0px 100% 100%"}) == ExtractSpec()


def box_of(roi: str) -> tuple[int, int, int, int]:
    region = ExtractSpec.parse({"roi": roi}).roi
    assert region is not None
    return region.box((400, 300))


@pytest.mark.parametrize(
    ("roi", "error"),
    [
        ("0 0 401px 10px", RegionOutside),
        ("0 0 101% 10%", RegionOutside),
        ("50% 50% 50% 60%", RegionEmpty),
        ("50% 50% 60% 40%", RegionEmpty),
        ("1 2 3 4", InvalidSpec),
        ("10% 10% 20%", InvalidSpec),
        ("-1px 0 10px 10px", InvalidSpec),
        ("a b c d", InvalidSpec),
    ],
)
def test_regions_that_are_none(roi: str, error: type[InvalidSpec]) -> None:
    with pytest.raises(error) as caught:
        box_of(roi)
    assert caught.value.parameter == "roi"


def test_extract_specs() -> None:
    assert str(ExtractSpec()) == "engine=u2net"
    assert ExtractSpec.parse("") == ExtractSpec.parse({"engine": ""}) == ExtractSpec()
    spec = ExtractSpec.parse({"engine": "u2netp", "refine_edges": "off"})
    assert str(spec) == "engine=u2netp"
    assert ExtractSpec.parse(str(spec)) == spec


@pytest.mark.parametrize("value", ["on", "auto"])
def test_refining_edges_is_kept_in_the_spec(value: str) -> None:
    spec = ExtractSpec.parse({"refine_edges": value})
    assert spec.refine_edges == value
    assert ExtractSpec.parse(str(spec)) == spec


def test_there_are_three_ways_to_refine_edges() -> None:
    with pytest.raises(InvalidSpec) as caught:
        ExtractSpec.parse({"refine_edges": "maybe"})
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


def test_what_is_reduced_may_come_from_a_picture_that_the_format_cannot_hold() -> None:
    assert THUMBNAIL.for_size((20_000, 2)) == RenderSpec(format="webp", width=480)
    assert THUMBNAIL.for_size((2, 20_000)) == RenderSpec(format="webp", height=480)
    with pytest.raises(InvalidSpec):
        RenderSpec(format="webp").for_size((20_000, 2))
