"""When an engine computes in bytes, and when it had better not."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from processing import checks
from processing.engines.catalog import ENGINES, EngineInfo
from processing.engines.rembg_engine import load
from processing.quantization import notes, quantized_path
from processing.quantization.choice import choose, known_choice
from processing.quantization.notes import LOCK
from processing.quantization.notes import NAME as NOTES
from processing.quantization.recipe import CannotQuantize
from processing.quantization.store import is_current, make, origin_path
from processing.quantization.trial import LEAST_SPEEDUP, MOST_DIFFERENCE, Trial, processor, try_out
from tests.processing.pictures import ball

from .networks import put_small_u2net


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[EngineInfo, Path]:
    folder = tmp_path_factory.mktemp("models")
    info = put_small_u2net(folder)
    make(info, model_dir=folder, report=lambda line: None)
    return info, folder


@pytest.fixture
def weights(made: tuple[EngineInfo, Path], tmp_path: Path) -> Path:
    """In a folder of the test's own, with the 8-bit version beside it, never tried."""
    shutil.copytree(made[1], tmp_path / "models")
    assert made[0].file is not None
    return tmp_path / "models" / made[0].file


@pytest.fixture
def info(made: tuple[EngineInfo, Path]) -> EngineInfo:
    return made[0]


def note(folder: Path, trial: Trial) -> None:
    """Write down how a trial on this machine went, in the place of the one that is there."""
    path = folder / NOTES
    (key,) = json.loads(path.read_text())
    values = {"difference": trial.difference, "speedup": trial.speedup}
    path.write_text(json.dumps({key: values}))


@pytest.mark.parametrize(
    ("speedup", "words"), [(9.0, "in 8-bit integers"), (0.9, "in single precision: ")]
)
def test_the_log_is_told_once_for_each_network(
    info: EngineInfo,
    weights: Path,
    caplog: pytest.LogCaptureFixture,
    speedup: float,
    words: str,
) -> None:
    """However often engines that use it are let go and loaded again."""
    choose(info, weights, threads=1)
    note(weights.parent, Trial(0.0, speedup))
    caplog.set_level("INFO", logger="processing.engines.rembg_engine")
    for name in ("u2net", "u2net-best", "u2net"):
        load(replace(info, name=name, weights_of="u2net"), weights, 1)
    assert sum(words in line for line in caplog.messages) == 1
    assert all(line.startswith("u2net computes") for line in caplog.messages)


def test_without_8_bit_weights_it_says_how_to_get_them(info: EngineInfo, weights: Path) -> None:
    quantized_path(weights).unlink()
    made = choose(info, weights, threads=1)
    assert (made.path, made.precision) == (weights, "fp32")
    assert "manage.py quantize u2net" in made.notice


def test_what_passes_is_used_and_noted(info: EngineInfo, weights: Path) -> None:
    choose(info, weights, threads=1)
    assert len(json.loads((weights.parent / NOTES).read_text())) == 1
    note(weights.parent, Trial(0.0, 9.0))
    made = choose(info, weights, threads=1)
    assert (made.path, made.precision, made.notice) == (quantized_path(weights), "int8", "")


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (Trial(MOST_DIFFERENCE * 2, 4.0), "it differs by 0.040"),
        (Trial(0.001, LEAST_SPEEDUP * 0.9), "it is only 1.03 times as fast"),
    ],
)
def test_what_does_not_pass_is_not_used(
    info: EngineInfo, weights: Path, trial: Trial, words: str
) -> None:
    choose(info, weights, threads=1)
    note(weights.parent, trial)
    made = choose(info, weights, threads=1)
    assert (made.path, made.precision) == (weights, "fp32")
    assert words in made.notice


def test_a_trial_finds_out_what_differs(made: tuple[EngineInfo, Path], tmp_path: Path) -> None:
    """Held against a network with other weights, the 8-bit version is not the same any more."""
    import onnx

    from .networks import small_network

    folder = made[1]
    same = try_out(folder / "u2net-int8.onnx", folder / "u2net.onnx", threads=1)
    onnx.save(small_network(seed=5), tmp_path / "other.onnx")
    other = try_out(folder / "u2net-int8.onnx", tmp_path / "other.onnx", threads=1)
    assert same.difference <= MOST_DIFFERENCE < other.difference
    assert not other.passed
    assert same.speedup > 0


def test_a_damaged_file_does_no_harm(info: EngineInfo, weights: Path) -> None:
    damaged = quantized_path(weights)
    damaged.write_bytes(bytes(damaged.stat().st_size))
    made = choose(info, weights, threads=1)
    assert made.precision == "fp32"
    assert "could not be tried" in made.notice


@pytest.mark.parametrize("change", ["truncated", "other weights", "older recipe", "no note"])
def test_what_is_not_ours_is_made_anew(info: EngineInfo, weights: Path, change: str) -> None:
    quantized = quantized_path(weights)
    assert is_current(info, weights)
    origin = json.loads(origin_path(quantized).read_text())
    if change == "truncated":
        os.truncate(quantized, 100)
    elif change == "no note":
        origin_path(quantized).unlink()
    else:
        key, value = ("md5", "0" * 32) if change == "other weights" else ("recipe", 0)
        origin_path(quantized).write_text(json.dumps({**origin, key: value}))
    assert not is_current(info, weights)
    make(info, model_dir=weights.parent, report=lambda line: None)
    assert is_current(info, weights)


