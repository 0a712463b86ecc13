"""`manage.py evaluate` on drawn data sets, and on real pictures with the real weights."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image, ImageDraw

from processing.evaluation.datasets import find_datasets, open_truth, truth_of
from tests.datasets import FOLDER
from tests.factories import drawn_picture
from tests.processing.pictures import model_dir, real_engine

# A little below what fp32 reached on the pictures that the test takes.
FLOORS = {
    "SED2": {"mae": 0.155, "s": 0.75, "weighted_f": 0.74, "iou": 0.65},
    "WeizmannHorse": {"mae": 0.026, "s": 0.94, "weighted_f": 0.94, "iou": 0.91},
    "alphamatting": {"mae": 0.125, "s": 0.82, "weighted_f": 0.825, "sad": 56},
}


def mask_of(size: tuple[int, int] = (120, 90), on: int = 255) -> Image.Image:
    """What drawn_picture() shows: a disc in the middle."""
    width, height = size
    mask, radius = Image.new("L", size), min(size) // 3
    box = (width // 2 - radius, height // 2 - radius, width // 2 + radius, height // 2 + radius)
    ImageDraw.Draw(mask).ellipse(box, fill=on)
    return mask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of three pairs; the last mask is one of zeros and ones."""
    discs = tmp_path / "discs"
    (discs / "im").mkdir(parents=True)
    (discs / "gt").mkdir()
    for number in range(3):
        size = (120 + 10 * number, 90)
        drawn_picture(size).save(discs / "im" / f"{number}.png")
        mask_of(size, on=1 if number == 2 else 255).save(discs / "gt" / f"{number}.png")
    return tmp_path


def run(*arguments: Any, **options: Any) -> None:
    call_command("evaluate", *arguments, **options)


def test_a_folder_of_data_sets(folder: Path, tmp_path: Path, capsys: Any) -> None:
    run(folder, engine=["drawn"], out=tmp_path / "out", worst=2)
    assert "| drawn | discs | 3 | 0.0" in capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    (result,) = written
    assert result["values"]["iou"] > 0.97
    assert result["values"]["mae"] < 0.01
    assert {one["name"] for one in result["each"]} == {"0", "1", "2"}
    errors = [one["mae"] for one in result["each"]]
    assert errors == sorted(errors, reverse=True)
    with (tmp_path / "out" / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == [one["name"] for one in result["each"]]
    assert [row["needs_look"] for row in rows] == ["0", "0", "0"]
    assert [float(row["confidence"]) for row in rows] == pytest.approx(
        [one["confidence"] for one in result["each"]], abs=0.0001
    )
    page = (tmp_path / "out" / "evaluation.html").read_text()
    assert page.count("data:image/webp;base64,") == 8


def test_one_data_set_and_each_second_pair(folder: Path, capsys: Any) -> None:
    run(folder / "discs", engine=["drawn"], every=2)
    assert "| drawn | discs | 2 |" in capsys.readouterr().out


def test_doubt_is_held_against_the_truth(folder: Path, capsys: Any) -> None:
    """Two discs whose truth is elsewhere, one of them hardly to be seen, and a blank picture."""
    discs = folder / "discs"
    for name, size in (("3", (120, 90)), ("4", (12, 9))):
        picture = Image.new("RGB", (120, 90), "white")
        picture.paste(drawn_picture(size), (0, 0))
        picture.save(discs / "im" / f"{name}.png")
        truth = Image.new("L", (120, 90))
        truth.paste(255, (100, 0, 120, 20))
        truth.save(discs / "gt" / f"{name}.png")
    Image.new("RGB", (120, 90), "white").save(discs / "im" / "5.png")
    mask_of().save(discs / "gt" / "5.png")
    run(folder, engine=["drawn"])
    doubt = capsys.readouterr().out.strip().splitlines()[-1]
    engine, name, pictures, bad, *_rest = [cell.strip() for cell in doubt.strip("|").split("|")]
    assert (engine, name, pictures, bad) == ("drawn", "discs", "5", "2")
    assert _rest[-1].endswith("of 2")


def test_floors(folder: Path) -> None:
    run(folder, engine=["drawn"], floor=["mae=0.05", "iou=0.9"])
    with pytest.raises(CommandError, match=r"iou 0\.9\d+, and 0\.9999 was"):
        run(folder, engine=["drawn"], floor=["iou=0.9999"])
    with pytest.raises(CommandError, match="a measure"):
        run(folder, engine=["drawn"], floor=["beauty=1"])


def test_what_cannot_be_measured_is_said(folder: Path, capsys: Any) -> None:
    discs = folder / "discs"
    (discs / "im" / "3.png").write_bytes(b"no picture")
    mask_of().save(discs / "gt" / "3.png")
    drawn_picture((50, 50)).save(discs / "im" / "4.png")
    mask_of((60, 60)).save(discs / "gt" / "4.png")
    drawn_picture().save(discs / "im" / "alone.png")
    with pytest.raises(CommandError, match="could not be measured"):
        run(folder, engine=["drawn"])
    told = capsys.readouterr().err
    assert "discs/3: " in told
    assert "discs/4: The picture has 50 x 50 pixels, its truth 60 x 60." in told
    assert "alone.png has no partner" in told


def test_nothing_to_measure(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no pairs"):
        run(tmp_path, engine=["drawn"])
    with pytest.raises(CommandError, match="no folder"):
        run(tmp_path / "nowhere", engine=["drawn"])


def test_truths_of_zeros_and_ones_and_soft_ones(tmp_path: Path) -> None:
    assert truth_of(mask_of(on=1)).values.max() == 1.0
    assert not truth_of(mask_of()).is_soft
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (20, 1)))
    assert truth_of(ramp).is_soft
    ramp.convert("RGB").save(tmp_path / "grey.png")
    assert np.array_equal(open_truth(tmp_path / "grey.png").values, truth_of(ramp).values)


@pytest.mark.weights
@pytest.mark.parametrize("name", FLOORS)
def test_the_default_engine_keeps_its_level(name: str, settings: Any) -> None:
    """Some of each collection: all of them take minutes."""
    real_engine()
    settings.MODEL_DIR = model_dir()
    datasets = find_datasets(FOLDER / "eval") if (FOLDER / "eval").is_dir() else []
    found = next((one for one in datasets if one.name == name), None)
    if found is None:
        pytest.skip(f"no data set {name} in {FOLDER}")
    step = max(1, len(found.pairs) // 9)
    floors = [f"{measure}={floor}" for measure, floor in FLOORS[name].items()]
    run(FOLDER / "eval" / name, engine=["u2net"], every=step, floor=floors)
