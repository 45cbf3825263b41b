"""Measures what other tools reach without tuning, on data that our side reads from the same files.

    pip install lightgbm==4.7.0 numpy scipy==1.17.1 scikit-learn==1.9.1
    python bench/peers_defaults.py --data-dir DIR --results RESULTS.json

Data. Four standard test functions without noise: 1000 Sobol points to learn from, 20,000 uniform points to test on.
And the Boeing 777 engine deck in five folds (scikit-learn's KFold, shuffled, seed 42), thrust and fuel consumption one
at a time. DIR receives train_NAME.csv and test_NAME.csv for each of them, columns x1..xd,y, inputs in physical units;
NAME is the function, or b777_thrust_fold1 and so on. Files that are already there are used as they are.

Score. Functions: nRMSE = test RMSE / standard deviation of y over the test points. Engine deck: test RMSE, averaged over
the folds, thrust in newtons, fuel consumption in 1e-6 per second. All peers get standardised inputs and outputs, because
the networks need them and nobody else is hurt. No peer sees a test point before it is scored. Settings are those of the
packages, or one fixed choice named in the table; the L-BFGS network may take 1500 iterations instead of 200, and the
Gaussian process fits one length per input by maximum likelihood from one start.
"""

import argparse
import json
import pathlib
import sys
import time
import warnings

import lightgbm
import numpy as np
import scipy
import sklearn
from lightgbm import LGBMRegressor
from scipy.interpolate import RBFInterpolator
from scipy.stats import qmc
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TESTDATA = pathlib.Path(__file__).resolve().parents[1] / "testdata"
FOLDS = 5
N_TRAIN, N_TEST = 1000, 20_000


# ---- data ---------------------------------------------------------------------------------------------------------


def friedman1(x):
    return 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]


def borehole(x):
    rw, r, t_up, h_up, t_low, h_low, length, k = x.T
    log_ratio = np.log(r / rw)
    leak = 2 * length * t_up / (log_ratio * rw**2 * k)
    return 2 * np.pi * t_up * (h_up - h_low) / (log_ratio * (1 + leak + t_up / t_low))


def robot_arm(x):
    direction = np.cumsum(x[:, :4], axis=1)
    reach = x[:, 4:]
    return np.hypot((reach * np.cos(direction)).sum(axis=1), (reach * np.sin(direction)).sum(axis=1))


def franke(x):
    u, v = 9 * x.T
    return (
        0.75 * np.exp(-((u - 2) ** 2 + (v - 2) ** 2) / 4)
        + 0.75 * np.exp(-((u + 1) ** 2) / 49 - (v + 1) / 10)
        + 0.5 * np.exp(-((u - 7) ** 2 + (v - 3) ** 2) / 4)
        - 0.2 * np.exp(-((u - 4) ** 2) - (v - 7) ** 2)
    )


FUNCTIONS = {"friedman1": friedman1, "borehole": borehole, "robot_arm": robot_arm, "franke": franke}


def function_tables():
    """Yields (file name, rows of inputs and y), after checking each formula against the reference values."""
    reference = json.loads((TESTDATA / "test_functions_reference.json").read_text())
    for entry in reference["functions"]:
        name = entry["name"]
        if name not in FUNCTIONS:
            continue
        f = FUNCTIONS[name]
        known = np.array(entry["values"])
        rounding = 1e-15 * np.abs(known).max()
        np.testing.assert_allclose(f(np.array(entry["points"])), known, rtol=1e-12, atol=rounding, err_msg=name)
        low = np.array([i["min"] for i in entry["inputs"]])
        high = np.array([i["max"] for i in entry["inputs"]])
        d = len(low)
        # Sobol points come in powers of two; the first 1000 of 1024 keep the round number of the comparison.
        train = qmc.Sobol(d, seed=0).random(1024)[:N_TRAIN]
        test = np.random.default_rng(5).random((N_TEST, d))
        for part, unit in (("train", train), ("test", test)):
            x = low + unit * (high - low)
            yield f"{part}_{name}.csv", np.column_stack([x, f(x)])


def engine_tables():
    deck = np.loadtxt(TESTDATA / "b777_engine.csv", delimiter=",", skiprows=1)
    folds = KFold(FOLDS, shuffle=True, random_state=42).split(deck)
    for number, parts in enumerate(folds, start=1):
        for target, column in (("thrust", 3), ("sfc", 4)):
            table = deck[:, [0, 1, 2, column]]
            for part, rows in zip(("train", "test"), parts):
                yield f"{part}_b777_{target}_fold{number}.csv", table[rows]


