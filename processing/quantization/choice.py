"""Whether an engine computes in 8-bit integers on this machine: decided once, by measuring."""

import contextlib
import fcntl
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from processing.engines.catalog import EngineInfo

from . import quantized_path
from .store import fingerprint, is_current
from .trial import Trial, processor, try_out

logger = logging.getLogger(__name__)

NOTES = "int8-trials.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """path: the file to load. precision: int8 or fp32. notice: why not int8, or blank."""

    path: Path
    precision: str
    notice: str = ""


def choose(info: EngineInfo, weights: Path, *, threads: int | None) -> Choice:
    """The 8-bit weights where they are there and pass the trial on this processor, else the others.

    The first call on a kind of processor takes some seconds; what came out is noted.
    """
    if not is_current(info, weights):
        return Choice(
            weights,
            "fp32",
            f"there are no 8-bit weights yet; “manage.py quantize {info.name}” makes them",
        )
    quantized = quantized_path(weights)
    try:
        trial = _noted_trial(quantized, weights, threads)
    except Exception as error:  # a damaged file, too little memory: there is another way
        logger.exception("The 8-bit weights of %s could not be tried", info.name)
        return Choice(weights, "fp32", f"the 8-bit weights could not be tried: {error}")
    if not trial.passed:
        return Choice(weights, "fp32", f"the 8-bit version is not used: {trial.reason}")
    return Choice(quantized, "int8")


def _no_folder() -> None:
    return None


# Where notes go if the folder of the weights cannot be written to, as in a container.
_spare_folder: Callable[[], Path | None] = _no_folder


def provide_spare_folder(provider: Callable[[], Path | None]) -> None:
    """Ask `provider` for a folder where notes may be kept."""
    global _spare_folder  # noqa: PLW0603 - one process has one
    _spare_folder = provider


def _noted_trial(quantized: Path, weights: Path, threads: int | None) -> Trial:
    import onnxruntime

    key = f"{fingerprint(quantized)} {onnxruntime.__version__} {processor()}"
    folders = [weights.parent]
    spare = _spare_folder()
    if spare is not None:
        folders.append(spare)
    with _first_lock(folders):  # several workers start at the same moment
        for folder in folders:
            known = _read(folder / NOTES).get(key)
            if known is not None:
                return known
        trial = try_out(quantized, weights, threads=threads)
        for folder in folders:
            with contextlib.suppress(OSError):
                _write(folder / NOTES, {**_read(folder / NOTES), key: trial})
                break
    return trial


def _read(path: Path) -> dict[str, Trial]:
    try:
        content = json.loads(path.read_text())
        return {key: Trial(**values) for key, values in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(path: Path, trials: dict[str, Trial]) -> None:
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps({key: asdict(trial) for key, trial in trials.items()}, indent=1))
    draft.replace(path)


@contextmanager
def _first_lock(folders: list[Path]) -> Iterator[None]:
    for folder in folders:
        try:
            file = (folder / ".int8.lock").open("w")
        except OSError:
            continue
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    yield
