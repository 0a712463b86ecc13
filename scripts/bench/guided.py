"""How far strokes bring a matte, and how long they take: a simulated person refines real pictures.

    python -m scripts.bench.guided ~/sets/SED2 ~/sets/horses --every 4
    python -m scripts.bench.guided ~/sets --engine classical --strokes 5

DIR holds pictures in im/ and their true mattes in gt/, or folders that do. The person looks at the
largest connected mistake, draws along its middle with a brush half as wide, keep or remove as the
truth says, and goes on with the next. Pictures that begin with an IoU above --good are left out.
"Paint" is what the same strokes are worth if only the pixels under them change.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from config.environment import env_path
from processing.engines import Engine, get_engine
from processing.engines.catalog import ENGINES
from processing.errors import ProcessingError
from processing.evaluation.datasets import Pair, find_datasets, open_truth
from processing.guided import WORKING_SIDE, Stroke, prepare, refine_by_strokes, shrink
from processing.guided.strokes import KEEP, REMOVE, draw_strokes
from processing.imageio import encode_matte, open_image, open_matte, open_working_copy
from processing.pipeline import Pixels, extract
from processing.spec import ExtractSpec

Mask = np.ndarray


def main() -> None:
    options = parse_options()
    pairs = [
        pair
        for folder in options.folders
        for dataset in find_datasets(folder)
        for pair in dataset.pairs[:: options.every]
    ]
    time_large(pairs[0])  # before any engine is loaded: its memory would hide what this takes
    engine = get_engine(options.engine, model_dir=env_path("MODEL_DIR", "var/models"), threads=1)
    rows, painted, first, later = [], [], [], []
    for pair in pairs:
        for row, paint, times in refined(engine, pair, options.strokes, options.good):
            rows.append(row)
            painted.append(paint)
            first.append(times[0])
            later += times[1:]
    if not rows:
        print("No picture leaves anything to refine.")
        return
    report(options.engine, np.array(rows), np.array(painted))
    print(f"\nfirst stroke, with what the picture needs: {median(first) * 1000:.0f} ms (median)")
    if later:
        print(f"each further one: {median(later) * 1000:.0f} ms, worst {max(later) * 1000:.0f} ms")


def time_large(pair: Pair, size: tuple[int, int] = (4000, 3000)) -> None:
    """As a request does it, from the stored files of a photograph of 12 megapixels."""
    with pair.picture.open("rb") as file:
        picture = open_image(file).convert("RGB").resize(size)
    photo = BytesIO()
    picture.save(photo, "JPEG", quality=90)
    stored = BytesIO(encode_matte(Image.new("L", size)))
    before = memory()
    first, later = [], []
    for _ in range(5):
        began = time.perf_counter()
        prepared = prepare(open_working_copy(photo, min_side=WORKING_SIDE).image)
        stored.seek(0)
        matte = shrink(open_matte(stored), prepared)
        ready = time.perf_counter()
        for number in range(4):
            points = [(900.0 + 400 * number, 1000.0), (1200.0 + 400 * number, 1900.0)]
            again = time.perf_counter()
            stroke = Stroke(True, 60, points)
            encode_matte(refine_by_strokes(prepared, matte, [stroke], full_size=size))
            later.append(time.perf_counter() - again)
        first.append(ready - began + later[-4])
    print("12 megapixels, from the stored files to the encoded answer:")
    print(
        f"first request {median(first) * 1000:.0f} ms, further ones {median(later) * 1000:.0f} ms"
    )
    print(f"memory of the process at its highest: {memory() - before:.0f} MB more\n")


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--engine", choices=list(ENGINES), default="u2net", help="begins")
    parser.add_argument("--strokes", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="each N-th pair only")
    parser.add_argument("--good", type=float, default=0.97, help="leave out what begins above")
    return parser.parse_args()


def report(engine: str, rows: np.ndarray, painted: np.ndarray) -> None:
    numbers = range(rows.shape[1])
    print(f"{len(rows)} pictures that begin with the matte of {engine}; mean IoU after strokes\n")
    print("| strokes | " + " | ".join(map(str, numbers)) + " |")
    print("|---|" + "---|" * len(numbers))
    for name, table in (("refined", rows), ("paint", painted)):
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in table.mean(axis=0)) + " |")
    better = (rows[:, 1:] - rows[:, :1] > 0.01).mean(axis=0)
    worse = (rows[:, 1:] - rows[:, :1] < -0.01).mean(axis=0)
    print("| better than at first | | " + " | ".join(f"{value:.0%}" for value in better) + " |")
    print("| worse | | " + " | ".join(f"{value:.0%}" for value in worse) + " |")


def refined(
    engine: Engine, pair: Pair, count: int, good: float
) -> Iterator[tuple[list[float], list[float], list[float]]]:
    """Nothing for a picture that needs no strokes; else IoUs, those of painting, and seconds."""
    with pair.picture.open("rb") as file:
        picture = open_image(file).convert("RGB")
    truth = open_truth(pair.truth).values > 0.5
    matte = begin(engine, picture)
    found = np.asarray(matte) > 127
    row, times = [iou(found, truth)], []
    if row[0] > good:
        return
    paint, painted = [row[0]], found.copy()
    strokes: list[Stroke] = []
    began = time.perf_counter()
    prepared = prepare(picture)
    preparing = time.perf_counter() - began
    for number in range(count):
        stroke = next_stroke(found, truth)
        if stroke is not None:
            strokes.append(stroke)
            marks = draw_strokes([stroke], full_size=picture.size, size=picture.size)
            painted = (painted | (marks == KEEP)) & (marks != REMOVE)
            began = time.perf_counter()
            small = refine_by_strokes(prepared, matte, strokes, full_size=picture.size)
            times.append(time.perf_counter() - began + (preparing if number == 0 else 0))
            found = np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC)) > 127
        row.append(iou(found, truth))
        paint.append(iou(painted, truth))
    yield row, paint, times


def begin(engine: Engine, picture: Pixels) -> Pixels:
    try:
        return extract(picture, engine, ExtractSpec(engine.info.name)).matte
    except ProcessingError:  # nothing found: the person begins with nothing
        return Image.new("L", picture.size)


def next_stroke(found: Mask, truth: Mask) -> Stroke | None:
    """Along the middle of the largest mistake, leaving out its thin ends."""
    from scipy import ndimage
    from skimage.morphology import skeletonize

    region, keep = largest_mistake(found, truth)
    if region is None:
        return None
    region = np.pad(region, 1)
    depth = ndimage.distance_transform_edt(region)
    middle = skeletonize(region) & (depth >= depth.max() / 2)
    labels, _count = ndimage.label(middle, np.ones((3, 3)))
    deepest = np.unravel_index(int(np.argmax(depth * middle)), depth.shape)
    if not middle[deepest]:
        deepest = np.unravel_index(int(np.argmax(depth)), depth.shape)
        path = [(int(deepest[0]), int(deepest[1]))]
    else:
        path = longest_path(labels == labels[deepest])
    radius = max(1.0, 0.5 * median(float(depth[place]) for place in path))
    points = [(column - 0.5, row - 0.5) for row, column in [*path[::3], path[-1]]]
    return Stroke(keep, radius, points)


def largest_mistake(found: Mask, truth: Mask) -> tuple[Mask | None, bool]:
    """And whether it is something to keep."""
    from scipy import ndimage

    best: tuple[int, Mask | None, bool] = (0, None, True)
    for keep, wrong in ((True, truth & ~found), (False, found & ~truth)):
        labels, count = ndimage.label(wrong)
        if count:
            sizes = np.bincount(labels.ravel())
            sizes[0] = 0
            which = int(sizes.argmax())
            if sizes[which] > best[0]:
                best = (int(sizes[which]), labels == which, keep)
    return best[1], best[2]


def longest_path(pixels: Mask) -> list[tuple[int, int]]:
    """From one end of a thin line to the other."""
    places = {(int(row), int(column)) for row, column in np.argwhere(pixels)}

    def walk(start: tuple[int, int]) -> list[tuple[int, int]]:
        came: dict[tuple[int, int], tuple[int, int] | None] = {start: None}
        queue = [start]
        for row, column in queue:
            for near in ((row + y, column + x) for y in (-1, 0, 1) for x in (-1, 0, 1)):
                if near in places and near not in came:
                    came[near] = (row, column)
                    queue.append(near)
        path = [queue[-1]]
        while (before := came[path[-1]]) is not None:
            path.append(before)
        return path

    return walk(walk(min(places))[0])


def iou(one: Mask, other: Mask) -> float:
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 1.0


if __name__ == "__main__":
    main()