def write_missing(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for tables in (function_tables(), engine_tables()):
        for name, table in tables:
            if (folder / name).exists():
                continue
            header = [f"x{i}" for i in range(1, table.shape[1])] + ["y"]
            lines = [",".join(header)] + [",".join(map(repr, row)) for row in table.tolist()]
            (folder / name).write_text("\n".join(lines) + "\n")


def read(folder: pathlib.Path, name: str):
    """(train inputs, train y, test inputs, test y) of one pair of files."""
    tables = [np.loadtxt(folder / f"{part}_{name}.csv", delimiter=",", skiprows=1) for part in ("train", "test")]
    return [a for table in tables for a in (table[:, :-1], table[:, -1])]


# ---- peers --------------------------------------------------------------------------------------------------------


class CubicRBF(RegressorMixin, BaseEstimator):
    """SciPy's interpolation by cubes of distances and a linear polynomial."""

    def fit(self, x, y):
        self.interpolant_ = RBFInterpolator(x, y, kernel="cubic")
        return self

    def predict(self, x):
        return self.interpolant_(x)


def gaussian_process(d: int):
    kernel = ConstantKernel(1.0, (1e-3, 1e5)) * RBF(np.ones(d), (1e-2, 1e3))
    return GaussianProcessRegressor(kernel, alpha=1e-6, random_state=0)


PEERS = {
    "mean": lambda d: DummyRegressor(),
    "linear least squares": lambda d: LinearRegression(),
    "1 nearest neighbour": lambda d: KNeighborsRegressor(1),
    "LightGBM default": lambda d: LGBMRegressor(random_state=0, n_jobs=2, verbose=-1),
    "LightGBM linear leaves": lambda d: LGBMRegressor(linear_tree=True, random_state=0, n_jobs=2, verbose=-1),
    # Without a ridge the leaves fail on the engine deck: where a leaf holds one throttle setting, its recorded values
    # differ by 1e-5, and a slope through those differences is meaningless. Each of 1e-3, 1e-2, 0.1 and 1 cures it.
    "LightGBM linear, ridge .01": lambda d: LGBMRegressor(
        linear_tree=True, linear_lambda=0.01, random_state=0, n_jobs=2, verbose=-1
    ),
    "MLP default (100, Adam)": lambda d: MLPRegressor(random_state=0),
    "MLP 64-64 L-BFGS": lambda d: MLPRegressor(
        hidden_layer_sizes=(64, 64), solver="lbfgs", max_iter=1500, random_state=0
    ),
    "cubic RBF": lambda d: CubicRBF(),
    "GP (RBF, jitter 1e-6)": gaussian_process,
}


def standardised(peer):
    return TransformedTargetRegressor(make_pipeline(StandardScaler(), peer), transformer=StandardScaler())


def rmse_and_seconds(make, folder, name):
    x, y, x_test, y_test = read(folder, name)
    begin = time.perf_counter()
    model = standardised(make(x.shape[1])).fit(x, y)
    seconds = time.perf_counter() - begin
    rmse = float(np.sqrt(np.mean((model.predict(x_test) - y_test) ** 2)))
    return rmse, float(np.std(y_test)), seconds


def scores(make, folder):
    """Yields (problem, score, seconds to fit) for one peer; an engine score is the mean over the folds."""
    for name in FUNCTIONS:
        rmse, spread, seconds = rmse_and_seconds(make, folder, name)
        yield name, rmse / spread, seconds
    for target, unit in (("thrust", 1.0), ("sfc", 1e-6)):
        runs = [rmse_and_seconds(make, folder, f"b777_{target}_fold{k}") for k in range(1, FOLDS + 1)]
        yield f"b777_{target}", float(np.mean([r[0] for r in runs])) / unit, float(np.mean([r[2] for r in runs]))


# ---- report -------------------------------------------------------------------------------------------------------

COLUMNS = [*FUNCTIONS, "b777_thrust", "b777_sfc"]


def print_table(results) -> None:
    width = max(map(len, PEERS))
    print("functions: nRMSE; b777_thrust: RMSE in N; b777_sfc: RMSE in 1e-6/s; in brackets: seconds to fit once")
    print(" " * width, *(f"{name:>20}" for name in COLUMNS))
    for peer, row in results.items():
        cells = (f"{row[name]['score']:.3g} ({row[name]['seconds']:.1f})" for name in COLUMNS)
        print(f"{peer:<{width}}", *(f"{cell:>20}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=pathlib.Path, required=True, help="folder of the CSV files, made if missing")
    parser.add_argument("--results", type=pathlib.Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    write_missing(arguments.data_dir)
    # A default network that stops at its iteration limit is part of what is measured.
    warnings.simplefilter("ignore", ConvergenceWarning)
    # LightGBM names its columns and then warns that plain arrays have none.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")

    results = {}
    for peer, make in PEERS.items():
        results[peer] = {
            name: {"score": score, "seconds": seconds} for name, score, seconds in scores(make, arguments.data_dir)
        }
        print(f"measured {peer}", file=sys.stderr)
    versions = {module.__name__: module.__version__ for module in (np, scipy, sklearn, lightgbm)}
    arguments.results.write_text(json.dumps({"versions": versions, "scores": results}, indent=1) + "\n")
    print_table(results)


if __name__ == "__main__":
    main()
