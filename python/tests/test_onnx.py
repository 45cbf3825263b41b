"""ONNX files say what the model says, in the runtime that most people use."""

import json

import numpy as np
import onnxruntime
import pytest
from conftest import quick

from multigrade import Expression, certify, construct

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


def proved_networks():
    """Networks and what was proved of them: compiled, on a mesh, in several grades, and trained on inputs that need their scaling."""
    for function, domain, tolerance in [
        ("x^2", "x=0..1", 1e-5),
        ("sin(3*x)*exp(-y^2)", "x=0..1, y=-2..2", 0.05),
        ("abs(x) + 0.3*cos(2*x)", "x=-3..9", 0.01),
    ]:
        found = construct(function, domain, tolerance)
        yield found.model, found
    random = np.random.default_rng(1)
    for low, high in [(-1.0, 1.0), (1e6, 1e6 + 10), (-1e-9, 3e-9), (0.0, 1e12)]:
        X = random.uniform(low, high, size=(200, 2))
        scaled = [f"((x{j} - ({low!r}))/{high - low!r})" for j in (1, 2)]
        f = Expression(f"sin(3*{scaled[0]}) + {scaled[1]}^2")
        regressor = quick(grades=["9:relu", "7,5:relu", "6:relu"], activation=None, branches=2).fit(X, f(X))
        yield regressor.model_, certify(regressor, f, f"x1={low!r}..{high!r}, x2={low!r}..{high!r}", boxes=2000)


def test_what_is_proved_of_a_network_holds_for_its_file(tmp_path):
    random = np.random.default_rng(2)
    attacked = 0
    for i, (model, found) in enumerate(proved_networks()):
        sides = [side.split("=")[1].split("..") for side in found.verdict.domain.split(", ")]
        lower, upper = np.array(sides, dtype=float).T
        shares = np.concatenate([random.uniform(size=(20_000, len(lower))), np.zeros((1, len(lower))), np.ones((1, len(lower)))])
        x = np.clip(lower + (upper - lower) * shares, lower, upper)
        for precision, kind in [("f64", np.float64), ("f32", np.float32)]:
            path = tmp_path / f"{i}-{precision}.onnx"
            exported = model.to_onnx(path, precision=precision, certificate=found.certificate)
            bounds = getattr(found.verdict.bounds[-1], precision)
            if bounds is None:
                continue
            assert exported.bound == max(map(abs, bounds))
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            (values,) = session.run(None, {"x": x.astype(kind)})
            errors = found.function(x) - values[:, 0].astype(np.float64)
            assert bounds[0] <= errors.min() and errors.max() <= bounds[1], (found.function, precision)
            attacked += 1
    assert attacked >= 10
