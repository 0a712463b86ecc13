"""Backgrounds and shadows: what they look like where it can be said exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from processing.errors import InvalidSpec
from processing.matte import adjust
from processing.render import render
from processing.spec import RenderSpec

from .pictures import ball, noise


def disc(size: tuple[int, int] = (200, 200), radius: int = 60) -> Image.Image:
    matte = Image.new("L", (size[0] * 4, size[1] * 4))
    middle = (size[0] * 2, size[1] * 2)
    ImageDraw.Draw(matte).circle(middle, radius * 4, fill=255)
    return matte.resize(size, Image.Resampling.BOX)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, float)


def rendered(
    parameters: str, matte: Image.Image | None = None, backdrop: Image.Image | None = None
) -> Image.Image:
    matte = matte or disc()
    return render(ball(matte.size), matte, RenderSpec.parse(parameters), backdrop=backdrop)


def area(matte: Image.Image) -> float:
    return float(pixels(matte).sum() / 255)


class TestGradient:
    @pytest.mark.parametrize(
        ("degrees", "start", "end"),
        [(0, (50, 99), (50, 0)), (90, (0, 50), (99, 50)), (180, (50, 0), (50, 99))],
    )
    def test_ends(self, degrees: int, start: tuple[int, int], end: tuple[int, int]) -> None:
        image = rendered(f"background=gradient-ff0000-0000ff-{degrees}", Image.new("L", (100, 100)))
        assert image.mode == "RGB"
        red, blue = np.array(image.getpixel(start)), np.array(image.getpixel(end))
        assert np.abs(red - (255, 0, 0)).max() <= 2
        assert np.abs(blue - (0, 0, 255)).max() <= 2

    def test_diagonals_reach_the_corners(self) -> None:
        image = rendered("background=gradient-000-fff-135", Image.new("L", (200, 100)))
        assert image.getpixel((0, 0)) == pytest.approx((0, 0, 0), abs=2)
        assert image.getpixel((199, 99)) == pytest.approx((255, 255, 255), abs=2)

    def test_a_transparent_end_lends_no_colour(self) -> None:
        image = rendered("background=gradient-ff0000-00ff0000-90", Image.new("L", (100, 10)))
        assert image.mode == "RGBA"
        assert image.getpixel((50, 5)) == pytest.approx((255, 0, 0, 127), abs=3)


class TestBlur:
    def test_the_subject_leaves_no_trace(self) -> None:
        """A red ball before green: its blurred surroundings are green alone."""
        matte = disc((400, 300), 80)
        original = Image.new("RGB", matte.size, (20, 160, 60))
        original.paste((220, 20, 20), mask=matte.point(lambda value: 255 if value else 0))
        image = render(original, matte, RenderSpec.parse("background=blur-80"))
        outside = pixels(image)[pixels(matte) == 0]
        assert np.abs(outside - (20, 160, 60)).max() <= 2

    def test_a_flat_picture_stays_flat(self) -> None:
        original = Image.new("RGB", (300, 200), (10, 100, 200))
        image = render(original, Image.new("L", (300, 200)), RenderSpec.parse("background=blur"))
        assert np.abs(pixels(image) - (10, 100, 200)).max() <= 1

    def test_stronger_is_smoother(self) -> None:
        original = Image.fromarray(noise((300, 200), 3))
        matte = Image.new("L", (300, 200))
        spread = [
            pixels(render(original, matte, RenderSpec.parse(f"background=blur-{n}"))).std()
            for n in (2, 20, 100)
        ]
        assert spread[0] > spread[1] > spread[2]

    def test_nothing_but_subject(self) -> None:
        original, matte = Image.new("RGB", (50, 40), (9, 9, 9)), Image.new("L", (50, 40), 255)
        result = render(original, matte, RenderSpec.parse("background=blur&width=80&height=80"))
        assert result.getpixel((0, 0)) == pytest.approx((9, 9, 9), abs=1)

    def test_it_lies_where_the_original_lies(self) -> None:
        """Left half black, right half white: cropped to the right, the ground is white."""
        original = Image.new("RGB", (400, 100))
        original.paste((255, 255, 255), (200, 0, 400, 100))
        matte = Image.new("L", (400, 100))
        matte.paste(255, (320, 40, 340, 60))
        spec = RenderSpec.parse("background=blur-10&crop=subject&margin=20px")
        assert pixels(render(original, matte, spec)).min() > 250


class TestBackdrop:
    SPEC = f"background=backdrop-{'ab' * 32}"

    def test_fills_the_canvas_from_the_middle(self) -> None:
        backdrop = Image.new("RGB", (300, 100), (0, 0, 255))
        backdrop.paste((255, 0, 0), (100, 0, 200, 100))
        image = rendered(self.SPEC, Image.new("L", (80, 80)), backdrop=backdrop)
        assert image.size == (80, 80)
        assert image.getpixel((2, 40)) == image.getpixel((77, 40)) == (255, 0, 0)

    def test_a_missing_one_is_said(self) -> None:
        with pytest.raises(InvalidSpec) as caught:
            rendered(self.SPEC)
        assert caught.value.parameter == "background"

    def test_transparency_is_on_white(self) -> None:
        image = rendered(self.SPEC, Image.new("L", (9, 9)), backdrop=Image.new("RGBA", (9, 9)))
        assert image.getpixel((4, 4)) == (255, 255, 255)


class TestShadows:
    @pytest.mark.parametrize("kind", ["drop", "contact", "car", "3d"])
    def test_dark_and_under_the_subject(self, kind: str) -> None:
        matte = disc((300, 300), 70)
        plain, shaded = (
            rendered(f"background=white{shadow}", matte) for shadow in ("", f"&shadow={kind}")
        )
        difference = pixels(plain) - pixels(shaded)
        assert difference.min() >= -1
        assert difference.max() > 60
        assert np.abs(difference[pixels(matte) == 255]).max() == 0

    @pytest.mark.parametrize("kind", ["drop", "contact", "car", "3d"])
    def test_on_transparent_ground_it_is_black_with_alpha(self, kind: str) -> None:
        image = rendered(f"shadow={kind}&shadow_opacity=80", disc((300, 300), 70))
        values = pixels(image)
        shadow = (pixels(disc((300, 300), 70)) == 0) & (values[..., 3] > 0)
        assert shadow.any()
        assert values[shadow][:, :3].max() == 0
        alpha = rendered(f"shadow={kind}&shadow_opacity=80&channels=alpha", disc((300, 300), 70))
        assert np.array_equal(pixels(alpha), values[..., 3])

    def test_opacity(self) -> None:
        weak, strong = (
            area(rendered(f"shadow=drop&channels=alpha&shadow_opacity={n}")) for n in (20, 90)
        )
        assert area(disc()) < weak < strong

    def test_nothing_casts_nothing(self) -> None:
        image = rendered("shadow=contact", Image.new("L", (20, 20)))
        assert image.getextrema() == ((0, 0),) * 4

    def test_looks_alike_at_every_size(self) -> None:
        large = rendered("background=white&shadow=drop", disc((800, 800), 200))
        small = rendered("background=white&shadow=drop&max_side=200", disc((800, 800), 200))
        reduced = large.resize((200, 200), Image.Resampling.BOX)
        assert np.abs(pixels(reduced) - pixels(small)).mean() < 2


class TestEdges:
    @pytest.mark.parametrize("px", [-20, -6, -2, 2, 6, 20])
    def test_shift_moves_edges(self, px: int) -> None:
        radius = (area(adjust(disc(), shift=px, feather=0)) / np.pi) ** 0.5
        assert radius == pytest.approx(60 + px, abs=max(1.0, abs(px) * 0.25))

    def test_outwards_keeps_thin_parts(self) -> None:
        matte = Image.new("L", (100, 100))
        matte.paste(255, (50, 10, 51, 90))
        grown = adjust(matte, shift=10, feather=0)
        assert (pixels(grown) >= pixels(matte)).all()

    @given(st.integers(0, 10_000), st.floats(0.5, 30), st.floats(-30, 30))
    @settings(max_examples=25)
    def test_feather_only_takes_away(self, seed: int, feather: float, shift: float) -> None:
        matte = Image.fromarray(noise((40, 30), seed, bands=1))
        moved = adjust(matte, shift=shift, feather=0)
        assert (pixels(adjust(matte, shift=shift, feather=feather)) <= pixels(moved)).all()

    def test_feathered_edges_are_softer(self) -> None:
        soft = [
            int(((values > 8) & (values < 247)).sum())
            for values in (pixels(adjust(disc(), shift=0, feather=f)) for f in (0, 10, 30))
        ]
        assert soft[0] < soft[1] < soft[2]

    def test_the_middle_stays(self) -> None:
        assert adjust(disc(), shift=-5, feather=20).getpixel((100, 100)) == 255


@given(
    st.sampled_from(
        [
            *("crop=subject", "crop=subject&margin=20%25", "crop=subject&margin=9px%203px"),
            *("width=30&height=50", "width=200&height=90", "scale=50", "position=0%25,100%25"),
            *("scale=100&width=64&height=64", "shadow=drop&crop=subject", "background=blur"),
            *("background=gradient-f00-00f", "shift=3&feather=4", "max_side=20&shadow=3d"),
        ]
    ),
    st.sampled_from(["png", "jpeg", "webp"]),
    st.integers(0, 1000),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_whatever_is_asked(
    parameters: str, format_name: str, seed: int, size: tuple[int, int]
) -> None:
    """Nothing is mutated, hidden colour is zero, and the mode fits the format."""
    original = Image.fromarray(noise(size, seed))
    matte = Image.fromarray(noise(size, seed + 1, bands=1))
    before = original.tobytes(), matte.tobytes()
    image = render(original, matte, RenderSpec.parse(f"format={format_name}&{parameters}"))
    assert (original.tobytes(), matte.tobytes()) == before
    if format_name == "jpeg":
        assert image.mode == "RGB"
    elif image.mode == "RGBA":
        values = np.asarray(image)
        assert (values[values[..., 3] == 0] == 0).all()


def test_cropping_keeps_pixels_exactly() -> None:
    original, matte = Image.fromarray(noise((80, 60), 1)), Image.new("L", (80, 60))
    matte.paste(255, (13, 7, 55, 41))
    image = render(original, matte, RenderSpec.parse("crop=subject&margin=5px"))
    assert image.size == (52, 44)
    inner = image.crop((5, 5, 47, 39))
    assert inner.convert("RGB").tobytes() == original.crop((13, 7, 55, 41)).tobytes()
    assert image.getpixel((4, 4)) == (0, 0, 0, 0)


def test_scaled_subject_fills_its_share() -> None:
    matte = disc((400, 300), 40)
    spec = RenderSpec.parse("width=500&height=500&scale=80&background=white")
    alpha = render(ball(matte.size), matte, RenderSpec.parse(f"{spec}&channels=alpha"))
    box = alpha.point(lambda value: 255 if value > 128 else 0).getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert right - left == pytest.approx(400, abs=4)
    assert (left + right) / 2 == pytest.approx(250, abs=2)
    assert bottom - top == pytest.approx(400, abs=4)
