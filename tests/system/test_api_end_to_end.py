"""A program's way through the real application: token, photograph, cutout, picture."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image, ImageOps

from tests.datasets import test_pictures
from tests.system.application import Application, wait_until
from tests.system.client import Client

MEAN_DIFFERENCE = 0.015
LARGEST_DIFFERENCE = 0.05


def photograph() -> Path:
    """One of the photographs that come with scikit-image: an astronaut before flags."""
    import skimage

    return Path(skimage.__file__).parent / "data" / "astronaut.png"


def upright(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def fetch_picture(program: Client, path: str, **parameters: str) -> Image.Image:
    answer = program.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def run(program: Client, path: Path) -> dict[str, Any]:
    """The finished cutout of a picture."""
    identifier = program.upload(path)["latest_cutout"]
    return program.wait_for([identifier], 60)[identifier]


@pytest.mark.weights
def test_a_photograph_becomes_a_picture_without_background(program: Client) -> None:
    cutout = run(program, photograph())
    assert cutout["status"] == "done", cutout
    assert cutout["engine"] == "u2net"
    assert 0.1 < cutout["coverage"] < 0.9

    picture = fetch_picture(program, f"/cutouts/{cutout['id']}/rendition/", format="png")
    assert picture.format == "PNG"
    assert picture.mode == "RGBA"
    original = upright(photograph())
    assert picture.size == original.size
    pixels = np.asarray(picture)
    alpha = pixels[..., 3]
    assert not pixels[alpha == 0].any()  # nothing of the background can be brought back
    opaque = alpha == 255
    assert opaque.mean() > 0.1
    assert np.array_equal(pixels[opaque][:, :3], np.asarray(original)[opaque])

    (image,) = program.all_images()
    assert image["cutout"]["id"] == cutout["id"]


@pytest.mark.weights
def test_the_work_goes_through_django_q2_and_rembg(live: Application, program: Client) -> None:
    """With the one that takes tasks out of the queue held up, the task is seen lying there."""
    tree = live.processes()
    worker, *_others, pusher = tree.pool
    pusher.suspend()
    try:
        identifier = program.upload(photograph())["latest_cutout"]
        assert "images.tasks.run_next_cutout" in queued_functions(live)
        assert program.cutout(identifier)["status"] == "queued"
    finally:
        pusher.resume()
    done = program.wait_for([identifier], 60)[identifier]
    assert done["status"] == "done"
    wait_until(lambda: not queued_functions(live), 10, "the task is gone from the queue")
    assert "onnxruntime" in loaded_libraries(worker)
    assert "onnxruntime" not in loaded_libraries(tree.web_workers[0])


def queued_functions(live: Application) -> list[str]:
    code = (
        "import json; from django_q.models import OrmQ; "
        "print(json.dumps([row.func() for row in OrmQ.objects.all()]))"
    )
    functions: list[str] = json.loads(live.manage("shell", "-v0", "-c", code))
    return functions


def loaded_libraries(process: psutil.Process) -> str:
    return " ".join(library.path for library in process.memory_maps())


@pytest.mark.weights
def test_all_photographs_agree_with_rembg(
    live: Application, program: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rembg's own `remove()` on the upright photographs is the measure."""
    import rembg

    monkeypatch.setenv("U2NET_HOME", str(live.model_dir))
    session = rembg.new_session("u2net")
    photographs = test_pictures("photos")
    submitted = {path: program.upload(path)["latest_cutout"] for path in photographs}
    finished = program.wait_for(list(submitted.values()), 180)
    differences = {}
    for path, identifier in submitted.items():
        assert finished[identifier]["status"] == "done", (path.name, finished[identifier])
        original = upright(path)
        matte = fetch_picture(program, f"/cutouts/{identifier}/matte/")
        assert matte.size == original.size, path.name
        expected = rembg.remove(original, session=session, only_mask=True)
        differences[path.name] = mean_difference(matte, expected)
        picture = fetch_picture(program, f"/cutouts/{identifier}/rendition/", format="png")
        assert picture.size == original.size, path.name
        pixels = np.asarray(picture)
        assert not pixels[pixels[..., 3] == 0].any(), path.name
    assert np.mean(list(differences.values())) < MEAN_DIFFERENCE, differences
    assert max(differences.values()) < LARGEST_DIFFERENCE, differences


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two L images of one size, as a share of full scale."""
    a, b = (np.asarray(image.convert("L"), dtype=np.int16) for image in (one, other))
    return float(np.abs(a - b).mean() / 255)
