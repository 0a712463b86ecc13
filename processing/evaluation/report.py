"""What was measured, for programs (JSON, CSV) and for people (one HTML file)."""

import base64
import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image, ImageChops

from processing.engines import Engine
from processing.imageio import open_image

from .run import Result, try_pair

MEASURES = (
    *("mae", "max_f", "mean_f", "weighted_f", "s", "max_e", "mean_e", "iou"),
    *("sad", "mse", "gradient", "connectivity", "seconds"),
)
# Of whole data sets: how well doubt tells bad mattes, the share that is marked for a look, and how
# many pictures a second the median time makes.
OF_SETS = ("auroc", "marked", "images_per_second")
THUMBNAIL_SIDE = 240


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One of the worst pictures, each column as the address of a small WebP within the page."""

    name: str
    values: dict[str, float]
    picture: str
    truth: str
    matte: str
    difference: str


def as_json(results: Iterable[Result]) -> str:
    return json.dumps(
        [
            {
                "engine": result.engine,
                "dataset": result.dataset.name,
                **asdict(result.summary),
                "each": [
                    {
                        "name": one.name,
                        **one.values,
                        "confidence": one.confidence,
                        "needs_look": one.needs_look,
                        "seconds": one.seconds,
                    }
                    for one in result.scores
                ],
                "failures": [asdict(failure) for failure in result.failures],
                "unpaired": [path.name for path in result.dataset.unpaired],
            }
            for result in results
        ],
        indent=1,
    )


def write_csv(results: Iterable[Result], file: TextIO) -> None:
    """A line a picture; measures that were not taken stay empty."""
    writer = csv.writer(file)
    writer.writerow(["engine", "dataset", "picture", *MEASURES, "confidence", "needs_look"])
    for result in results:
        for one in result.scores:
            values = {**one.values, "seconds": one.seconds}
            cells = [_number(values.get(name)) for name in MEASURES]
            cells += [_number(one.confidence), str(int(one.needs_look))]
            writer.writerow([result.engine, result.dataset.name, one.name, *cells])


def table(results: Iterable[Result]) -> str:
    """Markdown, a line for each engine and data set."""
    columns = (*MEASURES, *OF_SETS)
    lines = [
        "| engine | data set | pictures | " + " | ".join(columns) + " |",
        "|---" * (3 + len(columns)) + "|",
    ]
    for result in results:
        summary = result.summary
        cells = [_number(summary.values.get(name)) for name in columns]
        first = f"| {result.engine} | {result.dataset.name} | {summary.pictures} | "
        lines.append(first + " | ".join(cells) + " |")
    return "\n".join(lines)


def worst(engine: Engine, result: Result, count: int) -> Sequence[Exhibit]:
    """The pictures with the highest MAE: cut out again, since no matte is kept in memory."""
    by_name = {pair.name: pair for pair in result.dataset.pairs}
    exhibits = []
    for one in result.scores[:count]:
        pair = by_name[one.name]
        with pair.picture.open("rb") as file:
            picture = open_image(file, max_pixels=None).convert("RGB")
        attempt = try_pair(engine, pair)
        matte = attempt.matte
        true = Image.fromarray((attempt.truth.values * 255).round().astype(np.uint8))
        exhibits.append(
            Exhibit(
                one.name,
                {name: value for name, value in one.values.items() if name in MEASURES},
                *map(address_of, (picture, true, matte, ImageChops.difference(matte, true))),
            )
        )
    return exhibits


def address_of(picture: Image.Image) -> str:
    """A small copy as a data: address, so that the page is one file."""
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_all(folder: Path, results: Sequence[Result], page: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(as_json(results))
    with (folder / "evaluation.csv").open("w", newline="") as file:
        write_csv(results, file)
    (folder / "evaluation.html").write_text(page)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
