"""Write `onnx_cases.npz`: inputs and outputs of ONNX's own node tests, for `test_peers.py`.

    pip install onnx && python tests/data/make_onnx_cases.py

The cases are data that ship with the `onnx` package (Apache License 2.0, github.com/onnx/onnx). Of
each operation that this network has, the cases are kept whose inputs are small.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

KEPT = {"Conv", "MaxPool", "Relu", "Softmax", "Sigmoid", "RoiAlign", "NonMaxSuppression", "Resize",
        "BatchNormalization", "Gemm", "SoftmaxCrossEntropyLoss"}  # fmt: skip
LARGEST = 5000  # numbers of an input


def attribute(value):
    return value.decode() if isinstance(value, bytes) else value


def main():
    warnings.simplefilter("ignore")
    about, arrays = {}, {}
    for case in collect_testcases(None):
        nodes = case.model.graph.node
        inputs, outputs = case.data_sets[0]
        if len(nodes) != 1 or nodes[0].op_type not in KEPT or max(map(np.size, inputs)) > LARGEST:
            continue
        given = {a.name: attribute(onnx.helper.get_attribute_value(a)) for a in nodes[0].attribute}
        names = [name for name in nodes[0].input if name]
        about[case.name] = {"op": nodes[0].op_type, "inputs": names, "attributes": given}
        arrays |= {f"{case.name}/{name}": np.asarray(array)
                   for name, array in zip(names, inputs, strict=True)}  # fmt: skip
        arrays[f"{case.name}/output"] = np.asarray(outputs[0])
    about = np.array(json.dumps({"onnx": onnx.__version__, "cases": about}))
    np.savez_compressed(Path(__file__).with_name("onnx_cases.npz"), about=about, **arrays)


if __name__ == "__main__":
    main()
