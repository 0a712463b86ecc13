"""System checks of the machine room.

processing.E001  the default engine is not in the catalog
processing.E002  the default engine's weights are missing or damaged
processing.W001  another listed engine's weights are missing or damaged
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

from .engines.catalog import ENGINES, EngineInfo, engine_problem


@checks.register("processing")
def check_engines(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report every engine of the catalog that people could choose but that would not run."""
    if settings.DEFAULT_ENGINE not in ENGINES:
        return [_unknown_default(settings.DEFAULT_ENGINE)]
    return list(_problems(Path(settings.MODEL_DIR), settings.DEFAULT_ENGINE))


def _unknown_default(name: str) -> checks.CheckMessage:
    hint = f"Set DEFAULT_ENGINE to one of {', '.join(ENGINES)}."
    return checks.Error(f"There is no engine called “{name}”.", hint=hint, id="processing.E001")


def _problems(model_dir: Path, default: str) -> Iterator[checks.CheckMessage]:
    for info in ENGINES.values():
        problem = engine_problem(info, model_dir=model_dir)
        if problem is not None and (info.listed or info.name == default):
            yield _message(info, problem, model_dir, is_default=info.name == default)


def _message(
    info: EngineInfo, problem: str, model_dir: Path, *, is_default: bool
) -> checks.CheckMessage:
    hint = f"Run “manage.py fetch_models {info.name}”. Weights are kept in {model_dir}."
    if is_default:
        return checks.Error(problem, hint=hint, id="processing.E002")
    return checks.Warning(problem, hint=hint, id="processing.W001")
