"""What other programs can do of the jobs of `construct`, `fit --function` and `certify`, on this machine, in one go.

    pip install pwlf mpmath "numpy<2" torch==1.13.1 auto_LiRPA maraboupy; apt install sollya      # any of them may be missing
    cargo build --release -p multigrade-cli
    python bench/compile_peers.py [NAME]

- pwlf: least-squares fits with a given number of free pieces; their largest error at points, beside the pieces of the plain scheme, proved.
- Sollya: the lowest degree of a minimax polynomial within the tolerance, with a proved supremum norm, beside compiled networks.
- auto_LiRPA (the bounds of alpha,beta-CROWN; version 0.3 needs a torch of its time, hence Python up to 3.11): |x y - network| on boxes, by CROWN for the difference as one graph, cut into equal boxes.
- Marabou: |max(x, 0.3 y) - network| <= e as two queries; it has no products, so x*y cannot be asked.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = TARGET / "release" / "multigrade"
sys.path.insert(0, str(ROOT / "docs"))


def ours(folder, *arguments):
    began = time.perf_counter()
    done = subprocess.run([PROGRAM, *arguments, "--json", "--quiet", "--force", "--no-report"], cwd=folder, capture_output=True, text=True)
    return json.loads(done.stdout), time.perf_counter() - began


def bound(document):
    return max(abs(end) for end in document["grades"][-1]["proved"]["exact"])


def pieces(folder):
    import numpy as np
    import pwlf

    print("\n| function on [0,1] | pieces | pwlf: largest error at points | seconds | ours, plain scheme: proved, same pieces or fewer | seconds |")
    print("|---|---|---|---|---|---|")
    x = np.linspace(0, 1, 501)
    dense = np.linspace(0, 1, 20001)
    for text, f, counts in (("exp(x)", np.exp, (4, 8)), ("sin(2*pi*x)", lambda x: np.sin(2 * np.pi * x), (6, 10))):
        for count in counts:
            began = time.perf_counter()
            fitted = pwlf.PiecewiseLinFit(x, f(x), seed=0)
            fitted.fitfast(count, pop=4)
            seconds = time.perf_counter() - began
            error = np.abs(fitted.predict(dense) - f(dense)).max()
            low, high = 1e-6, 1.0
            for _ in range(12):
                tolerance = math.sqrt(low * high)
                made, own = ours(folder, "construct", text, "--domain", "x=0..1", "--tol", repr(tolerance), "--strategy", "mesh", "--scheme", "plain", "--grades", "1", "--out", "p")
                if made["reached"] and made["grades"][-1]["built"]["nodes"] + 1 <= count:
                    high, best = tolerance, (bound(made), made["grades"][-1]["built"]["nodes"] + 1, own)
                else:
                    low = tolerance
            print(f"| {text} | {count} | {error:.3g} | {seconds:.1f} | {best[0]:.3g} with {best[1]} | {best[2]:.2f} |", flush=True)


def polynomials(folder):
    print("\n| function on [0,1] | tolerance | Sollya: degree | proved supremum norm | seconds | compiled: ReLUs | proved | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for text, sollya, tolerances in (
        ("exp(x)", "exp(x)", (1e-3, 1e-6, 1e-10)),
        ("sin(2*pi*x)", "sin(2*pi*x)", (1e-3, 1e-6, 1e-10)),
        ("1/(1+25*(2*x-1)^2)", "1/(1+25*(2*x-1)^2)", (1e-4,)),
        ("sqrt(x+0.1)", "sqrt(x+0.1)", (1e-6,)),
    ):
        for tolerance in tolerances:
            script = f"""
                prec = 200; f = {sollya}; n = 1; found = false;
                while (!found && n < 120) do {{
                    p = remez(f, n, [0;1]);
                    if (dirtyinfnorm(p - f, [0;1]) < {tolerance!r}) then {{ found = true; }} else {{ n = n + 1; }};
                }};
                s = supnorm(p, f, [0;1], absolute, 2^(-8)); print("degree", n, "norm", sup(s)); quit;
            """
            began = time.perf_counter()
            try:
                done = subprocess.run(["sollya"], input=script, capture_output=True, text=True, timeout=120)
                found = re.search(r"degree (\d+) norm (\S+)", done.stdout)
            except subprocess.TimeoutExpired:
                found = None
            seconds = time.perf_counter() - began
            theirs = f"{found[1]} | {float(found[2]):.3g} | {seconds:.1f}" if found else f"none | - | {seconds:.1f}"
            made, own = ours(folder, "construct", text, "--domain", "x=0..1", "--tol", repr(tolerance), "--strategy", "compile", "--out", "s")
            relus = made["grades"][-1]["built"]["nodes"]
            print(f"| {text} | {tolerance:g} | {theirs} | {relus} | {bound(made):.3g} | {own:.2f} |", flush=True)


def network(folder, name):
    from check_certificate import Model

    model = Model(folder / f"{name}.safetensors")
    scale, center = model.input_scaling["scale"], model.input_scaling["center"]
    return [(float(c), float(s)) for c, s in zip(center, scale)], model.neurons(len(model.grades), 0)


def crown(folder):
    import torch
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

    learned, seconds = ours(folder, "fit", "--function", "x*y", "--domain", "x=0..1,y=0..1", "--grade", "8", "--out", "bilinear")
    inputs, net = network(folder, "bilinear")
    count = len(net)
    hidden = [(terms, bias) for terms, bias, relu in net if relu]

    def linear(rows, width):
        """A layer of rows (terms, bias): slices, and products without a bias, are not supported for 64-bit numbers."""
        layer = torch.nn.Linear(width, len(rows), dtype=torch.float64)
        with torch.no_grad():
            layer.weight.zero_()
            for i, (terms, bias) in enumerate(rows):
                layer.bias[i] = float(bias)
                for source, w in terms:
                    layer.weight[i, source] = float(w)
        return layer

    terms, bias, _ = net[len(hidden)]
    (_, scale), center = net[count - 1][0][0], net[count - 1][1]
    carried = [(source, scale * w) for source, w in terms if source < 2]
    features = [(source - 2, scale * w) for source, w in terms if source >= 2]

    class Difference(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scaled = linear([([(i, 1 / s)], -c / s) for i, (c, s) in enumerate(inputs)], 2)
            self.hidden = linear(hidden, 2)
            self.of_h, self.of_z = linear([(features, scale * bias + center)], len(hidden)), linear([(carried, 0)], 2)
            self.x, self.y = linear([([(0, 1)], 0)], 2), linear([([(1, 1)], 0)], 2)

        def forward(self, x):
            z = self.scaled(x)
            return self.x(x) * self.y(x) - (self.of_h(torch.relu(self.hidden(z))) + self.of_z(z))

    print("\n| boxes | CROWN bound of the difference | seconds |")
    print("|---|---|---|")
    bounded = BoundedModule(Difference(), torch.zeros(1, 2, dtype=torch.float64))
    for n in (8, 32, 128):
        began = time.perf_counter()
        i = torch.arange(n, dtype=torch.float64) / n
        low = torch.stack([i.repeat_interleave(n), i.repeat(n)], 1)
        high = low + 1 / n
        x = BoundedTensor((low + high) / 2, PerturbationLpNorm(norm=math.inf, x_L=low, x_U=high))
        lower, upper = bounded.compute_bounds(x=(x,), method="backward")
        print(f"| {n * n} | {max(upper.max(), -lower.min()):.4g} | {time.perf_counter() - began:.2f} |", flush=True)
    row = learned["grades"][-1]
    print(f"\nOurs: {bound(learned):.4g}, rounding included, {row['measured']['f64']:.4g} measured; training and proof {seconds:.1f} s")


def marabou(folder):
    import numpy as np
    from maraboupy import Marabou, MarabouNetwork, MarabouUtils

    learned, seconds = ours(folder, "fit", "--function", "max(x,0.3*y)", "--domain", "x=0..1,y=0..1", "--grade", "6", "--rows", "300", "--iterations", "30", "--solver", "lbfgs", "--out", "kink")
    proved = bound(learned)
    inputs, net = network(folder, "kink")
    print("\n| claim | Marabou | seconds |")
    print("|---|---|---|")
    for share in (1.1, 0.5):
        answers, began = [], time.perf_counter()
        for sign in (1, -1):
            query = MarabouNetwork.MarabouNetwork()

            def equal(terms, constant):
                equation = MarabouUtils.Equation()
                for weight, variable in terms:
                    equation.addAddend(weight, variable)
                equation.setScalar(constant)
                query.addEquation(equation)

            raw = [query.getNewVariable() for _ in inputs]
            for v in raw:
                query.setLowerBound(v, 0.0)
                query.setUpperBound(v, 1.0)
            values = []
            for v, (center, scale) in zip(raw, inputs):
                z = query.getNewVariable()
                equal([(1.0, v), (-scale, z)], center)
                values.append(z)
            for terms, bias, relu in net:
                y = query.getNewVariable()
                equal([(float(w), values[source]) for source, w in terms] + [(-1.0, y)], -float(bias))
                if relu:
                    h = query.getNewVariable()
                    query.addRelu(y, h)
                    y = h
                values.append(y)
            scaled, largest, off = (query.getNewVariable() for _ in range(3))
            equal([(0.3, raw[1]), (-1.0, scaled)], 0.0)
            query.addMaxConstraint({raw[0], scaled}, largest)
            equal([(float(sign), largest), (-float(sign), values[-1]), (-1.0, off)], 0.0)
            query.setLowerBound(off, share * proved)
            query.inputVars, query.outputVars = [np.array(raw)], [np.array([off])]
            result = query.solve(verbose=False, options=Marabou.createOptions(verbosity=0, timeoutInSeconds=60))
            answers.append(result[0])
        print(f"| off by at most {share * proved:.4g} | {' and '.join(answers)} | {time.perf_counter() - began:.2f} |", flush=True)
    print(f"\nOurs: at most {proved:.4g} for every point, rounding included; {learned['grades'][-1]['measured']['f64']:.4g} measured; training and proof {seconds:.1f} s")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, work in (("pwlf", pieces), ("Sollya", polynomials), ("auto_LiRPA", crown), ("Marabou", marabou)):
            if name not in (sys.argv[1:] or [name]):
                continue
            print(f"\n## {name}", flush=True)
            if name == "Sollya" and shutil.which("sollya") is None:
                print("not installed, skipped")
                continue
            try:
                work(Path(folder))
            except ImportError as error:
                print(f"not installed, skipped ({error})")


if __name__ == "__main__":
    main()
