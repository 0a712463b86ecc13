"""Refined edges and colours beside rembg's, in one run on one core.

    python -m scripts.bench.edges ~/sets/alphamatting
    python -m scripts.bench.edges ~/sets            # every data set below it

Sets are folders with `im/` and `gt/`. Where the truth is soft, errors are the mean over pictures in
which the engine finds the subject (IoU above one half); where it is hard, over all of them, without
rembg. All get the same raw matte, and times are the processor's, of what follows the engine.
"""

import os

ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ.update(dict.fromkeys(ONE, "1"))  # before numpy is imported

import argparse  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Iterable, Sequence  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from PIL import Image, ImageFilter, ImageOps  # noqa: E402

from config.environment import env_path  # noqa: E402
from processing.edges import refine  # noqa: E402
from processing.engines import Engine, get_engine  # noqa: E402
from processing.evaluation.datasets import Pair, Truth, find_datasets, open_truth, truth_of  # noqa: E402
from processing.evaluation.matting import gradient_error, mse, sad  # noqa: E402
from processing.foreground import estimate_edges  # noqa: E402
from processing.matte import clean, enlarge  # noqa: E402
from scripts.bench.pictures import find_photographs  # noqa: E402
from tests.processing.edges import drawings  # noqa: E402

GROUNDS = {"white": (255, 255, 255), "black": (0, 0, 0), "green": (0, 255, 0)}
Mattes = Callable[[Image.Image, Image.Image], Image.Image]


@dataclass(frozen=True)
class Case:
    """image: RGB. raw: L, as the network gave it. truth: of the picture's size."""

    image: Image.Image
    raw: Image.Image
    truth: Truth


@dataclass
class Row:
    values: list[tuple[float, ...]] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def means(self) -> Sequence[float]:
        return list(np.mean(self.values, axis=0))

    def time(self) -> str:
        return f"{np.median(self.milliseconds):.0f} ({max(self.milliseconds):.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", default="u2net")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the incomplete Cholesky of rembg's matting
    engine = get_engine(options.engine, model_dir=env_path("MODEL_DIR", "var/models"), threads=1)
    _warm_up()
    for dataset in find_datasets(options.folder):
        cases = [_case(engine, pair) for pair in dataset.pairs]
        if np.mean([case.truth.is_soft for case in cases]) > 0.5:
            found = [case for case in cases if _found(case)]
            print(f"\n## {dataset.name}: {len(found)} of {len(cases)} found\n")
            compare_edges(found)
            compare_colours(dataset.name, list(_composites(cases)))
        else:
            print(f"\n## {dataset.name}: {len(cases)}, hard truth\n")
            compare_hard(cases)
    print("\n## Drawn before photographs\n")
    compare_edges(list(_drawn()))
    print("\n## Time of larger pictures\n")
    measure_sizes()


def _case(engine: Engine, pair: Pair) -> Case:
    picture = ImageOps.exif_transpose(Image.open(pair.picture)).convert("RGB")
    return Case(picture, engine.predict(picture).matte, open_truth(pair.truth))


def _found(case: Case) -> bool:
    seen = np.asarray(case.raw.resize(case.image.size), float) > 127
    truth = case.truth.values > 0.5
    return bool(np.count_nonzero(seen & truth) > 0.5 * np.count_nonzero(seen | truth))


def _full(raw: Image.Image, size: tuple[int, int]) -> Image.Image:
    """As rembg's sessions do."""
    return raw.resize(size, Image.Resampling.LANCZOS)


def rembg_plain(image: Image.Image, raw: Image.Image) -> Image.Image:
    return _full(raw, image.size)


def rembg_matting(image: Image.Image, raw: Image.Image) -> Image.Image:
    """rembg's `-a`, which falls back to the matte where its solver fails."""
    from rembg.bg import alpha_matting_cutout

    matte = _full(raw, image.size)
    try:
        return alpha_matting_cutout(image, matte, 240, 10, 10).getchannel("A")
    except ValueError:
        return matte


def ours_off(image: Image.Image, raw: Image.Image) -> Image.Image:
    return enlarge(clean(raw), image.size)


