"""Networks of a few nodes with the interfaces of real ones, where real weights cannot be had."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processing.engines.catalog import ENGINES, EngineInfo

OPSET = 17


def put_network(
    name: str, model_dir: Path, *, side: int, scale: float = 1.0, shift: float = 0.0, extra: int = 0
) -> EngineInfo:
    """Write the weights of the engine `name`, and return its row of the catalog with their MD5.

    The network's map is the first channel of its input, times `scale` plus `shift`; `extra` more
    maps follow, which nobody should look at.
    """
    pytest.importorskip("onnx")
    from onnx import TensorProto, checker, helper, save

    shape = [1, 1, side, side]
    numbers = {"first": [0], "last": [1], "axis": [1]}
    constants = [
        helper.make_tensor(key, TensorProto.INT64, [1], values) for key, values in numbers.items()
    ] + [
        helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
        helper.make_tensor("shift", TensorProto.FLOAT, [], [shift]),
        helper.make_tensor("nothing", TensorProto.FLOAT, [], [0.0]),
    ]
    nodes = [
        helper.make_node("Slice", ["input", "first", "last", "axis"], ["channel"]),
        helper.make_node("Mul", ["channel", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["map"]),
        *(helper.make_node("Mul", ["map", "nothing"], [f"side{n}"]) for n in range(extra)),
    ]
    names = ["map", *(f"side{n}" for n in range(extra))]
    graph = helper.make_graph(
        nodes,
        name,
        [_tensor("input", [1, 3, side, side])],
        [_tensor(output, shape) for output in names],
        initializer=constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    info = ENGINES[name]
    assert info.file is not None
    path = model_dir / info.file
    save(model, path)
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    return replace(info, md5=digest, size=0, sha256="")


def _tensor(name: str, shape: Sequence[int]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
