"""What was measured, as JSON and as a table for people."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

Stages = list[dict[str, float]]


@dataclass
class SizeResult:
    """All measurements with pictures of one size; times in milliseconds."""

    megapixels: float
    picture_bytes: int = 0
    remove: Stages = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    ready_png: list[float] = field(default_factory=list)
    # The full-size PNG alone: ms of its GET, and KB
    png: list[float] = field(default_factory=list)
    png_kilobytes: list[float] = field(default_factory=list)
    # size -> ms of one whole POST /v1.0/removebg
    removebg: dict[str, list[float]] = field(default_factory=dict)
    stages: Stages = field(default_factory=list)
    # "server, number of clients" -> pictures a second, and bytes
    throughput: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """POST to done, as a share of rembg.remove(); from medians."""
        return median(self.done) / median_of(self.remove, "total")

    @property
    def png_ratio(self) -> float:
        """The GET of the full-size PNG, as a share of what rembg spends on making it."""
        made = [one["decode"] + one["composite"] + one["encode"] for one in self.remove]
        return median(self.png) / median(made)


def median_of(stages: Stages, name: str) -> float:
    return median(stage.get(name, 0.0) for stage in stages)


def machine() -> dict[str, str]:
    packages = ["rembg", "onnxruntime", "pillow", "numpy", "Django", "django-q2"]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": processor_name(),
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        **{package.lower(): version(package) for package in packages},
    }


def processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def write_json(results: list[SizeResult], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "results": [asdict(result) for result in results]}
    path.write_text(json.dumps(content, indent=1))


def table(results: list[SizeResult]) -> str:
    """Markdown. Medians; times in milliseconds."""
    about = ", ".join(f"{name} {value}" for name, value in machine().items())
    heading = [
        f"{about}.",
        "",
        "| | " + " | ".join(f"{result.megapixels:g} MP" for result in results) + " |",
        "|---" * (len(results) + 1) + "|",
    ]
    return "\n".join([*heading, *latency_rows(results), *server_rows(results)])


def latency_rows(results: list[SizeResult]) -> list[str]:
    rows = [
        row("**`rembg.remove()`**, ms", [f"{median_of(r.remove, 'total'):.0f}" for r in results])
    ]
    rows += stage_rows("remove", [r.remove for r in results])
    rows.append(row("**Clearcut, POST to done**, ms", [f"{median(r.done):.0f}" for r in results]))
    rows += stage_rows("worker", [r.stages for r in results])
    rows.append(row("**ratio**", [f"**{r.ratio:.2f}**" for r in results]))
    png = [f"{median(r.ready_png):.0f}" for r in results]
    rows.append(row("Clearcut, POST to the PNG fetched, ms", png))
    rows.append(row("Clearcut, full-size PNG, ms", [f"{median(r.png):.0f}" for r in results]))
    sizes = [f"{median(r.png_kilobytes):.0f}" for r in results]
    rows.append(row("Clearcut, full-size PNG, KB", sizes))
    ratios = [f"**{r.png_ratio:.2f}**" for r in results]
    rows.append(row("**ratio of the PNGs** (composite and encode; ours is all of the GET)", ratios))
    for size in dict.fromkeys(size for r in results for size in r.removebg):
        cells = [f"{median(r.removebg[size]):.0f}" for r in results]
        rows.append(row(f"Clearcut, /v1.0/removebg, size={size}, ms", cells))
    return rows


def stage_rows(whose: str, stages: list[Stages]) -> list[str]:
    names = list(dict.fromkeys(name for column in stages for stage in column for name in stage))
    return [
        row(f"{whose}: {name}", [f"{median_of(column, name):.0f}" for column in stages])
        for name in names
        if name != "total"
    ]


def server_rows(results: list[SizeResult]) -> list[str]:
    keys = list(dict.fromkeys(key for result in results for key in result.throughput))
    rows = [
        row(f"{key}: pictures/s", [f"{median(r.throughput[key]):.2f}" for r in results])
        for key in keys
    ]
    rows += [
        row(f"{key}: peak memory, MB", [f"{r.memory[key] / 1e6:.0f}" for r in results])
        for key in keys
    ]
    return rows


def row(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"
