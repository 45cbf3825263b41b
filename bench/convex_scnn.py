"""Values and seconds of the dense convex grade beside scnn, on the same problems, in one go.

    pip install numpy pyscnn
    cargo build --release -p multigrade --example convex_once
    python bench/convex_scnn.py

The problem: min 1/2 |y - sum_j relu(X w_j) a_j|^2 + beta sum_j |w_j| |a_j| over any number of neurons, X = (x, 1), at shares of
the smallest penalty without neurons. Ours is solved to a proved gap of 1e-6, proof included. scnn solves the program of a random
sample of activation patterns; "above" is the value of its network, computed here in 64 bits with the best scale of each
neuron, relative to ours. Its time is that of the call alone.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from scnn.optimize import optimize_model
from scnn.activations import sample_gate_vectors
from scnn.models import ConvexReLU
from scnn.regularizers import NeuronGL1
from scnn.solvers import AL
from scnn.metrics import Metrics

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/convex_once"
# Sampled patterns, tolerance of scnn's solver.
CALLS = [(50, 1e-3), (50, 1e-6), (200, 1e-3)]


def data(d, n=1000):
    random = np.random.default_rng(d)
    x = random.uniform(-1, 1, (n, d))
    along = x @ (1 / np.arange(1, d + 1))
    return x, np.sin((8 if d == 1 else 3) * along) + 0.5 * np.abs(x[:, 0] - 0.3) + 0.1 * random.standard_normal(n)


def ours(x, y, share):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.csv"
        np.savetxt(path, np.c_[x, y], delimiter=",", fmt="%.17g")
        runs = [subprocess.run([PROGRAM, path, f"dense:{share}"], check=True, capture_output=True, text=True) for _ in range(3)]
    return min((json.loads(run.stdout) for run in runs), key=lambda run: run["seconds"])


def theirs(x, y, beta, patterns, tolerance):
    rows = np.c_[x, np.ones(len(y))]
    gates = sample_gate_vectors(0, rows.shape[1], patterns)
    solver = AL(ConvexReLU(gates, c=1), tol=tolerance, constraint_tol=tolerance)
    began = time.perf_counter()
    model, _ = optimize_model(
        solver.model, solver, Metrics(), rows, y[:, None], regularizer=NeuronGL1(beta / len(y)), unitize_data=False
    )
    seconds = time.perf_counter() - began
    first, second = (np.asarray(p, dtype=float) for p in model.parameters[:2])
    second = second.reshape(-1, first.shape[0])
    fit = (np.maximum(rows @ first.T, 0) @ second.T)[:, 0]
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=0)
    return 0.5 * np.sum((y - fit) ** 2) + beta * norms.sum(), int((norms > 1e-6 * norms.max()).sum()), seconds


def main():
    print("| inputs | share | ours: P, gap/P, neurons, seconds | patterns, tolerance | above | neurons | seconds | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for d, share in [(1, 0.1), (2, 0.1), (2, 0.01)]:
        x, y = data(d)
        mine = ours(x, y, share)
        about = f"{mine['value']:.4f}, {mine['relative_gap']:.0e}, {mine['neurons']}, {mine['seconds']:.3f}"
        for patterns, tolerance in CALLS:
            value, neurons, seconds = theirs(x, y, mine["penalty"], patterns, tolerance)
            above = 100 * (value / mine["value"] - 1)
            ratio = seconds / mine["seconds"]
            print(
                f"| {d} | {share} | {about} | {patterns}, {tolerance:.0e} | {above:.2g} % | {neurons} | {seconds:.2f} | {ratio:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
