"""Training errors and CPU seconds of Levenberg-Marquardt beside L-BFGS on small smooth problems, in one go.

    cargo build --release -p multigrade-cli
    python bench/levenberg.py

Both start from the same weights and train the same grades; readouts are least squares in both. Errors are root mean squares on the
training rows, divided by the spread of the targets: what is compared is how far down a solver gets, not how well the network
predicts. Needs nothing but Python. The table is printed as it stands in docs/benchmarks.md.
"""

import json
import math
import random
import resource
import subprocess
import tempfile
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "target/release/multigrade"
SOLVERS = [("lbfgs", 500), ("lbfgs", 5000), ("lm", 100)]
GRADES = ["12:tanh", "8,8:tanh", "40:tanh"]


def wave(rows=1000):
    """One input."""
    x = [random.random() for _ in range(rows)]
    return ["x", "y"], [(x, math.sin(12 * x) * math.exp(-x)) for x in x]


def three(rows=1500):
    """Three inputs, with a product."""
    points = [[random.random() for _ in range(3)] for _ in range(rows)]
    value = lambda a, b, c: 10 * math.sin(math.pi * a * b) + 20 * (c - 0.5) ** 2
    return ["a", "b", "c", "y"], [(*point, value(*point)) for point in points]


def fit(folder, table, grade, solver, iterations):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [PROGRAM, "fit", table, "--target", "y", "--out", folder / "model", "--force", "--no-report", "--json", "--quiet"]
    command += ["--grade", grade, "--validation", "0", "--branches", "1", "--weight-decay", "1e-12"]
    command += ["--solver", solver, "--iterations", str(iterations)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    first, last = (row["train"][0]["l2"] for row in (answer["grades"][0], answer["grades"][-1]))
    return last / first, seconds


def main():
    random.seed(1)
    print("| problem | grade |" + "".join(f" {name} {n}: error | CPU s |" for name, n in SOLVERS))
    print("|---|---|" + "---|---|" * len(SOLVERS))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, (header, rows) in [("wave, 1 input", wave()), ("sine of a product, 3 inputs", three())]:
            table = folder / "table.csv"
            table.write_text("\n".join([",".join(header)] + [",".join(map(repr, row)) for row in rows]) + "\n")
            for grade in GRADES:
                cells = [fit(folder, table, grade, *solver) for solver in SOLVERS]
                print(f"| {name} | {grade} |" + "".join(f" {error:.2e} | {seconds:.2f} |" for error, seconds in cells))


if __name__ == "__main__":
    main()
