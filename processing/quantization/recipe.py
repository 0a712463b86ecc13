"""From weights in single precision to a network that computes in 8-bit integers.

Static quantization as onnxruntime does it (weights int8, one scale for each channel; what flows
between layers uint8, one scale for each tensor), with two things done otherwise:

- **Biases are corrected** for what rounding the weights does to the mean of each channel (Nagel et
  al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019). Nearly
  all that quantization costs U²-Net is this shift.
- **Ranges are what nine photographs in ten stay within**, not the extremes: a value that one in
  twenty reaches is not worth making all others coarser.
"""

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .calibration import Observation, calibration_inputs, observe

if TYPE_CHECKING:
    import onnx

# Counted up with every change that gives another file.
RECIPE = 1
OPSET = 17
WITHIN = 0.9
# onnxruntime's symmetric int8 leaves -128 out.
STEPS = 127

Report = Callable[[str], None]


class CannotQuantize(Exception):
    """The text says why, for the one who runs the command."""


def quantize(source: Path, target: Path, *, report: Report) -> None:
    """Write the 8-bit version of the network in ``source`` to ``target``, whole or not at all.

    Raises CannotQuantize when a library or a photograph is missing, or the network is of a kind
    that onnxruntime's tools do not understand.
    """
    try:
        import onnx

        report(f"{source.name}: reading.")
        model = _prepared(source)
        report(f"{source.name}: looking at photographs (half a minute).")
        seen = observe(model, calibration_inputs())
        _correct_biases(model, seen)
        report(f"{source.name}: rounding.")
        quantized = _rounded(model, seen)
        draft = target.with_name(f".{target.name}.part")
        onnx.save(quantized, draft)
        draft.chmod(0o644)
        draft.replace(target)
    except Exception as error:  # the tools promise no closed set of errors
        raise CannotQuantize(f"{source.name} could not be quantized: {error}") from error


def _prepared(source: Path) -> "onnx.ModelProto":
    """The network with one output, batch norms and constants folded, in the opset of the tools."""
    import onnx
    from onnx import version_converter
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model = onnx.load(source)
    model = version_converter.convert_version(model, OPSET)
    del model.graph.output[1:]  # the side maps; the first is the fused one
    with tempfile.TemporaryDirectory() as folder, _quiet():
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        onnx.save(model, before)
        quant_pre_process(before, after, skip_symbolic_shape=True)
        return onnx.load(after)


def _correct_biases(model: "onnx.ModelProto", seen: Observation) -> None:
    """Add to each bias what rounding takes from the mean of its channel."""
    from onnx import numpy_helper

    constants = {constant.name: constant for constant in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Conv" or len(node.input) < 3:
            continue
        weights = numpy_helper.to_array(constants[node.input[1]])
        bias = constants[node.input[2]]
        lost = rounding_loss(weights).sum(axis=(2, 3)) @ seen.means[node.input[0]]
        corrected = (numpy_helper.to_array(bias) + lost).astype(np.float32)
        bias.CopyFrom(numpy_helper.from_array(corrected, bias.name))


def rounding_loss(weights: np.ndarray) -> np.ndarray:
    """What is lost of a convolution's weights, (out, in, height, width), when they are rounded to
    255 steps with one scale for each output channel.
    """
    highest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    scale = (np.maximum(highest, 1e-12) / STEPS)[:, None, None, None]
    return np.asarray(weights - np.clip(np.round(weights / scale), -STEPS, STEPS) * scale)


def _rounded(model: "onnx.ModelProto", seen: Observation) -> "onnx.ModelProto":
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import QuantType, load_model_with_shape_infer
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    ranges = {name: _typical(ends) for name, ends in seen.ranges.items()}
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder, "corrected.onnx")
        path.write_bytes(model.SerializeToString())
        quantizer = QDQQuantizer(
            load_model_with_shape_infer(path),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, ranges),
            nodes_to_quantize=[],
            nodes_to_exclude=[],
            op_types_to_quantize=sorted({*QDQRegistry, *QLinearOpsRegistry}),
            extra_options={},
        )
        quantizer.quantize_model()
    quantized: onnx.ModelProto = quantizer.model.model
    return quantized


def _typical(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What nine inputs in ten do not fall below, or exceed; 0 always belongs to a range."""
    low, high = np.quantile(ends[:, 0], 1 - WITHIN), np.quantile(ends[:, 1], WITHIN)
    return np.float32(min(low, 0.0)), np.float32(max(high, 0.0))  # type: ignore[return-value]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The tools advise, on the root logger, to do what has just been done."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
