"""How many workers, and how many threads each: measured on the real application.

    python -m scripts.bench.workers                       # all cores of this machine, and one
    python -m scripts.bench.workers --cores 1 2 4 8 --megapixels 1 24

For each number of cores every division of them into workers (processes) and threads of the engine
is started, and asked for pictures in turns. Settings that are not given are chosen from the number
of cores (config/settings/base.py); this is where those choices come from.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from config.environment import env_path
from scripts.bench.pictures import Picture, make_pictures
from scripts.bench.servers import Clearcut, PeakMemory, run_clients

CLIENTS = 4


@dataclass
class Division:
    """latencies: ms from the upload to done, one client. rates: pictures a second, four."""

    cores: int
    workers: int
    threads: int
    latencies: dict[float, list[float]] = field(default_factory=dict)
    rates: dict[float, list[float]] = field(default_factory=dict)
    peak: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    available = len(os.sched_getaffinity(0))
    parser.add_argument("--cores", type=int, nargs="+", default=sorted({1, available}))
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1.5])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=12, help="in each round")
    options = parser.parse_args()
    if max(options.cores) > available:
        parser.error(f"this machine has {available} cores")
    pictures = {size: make_pictures(size, None) for size in options.megapixels}
    divisions = [each for cores in options.cores for each in divide(cores)]
    for number in range(options.rounds):
        for division in divisions:
            print(f"round {number + 1}: {division.cores} cores, {division.workers} x", end=" ")
            print(f"{division.threads}", flush=True)
            measure(division, pictures, options.pictures)
    print(table(divisions, options.megapixels))


def divide(cores: int) -> Iterator[Division]:
    """Workers of 1, 2, 4 ... threads that fill the cores, and half again as many threads."""
    threads = 1
    while threads <= cores:
        workers = max(1, cores // threads)
        yield Division(cores, workers, threads)
        if workers > 1:
            yield Division(cores, workers, min(cores, threads * 2))
        threads *= 2


def measure(division: Division, pictures: dict[float, list[Picture]], count: int) -> None:
    settings = {"WORKERS": str(division.workers), "ENGINE_THREADS": str(division.threads)}
    everything = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, set(sorted(everything)[: division.cores]))
        try:
            clearcut = Clearcut(Path(folder), env_path("MODEL_DIR", "var/models"), settings)
        finally:
            os.sched_setaffinity(0, everything)
        try:
            for size, some in pictures.items():
                measure_size(division, clearcut, size, some, count)
        finally:
            clearcut.stop()


def measure_size(
    division: Division, clearcut: Clearcut, size: float, some: list[Picture], count: int
) -> None:
    many = [some[number % len(some)] for number in range(count)]
    for picture in some[:2]:
        clearcut.cut_out(picture)
    for picture in many[: count // 2]:
        began = time.perf_counter()
        clearcut.cut_out(picture)
        division.latencies.setdefault(size, []).append((time.perf_counter() - began) * 1000)
    with PeakMemory(clearcut) as memory:
        rate = run_clients(clearcut.cut_out, many, CLIENTS)
    division.rates.setdefault(size, []).append(rate)
    division.peak = max(division.peak, memory.peak)


def table(divisions: list[Division], sizes: list[float]) -> str:
    titles = [f"{size:g} MP: {what}" for size in sizes for what in ("ms", "pictures/s")]
    lines = [
        "| cores | workers | threads | " + " | ".join(titles) + " | peak memory, MB |",
        "|---" * (4 + len(titles)) + "|",
    ]
    for each in divisions:
        cells = [f"{each.cores} | {each.workers} | {each.threads}"]
        for size in sizes:
            cells += [f"{median(each.latencies[size]):.0f}", f"{median(each.rates[size]):.2f}"]
        lines.append("| " + " | ".join([*cells, f"{each.peak / 1e6:.0f}"]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
