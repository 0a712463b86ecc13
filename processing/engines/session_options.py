"""How onnxruntime is told to compute."""

from pathlib import Path
from typing import Any


def session_options(threads: int | None, *, in_bytes: bool = False) -> Any:
    """An ``onnxruntime.SessionOptions``. threads: None leaves their number to the library.
    in_bytes: whether the network computes in 8-bit integers.
    """
    # Inline: web processes never need it.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that spin while they wait gain nothing measurable on an idle machine, and take
    # the cores from the web processes (and from each other) on a busy one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena keeps the largest working set for ever: 500 MB more for u2net, a sixth quicker. In
    # bytes it is 130 MB more, which every run needs anyway, and a third of its time less.
    options.enable_cpu_mem_arena = in_bytes
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    return options


def cpu_session(path: Path, threads: int | None, *, in_bytes: bool = False) -> Any:
    """An ``onnxruntime.InferenceSession`` of a file, on the processor."""
    import onnxruntime

    return onnxruntime.InferenceSession(
        path, session_options(threads, in_bytes=in_bytes), providers=["CPUExecutionProvider"]
    )