def ours_on(image: Image.Image, raw: Image.Image) -> Image.Image:
    return enlarge(refine(image, clean(raw), "on").matte, image.size)


def ours_auto(image: Image.Image, raw: Image.Image) -> Image.Image:
    return enlarge(refine(image, clean(raw), "auto").matte, image.size)


OURS: dict[str, Mattes] = {"off": ours_off, "on": ours_on, "auto": ours_auto}
ALL: dict[str, Mattes] = {"rembg": rembg_plain, "rembg -a": rembg_matting, **OURS}


def compare_edges(cases: Sequence[Case]) -> None:
    rows = {name: Row() for name in ALL}
    for case in cases:
        for name, make in ALL.items():
            matte, took = _timed(make, case.image, case.raw)
            alpha = np.asarray(matte, float) / 255
            measures = (sad, mse, gradient_error)
            rows[name].values.append(tuple(one(alpha, case.truth.values) for one in measures))
            rows[name].milliseconds.append(took)
    print("| | SAD (1000) | MSE | gradient (1000) | ms, median (most) |\n|---|---|---|---|---|")
    for name, row in rows.items():
        values = row.means()
        print(f"| {name} | {values[0]:.2f} | {values[1]:.4f} | {values[2]:.2f} | {row.time()} |")
    print(f"\nauto: {_reasons(cases)}")


def compare_hard(cases: Sequence[Case]) -> None:
    print("| | MAE | MSE | ms, median (most) |\n|---|---|---|---|")
    for name, make in OURS.items():
        row = Row()
        for case in cases:
            matte, took = _timed(make, case.image, case.raw)
            away = np.asarray(matte, float) / 255 - case.truth.values
            row.values.append((float(np.abs(away).mean()), float((away**2).mean())))
            row.milliseconds.append(took)
        values = row.means()
        print(f"| {name} | {values[0]:.4f} | {values[1]:.4f} | {row.time()} |")
    print(f"\nauto: {_reasons(cases)}")


def _reasons(cases: Iterable[Case]) -> str:
    counts = Counter(refine(case.image, clean(case.raw), "auto").why for case in cases)
    return ", ".join(f"{why} {count}" for why, count in counts.most_common())


@dataclass(frozen=True)
class Composite:
    """A foreground (RGB) with alpha (L) over a ground: what a camera saw, and what is true."""

    image: Image.Image
    alpha: Image.Image
    fore: Image.Image


def _composites(cases: Iterable[Case]) -> Iterable[Composite]:
    grounds = [Image.open(path).convert("RGB") for path in find_photographs(None)]
    for number, case in enumerate(cases):
        alpha = Image.fromarray(np.rint(case.truth.values * 255).astype(np.uint8))
        for ground in (grounds[number % len(grounds)], grounds[(number + 2) % len(grounds)]):
            back = ImageOps.fit(ground, case.image.size)
            yield Composite(Image.composite(case.image, back, alpha), alpha, case.image)


def compare_colours(name: str, composites: Sequence[Composite]) -> None:
    print(
        f"\nColours of {name}, over other grounds: mean difference to the true composite, 0..255\n"
    )
    print("| | alpha | white | black | green | ms, median (most) |\n|---|---|---|---|---|---|")
    for blur in (0, 2):
        for label, colours in COLOURS.items():
            row = Row()
            for one in composites:
                alpha = one.alpha.filter(ImageFilter.GaussianBlur(blur)) if blur else one.alpha
                cutout, took = _timed(colours, one.image, alpha)
                row.values.append(tuple(_away(cutout, one, alpha, g) for g in GROUNDS.values()))
                row.milliseconds.append(took)
            blurred = f"blurred {blur} px" if blur else "true"
            values = " | ".join(f"{value:.2f}" for value in row.means())
            print(f"| {label} | {blurred} | {values} | {row.time()} |")


