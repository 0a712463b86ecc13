"""What flows through a network when it looks at photographs: the ground for its quantization.

The photographs are those that scikit-image carries in its package. Each is shown whole, and
mirrored with an eighth cropped off each side.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from processing.engines.u2net_input import to_input

if TYPE_CHECKING:
    import onnx

PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "camera.png",
    "color.png",
)


@dataclass(frozen=True, slots=True)
class Observation:
    """ranges: lowest and highest value of every tensor, one row for each input, float32 (n, 2).
    means: mean of every channel of what a convolution reads, over all inputs, float32 (channels,).
    """

    ranges: dict[str, np.ndarray]
    means: dict[str, np.ndarray]


def photographs() -> Iterator[Image.Image]:
    """RGB, of 0.2 to 2 megapixels. Raises OSError where the package misses them."""
    folder = files("skimage") / "data"
    for name in PHOTOGRAPHS:
        with (folder / name).open("rb") as file:
            yield Image.open(file).convert("RGB")


def calibration_inputs() -> Iterator[np.ndarray]:
    """What the network is shown: float32 (1, 3, 320, 320) each."""
    for photograph in photographs():
        yield to_input(photograph)
        width, height = photograph.size
        box = (width // 8, height // 8, width - width // 8, height - height // 8)
        yield to_input(ImageOps.mirror(photograph).crop(box))


def observe(model: "onnx.ModelProto", inputs: Iterator[np.ndarray]) -> Observation:
    """Run a network in single precision, and note what every tensor in it holds.

    The tensors themselves are never kept: the network is made to reduce them.
    """
    import onnx
    import onnxruntime

    values = _observable(model)
    read = sorted({node.input[0] for node in model.graph.node if node.op_type == "Conv"})
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its shapes are only half known, and it says so for each
    # A machine with 2 GB must be able to do this: no copies of weights, no tensor kept for later.
    options.enable_cpu_mem_arena = False
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "reducing.onnx")
        onnx.save(_reducing(model, values, read), path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    wanted = [output.name for output in session.get_outputs()]
    name = session.get_inputs()[0].name
    rows = [dict(zip(wanted, session.run(wanted, {name: x}), strict=True)) for x in inputs]
    return Observation(
        {value: _range_of(value, rows) for value in values},
        {
            value: np.mean([row[_named(value, "mean")][0, :, 0, 0] for row in rows], axis=0)
            for value in read
        },
    )


def _observable(model: "onnx.ModelProto") -> list[str]:
    constants = {constant.name for constant in model.graph.initializer}
    names = [entry.name for entry in model.graph.input if entry.name not in constants]
    for node in model.graph.node:
        names += [name for name in node.output if name and node.op_type != "Constant"]
    return names


def _reducing(
    model: "onnx.ModelProto", values: Sequence[str], read: Sequence[str]
) -> "onnx.ModelProto":
    """A copy whose only outputs are the ends of ``values`` and the channel means of ``read``."""
    import onnx
    from onnx import helper

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    del copy.graph.node[:]
    wanted = [(value, kind) for value in values for kind in ("min", "max")]
    wanted += [(value, "mean") for value in read]
    reducers: dict[str, list[onnx.NodeProto]] = {}
    for value, kind in wanted:
        node = _reducer(value, kind)
        reducers.setdefault(value, []).append(node)
        output = helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None)
        copy.graph.output.append(output)
    # Each right behind what it reduces, or all tensors would be kept until the end.
    made = [entry.name for entry in model.graph.input]
    for node in [None, *model.graph.node]:
        if node is not None:
            copy.graph.node.append(node)
            made = list(node.output)
        for value in made:
            copy.graph.node.extend(reducers.get(value, []))
    return copy


def _reducer(value: str, kind: str) -> "onnx.NodeProto":
    from onnx import helper

    operators = {"min": "ReduceMin", "max": "ReduceMax", "mean": "GlobalAveragePool"}
    node = helper.make_node(operators[kind], [value], [_named(value, kind)])
    if kind != "mean":
        node.attribute.append(helper.make_attribute("keepdims", 0))
    return node


def _named(value: str, kind: str) -> str:
    return f"{value}:{kind}"


def _range_of(value: str, rows: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    ends = [[row[_named(value, "min")], row[_named(value, "max")]] for row in rows]
    return np.array(ends, np.float32)
