"""What the Python package costs: the size of its wheel, its import, and time on top of the calls of the library.

    pip wheel --no-deps --wheel-dir target/wheels-release ./python
    pip install target/wheels-release/*.whl onnxruntime
    python bench/python_package.py target/wheels-release/*.whl

The library's calls are timed where Python calls them, inside the same run, so that both sides see the same machine. Seconds are
medians, those of imports the least of nine, ratios medians of ratios.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from multigrade import MultigradeClassifier, MultigradeRegressor, _native

ROWS, INPUTS = 10_000, 8


def imports(what):
    code = f"import time; t = time.perf_counter(); import {what}; print(time.perf_counter() - t)"
    runs = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout) for _ in range(9)]
    return min(runs)  # whatever else the machine does only adds to it


class Clock:
    """A function of the native module, and the seconds that it took when it was last called."""

    def __init__(self, call):
        self.call, self.seconds = call, 0.0

    def __call__(self, *arguments):
        began = time.perf_counter()
        answer = self.call(*arguments)
        self.seconds = time.perf_counter() - began
        return answer


def fit_overhead(X, y, times):
    clock = Clock(_native.fit)
    settings = dict(grades=["32:relu"], weight_decay=1e-4, branches=1, solver="lbfgs", iterations=20, refit=False)
    ratios, seconds = [], []
    _native.fit = clock
    try:
        for _ in range(times):
            began = time.perf_counter()
            regressor = MultigradeRegressor(**settings).fit(X, y)
            whole = time.perf_counter() - began
            ratios.append(whole / clock.seconds)
            seconds.append(whole)
    finally:
        _native.fit = clock.call
    return regressor, statistics.median(ratios) - 1, statistics.median(seconds)


def predict_overhead(regressor, X, times):
    """Calls in turn, so that whatever else the machine does meets both."""

    def seconds(call):
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    native = regressor.model_._native
    pairs = [
        (seconds(lambda: regressor.predict(X)), seconds(lambda: native.predict(X, "f64", None))) for _ in range(times)
    ]
    return statistics.median(a / b for a, b in pairs) - 1, statistics.median(b for _, b in pairs)


def runtime_difference(model, X, precision):
    """The largest difference between onnxruntime and the model, relative to the largest value."""
    with tempfile.TemporaryDirectory() as folder:
        model.to_onnx(f"{folder}/m.onnx", precision=precision)
        session = onnxruntime.InferenceSession(f"{folder}/m.onnx", providers=["CPUExecutionProvider"])
        rows = X.astype(np.float64 if precision == "f64" else np.float32)
        (found,) = session.run(["y"], {"x": rows})
    expected = model.predict(rows.astype(np.float64))
    return (np.abs(found - expected).max(axis=0) / np.abs(expected).max(axis=0)).max()


def main(wheels):
    for wheel in wheels:
        print(f"{Path(wheel).name}: {Path(wheel).stat().st_size / 1e6:.2f} MB")
    print(f"import multigrade: {imports('multigrade'):.3f} s, of which numpy {imports('numpy'):.3f} s")
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, (ROWS, INPUTS))
    y = np.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2]
    regressor, ratio, seconds = fit_overhead(X, y, 7)
    print(f"fit, {ROWS} x {INPUTS}: {seconds:.3f} s, {ratio:+.2%} over the library's call")
    for name, rows in [("one grade 32", regressor), ("two grades, 3 x 32-32 each", None)]:
        if rows is None:
            grades = dict(grades=["32,32:tanh", "32,32:relu"], branches=3, weight_decay=1e-4, solver="lbfgs", iterations=20)
            rows = MultigradeRegressor(**grades).fit(X, y)
        ratio, seconds = predict_overhead(rows, X, 201)
        print(f"predict, {ROWS} x {INPUTS}, {name}: {1e3 * seconds:.2f} ms, {ratio:+.2%} over the library's call")
    classifier = MultigradeClassifier(grades=2, activation="relu", weight_decay=1e-4, branches=1, solver="random")
    classifier.fit(X[:1000], np.digitize(y[:1000], [-1, 1]))
    for precision in ("f64", "f32"):
        found = [runtime_difference(fitted.model_, X, precision) for fitted in (rows, classifier)]
        print(f"onnxruntime, {precision}: regressor {found[0]:.1e}, classifier {found[1]:.1e} of the largest value")


if __name__ == "__main__":
    main(sys.argv[1:])
