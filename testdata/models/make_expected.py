"""Evaluates a model file with numpy alone and writes what it means: an implementation independent of the Rust one.

    pip install numpy safetensors
    python testdata/models/make_expected.py testdata/models/format-1.safetensors

writes format-1.json beside it: input rows (corners, middle and outside of the box) and the value after each grade. Of a model with
an imputation every other row lacks one cell, which is written as null.
"""

import itertools
import json
import pathlib
import sys

import numpy as np
from safetensors import safe_open

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0.0),
    "tanh": np.tanh,
    "sin": np.sin,
    "square": np.square,
    "identity": lambda z: z,
}


def unpacked(branch, tensor):
    """The sparse layers of a branch as dense ones: position -> (weights, bias)."""
    layers, terms, columns, weights, bias = (
        tensor(f"{branch}.sparse.{part}") for part in ("layers", "terms", "columns", "weights", "bias")
    )
    found, row, entry = {}, 0, 0
    for position, outputs, inputs in layers.tolist():
        matrix = np.zeros((outputs, inputs))
        for i, count in enumerate(terms[row : row + outputs].tolist()):
            matrix[i, columns[entry : entry + count]] = weights[entry : entry + count]
            entry += count
        found[position] = (matrix, bias[row : row + outputs])
        row += outputs
    return found


def filled(imputation, rows):
    """Rows with missing cells as inputs: cells filled, then the indicators."""
    is_missing = np.isnan(rows)
    fills = np.array(imputation["fills"])
    return np.hstack([np.where(is_missing, fills, rows), is_missing[:, imputation["indicators"]].astype(float)])


def staged(document, tensor, rows):
    scale_in, scale_out = document["input_scaling"], document["output_scaling"]
    x = (rows - np.array(scale_in["center"])) / np.array(scale_in["scale"])
    h, total, values = x, 0.0, []
    for g, grade in enumerate(document["grades"]):
        features = []
        for b, activations in enumerate(grade["branches"]):
            branch = f"grades.{g}.branches.{b}"
            packed = unpacked(branch, tensor) if b in grade.get("sparse", []) else {}
            z = h
            for l, name in enumerate(activations):
                layer = f"{branch}.layers.{l}"
                weights, bias = packed.get(l) or (tensor(f"{layer}.weights"), tensor(f"{layer}.bias"))
                z = ACTIVATIONS[name](z @ weights.T + bias)
            features.append(z)
        if grade["carry_inputs"]:
            features.append(x)
        h = np.hstack(features)
        total = total + h @ tensor(f"grades.{g}.readout.weights").T + tensor(f"grades.{g}.readout.bias")
        values.append(np.array(scale_out["center"]) + np.array(scale_out["scale"]) * total)
    return values


def main(path):
    with safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()["multigrade"])["model"]
        imputation = document["schema"].get("imputation")
        columns = document["schema"]["inputs"][: len(imputation["fills"]) if imputation else None]
        low, high = (np.array([c[end] for c in columns]) for end in ("min", "max"))
        corners = list(itertools.product((0.0, 1.0), repeat=len(columns)))
        inside = [np.full(len(columns), 0.5), np.linspace(0.1, 0.8, len(columns))]
        outside = [np.full(len(columns), -0.25), np.full(len(columns), 1.5)]
        rows = low + (high - low) * np.array([*corners, *inside, *outside])
        inputs = rows
        if imputation:
            for i in range(0, len(rows), 2):
                rows[i, i // 2 % len(columns)] = np.nan
            inputs = filled(imputation, rows)
        values = staged(document, file.get_tensor, inputs)
    cells = [[None if np.isnan(x) else x for x in row] for row in rows.tolist()]
    expected = {"rows": cells, "staged": [v.tolist() for v in values]}
    path.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
