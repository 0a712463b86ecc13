"""The catalog, loading, and the real engines where their weights are at hand."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from processing import engines
from processing.engines import MAX_LOADED, get_engine
from processing.engines import _kept as kept_engines
from processing.engines import _loaded as loaded_engines
from processing.engines.catalog import (
    DEFAULT_ENGINE,
    ENGINES,
    EngineInfo,
    engine_problem,
    weights_path,
)
from processing.engines.rembg_engine import softness, stretch
from processing.errors import EngineUnavailable, NothingFound, UnknownEngine
from processing.imageio import open_image, open_working_copy
from processing.pipeline import extract
from processing.spec import ExtractSpec
from tests.datasets import test_pictures as pictures_of

from .pictures import drawn, model_dir, noise, real_engine

TINY = EngineInfo(
    name="tiny",
    label="Tiny",
    help="",
    licence="MIT",
    loader="processing.engines.drawn:load",
    file="tiny.onnx",
    size=5,
    md5="5d41402abc4b2a76b9719d911017c592",
)


def test_the_catalog_is_complete() -> None:
    assert DEFAULT_ENGINE == "u2net"
    for name, info in ENGINES.items():
        assert info.name == name
        assert all((info.label, info.help, info.licence, info.loader))
        assert info.deadline_seconds > 0
        assert info.good_at or not info.listed
        if info.needs_weights:
            assert info.size_mb > 0
            assert len(info.md5) == 32
            assert info.on_demand or (info.size > 0 and len(info.sha256) == 64)
    assert {name for name, info in ENGINES.items() if not info.listed} == {"drawn", "u2net-fp32"}
    assert [name for name, info in ENGINES.items() if info.sends_away] == ["service"]
    assert ENGINES["u2net"].size_mb == 176.0


def test_web_processes_import_nothing_heavy() -> None:
    modules = "processing.imageio, processing.render, processing.pipeline, processing.engines"
    heavy = "{'rembg', 'onnxruntime', 'pymatting', 'numba', 'scipy', 'skimage', 'django'}"
    code = f"import sys, {modules}; found = {heavy} & set(sys.modules); sys.exit(str(found or 0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "0" or done.returncode == 0, done.stderr


def test_weights_missing_damaged_and_right(tmp_path: Path) -> None:
    assert "missing" in (engine_problem(TINY, model_dir=tmp_path) or "")
    path = weights_path(TINY, model_dir=tmp_path)
    path.write_bytes(b"hell")
    assert "4 bytes" in (engine_problem(TINY, model_dir=tmp_path) or "")
    path.write_bytes(b"hallo")
    assert "checksum" in (engine_problem(TINY, model_dir=tmp_path) or "")
    path.write_bytes(b"hello")
    os.utime(path, ns=(1, 1))
    assert engine_problem(TINY, model_dir=tmp_path) is None
    path.write_bytes(b"jello")
    os.utime(path, ns=(2, 2))
    assert "checksum" in (engine_problem(TINY, model_dir=tmp_path) or "")


def test_a_verified_file_is_not_read_again(tmp_path: Path) -> None:
    """Another process trusts the note; it would see a forged file only by its time or size."""
    path = weights_path(TINY, model_dir=tmp_path)
    path.write_bytes(b"hello")
    assert engine_problem(TINY, model_dir=tmp_path) is None
    assert (tmp_path / "tiny.onnx.verified").exists()
    path.chmod(0)
    assert engine_problem(TINY, model_dir=tmp_path) is None


def test_the_layout_of_rembg_is_found(tmp_path: Path) -> None:
    nested = tmp_path / "models" / "tiny" / "tiny.onnx"
    nested.parent.mkdir(parents=True)
    nested.write_bytes(b"hello")
    assert weights_path(TINY, model_dir=tmp_path) == nested
    assert engine_problem(TINY, model_dir=tmp_path) is None


def test_unknown_and_unavailable_engines(tmp_path: Path) -> None:
    with pytest.raises(UnknownEngine):
        get_engine("sam", model_dir=tmp_path)
    with pytest.raises(EngineUnavailable, match="missing"):
        get_engine("u2net", model_dir=tmp_path)


def test_engines_are_loaded_once_and_not_without_end(tmp_path: Path) -> None:
    first = get_engine("drawn", model_dir=tmp_path)
    assert get_engine("drawn", model_dir=tmp_path) is first
    for threads in range(1, 6):
        get_engine("drawn", model_dir=tmp_path, threads=threads)
    assert len(unkept()) <= MAX_LOADED


def unkept() -> list[str]:
    return [name for name, *rest in loaded_engines if (name, *rest) not in kept_engines]


@pytest.fixture
def heavy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three engines of 150 MB, says the catalog, and nothing else in memory."""
    names = [f"heavy-{letter}" for letter in "abc"]
    for name in names:
        info = replace(ENGINES["drawn"], name=name, about_mb=150.0)
        monkeypatch.setitem(ENGINES, name, info)
    monkeypatch.setattr(engines, "_loaded", type(loaded_engines)())
    monkeypatch.setattr(engines, "_kept", set())
    monkeypatch.setattr(engines, "MAX_LOADED", 3)
    return names


def in_memory() -> list[str]:
    return [name for name, *_rest in engines._loaded]


