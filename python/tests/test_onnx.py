"""ONNX files say what the model says, in the runtime that most people use."""

import json

import numpy as np
import onnxruntime
import pytest
from conftest import quick

LIMITS = {"f64": 1e-12, "f32": 1e-5}
GRADES = {
    "relu": ["16,16:relu", "12:relu"],
    "tanh": ["16,16:tanh", "12:tanh"],
    "sin, then relu": ["16:sin", "12,8:relu"],
    "square beside others": ["6:square,8:tanh", "5:identity", "7:relu"],
}


@pytest.mark.parametrize("precision", LIMITS)
@pytest.mark.parametrize("grades", GRADES)
def test_the_runtime_agrees_with_the_model(rows, tmp_path, grades, precision):
    X, y = rows
    regressor = quick(grades=GRADES[grades], activation=None, branches=2).fit(X, y)
    path = tmp_path / "model.onnx"
    own = regressor.to_onnx(path, precision=precision, staged=True).difference
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    kind = np.float64 if precision == "f64" else np.float32
    inputs = X.astype(kind)
    names = [output.name for output in session.get_outputs()]
    answers = dict(zip(names, session.run(None, {"x": inputs})))
    stages = regressor.staged_predict(inputs.astype(np.float64))
    assert names == ["y"] + [f"grade_{k}" for k in range(1, len(stages) + 1)]
    np.testing.assert_array_equal(answers["y"], answers[names[-1]])
    differences = [
        (np.abs(answers[f"grade_{k}"] - stage).max(axis=0) / np.abs(stage).max(axis=0)).max()
        for k, stage in enumerate(stages, 1)
    ]
    print(f"{grades}, {precision}: runtime {max(differences):.1e}, own evaluation {own:.1e}")
    assert max(differences) <= LIMITS[precision]
    assert own <= LIMITS[precision]


def test_the_file_says_what_its_columns_are(rows, tmp_path):
    regressor = quick(grades=1).fit(*rows)
    regressor.to_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (x,), (y,) = session.get_inputs(), session.get_outputs()
    assert (x.name, x.shape, x.type) == ("x", ["n", 3], "tensor(float)")
    assert (y.name, y.shape, y.type) == ("y", ["n", 2], "tensor(float)")
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["inputs"]) == ["x1", "x2", "x3"] and json.loads(about["outputs"]) == ["y1", "y2"]
    with pytest.raises(FileExistsError):
        regressor.to_onnx(tmp_path / "model.onnx")