def naive(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """rembg's plain cutout: colours are multiplied by alpha, and alpha is kept."""
    from rembg.bg import naive_cutout

    return naive_cutout(image, alpha)


def decontaminated(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """rembg's `-dc`: pymatting's multi-level estimate."""
    from rembg.bg import decontaminate_cutout

    return decontaminate_cutout(image, alpha)


def untouched(image: Image.Image, alpha: Image.Image) -> Image.Image:
    return _with_alpha(image, alpha)


def ours(image: Image.Image, alpha: Image.Image) -> Image.Image:
    edges = estimate_edges(image, alpha)
    if edges is None:
        return _with_alpha(image, alpha)
    known = edges.convert("L").point([0] + [255] * 255)
    soft = alpha.point([0] + [255] * 254 + [0])
    mask = Image.composite(known, Image.new("L", image.size), soft)
    return _with_alpha(Image.composite(edges, image, mask), alpha)


def _with_alpha(image: Image.Image, alpha: Image.Image) -> Image.Image:
    image = image.copy()
    image.putalpha(alpha)
    return image


COLOURS: dict[str, Mattes] = {
    "no estimate": untouched,
    "rembg": naive,
    "rembg -dc": decontaminated,
    "ours": ours,
}


def _away(
    cutout: Image.Image, one: Composite, alpha: Image.Image, ground: tuple[int, ...]
) -> float:
    """In the band where the true alpha is soft; both with the alpha that was given."""
    back = Image.new("RGBA", cutout.size, (*ground, 255))
    shown = np.asarray(Image.alpha_composite(back, cutout).convert("RGB"), float)
    wanted = np.asarray(Image.composite(one.fore, back.convert("RGB"), alpha), float)
    soft = np.asarray(one.alpha)
    return float(np.abs(shown - wanted)[(soft > 0) & (soft < 255)].mean())


SHAPES: dict[str, tuple[drawings.Draw, drawings.Draw | None]] = {
    "hair": (drawings.hair, drawings.hairy_outline),
    "net": (drawings.net, None),
    "hole": (drawings.ring, None),
    "thin": (drawings.lamp, None),
    "border": (drawings.cut_off, None),
    "three": (drawings.three, None),
}


def _drawn() -> Iterable[Case]:
    """Every shape in one photograph of scikit-image, before another."""
    photographs = [Image.open(path).convert("RGB") for path in find_photographs(None)]
    for number, (shape, rough) in enumerate(SHAPES.values()):
        drawing = drawings.draw(shape, rough=rough)
        for turn in (0, 2):
            fore, back = (photographs[(number + turn + n) % len(photographs)] for n in (0, 1))
            near, far = (ImageOps.fit(one, drawings.SIZE) for one in (fore, back))
            image = Image.composite(near, far, drawing.truth)
            yield Case(image, drawing.seen, truth_of(drawing.truth))


def measure_sizes() -> None:
    drawing = drawings.draw(drawings.hair, rough=drawings.hairy_outline)
    unsure = drawings.unsure()
    print("| | ms of refining | ms of colours |\n|---|---|---|")
    for name, size in {"1 MP": (1160, 870), "working copy of larger ones": (2048, 1536)}.items():
        image = drawing.image.resize(size, Image.Resampling.BICUBIC)
        for kind, seen in {"hair": drawing.seen, "unsure everywhere": unsure}.items():
            times = [_timed(ours_on, image, seen)[1] for _ in range(5)]
            alpha = ours_on(image, seen)
            colours = [_timed(estimate_edges, image, alpha)[1] for _ in range(5)]
            print(f"| {name}, {kind} | {np.median(times):.0f} | {np.median(colours):.0f} |")
    image = drawing.image.resize((1160, 870), Image.Resampling.BICUBIC)
    print(f"| 1 MP, hair, rembg -a | {_timed(rembg_matting, image, drawing.seen)[1]:.0f} | |")


def _timed(make: Callable[..., Any], image: Image.Image, matte: Image.Image) -> tuple[Any, float]:
    started = time.process_time()
    result = make(image, matte)
    return result, (time.process_time() - started) * 1000


def _warm_up() -> None:
    """Import and compile everything once."""
    drawing = drawings.draw(drawings.ring)
    for make in ALL.values():
        make(drawing.image, drawing.seen)
    for colours in COLOURS.values():
        colours(drawing.image, drawing.truth)


if __name__ == "__main__":
    main()
