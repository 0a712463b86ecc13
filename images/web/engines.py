"""Engines as pages offer them."""

from dataclasses import dataclass

from django.conf import settings

from images.services import engines
from processing.engines.catalog import ENGINES, EngineInfo


@dataclass(frozen=True, slots=True)
class EngineNotice:
    """Why nothing can be cut out at the moment. `detail` names files: for administrators only."""

    detail: str


def default_engine_notice() -> EngineNotice | None:
    info = ENGINES.get(settings.DEFAULT_ENGINE)
    problem = engines.problem_of(info) if info else None
    return EngineNotice(problem) if problem else None


def offered_engines() -> list[EngineInfo]:
    """What "run again" can choose from: on offer, and ready for use."""
    return [info for info in engines.offered_engines() if engines.problem_of(info) is None]


def whereabouts() -> str:
    """Where pictures go: "here", "chosen" where a person may choose an engine that sends them away,
    or "away" where the usual one does.
    """
    default = ENGINES.get(settings.DEFAULT_ENGINE)
    if default and default.sends_away:
        return "away"
    return "chosen" if any(info.sends_away for info in engines.offered_engines()) else "here"


def engine_label(name: str) -> str:
    """For people; the bare name where the engine has left the catalog."""
    info = ENGINES.get(name)
    return info.label if info else name
