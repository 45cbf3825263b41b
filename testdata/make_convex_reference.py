"""Optimal values of small convex grades, by a general conic solver: writes convex_reference.json.

    pip install numpy cvxpy clarabel
    python make_convex_reference.py            # writes the file beside this script
    python make_convex_reference.py --check    # compares the values instead of writing

The problem is the finite program over the values F (n x m) of the fit at distinct, sorted x:

    min  1/2 sum_i w_i |y_i - F_i|^2 + beta sum_i |(D F)_i|_2,    D F = change of slope at the inner x

solved by Clarabel to 1e-9. Nothing here is shared with the library: no knots, no neurons, no dual of our own.
"""

import json
import sys
from pathlib import Path

import cvxpy as cp
import numpy as np


def optimal_value(x, y, w, beta):
    h = np.diff(x)
    n, m = y.shape
    d = np.zeros((n - 2, n))
    for i in range(n - 2):
        d[i, i : i + 3] = [1 / h[i], -1 / h[i] - 1 / h[i + 1], 1 / h[i + 1]]
    fit = cp.Variable((n, m))
    loss = 0.5 * cp.sum(cp.multiply(w[:, None], cp.square(y - fit)))
    problem = cp.Problem(cp.Minimize(loss + beta * cp.sum(cp.norm(d @ fit, 2, axis=1))))
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-9, tol_feas=1e-9, max_iter=500)
    assert problem.status == "optimal", problem.status
    return float(problem.value)


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
    path = Path(__file__).with_name("convex_reference.json")
    if "--check" in sys.argv:
        kept = json.loads(path.read_text())["problems"]
        worst = max(abs(a["value"] / b["value"] - 1) for a, b in zip(problems, kept, strict=True))
        sys.exit(0 if worst < 1e-7 else f"values differ by {worst:.1e}")
    text = json.dumps({"solver": f"Clarabel through cvxpy {cp.__version__}", "problems": problems})
    path.write_text(text.replace('{"x"', '\n{"x"') + "\n")


if __name__ == "__main__":
    main()
