"""Engines as pages offer them."""

from dataclasses import dataclass

from django.conf import settings

from processing.engines.catalog import ENGINES, EngineInfo, engine_problem


@dataclass(frozen=True, slots=True)
class EngineNotice:
    """Why nothing can be cut out at the moment. `detail` names files: for administrators only."""

    detail: str


def default_engine_notice() -> EngineNotice | None:
    info = ENGINES.get(settings.DEFAULT_ENGINE)
    problem = engine_problem(info, model_dir=settings.MODEL_DIR) if info else None
    return EngineNotice(problem) if problem else None


def offered_engines() -> list[EngineInfo]:
    """What "run again" can choose from: listed, or the default here, and ready for use."""
    return [
        info
        for info in ENGINES.values()
        if (info.listed or info.name == settings.DEFAULT_ENGINE)
        and engine_problem(info, model_dir=settings.MODEL_DIR) is None
    ]


def engine_label(name: str) -> str:
    """For people; the bare name where the engine has left the catalog."""
    info = ENGINES.get(name)
    return info.label if info else name
