"""What the recipe makes of a network: nearly the same answers, from bytes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from processing.engines.session_options import cpu_session
from processing.engines.u2net_input import to_input
from processing.quantization import recipe
from processing.quantization.calibration import calibration_inputs, observe, photographs
from processing.quantization.recipe import CannotQuantize, quantize, rounding_loss

from .networks import small_network


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(the weights, their 8-bit version)"""
    folder = tmp_path_factory.mktemp("quantized")
    source, target = folder / "u2net.onnx", folder / "u2net-int8.onnx"
    onnx.save(small_network(), source)
    quantize(source, target, report=lambda line: None)
    return source, target


def run(path: Path, x: np.ndarray) -> np.ndarray:
    session = cpu_session(path, 1)
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def test_it_computes_with_bytes_and_answers_nearly_the_same(made: tuple[Path, Path]) -> None:
    source, target = made
    kinds = {constant.data_type for constant in onnx.load(target).graph.initializer}
    assert {onnx.TensorProto.INT8, onnx.TensorProto.UINT8} <= kinds
    assert target.stat().st_size < source.stat().st_size / 2
    x = to_input(list(photographs())[1])
    exact, rounded = run(source, x), run(target, x)
    assert exact.shape == rounded.shape == (1, 1, 320, 320)
    assert exact.std() > 0.05, "a constant map would agree with anything"
    assert np.abs(exact - rounded).mean() < 0.02


def test_there_is_one_output(made: tuple[Path, Path]) -> None:
    assert len(onnx.load(made[1]).graph.output) == 1


def test_corrected_biases_keep_the_mean_of_each_channel() -> None:
    """Rounded weights shift every channel; what is added to the biases takes that back."""
    model = small_network()
    seen = observe(model, calibration_inputs())
    exact = means_of_first_convolution(model)
    shifted = means_of_first_convolution(_with_rounded_weights(model))
    recipe._correct_biases(model, seen)
    corrected = means_of_first_convolution(_with_rounded_weights(model))
    assert np.abs(corrected - exact).max() < np.abs(shifted - exact).max() / 10


def means_of_first_convolution(model: onnx.ModelProto) -> np.ndarray:
    """Over the pictures of the calibration, per channel, before anything is cut off."""
    return observe(_up_to_second_convolution(model), calibration_inputs()).means["c0"]


def _up_to_second_convolution(model: onnx.ModelProto) -> onnx.ModelProto:
    """The first convolution, read by the second without a rectifier between them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    first, _, second = (copy.graph.node[number] for number in range(3))
    second.input[0] = first.output[0]
    kept = [first, second]
    del copy.graph.node[:]
    copy.graph.node.extend(kept)
    return copy


def _with_rounded_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for constant in copy.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.ndim == 4:
            rounded = (values - rounding_loss(values)).astype(np.float32)
            constant.CopyFrom(numpy_helper.from_array(rounded, constant.name))
    return copy


def test_what_rounding_takes_is_at_most_half_a_step() -> None:
    weights = np.random.default_rng(2).normal(0, 1, (5, 4, 3, 3)).astype(np.float32)
    weights[3] = 0
    lost = np.abs(rounding_loss(weights)).reshape(5, -1).max(axis=1)
    step = np.abs(weights).reshape(5, -1).max(axis=1) / 127
    assert (lost <= step * 0.501).all()
    assert lost[0] > 0


def test_ranges_and_means_are_those_of_the_inputs() -> None:
    model = small_network()
    inputs = list(calibration_inputs())[:3]
    seen = observe(model, iter(inputs))
    for row, x in zip(seen.ranges["input"], inputs, strict=True):
        assert row == pytest.approx([x.min(), x.max()])
    expected = np.mean([x.mean(axis=(0, 2, 3)) for x in inputs], axis=0)
    assert seen.means["input"] == pytest.approx(expected, abs=1e-4)


def test_what_is_no_network_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "u2net.onnx", tmp_path / "u2net-int8.onnx"
    source.write_bytes(b"no network")
    with pytest.raises(CannotQuantize, match=r"u2net\.onnx could not be quantized"):
        quantize(source, target, report=lambda line: None)
    assert list(tmp_path.iterdir()) == [source]
