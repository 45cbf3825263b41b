"""Times the convex grade of one input beside cvxpy with Clarabel on the same program, in one go.

    pip install numpy cvxpy clarabel
    cargo build --release -p multigrade --example convex_once
    python bench/convex_clarabel.py

The program: min 1/2 |y - f|^2 + beta |D f|_1 over the values f at n random x, D the change of slope; y is
(1 + x) sin(8 pi x) with noise 0.1, beta is 1/100 of the smallest penalty without kinks. Both sides run in turn, five times
at n = 1000, three times at 10,000; medians. Ours includes its proof. cvxpy is timed with its own work (without building the
problem), Clarabel alone as it reports itself. "above" is the value reached relative to ours, whose gap is proved.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import cvxpy as cp
import numpy as np
import scipy.sparse as sp

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/convex_once"


def data(n):
    random = np.random.default_rng(0)
    x = np.sort(random.random(n))
    y = (1 + x) * np.sin(8 * np.pi * x) + 0.1 * random.standard_normal(n)
    line = np.c_[np.ones(n), x] @ np.linalg.lstsq(np.c_[np.ones(n), x], y, rcond=None)[0]
    v = y - line
    u = [(v * np.maximum(x - t, 0)).sum() for t in x] if n <= 20_000 else None
    return x, y, 0.01 * np.abs(u).max()


def clarabel(x, y, beta):
    h, n = np.diff(x), len(x)
    bends = sp.diags([1 / h[:-1], -1 / h[:-1] - 1 / h[1:], 1 / h[1:]], [0, 1, 2], shape=(n - 2, n))
    f = cp.Variable(n)
    problem = cp.Problem(cp.Minimize(0.5 * cp.sum_squares(y - f) + beta * cp.norm1(bends @ f)))
    began = time.perf_counter()
    try:
        problem.solve(solver="CLARABEL")
    except cp.SolverError as error:
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "solver": np.nan, "status": str(error).split(".")[0], "value": np.nan}
    seconds, alone = time.perf_counter() - began, problem.solver_stats.solve_time
    return {"seconds": seconds, "solver": alone, "status": problem.status, "value": problem.value}


def median_ms(runs, key):
    return 1e3 * statistics.median(run[key] for run in runs)


def main():
    print(f"cvxpy {cp.__version__}\n")
    print("| n | ours, ms | gap/P | cvxpy + Clarabel, ms | Clarabel alone, ms | status | above | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for n, repeats in [(1000, 5), (10_000, 3)]:
        x, y, beta = data(n)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.csv"
            np.savetxt(path, np.c_[x, y], delimiter=",", fmt="%.17g")
            ours, theirs = [], []
            for _ in range(repeats):
                # Our penalty counts slopes per standard deviation of x.
                out = subprocess.run([PROGRAM, path, f"{beta / x.std():.17g}"], check=True, capture_output=True, text=True)
                ours.append(json.loads(out.stdout))
                theirs.append(clarabel(x, y, beta))
        a, b, alone = (median_ms(ours, "seconds"), median_ms(theirs, "seconds"), median_ms(theirs, "solver"))
        above = theirs[0]["value"] / ours[0]["value"] - 1
        gap, status = ours[0]["relative_gap"], theirs[0]["status"]
        print(f"| {n} | {a:.2f} | {gap:.0e} | {b:.0f} | {alone:.0f} | {status} | {above:.0e} | {b / a:.0f} |")


if __name__ == "__main__":
    main()
