"""How well an engine knows which of its mattes are bad, as a table."""

from collections.abc import Iterable, Sequence

import numpy as np

from .doubt import BAD_IOU, auroc_interval, count_marked, rank_correlation
from .run import Result
from .scores import Score

POOR_IOU = 0.7
HEAD = (
    *("engine", "data set", "pictures", "bad", "AUROC of bad", "of poor", "rank with MAE"),
    *("marked", "bad among them", "of all bad"),
)


def table(results: Iterable[Result]) -> str:
    """Markdown, a line for each engine and data set, and one for all sets of an engine together.

    Bad: IoU below .5; poor: below .7. In brackets, 95 of 100 samples of this size.
    """
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    by_engine: dict[str, list[Result]] = {}
    for result in results:
        by_engine.setdefault(result.engine, []).append(result)
    for engine, sets in by_engine.items():
        lines += [_line(engine, one.dataset.name, one.scores) for one in sets]
        if len(sets) > 1:
            lines.append(_line(engine, "all", [score for one in sets for score in one.scores]))
    return "\n".join(lines)


def _line(engine: str, name: str, scores: Sequence[Score]) -> str:
    """Pictures in which nothing was found got no matte that could be doubted: they are left out."""
    judged = [one for one in scores if one.confidence is not None]
    if not judged:
        return f"| {engine} | {name} | 0 |" + " |" * (len(HEAD) - 3)
    doubt = np.array([-(one.confidence or 0.0) for one in judged])
    iou = np.array([one.values["iou"] for one in judged])
    mae = np.array([one.values["mae"] for one in judged])
    bad = iou < BAD_IOU
    marked = count_marked(np.array([one.needs_look for one in judged]), bad)
    cells = (
        *(engine, name, str(len(judged)), str(int(bad.sum()))),
        *(_interval(doubt, bad), _interval(doubt, iou < POOR_IOU)),
        _number(rank_correlation(doubt, mae)),
        f"{marked.marked} ({marked.marked / len(judged):.0%})",
        *(f"{marked.caught} of {marked.marked}", f"{marked.caught} of {marked.bad}"),
    )
    return "| " + " | ".join(cells) + " |"


def _interval(doubt: np.ndarray, bad: np.ndarray) -> str:
    found = auroc_interval(doubt, bad)
    if np.isnan(found.value):
        return ""
    return f"{_number(found.value)} ({_number(found.low)} to {_number(found.high)})"


def _number(value: float) -> str:
    """.917, as tables of such figures have it; blank for what cannot be said."""
    return "" if np.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)
