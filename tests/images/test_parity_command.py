"""`manage.py parity DIR`: the report, the figures and the exit."""

import html
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Pixels
from PIL import ImageDraw

from tests.datasets import test_pictures
from tests.factories import drawn_picture


def result_of(picture: Pixels.Image, *, radius: int) -> Pixels.Image:
    """What another service might have made of a drawn disc."""
    alpha = Pixels.new("L", picture.size)
    x, y = picture.width // 2, picture.height // 2
    ImageDraw.Draw(alpha).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    found = picture.convert("RGB")
    found.putalpha(alpha)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good pair, a preview, a bad one, a crop, two that cannot be compared, two alone."""
    originals, results = tmp_path / "originals", tmp_path / "results"
    originals.mkdir()
    results.mkdir()
    picture = drawn_picture((600, 450))
    good = result_of(picture, radius=150)
    made = {
        "good.png": good,
        "preview-removebg-preview.png": good.resize((300, 225)),
        "bad.png": result_of(picture, radius=90),
        "crop.webp": good.crop((150, 75, 451, 376)),
        "flat.jpg": picture,
        "nobody.png": good,
    }
    for name in ("good", "preview", "bad", "crop", "flat", "broken", "<b>alone"):
        picture.save(originals / f"{name}.png")
    for name, image in made.items():
        image.save(results / name)
    (results / "broken.zip").write_bytes(b"PK\3\4 and no more")
    return tmp_path


def parity(folder: Path, *options: str) -> tuple[dict[str, Any], str]:
    call_command("parity", str(folder), "--engine", "drawn", *options, stdout=StringIO())
    return json.loads((folder / "parity.json").read_text()), (folder / "parity.html").read_text()


def test_the_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, page = parity(folder)
    names = [row["name"] for row in report["pictures"]]
    assert names[0] == "bad.png"
    assert set(names) == {"good.png", "preview.png", "bad.png", "crop.png"}
    rows = {row["name"]: row for row in report["pictures"]}
    assert rows["good.png"]["difference"] < 0.5
    assert rows["good.png"]["overlap"] > 0.98
    assert (rows["preview.png"]["framing"], rows["preview.png"]["old_size"]) == (
        "smaller",
        [300, 225],
    )
    assert (rows["crop.png"]["framing"], rows["crop.png"]["offset"]) == ("cropped", None)
    assert rows["bad.png"]["difference"] > 5
    assert rows["bad.png"]["overlap"] < 0.5
    assert report["compared"] == 4
    assert report["cropped"] == 1
    assert {one["name"] for one in report["not_compared"]} == {"flat.png", "broken.png"}
    assert sorted(report["unmatched"]) == ["originals/<b>alone.png", "results/nobody.png"]
    assert len(re.findall(r'src="data:image/webp;base64,[\w+/=]+"', page)) == 16
    assert "<b>alone" not in page
    assert html.escape("<b>alone.png") in page
    assert not re.search(r'(?:src|href)="(?!data:)', page), "it stands alone"
    assert page.index("<h2>bad.png") < page.index("<h2>good.png")


def test_only_the_worst_are_shown(folder: Path) -> None:
    _report, page = parity(folder, "--shown", "1")
    assert page.count("data:image/webp") == 4
    assert "<td>good.png</td>" in page


def test_a_limit_for_scripts(folder: Path) -> None:
    parity(folder, "--max-difference", "50")
    with pytest.raises(CommandError, match=r"more than 0\.01 %"):
        parity(folder, "--max-difference", "0.01")
    assert (folder / "parity.html").exists()


def test_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no folder"):
        parity(tmp_path)
    for name in ("originals", "results"):
        (tmp_path / name).mkdir()
    with pytest.raises(CommandError, match="Nothing could be compared"):
        parity(tmp_path)


@pytest.mark.weights
def test_photographs_beside_themselves(tmp_path: Path) -> None:
    """Our own cutouts, made into previews: the figures must be next to nothing."""
    originals, results = tmp_path / "originals", tmp_path / "results"
    originals.mkdir()
    for path in test_pictures("photos")[:3]:
        (originals / path.name).write_bytes(path.read_bytes())
    call_command(
        *("cutout", str(originals), str(results), "--parameters", "format=png&max_pixels=250000"),
        *("--engine", "u2net"),
        stdout=StringIO(),
    )
    call_command("parity", str(tmp_path), "--engine", "u2net", stdout=StringIO())
    report = json.loads((tmp_path / "parity.json").read_text())
    assert report["compared"] == 3
    assert report["mean_difference"] < 0.5
    assert report["mean_overlap"] > 0.98
