"""Optimal values of small convex grades, by a general conic solver: writes convex_reference.json.

    pip install numpy cvxpy clarabel
    python make_convex_reference.py            # writes the file beside this script
    python make_convex_reference.py --check    # compares the values instead of writing

The problem is the finite program over the values F (n x m) of the fit at distinct, sorted x:

    min  1/2 sum_i w_i |y_i - F_i|^2 + beta sum_i |(D F)_i|_2,    D F = change of slope at the inner x

solved by Clarabel to 1e-9. Nothing here is shared with the library: no knots, no neurons, no dual of our own.

With several inputs the fit is an affine function and one neuron for every inner value of every input, and the penalty
beta sum_j s_i(j) |a_j|_2 with s_i the weighted standard deviation of input i; these go to "additive".
"""

import json
import sys
from pathlib import Path

import cvxpy as cp
import numpy as np


def second_differences(x):
    """The change of slope at the inner points of sorted, distinct x, as a matrix."""
    h = np.diff(x)
    d = np.zeros((len(x) - 2, len(x)))
    for i in range(len(x) - 2):
        d[i, i : i + 3] = [1 / h[i], -1 / h[i] - 1 / h[i + 1], 1 / h[i + 1]]
    return d


def solved(objective):
    problem = cp.Problem(cp.Minimize(objective))
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-9, tol_feas=1e-9, max_iter=500)
    assert problem.status == "optimal", problem.status
    return float(problem.value)


def optimal_value(x, y, w, beta):
    fit = cp.Variable(y.shape)
    loss = 0.5 * cp.sum(cp.multiply(w[:, None], cp.square(y - fit)))
    return solved(loss + beta * cp.sum(cp.norm(second_differences(x) @ fit, 2, axis=1)))


def spreads(x, w):
    mean = (w @ x) / w.sum()
    return np.sqrt(w @ (x - mean) ** 2 / w.sum())


def optimal_sum(x, y, w, beta):
    """The same for a sum of one function of each column of x: an affine function and a neuron at every inner value."""
    z = (x - x.mean(axis=0)) / spreads(x, w)
    hinges = np.concatenate([np.maximum(c[:, None] - np.unique(c)[None, 1:-1], 0) for c in z.T], axis=1)
    change = cp.Variable((hinges.shape[1], y.shape[1]))
    affine = cp.Variable((x.shape[1] + 1, y.shape[1]))
    total = np.c_[np.ones(len(z)), z] @ affine + hinges @ change
    loss = 0.5 * cp.sum(cp.multiply(w[:, None], cp.square(y - total)))
    return solved(loss + beta * cp.sum(cp.norm(change, 2, axis=1)))


def additive_problems():
    random = np.random.default_rng(21)
    for n, d, m, weighted, ratio in [
        (12, 2, 1, False, 0.3),
        (30, 2, 1, True, 0.05),
        (40, 3, 1, False, 0.02),
        (40, 5, 1, True, 0.1),
        (60, 4, 1, False, 0.005),
        (25, 2, 2, False, 0.1),
        (40, 3, 2, True, 0.02),
        (30, 2, 3, False, 0.05),
    ]:
        x = random.random((n, d)).round(2)  # near places would make the program ill-conditioned
        x[:, 1] = (8 * x[:, 1]).round()  # ties
        y = np.stack([np.sin((7 + o) * x[:, 0]) + 0.1 * x[:, 1] ** 2 + o * x[:, -1] for o in range(m)], axis=1)
        y = (y + 0.3 * random.standard_normal((n, m))).round(6)
        w = (0.2 + 3 * random.random(n)).round(6) if weighted else np.ones(n)
        z = np.c_[np.ones(n), x] * np.sqrt(w)[:, None]
        v = w[:, None] * (y - np.c_[np.ones(n), x] @ np.linalg.lstsq(z, y * np.sqrt(w)[:, None], rcond=None)[0])
        hinges = np.maximum(x[:, None, :] - x[None, :, :], 0) / spreads(x, w)
        beta = float(f"{ratio * np.linalg.norm(np.einsum('io,ikj->kjo', v, hinges), axis=2).max():.6g}")
        value = optimal_sum(x, y, w, beta)
        yield {"x": x.ravel().tolist(), "y": y.ravel().tolist(), "w": w.tolist(), "d": d, "m": m, "beta": beta, "value": value}


def main():
    random = np.random.default_rng(20)
    problems = []
    for n, m, weighted, ratio in [
        (8, 1, False, 0.3),
        (20, 1, False, 0.05),
        (20, 1, True, 0.05),
        (40, 1, False, 0.005),
        (40, 1, True, 0.3),
        (60, 1, True, 0.001),
        (12, 2, False, 0.2),
        (30, 2, True, 0.02),
        (40, 3, False, 0.1),
        (40, 3, True, 0.01),
        (25, 5, False, 0.002),
    ]:
        x = np.sort(random.random(n)).round(6)
        assert len(set(x)) == n
        y = np.stack([np.sin((9 + 2 * o) * x) + o * np.abs(x - 0.5) for o in range(m)], axis=1)
        y = (y + 0.2 * random.standard_normal((n, m))).round(6)
        w = (0.2 + 3 * random.random(n)).round(6) if weighted else np.ones(n)
        # The penalty above which the fit is a line, to make the ratios mean something.
        z = np.stack([np.ones(n), x], axis=1) * np.sqrt(w)[:, None]
        line = np.linalg.lstsq(z, y * np.sqrt(w)[:, None], rcond=None)[0]
        v = w[:, None] * (y - np.stack([np.ones(n), x], axis=1) @ line)
        u = np.array([(v * np.maximum(x - t, 0)[:, None]).sum(axis=0) for t in x])
        beta = float(f"{ratio * np.linalg.norm(u, axis=1).max():.6g}")
        value = optimal_value(x, y, w, beta)
        problems.append({"x": x.tolist(), "y": y.ravel().tolist(), "w": w.tolist(), "m": m, "beta": beta, "value": value})
    additive = list(additive_problems())
    path = Path(__file__).with_name("convex_reference.json")
    if "--check" in sys.argv:
        kept = json.loads(path.read_text())
        kept = kept["problems"] + kept["additive"]
        worst = max(abs(a["value"] / b["value"] - 1) for a, b in zip(problems + additive, kept, strict=True))
        sys.exit(0 if worst < 1e-7 else f"values differ by {worst:.1e}")
    solver = f"Clarabel through cvxpy {cp.__version__}"
    text = json.dumps({"solver": solver, "problems": problems, "additive": additive})
    path.write_text(text.replace('{"x"', '\n{"x"') + "\n")


if __name__ == "__main__":
    main()
