"""Optimal values of dense convex grades by a general conic solver: testdata/convex_dense_reference.json.

The training problem of a one-hidden-layer ReLU network of any width is a convex program with one pair of blocks for each
activation pattern (Pilanci, Ergen 2020). For few rows all patterns can be listed: here those of every pair of rows with
two inputs, those of every angle with one.

Also, with `--adam`, testdata/convex_dense_adam.json: for each of a few larger problems the smallest objective of 30 runs
of Adam (three learning rates, ten starts, full batch, cosine decay), and the problem.

Needs numpy and cvxpy with Clarabel (`pip install cvxpy clarabel`). Run with `--check` to compare with the kept file.
"""

import itertools
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def patterns(rows):
    n, p = rows.shape
    found = set()
    if p == 2:
        angle = np.arctan2(rows[:, 1], rows[:, 0])
        kinks = np.sort(np.mod(np.r_[angle + np.pi / 2, angle - np.pi / 2], 2 * np.pi))
        middles = np.r_[(kinks[1:] + kinks[:-1]) / 2, (kinks[-1] + kinks[0] + 2 * np.pi) / 2]
        for t in middles:
            found.add(tuple((rows @ np.array([np.cos(t), np.sin(t)]) > 0).tolist()))
    else:
        for i, j in itertools.combinations(range(n), 2):
            w = np.cross(rows[i], rows[j])
            for sign in (1, -1):
                base = rows @ (sign * w / np.linalg.norm(w)) > 0
                for first, second in itertools.product((True, False), repeat=2):
                    pattern = base.copy()
                    pattern[i], pattern[j] = first, second
                    found.add(tuple(pattern.tolist()))
    return np.array(sorted(found))


def optimal_value(rows, norm, y, w, free, beta):
    """Neurons with `norm` penalised coordinates; `free` are the unpenalised columns, or None."""
    import cvxpy as cp

    active = patterns(rows)
    k, p = len(active), rows.shape[1]
    wide = np.hstack([rows * active[j][:, None] for j in range(k)])
    fit, penalty, constraints = 0, 0, []
    for sign in (1, -1):
        weights = cp.Variable((k, p))
        fit = fit + sign * (wide @ cp.reshape(weights, (k * p,), order="C"))
        penalty = penalty + cp.sum(cp.norm(weights[:, :norm], 2, axis=1))
        constraints.append(cp.multiply(2.0 * active - 1, weights @ rows.T) >= 0)
    if free is not None:
        fit = fit + free @ cp.Variable(free.shape[1])
    loss = 0.5 * cp.sum(cp.multiply(w, cp.square(y - fit)))
    problem = cp.Problem(cp.Minimize(loss + beta * penalty), constraints)
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    assert problem.status in ("optimal", "optimal_inaccurate"), problem.status
    return float(problem.value)


def references():
    random = np.random.default_rng(33)
    problems = []
    for d, n, bias, skip, weighted, beta in [
        (1, 20, 1.0, "none", False, 0.5),
        (1, 40, 1.0, "affine", True, 0.1),
        (1, 60, 0.5, "constant", False, 0.02),
        (1, 40, None, "affine", False, 0.05),
        (1, 40, None, "constant", True, 0.2),
        (2, 10, 1.0, "none", False, 0.3),
        (2, 16, 1.0, "affine", False, 0.1),
        (2, 16, 2.0, "none", True, 0.02),
        (2, 24, 1.0, "none", False, 0.2),
        (2, 24, 1.0, "constant", False, 0.01),
        (2, 16, None, "affine", False, 0.1),
        (2, 20, None, "constant", True, 0.05),
    ]:
        x = random.uniform(-1, 1, (n, d)).round(6)
        y = (np.sin(3 * x.sum(1)) + 0.5 * x[:, 0] ** 2 + 0.1 * random.standard_normal(n)).round(6)
        w = (0.2 + 3 * random.random(n)).round(6) if weighted else np.ones(n)
        rows = np.c_[x, np.full(n, bias or 1.0)]
        norm = d if bias is None else d + 1
        free = {"none": None, "constant": np.ones((n, 1)), "affine": np.c_[np.ones(n), x]}[skip]
        value = optimal_value(rows, norm, y, w, free, beta)
        print(d, n, bias, skip, value, flush=True)
        problems.append(
            {"x": x.ravel().tolist(), "d": d, "y": y.tolist(), "w": w.tolist(), "bias": bias, "skip": skip}
            | {"beta": beta, "value": value}
        )
    return problems


def adam(rows, y, beta, width, rate, steps, random):
    """The objective after training `1/2 |y - f|^2 + beta/2 (|W|^2 + |a|^2)`, with each neuron's scales balanced."""
    p = rows.shape[1]
    w, a = random.standard_normal((p, width)) / np.sqrt(p), random.standard_normal(width) / np.sqrt(width)
    moments = [np.zeros_like(w), np.zeros_like(w), np.zeros_like(a), np.zeros_like(a)]
    best = np.inf
    for t in range(1, steps + 1):
        h = rows @ w
        active = np.maximum(h, 0)
        r = active @ a - y
        gradients = (rows.T @ ((h > 0) * np.outer(r, a)) + beta * w, active.T @ r + beta * a)
        step = rate * 0.5 * (1 + np.cos(np.pi * t / steps))
        for k, (value, g) in enumerate(zip((w, a), gradients)):
            m, v = moments[2 * k], moments[2 * k + 1]
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            value -= step * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        if t % 50 == 0:
            r = y - np.maximum(rows @ w, 0) @ a
            best = min(best, 0.5 * r @ r + beta * (np.linalg.norm(w, axis=0) * np.abs(a)).sum())
    return float(best)


def best_of_adam():
    random = np.random.default_rng(34)
    problems = []
    for d, n, beta in [(1, 100, 1.0), (1, 200, 0.2), (2, 100, 0.5), (2, 200, 0.2), (3, 150, 0.5), (4, 150, 1.0)]:
        x = random.uniform(-1, 1, (n, d)).round(6)
        direction = random.standard_normal(d)
        along = x @ (direction / np.linalg.norm(direction))
        y = (np.sin(4 * along) + 0.5 * np.abs(x[:, 0] - 0.3) + 0.1 * random.standard_normal(n)).round(6)
        rows = np.c_[x, np.ones(n)]
        runs = [
            adam(rows, y, beta, 40, rate, 2000, np.random.default_rng([seed, d, n]))
            for rate in (1e-3, 1e-2, 1e-1)
            for seed in range(10)
        ]
        print(d, n, beta, min(runs), max(runs), flush=True)
        problems.append({"x": x.ravel().tolist(), "d": d, "y": y.tolist(), "beta": beta, "best": min(runs)})
    return problems


def write(name, source, problems):
    text = json.dumps({"source": source, "problems": problems})
    (HERE / name).write_text(text.replace('{"x"', '\n{"x"') + "\n")


def main():
    if "--adam" in sys.argv:
        write("convex_dense_adam.json", "smallest objective of 30 runs of Adam", best_of_adam())
        return
    problems = references()
    if "--check" in sys.argv:
        kept = json.loads((HERE / "convex_dense_reference.json").read_text())["problems"]
        worst = max(abs(a["value"] / b["value"] - 1) for a, b in zip(problems, kept, strict=True))
        sys.exit(0 if worst < 1e-7 else f"values differ by {worst:.1e}")
    write("convex_dense_reference.json", "Clarabel through cvxpy, all activation patterns", problems)


if __name__ == "__main__":
    main()
