"""The engines of this installation: which may be asked for, and which are ready."""

from django.conf import settings

from processing.engines.catalog import ENGINES, EngineInfo, engine_problem, is_listed
from processing.errors import EngineUnavailable


def offered_engines() -> list[EngineInfo]:
    """Those that people may choose, ready or not."""
    return [info for info in ENGINES.values() if is_offered(info.name)]


def is_offered(name: str) -> bool:
    """Whether people may ask for it: listed, or the default here."""
    return is_listed(ENGINES[name]) or name == settings.DEFAULT_ENGINE


def problem_of(info: EngineInfo) -> str | None:
    """Why it cannot be used here, in a sentence for people; None if it can."""
    if info.is_slow and settings.SLOW_WORKERS < 1:
        return f"{info.label} takes long, and this server does not do such work."
    return engine_problem(info, model_dir=settings.MODEL_DIR)


def require_usable(name: str) -> None:
    """Raises EngineUnavailable where nobody could say when the engine will be ready.

    The weights that belong to every installation are on their way, and work waits for them; those
    that somebody must ask for by name may never come.
    """
    info = ENGINES.get(name)
    if info is None or waits(info):
        return
    if problem := problem_of(info):
        raise EngineUnavailable(problem)


def waits(info: EngineInfo) -> bool:
    """Whether work for it waits until its weights are there, instead of being refused or failing
    when they are gone by then.
    """
    if info.sends_away or (info.is_slow and settings.SLOW_WORKERS < 1):
        return False
    return info.name == settings.DEFAULT_ENGINE or not info.on_demand
