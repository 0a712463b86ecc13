"""A trial of the 8-bit network against the one it was made from, on this very processor.

Processors without instructions for products of bytes add two of them in 16 bits, which overflows:
there the same file is less exact, and hardly quicker. Nothing is assumed; it is measured.
"""

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from processing.engines.session_options import cpu_session
from processing.engines.u2net_input import to_input

from .calibration import photographs

# Mean absolute difference of the stretched maps, 0..1. U²-Net as it is published gives 0.002
# where sums are exact, and an overflow changes whole regions.
MOST_DIFFERENCE = 0.02
LEAST_SPEEDUP = 1.15
PHOTOGRAPHS = 3
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """difference: mean absolute difference of the maps, 0..1. speedup: how many times as fast."""

    difference: float
    speedup: float

    @property
    def passed(self) -> bool:
        return self.difference <= MOST_DIFFERENCE and self.speedup >= LEAST_SPEEDUP

    @property
    def reason(self) -> str:
        """Why it did not pass, as the end of a sentence; blank if it did."""
        if self.difference > MOST_DIFFERENCE:
            return f"it differs by {self.difference:.3f} on this processor"
        if self.speedup < LEAST_SPEEDUP:
            return f"it is only {self.speedup:.2f} times as fast on this processor"
        return ""


def try_out(quantized: Path, weights: Path, *, threads: int | None) -> Trial:
    """Compare both networks on photographs; takes some seconds."""
    inputs = [to_input(picture) for picture in islice(photographs(), PHOTOGRAPHS)]
    fast = cpu_session(quantized, threads, in_bytes=True)
    exact = cpu_session(weights, threads)
    differences = [np.abs(_map_of(fast, x) - _map_of(exact, x)).mean() for x in inputs]
    return Trial(round(float(np.mean(differences)), 4), round(_speedup(fast, exact, inputs), 2))


def _map_of(session: Any, x: np.ndarray) -> np.ndarray:
    raw = session.run(None, {session.get_inputs()[0].name: x})[0][0, 0]
    low, high = raw.min(), raw.max()
    return np.asarray((raw - low) / max(high - low, 1e-6))


def _speedup(fast: Any, exact: Any, inputs: Sequence[np.ndarray]) -> float:
    """In turns, so that a machine that is slow for a while is slow for both."""
    ratios = []
    for number in range(ROUNDS):
        x = inputs[number % len(inputs)]
        began = time.perf_counter()
        _map_of(fast, x)
        between = time.perf_counter()
        _map_of(exact, x)
        ratios.append((time.perf_counter() - between) / (between - began))
    return median(ratios)


def processor() -> str:
    """What kind of processor this is, as far as products of bytes are concerned."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    values = dict(line.partition(":")[::2] for line in reversed(lines) if ":" in line)
    known = {name.strip(): value.strip() for name, value in values.items()}
    flags = (known.get("flags") or known.get("Features") or "").split()
    matter = sorted(flag for flag in flags if flag.startswith(("avx", "amx", "asimd", "i8mm")))
    return " ".join([platform.machine(), known.get("model name", ""), *matter])
