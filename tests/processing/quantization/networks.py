"""A network of four convolutions with U²-Net's interface, small enough to be made by a test."""

import hashlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper, save

from processing.engines.catalog import ENGINES, EngineInfo

CHANNELS = (3, 16, 32, 16, 1)


def small_network(seed: int = 1) -> ModelProto:
    """Convolutions with rectifiers between them and a sigmoid at the end; a second output that
    nobody should look at. Weights are uneven, as trained ones are, so that rounding them hurts.
    """
    chance = np.random.default_rng(seed)
    nodes, constants, last = [], [], "input"
    for number, (inputs, outputs) in enumerate(pairwise(CHANNELS)):
        weights = chance.standard_t(3, (outputs, inputs, 3, 3)) / (3 * inputs**0.5)
        biases = chance.normal(0, 0.1, outputs)
        constants += [
            numpy_helper.from_array(weights.astype(np.float32), f"weights{number}"),
            numpy_helper.from_array(biases.astype(np.float32), f"biases{number}"),
        ]
        name = f"c{number}"
        nodes.append(
            helper.make_node(
                "Conv", [last, f"weights{number}", f"biases{number}"], [name], pads=[1, 1, 1, 1]
            )
        )
        last = f"r{number}"
        kind = "Relu" if outputs > 1 else "Sigmoid"
        nodes.append(helper.make_node(kind, [name], [last]))
    nodes.append(helper.make_node("Neg", [last], ["side"]))
    graph = helper.make_graph(
        nodes,
        "small",
        [_tensor("input", [1, 3, 320, 320])],
        [_tensor(last, [1, 1, 320, 320]), _tensor("side", [1, 1, 320, 320])],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)


def put_small_u2net(folder: Path) -> EngineInfo:
    """The small network in the place of U²-Net's weights, and the row of the catalog for it."""
    info = ENGINES["u2net"]
    assert info.file is not None
    path = folder / info.file
    save(small_network(), path)
    content = path.read_bytes()
    return replace(
        info,
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _tensor(name: str, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