def test_it_is_made_once(info: EngineInfo, weights: Path) -> None:
    before = quantized_path(weights).stat().st_mtime_ns
    lines: list[str] = []
    make(info, model_dir=weights.parent, report=lines.append)
    assert quantized_path(weights).stat().st_mtime_ns == before
    assert lines == [f"u2net: {quantized_path(weights)} is there."]


def test_missing_weights_are_said(info: EngineInfo, tmp_path: Path) -> None:
    with pytest.raises(CannotQuantize, match="missing"):
        make(info, model_dir=tmp_path, report=lambda line: None)


@pytest.fixture
def spare_folder(tmp_path: Path) -> Iterator[Path]:
    before = notes._spare_folder
    folder = tmp_path / "spare"
    folder.mkdir()
    notes.provide_spare_folder(lambda: folder)
    yield folder
    notes.provide_spare_folder(before)


def test_notes_go_elsewhere_where_weights_cannot_be_written_to(
    info: EngineInfo, weights: Path, spare_folder: Path
) -> None:
    """The lock and the notes cannot be files where there are folders of their names."""
    (weights.parent / NOTES).mkdir()
    (weights.parent / LOCK).mkdir()
    choose(info, weights, threads=1)
    assert len(json.loads((spare_folder / NOTES).read_text())) == 1


def test_a_loaded_engine_says_what_it_computes_in(info: EngineInfo, weights: Path) -> None:
    choose(info, weights, threads=1)
    note(weights.parent, Trial(0.0, 9.0))
    engine = load(info, weights, 1)
    assert (engine.precision, engine.notice) == ("int8", "")
    assert engine.runs_on == "CPUExecutionProvider"
    note(weights.parent, Trial(0.0, 0.5))
    slower = load(info, weights, 1)
    assert slower.precision == "fp32"
    assert "as fast" in slower.notice
    maps = [engine.predict(ball()).raw for engine in (engine, slower)]
    assert maps[0] is not None
    assert maps[1] is not None
    assert abs(maps[0] - maps[1]).mean() < MOST_DIFFERENCE
    assert (maps[0] != maps[1]).any()


def test_a_note_is_read_without_trying(info: EngineInfo, weights: Path) -> None:
    assert known_choice(info, weights) is None, "nobody has tried it"
    made = choose(info, weights, threads=1)
    assert known_choice(info, weights) == made
    note(weights.parent, Trial(0.5, 9.0))
    known = known_choice(info, weights)
    assert known is not None
    assert known.precision == "fp32"


def test_what_was_noted_is_forgotten_on_request(info: EngineInfo, weights: Path) -> None:
    choose(info, weights, threads=1)
    note(weights.parent, Trial(0.5, 0.1))
    again = choose(info, weights, threads=1, anew=True)
    assert "it differs" not in again.notice
    assert "0.10 times" not in again.notice


@pytest.mark.parametrize(
    "content",
    [
        '{"KEY": {"difference": "a", "speedup": 1}}',
        '{"KEY": {"difference": null, "speedup": 1}}',
        '{"KEY": {"difference": -1, "speedup": Infinity}}',
        '{"KEY": {"difference": NaN, "speedup": 3}}',
        '{"KEY": 3}',
        "[" * 100_000,
        "no JSON",
    ],
)
def test_notes_that_are_not_ours_count_for_nothing(
    info: EngineInfo, weights: Path, content: str
) -> None:
    choose(info, weights, threads=1)
    path = weights.parent / NOTES
    (key,) = json.loads(path.read_text())
    path.write_text(content.replace("KEY", json.dumps(key)[1:-1]))
    assert known_choice(info, weights) is None


@pytest.mark.parametrize("name", [LOCK, ".quantize.lock"])
def test_a_lock_is_no_way_to_another_file(info: EngineInfo, weights: Path, name: str) -> None:
    victim = weights.parent.parent / "victim"
    victim.write_text("kept")
    (weights.parent / name).unlink(missing_ok=True)
    (weights.parent / name).symlink_to(victim)
    if name == LOCK:
        choose(info, weights, threads=1)
    else:
        with pytest.raises(CannotQuantize):
            make(info, model_dir=weights.parent, report=lambda line: None, again=True)
    assert victim.read_text() == "kept"


def test_a_processor_has_a_name_that_stays() -> None:
    assert processor() == processor()
    if sys.platform == "linux":
        assert len(processor()) > len("x86_64 ")


def test_the_command_refuses_what_it_does_not_know() -> None:
    with pytest.raises(CommandError, match="there are u2net"):
        call_command("quantize", "drawn")


def test_a_check_says_what_would_make_it_faster(
    info: EngineInfo, weights: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "ENGINES", {**ENGINES, "u2net": info})
    settings.MODEL_DIR, settings.DEFAULT_ENGINE = weights.parent, "u2net-best"
    choose(info, weights, threads=1)
    note(weights.parent, Trial(0.0, 9.0))
    assert checks.check_precision() == []
    note(weights.parent, Trial(0.0, 1.0))
    (slow,) = checks.check_precision()
    assert "only 1.00 times" in slow.msg
    quantized_path(weights).unlink()
    (missing,) = checks.check_precision()
    assert missing.id == "processing.W004"
    assert "manage.py quantize u2net" in (missing.hint or "")
    for name in ("drawn", "u2net-fp32"):
        settings.DEFAULT_ENGINE = name
        assert checks.check_precision() == []
