"""Whether an engine computes in 8-bit integers on this machine: decided once, by measuring."""

import logging
from dataclasses import dataclass
from pathlib import Path

from processing.engines.catalog import EngineInfo

from . import notes, quantized_path
from .store import is_current
from .trial import Trial, try_out

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """path: the file to load. precision: int8 or fp32. notice: why not int8, or blank."""

    path: Path
    precision: str
    notice: str = ""


def choose(info: EngineInfo, weights: Path, *, threads: int | None, anew: bool = False) -> Choice:
    """The 8-bit weights where they are there and pass the trial on this processor, else the others.

    The first call on a kind of processor takes some seconds; what came out is noted. anew: try
    again, whatever was noted.
    """
    if not is_current(info, weights):
        return _without_weights(info, weights)
    try:
        with notes.one_at_a_time(weights):
            trial = None if anew else notes.find(weights)
            if trial is None:
                trial = _try_patiently(weights, threads)
                notes.keep(weights, trial)
    except Exception as error:  # a damaged file, too little memory: there is another way
        logger.exception("The 8-bit weights of %s could not be tried", info.name)
        return Choice(weights, "fp32", f"the 8-bit weights could not be tried: {error}")
    return _by(trial, weights)


def known_choice(info: EngineInfo, weights: Path) -> Choice | None:
    """What ``choose`` would say without trying anything; None if it would have to."""
    if not is_current(info, weights):
        return _without_weights(info, weights)
    trial = notes.find(weights)
    return None if trial is None else _by(trial, weights)


def _try_patiently(weights: Path, threads: int | None) -> Trial:
    """Whether it is slow or the machine was busy, a second look tells."""
    trial = try_out(quantized_path(weights), weights, threads=threads)
    return trial if trial.passed else try_out(quantized_path(weights), weights, threads=threads)


def _by(trial: Trial, weights: Path) -> Choice:
    if trial.passed:
        return Choice(quantized_path(weights), "int8")
    return Choice(weights, "fp32", f"the 8-bit version is not used: {trial.reason}")


def _without_weights(info: EngineInfo, weights: Path) -> Choice:
    notice = f"there are no 8-bit weights yet; “manage.py quantize {info.name}” makes them"
    return Choice(weights, "fp32", notice)
