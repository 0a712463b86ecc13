"""U²-Net in 8-bit integers: made from the published weights, verified, and used where it pays.

Making it takes a minute and happens once (``manage.py quantize``). Whether it is used is decided
once for each kind of processor, by measuring: see ``choice``.
"""

from pathlib import Path


def quantized_path(weights: Path) -> Path:
    """Where the 8-bit version of a file of weights lies or belongs: beside it."""
    return weights.with_name(f"{weights.stem}-int8.onnx")
