"""Every other network of rembg: the real sessions, with networks of a few nodes for weights.

Such a network gives back the red of the picture as it was handed over, so that its map tells how
it was: at which size, by which mean and deviation.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from processing.engines import get_engine, rembg_sessions
from processing.engines.catalog import ENGINES
from processing.engines.rembg_sessions import INTERFACES, as_map
from processing.errors import EngineUnavailable, NothingFound
from processing.pipeline import extract
from processing.spec import ExtractSpec

from .pictures import GREEN, ball
from .tiny_networks import put_network

OURS = [i.name for i in ENGINES.values() if i.loader == "processing.engines.rembg_sessions:load"]
RED_OF_BALL, RED_OF_GROUND = 220 / 255, 30 / 255


def balls() -> Image.Image:
    """Red on green: much of the first channel inside, little outside. One pixel is the brightest,
    since rembg measures against that."""
    picture = ball((300, 200), GREEN)
    picture.putpixel((0, 0), (255, 255, 255))
    return picture


def test_all_that_the_catalog_names_are_known() -> None:
    assert set(OURS) == set(INTERFACES)
    assert all(ENGINES[name].on_demand for name in OURS)


@pytest.mark.parametrize("name", OURS)
def test_the_map_is_what_the_network_gave(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interface = INTERFACES[name]
    info = put_network(name, tmp_path, side=interface.side, extra=2)
    monkeypatch.setitem(ENGINES, name, info)
    prediction = get_engine(name, model_dir=tmp_path).predict(balls())

    def answer(red: float) -> float:
        seen = (red - interface.mean[0]) / interface.std[0]
        return 1 / (1 + np.exp(-seen)) if interface.logits else min(1.0, max(0.0, seen))

    assert prediction.raw is not None
    side = interface.side
    assert prediction.raw.shape == (side, side)
    assert prediction.matte.size == (side, side)
    assert prediction.raw[side // 2, side // 2] == pytest.approx(answer(RED_OF_BALL), abs=0.01)
    assert prediction.raw[side // 2, 5] == pytest.approx(answer(RED_OF_GROUND), abs=0.01)
    assert prediction.peak == pytest.approx(float(prediction.raw.max()))


@pytest.mark.parametrize("name", OURS)
def test_mattes_agree_with_rembg(name: str, tmp_path: Path) -> None:
    import rembg

    interface = INTERFACES[name]
    scale, shift = interface.std[0], interface.mean[0]  # back to 0..1, as real networks answer
    info = put_network(name, tmp_path, side=interface.side, scale=scale, shift=shift)
    engine = rembg_sessions.load(info, tmp_path / str(info.file), None)
    expected = rembg.remove(balls(), session=engine.session, only_mask=True)
    matte = engine.predict(balls()).matte.resize((300, 200), Image.Resampling.LANCZOS)
    difference = np.abs(np.asarray(matte, int) - np.asarray(expected, int))
    assert difference.mean() < 2


@pytest.mark.parametrize(("name", "side"), [("isnet-general-use", 1024), ("silueta", 320)])
def test_a_picture_goes_all_the_way(
    name: str, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean, std = INTERFACES[name].mean[0], INTERFACES[name].std[0]
    # Undoes the normalisation, and tells red from green by force.
    info = put_network(name, tmp_path, side=side, scale=4 * std, shift=4 * mean - 1.2)
    monkeypatch.setitem(ENGINES, name, info)
    engine = get_engine(name, model_dir=tmp_path)
    done = extract(ball((300, 200), GREEN), engine, ExtractSpec(name))
    assert done.matte.getpixel((150, 100)) == 255
    assert done.matte.getpixel((4, 4)) == 0
    assert done.bbox == pytest.approx((75, 50, 226, 151), abs=3)


def test_a_faint_map_is_nothing_though_rembg_would_stretch_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = put_network("birefnet-general-lite", tmp_path, side=1024, scale=0.1, shift=-4)
    monkeypatch.setitem(ENGINES, info.name, info)
    engine = get_engine(info.name, model_dir=tmp_path)
    with pytest.raises(NothingFound):
        extract(ball(), engine, ExtractSpec(info.name))


def test_maps_without_numbers_are_background() -> None:
    found = np.array([[np.nan, np.inf], [-np.inf, 0.25]], np.float32)
    assert as_map(found, logits=False).tolist() == [[0, 1], [0, 0.25]]
    assert as_map(found, logits=True).ravel() == pytest.approx([0, 1, 0, 0.5621765], abs=1e-6)
    assert as_map(found, logits=True).dtype == np.float32


def test_weights_of_another_checksum_never_reach_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = put_network("silueta", tmp_path, side=320)
    monkeypatch.setitem(ENGINES, "silueta", replace(info, md5="0" * 32))
    with pytest.raises(EngineUnavailable, match="checksum"):
        get_engine("silueta", model_dir=tmp_path)
    assert get_engine("drawn", model_dir=tmp_path)


def test_without_weights_nothing_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="missing"):
        get_engine("birefnet-general", model_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