def test_the_one_not_used_for_longest_goes_when_weights_are_too_many(
    heavy: list[str], tmp_path: Path
) -> None:
    for name in (*heavy[:2], heavy[0], heavy[2]):
        get_engine(name, model_dir=tmp_path)
    assert in_memory() == [heavy[0], heavy[2]]


def test_what_is_kept_is_never_let_go_and_takes_no_room(heavy: list[str], tmp_path: Path) -> None:
    first = get_engine(heavy[0], model_dir=tmp_path, keep=True)
    for name in (*heavy[1:], "drawn", *heavy[1:]):
        get_engine(name, model_dir=tmp_path)
    assert get_engine(heavy[0], model_dir=tmp_path) is first
    assert set(in_memory()) == {*heavy, "drawn"}


def test_weights_that_are_shared_count_once(
    heavy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in heavy[1:]:
        shared = replace(ENGINES[name], weights_of=heavy[0])
        monkeypatch.setitem(ENGINES, name, shared)
    for name in heavy:
        get_engine(name, model_dir=tmp_path)
    assert in_memory() == heavy


def test_one_that_is_too_large_for_all_room_is_still_used(
    heavy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "MAX_WEIGHTS", 1)
    for name in heavy:
        assert get_engine(name, model_dir=tmp_path).info.name == name
        assert in_memory() == [name]


def test_stretching_a_constant_map_gives_nothing() -> None:
    flat = np.full((4, 4), 0.3, np.float32)
    assert stretch(flat).getextrema() == (0, 0)
    ramp = np.linspace(0.2, 0.7, 16, dtype=np.float32).reshape(4, 4)
    assert stretch(ramp).getextrema() == (0, 255)


def test_softness_tells_sure_from_unsure() -> None:
    sure = np.zeros((8, 8), np.float32)
    assert softness(sure) == 1
    sure[2:5, 2:5] = 1
    assert softness(sure) == 0
    assert softness(np.full((8, 8), 0.5, np.float32)) == pytest.approx(0.5)


def test_the_drawn_engine_is_deterministic() -> None:
    image = Image.fromarray(noise((100, 80), 3))
    first, second = drawn().predict(image), drawn().predict(image)
    assert first.matte.tobytes() == second.matte.tobytes()
    assert (first.peak, first.softness) == (second.peak, second.softness)


def photographs() -> list[tuple[str, Image.Image]]:
    """From scikit-image's wheel."""
    from skimage import data

    names = ("astronaut", "chelsea", "coffee")
    return [(name, Image.fromarray(getattr(data, name)())) for name in names]


@pytest.mark.weights
@pytest.mark.parametrize("name", ["u2net", "u2netp"])
def test_mattes_agree_with_rembg(name: str) -> None:
    engine = real_engine(name)
    import rembg

    for picture, image in photographs()[: 3 if name == "u2net" else 1]:
        expected = rembg.remove(image, session=engine.session, only_mask=True)  # type: ignore[attr-defined]
        matte = extract(image, engine, ExtractSpec(name)).matte
        difference = np.abs(np.asarray(matte, int) - np.asarray(expected, int)).mean() / 255
        assert difference < 0.015, picture


@pytest.mark.weights
def test_mattes_of_reduced_copies_agree_with_rembg() -> None:
    engine = real_engine()
    import rembg

    differences = {}
    for path in pictures_of("photos")[::4]:  # some, as each needs two runs of the network
        with path.open("rb") as file:
            copy = open_working_copy(file)
            whole = open_image(file).convert("RGB")
        expected = rembg.remove(whole, session=engine.session, only_mask=True)  # type: ignore[attr-defined]
        matte = extract(copy.image, engine, ExtractSpec(), full_size=copy.full_size).matte
        assert matte.size == whole.size
        difference = np.abs(np.asarray(matte, np.int16) - np.asarray(expected, np.int16))
        differences[path.name] = float(difference.mean()) / 255
    assert max(differences.values()) < 0.05, differences
    assert sum(differences.values()) / len(differences) < 0.015


EMPTY = {
    "grey": Image.new("RGB", (300, 200), (128, 128, 128)),
    "black": Image.new("RGB", (300, 200)),
    "noise": Image.fromarray(noise((300, 200), 4)),
    "ramp": Image.linear_gradient("L").convert("RGB"),
    "one pixel": Image.new("RGB", (1, 1), (200, 10, 10)),
    "hidden": Image.new("RGBA", (300, 200), (200, 10, 10, 0)),
}


@pytest.mark.weights
@pytest.mark.parametrize("name", EMPTY)
def test_nothing_is_found_where_nothing_is(name: str) -> None:
    engine = real_engine()
    with pytest.raises(NothingFound):
        extract(EMPTY[name], engine, ExtractSpec())


@pytest.mark.weights
def test_damaged_weights_are_unavailable(tmp_path: Path) -> None:
    """A file of the right size whose content is wrong never reaches the network's library."""
    info = ENGINES["u2netp"]
    real_engine("u2netp")
    content = bytearray(weights_path(info, model_dir=model_dir()).read_bytes())
    content[1000] ^= 255
    (tmp_path / "u2netp.onnx").write_bytes(content)
    with pytest.raises(EngineUnavailable, match="checksum"):
        get_engine("u2netp", model_dir=tmp_path)


@pytest.mark.weights
def test_loading_leaves_the_environment_alone() -> None:
    before = os.environ.get("U2NET_HOME")
    real_engine("u2netp")
    assert os.environ.get("U2NET_HOME") == before
