"""Attacks ONNX files of networks of which something is proved, by a runtime that shares nothing with this project.

    cargo run --release -p multigrade --example siege -- 400 siege
    pip install numpy onnxruntime
    python bench/onnx_siege.py siege

At every point of the folder's files, f(x) - network(x) has to lie in the proved bounds, where f(x) is only known to lie in an interval.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime


def beyond(values, lower, upper, bounds):
    """How many points prove that a bound does not hold, by exact arithmetic where rounded arithmetic cannot tell."""
    if not np.isfinite(values).all():
        return int((~np.isfinite(values)).sum())
    with np.errstate(over="ignore", invalid="ignore"):
        suspects = np.flatnonzero((lower - values >= bounds[1]) | (upper - values <= bounds[0]))
    low, high = map(Fraction, bounds)

    def is_beyond(i):
        value = Fraction(float(values[i]))
        above = np.isfinite(lower[i]) and Fraction(float(lower[i])) - value > high
        below = np.isfinite(upper[i]) and Fraction(float(upper[i])) - value < low
        return above or below

    return sum(map(is_beyond, suspects))


def main(folder):
    networks, files, points, violations, closest = 0, {"f64": 0, "f32": 0}, 0, 0, {"f64": 0.0, "f32": 0.0}
    for about in sorted(Path(folder).glob("*.json"), key=lambda path: int(path.stem)):
        bounds = json.loads(about.read_text())
        networks += 1
        for name, kind in (("f64", np.float64), ("f32", np.float32)):
            file = about.with_name(f"{about.stem}-{name}.onnx")
            if not file.exists():
                continue
            session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
            d = session.get_inputs()[0].shape[1]
            rows = np.fromfile(about.with_suffix(".points")).reshape(-1, d + 2)
            (values,) = session.run(None, {"x": rows[:, :d].astype(kind)})
            values, lower, upper = values[:, 0].astype(np.float64), rows[:, d], rows[:, d + 1]
            found = beyond(values, lower, upper, bounds[name])
            if found:
                print(f"{file}: {found} points beyond {bounds[name]} ({bounds['function']} on {bounds['domain']})")
            files[name], points, violations = files[name] + 1, points + len(rows), violations + found
            # 1 at the ends of the bounds, 0 in their middle.
            middle, half = np.mean(bounds[name]), (bounds[name][1] - bounds[name][0]) / 2
            share = np.maximum(lower - values - middle, middle - (upper - values)) / half if half > 0 else np.zeros(1)
            closest[name] = max(closest[name], np.nanmax(share))
    print(
        f"onnxruntime {onnxruntime.__version__}: {networks} networks, {files['f64']} files in f64, {files['f32']} in f32, "
        f"{points} points, {violations} beyond a bound; the nearest to one {closest['f64']:.6f} (f64) and "
        f"{closest['f32']:.6f} (f32) of the way there"
    )
    return int(violations > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
