"""System checks of the machine room.

processing.E001  the default engine is not in the catalog
processing.E002  the default engine's weights are missing or damaged
processing.E003  the address of the service that SERVICE_ENGINE_URL names is none
processing.W001  another listed engine's weights are missing or damaged
processing.W002  the default engine sends pictures away
processing.W003  pictures and the key of the service go out unencrypted
processing.W004  the default engine could be several times as fast
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core import checks

from .engines.catalog import (
    ENGINES,
    SLOW_SECONDS,
    EngineInfo,
    engine_problem,
    is_listed,
    weights_path,
)
from .quantization.choice import known_choice

# It may take twice as long, for the answer to begin and to end, and a run has its own deadline.
MAX_SERVICE_SECONDS = SLOW_SECONDS * 0.4


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
        is_missed = is_listed(info) and not info.on_demand
        if problem is not None and (is_missed or info.name == default):
            yield _message(info, problem, model_dir, is_default=info.name == default)


def _message(
    info: EngineInfo, problem: str, model_dir: Path, *, is_default: bool
) -> checks.CheckMessage:
    hint = f"Run “manage.py fetch_models {info.name}”. Weights are kept in {model_dir}."
    if info.sends_away:
        hint = "Set SERVICE_ENGINE_URL, or another DEFAULT_ENGINE."
    if is_default:
        hint += " Meanwhile DEFAULT_ENGINE=classical needs no weights."
        return checks.Error(problem, hint=hint, id="processing.E002")
    return checks.Warning(problem, hint=hint, id="processing.W001")


@checks.register("processing")
def check_precision(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report that the default engine does not use its 8-bit weights, and why."""
    default = ENGINES.get(settings.DEFAULT_ENGINE)
    info = ENGINES.get(default.quantized_as) if default else None
    model_dir = Path(settings.MODEL_DIR)
    if info is None or engine_problem(info, model_dir=model_dir) or _computes_on_gpu():
        return []
    choice = known_choice(info, weights_path(info, model_dir=model_dir))
    if choice is None or choice.precision == "int8":
        return []
    return [
        checks.Warning(
            f"{info.label} computes in single precision: {choice.notice}.",
            hint=f"“manage.py quantize {info.name}” tries it again (a minute). "
            "DEFAULT_ENGINE=u2net-fp32 says that this is how it should be.",
            id="processing.W004",
        )
    ]


def _computes_on_gpu() -> bool:
    try:
        version("onnxruntime-gpu")
    except PackageNotFoundError:
        return False
    return True


@checks.register("processing")
def check_sending_away(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Report what sends pictures to somebody else without anybody having been asked."""
    return [*_default_sends_away(settings.DEFAULT_ENGINE), *_service_problems()]


def _default_sends_away(default: str) -> Iterator[checks.CheckMessage]:
    if default in ENGINES and ENGINES[default].sends_away:
        yield checks.Warning(
            "The default engine sends every picture to another server.",
            hint="Tell the people who use this one, or set DEFAULT_ENGINE to another.",
            id="processing.W002",
        )


def _service_problems() -> Iterator[checks.CheckMessage]:
    if not settings.SERVICE_ENGINE_URL:
        return
    parts = _parts_of(settings.SERVICE_ENGINE_URL)
    if parts is None or not 0 < settings.SERVICE_ENGINE_SECONDS <= MAX_SERVICE_SECONDS:
        yield checks.Error(
            "SERVICE_ENGINE_URL or SERVICE_ENGINE_SECONDS is wrong.",
            hint="An address such as https://service.example, and "
            f"up to {MAX_SERVICE_SECONDS:g} seconds.",
            id="processing.E003",
        )
    elif parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        yield checks.Warning(
            "SERVICE_ENGINE_URL begins with http://: pictures and the key go out unencrypted.",
            hint="Use https:// wherever the way there leads through a network.",
            id="processing.W003",
        )


def _parts_of(url: str) -> SplitResult | None:
    """None for what is no plain address of a server."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return None if parts.query or parts.fragment else parts
