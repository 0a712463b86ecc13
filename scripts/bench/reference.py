"""`rembg.remove()` with u2net, measured in a process of its own.

As a program: reads paths of pictures, one on each line, and answers with a line of JSON, stage by
stage in milliseconds. The stages add up to the total.
"""

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image


class Reference:
    """The measuring process, seen from outside."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scripts.bench.reference"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def measure(self, path: Path) -> dict[str, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        stages: dict[str, float] = json.loads(self.process.stdout.readline())
        return stages

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Timed:
    """Counts the milliseconds spent in a callable that it stands in for."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.spent = 0.0
        self.ended = 0.0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        result = self.function(*arguments, **options)
        self.ended = time.perf_counter()
        self.spent = (self.ended - began) * 1000
        return result


class TimedNetwork:
    """Stands in for an onnxruntime session, whose own attributes are read-only."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.run = Timed(network.run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)


def measure(path: Path, session: Any, cutout: Timed) -> dict[str, float]:
    from rembg import remove

    content = path.read_bytes()
    began = time.perf_counter()
    Image.open(io.BytesIO(content)).load()
    decode = (time.perf_counter() - began) * 1000
    began = time.perf_counter()
    cutout_png = remove(content, session=session)
    ended = time.perf_counter()
    stages = {
        "decode": decode,
        "network": session.inner_session.run.spent,
        "composite": cutout.spent,
        "encode": (ended - cutout.ended) * 1000,
    }
    total = (ended - began) * 1000
    resize = total - sum(stages.values())
    return {**stages, "resize": resize, "total": total, "PNG, KB": len(cutout_png) / 1e3}


def main() -> None:
    import rembg
    import rembg.bg

    session = rembg.new_session("u2net")
    session.inner_session = TimedNetwork(session.inner_session)
    rembg.bg.naive_cutout = cutout = Timed(rembg.bg.naive_cutout)
    for line in sys.stdin:
        print(json.dumps(measure(Path(line.strip()), session, cutout)), flush=True)


if __name__ == "__main__":
    main()
