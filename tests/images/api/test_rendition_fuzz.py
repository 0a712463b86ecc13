"""GET /api/v1/cutouts/{id}/rendition/ with every parameter, sensible and not."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pixels
from rest_framework.test import APIClient

from images.api.parameters import RENDITION_PARAMETERS
from images.models import Cutout
from images.services.rendering import layout_of
from processing.spec import RenderSpec

pytestmark = pytest.mark.django_db

NUMBERS = st.integers(-5, 400).map(str) | st.sampled_from(
    ["0", "1", "100", "30001", "1e3", "9" * 40]
)
DECIMALS = NUMBERS | st.floats(-120, 120, allow_nan=False).map(lambda value: f"{value:.3f}")
LENGTHS = st.integers(0, 600).flatmap(
    lambda number: st.sampled_from([f"{number}px", f"{number % 60}%", str(number)])
)
COLOURS = st.text("0123456789abcdef", min_size=3, max_size=8) | st.sampled_from(["red", "Plum"])
PARAMETERS: dict[str, st.SearchStrategy[str]] = {
    "preset": st.sampled_from(["cutout", "white", "nothing"]),
    "format": st.sampled_from(["png", "webp", "jpeg", "avif", "gif", "PNG"]),
    "background": st.one_of(
        COLOURS,
        COLOURS.map(lambda colour: f"#{colour}"),
        st.integers(0, 120).map(lambda strength: f"blur-{strength}"),
        st.tuples(COLOURS, COLOURS, NUMBERS).map(lambda parts: "gradient-" + "-".join(parts)),
        st.sampled_from(["transparent", "blur", f"backdrop-{'0' * 64}", "backdrop-x"]),
    ),
    "crop": st.sampled_from(["none", "subject", "all"]),
    "margin": st.lists(LENGTHS, min_size=1, max_size=5).map(" ".join),
    "width": NUMBERS,
    "height": NUMBERS,
    "max_side": NUMBERS,
    "max_pixels": NUMBERS,
    "scale": NUMBERS,
    "position": st.sampled_from(["center", "0%", "100%,0%", "33.3% 50%", "50", "-1%", "101%"]),
    "shadow": st.sampled_from(["none", "drop", "contact", "car", "3d", "long"]),
    "shadow_opacity": NUMBERS,
    "feather": DECIMALS,
    "shift": DECIMALS,
    "quality": NUMBERS,
    "channels": st.sampled_from(["rgba", "alpha", "rgb"]),
    "decontaminate": st.sampled_from(["1", "0", "2"]),
    "download": st.sampled_from(["1", "0", "x"]),
}
ANYTHING = st.text(max_size=20) | st.sampled_from(["", " ", "\x00", "\u0131", "%", "🦊"])


def test_no_parameter_is_forgotten() -> None:
    assert {parameter.name for parameter in RENDITION_PARAMETERS} == set(PARAMETERS)


@st.composite
def queries(draw: st.DrawFn) -> dict[str, str]:
    """Mostly what parameters may be, now and then anything at all."""
    names = draw(st.lists(st.sampled_from(sorted(PARAMETERS)), max_size=7, unique=True))
    return {name: draw(PARAMETERS[name] if draw(st.integers(0, 9)) else ANYTHING) for name in names}


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=queries())
def test_whatever_is_asked(query: dict[str, str], api: APIClient, cutout: Cutout) -> None:
    """A picture of the promised format and size, or an error that names the parameter."""
    response = api.get(f"/api/v1/cutouts/{cutout.pk}/rendition/", query)
    if response.status_code != 200:
        assert response.status_code == 400, response.content[:300]
        (error,) = response.json()["errors"]
        assert error["attr"] in query, error
        return
    content = b"".join(response) if response.streaming else response.content
    picture = Pixels.open(io.BytesIO(content))
    picture.load()
    assert response["Content-Type"] == Pixels.MIME[picture.format or ""]
    if "preset" not in query:
        given = {name: value for name, value in query.items() if name != "download"}
        assert picture.size == layout_of(cutout, RenderSpec.from_params(given)).canvas
