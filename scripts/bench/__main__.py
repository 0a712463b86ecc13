"""`make bench`: how fast Clearcut is, beside rembg on the same machine in the same run.

    make bench
    make bench BENCH="--quick"
    make bench BENCH="--images ~/photographs --repeat 15"

A and B are measured in turns, so that a machine that is slow for a while is slow for both.
"""

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from config.environment import env_path
from scripts.bench.pictures import Picture, make_pictures
from scripts.bench.reference import Reference
from scripts.bench.report import SizeResult, table, write_json
from scripts.bench.servers import ROOT, Clearcut, PeakMemory, RembgServer, Server, run_clients

JSON = ROOT / "var" / "bench.json"


def main() -> None:
    options = parse_options()
    model_dir = env_path("MODEL_DIR", "var/models")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        say("Starting Clearcut ...")
        clearcut = Clearcut(folder, model_dir)
        stack.callback(clearcut.application.kill)
        reference = Reference({**os.environ, "U2NET_HOME": str(model_dir)})
        stack.callback(reference.close)
        servers: list[Server] = [clearcut]
        if not options.without_server:
            servers.append(RembgServer(model_dir))
            stack.callback(servers[-1].stop)
        results = []
        for megapixels in options.sizes:
            pictures = make_pictures(megapixels, options.images)
            result = SizeResult(megapixels, len(pictures[0].content))
            say(f"{megapixels:g} MP: latency ...")
            measure_latency(result, pictures, options.repeat, folder, clearcut, reference)
            say(f"{megapixels:g} MP: throughput ...")
            measure_throughput(result, pictures, options, servers)
            results.append(result)
        clearcut.stop()
    write_json(results, JSON)
    print(f"\n{table(results)}\n\nAll measurements: {JSON.relative_to(ROOT)}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--images", type=Path, help="photographs to use instead of scikit-image's")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1.5, 24], metavar="MEGAPIXELS")
    parser.add_argument("--repeat", type=int, default=9, help="latencies for each size")
    parser.add_argument("--rounds", type=int, default=3, help="throughputs for each size")
    parser.add_argument("--pictures", type=int, default=12, help="pictures in each round")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--without-server", action="store_true", help="leave `rembg s` out")
    parser.add_argument("--quick", action="store_true", help="few measurements, no `rembg s`")
    options = parser.parse_args()
    if options.quick:
        options.repeat, options.rounds, options.pictures, options.without_server = 3, 1, 4, True
    return options


def say(text: str) -> None:
    print(text, flush=True)


def measure_latency(
    result: SizeResult,
    pictures: list[Picture],
    repeat: int,
    folder: Path,
    clearcut: Clearcut,
    reference: Reference,
) -> None:
    """In turns; the first turn of each is for warming up and does not count."""
    path = folder / "picture.jpg"
    for number in range(repeat + 1):
        picture = pictures[number % len(pictures)]
        path.write_bytes(picture.content)
        remove = reference.measure(path)
        began = time.perf_counter()
        # The server waits: asking every 20 ms would take the processor from what is measured.
        cutout = clearcut.submit_and_wait(picture, {"Prefer": "wait=60"})
        done = time.perf_counter()
        png_bytes = clearcut.fetch_png(cutout)
        fetched = time.perf_counter()
        answers = {size: time_answer(clearcut, picture, size) for size in ("preview", "auto")}
        if number > 0:
            for size, ms in answers.items():
                result.removebg.setdefault(size, []).append(ms)
            result.remove.append(remove)
            result.done.append((done - began) * 1000)
            result.ready_png.append((fetched - began) * 1000)
            result.png.append((fetched - done) * 1000)
            result.png_kilobytes.append(png_bytes / 1e3)
            result.stages.append(cutout["timings"])


def time_answer(clearcut: Clearcut, picture: Picture, size: str) -> float:
    """Milliseconds. Bytes after the end of the JPEG make it one that was never sent before."""
    fresh = replace(picture, content=picture.content + os.urandom(16))
    began = time.perf_counter()
    clearcut.answer(fresh, size)
    return (time.perf_counter() - began) * 1000


def measure_throughput(
    result: SizeResult,
    pictures: list[Picture],
    options: argparse.Namespace,
    servers: list[Server],
) -> None:
    many = [pictures[number % len(pictures)] for number in range(options.pictures)]
    for server in servers:
        server.cut_out(pictures[0])
    for _ in range(options.rounds):
        for clients in options.clients:
            for server in servers:
                key = f"{server.name}, {clients} client{'s' * (clients > 1)}"
                with PeakMemory(server) as memory:
                    rate = run_clients(server.cut_out, many, clients)
                result.throughput.setdefault(key, []).append(rate)
                result.memory[key] = max(result.memory.get(key, 0), memory.peak)


if __name__ == "__main__":
    main()
