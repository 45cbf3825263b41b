"""Test errors and seconds of additive fits beside additive models of scikit-learn, on the same rows, in one go.

    pip install numpy scikit-learn
    cargo build --release -p multigrade --example convex_once
    python bench/additive_peers.py

Two targets with noise, 10 inputs, 1000 rows to learn from, 20,000 without noise to test on. "additive": sum_j 2^-j sin((6+j) x_j)
+ |x_3 - 0.4|, noise 0.1; "Friedman 1": not additive, noise 1. Nothing is tuned on the test rows: ours chooses its penalty by
generalised cross-validation, the splines their ridge by the same, boosting of single inputs has the package's defaults.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/convex_once"


def additive(x):
    return sum(0.5**j * np.sin((6 + j) * x[:, j]) for j in range(10)) + np.abs(x[:, 3] - 0.4)


def friedman1(x):
    return 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]


def splines(degree):
    ridge = RidgeCV(alphas=np.logspace(-4, 4, 25))
    return make_pipeline(SplineTransformer(n_knots=20, degree=degree), StandardScaler(), ridge)


PEERS = {
    "linear least squares": LinearRegression(),
    "linear splines of 20 knots, ridge by GCV": splines(1),
    "cubic splines of 20 knots, ridge by GCV": splines(3),
    "boosted trees of one input each, default": HistGradientBoostingRegressor(interaction_cst="no_interactions", random_state=0),
}


def ours(train, test):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "train.csv", Path(folder) / "test.csv"]
        for path, (x, y) in zip(paths, [train, test]):
            np.savetxt(path, np.c_[x, y], delimiter=",", fmt="%.17g")
        out = subprocess.run([PROGRAM, paths[0], "gcv", paths[1]], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def main():
    print(f"scikit-learn {sklearn.__version__}\n")
    for name, target, noise in [("additive", additive, 0.1), ("Friedman 1", friedman1, 1.0)]:
        random = np.random.default_rng(0)
        x, x_test = random.random((1000, 10)), random.random((20_000, 10))
        y, y_test = target(x) + noise * random.standard_normal(1000), target(x_test)
        spread = y_test.std()
        print(f"| {name} | test RMSE / spread | seconds |\n|---|---|---|")
        for peer, model in PEERS.items():
            began = time.perf_counter()
            model.fit(x, y)
            seconds = time.perf_counter() - began
            print(f"| {peer} | {np.sqrt(np.mean((model.predict(x_test) - y_test) ** 2)) / spread:.4f} | {seconds:.2f} |")
        found = ours((x, y), (x_test, y_test))
        label = f"multigrade convex grade, {found['neurons']} neurons, gap {found['relative_gap']:.0e}"
        print(f"| {label} | {found['test_rmse'] / spread:.4f} | {found['seconds']:.2f} |\n")


if __name__ == "__main__":
    main()
