"""The optimal value of every convex problem of the tests beside the best of 30 runs of Adam on it.

    pip install numpy
    python bench/convex_adam.py

Problems: testdata/convex_reference.json (one input; sums of functions of one input) and testdata/convex_dense_reference.json, whose
values the tests hold ours to within 1e-7. Adam trains 40 neurons with the penalty beta/2 (|v_j|^2 + |a_j|^2), full batch: ten starts
each at rates 1e-3, 1e-2, 1e-1 with cosine decay, 3000 steps. The part without a penalty is eliminated exactly, and every
hundredth step is valued with the best scale of each neuron: both in favour of Adam.
"""

import json
from pathlib import Path

import numpy as np

TESTDATA = Path(__file__).resolve().parents[1] / "testdata"
WIDTH, STEPS = 40, 3000
RATES = np.repeat([1e-3, 1e-2, 1e-1], 10)[:, None, None]


def best_of_adam(rows, mask, norm, free, y, w, beta, random):
    """Neurons read `rows` (n, p) where `mask` (p, width) lets them; the first `norm` coordinates are penalised."""
    (n, p), m, runs = rows.shape, y.shape[1], len(RATES)
    root = np.sqrt(w)[:, None]
    basis = np.linalg.qr(free * root)[0] if free is not None else np.zeros((n, 0))
    y = root * y
    y = y - basis @ (basis.T @ y)
    penalised = (np.arange(p) < norm)[:, None] * mask
    v = random.standard_normal((runs, p, WIDTH)) * mask
    a = random.standard_normal((runs, WIDTH, m)) / np.sqrt(WIDTH)
    moments = [np.zeros_like(v), np.zeros_like(v), np.zeros_like(a), np.zeros_like(a)]
    best = np.full(runs, np.inf)
    for t in range(1, STEPS + 1):
        h = rows @ v
        active = np.maximum(h, 0) * root
        r = active @ a
        r = r - basis @ (basis.T @ r) - y
        if t % 100 == 0:
            lengths = np.linalg.norm(v * penalised, axis=1) * np.linalg.norm(a, axis=2)
            best = np.minimum(best, 0.5 * np.sum(r * r, axis=(1, 2)) + beta * lengths.sum(axis=1))
        back = (r * root) @ a.transpose(0, 2, 1) * (h > 0)
        gradients = (mask * (rows.T @ back) + beta * v * penalised, active.transpose(0, 2, 1) @ r + beta * a)
        step = RATES * 0.5 * (1 + np.cos(np.pi * t / STEPS))
        for k, (value, g) in enumerate(zip((v, a), gradients)):
            first, second = moments[2 * k], moments[2 * k + 1]
            first += 0.1 * (g - first)
            second += 0.001 * (g * g - second)
            value -= step * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
    return best.min()


def problems():
    sparse = json.loads((TESTDATA / "convex_reference.json").read_text())
    for problem in sparse["problems"] + sparse["additive"]:
        d = problem.get("d", 1)
        x, w = np.reshape(problem["x"], (-1, d)), np.array(problem["w"])
        # The penalty counts slopes per standard deviation only where there are several inputs.
        if d > 1:
            mean = w @ x / w.sum()
            x = (x - mean) / np.sqrt(w @ (x - mean) ** 2 / w.sum())
        mask = np.vstack([np.arange(d)[:, None] == np.arange(WIDTH) % d, np.ones(WIDTH, bool)])
        ones = np.ones((len(x), 1))
        yield f"one-input, {d}", problem, np.c_[x, ones], mask, d, np.c_[ones, x], problem["m"]
    for problem in json.loads((TESTDATA / "convex_dense_reference.json").read_text())["problems"]:
        d, bias = problem["d"], problem["bias"]
        x = np.reshape(problem["x"], (-1, d))
        ones = np.ones((len(x), 1))
        free = {"none": None, "constant": ones, "affine": np.c_[ones, x]}[problem["skip"]]
        rows = np.c_[x, ones * (1.0 if bias is None else bias)]
        norm = d if bias is None else d + 1
        yield f"dense, {d}", problem, rows, np.ones((d + 1, WIDTH), bool), norm, free, 1


def main():
    print("| class, inputs | rows | outputs | beta | optimal value | best of 30 runs of Adam, above it |")
    print("|---|---|---|---|---|---|")
    lowest = np.inf
    for k, (name, problem, rows, mask, norm, free, m) in enumerate(problems()):
        y, w = np.reshape(problem["y"], (-1, m)), np.array(problem["w"])
        best = best_of_adam(rows, mask, norm, free, y, w, problem["beta"], np.random.default_rng([40, k]))
        above = best / problem["value"] - 1
        lowest = min(lowest, above)
        print(f"| {name} | {len(y)} | {m} | {problem['beta']:g} | {problem['value']:.8g} | {above:.1e} |", flush=True)
    print(f"\nSmallest of the last column: {lowest:.1e}")


if __name__ == "__main__":
    main()
