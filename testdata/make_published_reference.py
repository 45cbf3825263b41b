"""The published multigrade method in plain numpy: writes published_reference.json.

    pip install numpy
    python make_published_reference.py            # writes the file beside this script
    python make_published_reference.py --check    # compares the values instead of writing

    python make_published_reference.py --full     # also the published runs of 300 epochs (an hour), printed only

Written from the description of the method (rows are samples here, one loop for every grade), to check ours against: nothing is
shared with the library, and nothing with the authors' programs. The data, the first weights and the orders of the rows come
from numpy's legacy generator, so they are the authors' own to the last bit.
"""

import json
import sys
from pathlib import Path

import numpy as np

ACTIVATIONS = {
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z >= 0.0).astype(float)),
    "sin": (np.sin, np.cos),
}


def spectral(amplitudes):
    """Sum of 20 waves on [0, 1): the data of 'Addressing spectral bias', settings 1, 2 and 4."""
    frequencies = np.linspace(10, 200, 20)
    phases = np.random.RandomState(0).uniform(0, 2 * np.pi, 40)[:20]
    x = np.arange(6000) * (1.0 / 6000)
    y = sum(a * np.sin(2 * np.pi * k * x + p) for a, k, p in zip(amplitudes, frequencies, phases))
    return x[:, None], y[:, None]


def first_weights(sizes, seed):
    random = np.random.RandomState(seed)
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        scale = np.sqrt(1 / inputs)
        weights = random.uniform(-1, 1, (outputs, inputs)) * scale
        layers.append((weights, random.uniform(-1, 1, outputs) * scale))
    return layers


def forward(layers, activations, h):
    """All hidden features and their arguments, and the output."""
    features, arguments = [h], []
    for (weights, bias), name in zip(layers, activations):
        arguments.append(features[-1] @ weights.T + bias)
        features.append(ACTIVATIONS[name][0](arguments[-1]))
    weights, bias = layers[-1]
    return features, arguments, features[-1] @ weights.T + bias


def gradient(layers, activations, h, target):
    features, arguments, output = forward(layers, activations, h)
    delta = (output - target) / len(h)
    parts = []
    for l in range(len(layers) - 1, -1, -1):
        parts.append((delta.T @ features[l], delta.sum(axis=0)))
        if l > 0:
            delta = (delta @ layers[l][0]) * ACTIVATIONS[activations[l - 1]][1](arguments[l - 1])
    return parts[::-1]


def run(x, y, grades, epochs, batch, first, last, seed=1):
    """Relative squared errors on the training rows, per grade before every pass and after the last one.

    Epochs and first rates are those of all grades, or one for each."""
    total, h, residual, errors = np.sum(y**2), x, y, []
    each = (np.broadcast_to(value, len(grades)).tolist() for value in (epochs, first))
    for (widths, names), epochs, first in zip(grades, *each):
        layers = first_weights([h.shape[1], *widths, y.shape[1]], seed)
        mean = [(np.zeros_like(w), np.zeros_like(b)) for w, b in layers]
        square = [(np.zeros_like(w), np.zeros_like(b)) for w, b in layers]
        update, course = 0, []
        for epoch in range(epochs + 1):
            course.append(float(np.sum((residual - forward(layers, names, h)[2]) ** 2) / total))
            rate = first * np.exp(-np.log(first / last) / epochs * epoch)
            order = np.random.RandomState(seed + 1 + epoch).permutation(len(x)) if batch else np.arange(len(x))
            for start in range(0, len(x), batch or len(x)):
                rows = order[start : start + (batch or len(x))] if batch else slice(None)
                update += 1
                for l, pair in enumerate(gradient(layers, names, h[rows], residual[rows])):
                    for g, p, m, v in zip(pair, layers[l], mean[l], square[l]):
                        m[...] = 0.9 * m + 0.1 * g
                        v[...] = 0.999 * v + 0.001 * g**2
                        p -= rate * (m / (1 - 0.9**update)) / (np.sqrt(v / (1 - 0.999**update)) + 1e-8)
        features, _, output = forward(layers, names, h)
        h, residual = features[-1], residual - output
        course.append(float(np.sum(residual**2) / total))
        errors.append(course)
    return errors


def relu(*widths):
    return (list(widths), ["relu"] * len(widths))


DECREASING = np.linspace(1, 0.05, 20)
CONSTANT = np.ones(20)


def runs():
    """Name, amplitudes, grades, epochs, batch, first and last rate."""
    return [
        ("multigrade", DECREASING, [relu(256, 256)] * 4, 8, None, 1e-3, 1e-4),
        ("single grade", DECREASING, [relu(*[256] * 8)], 8, None, 1e-3, 1e-4),
        ("thin multigrade", DECREASING, [relu(32, 32)] * 4, 30, None, 1e-3, 1e-4),
        ("thin mini-batches", CONSTANT, [([32, 32], ["sin", "sin"]), relu(32, 32)], 3, 256, 1e-2, 1e-4),
    ]


def draws():
    uniforms = np.random.RandomState(1).uniform(-1, 1, 1000)
    document = {
        "uniforms_of_seed_1": [float(u) for u in (uniforms[0], uniforms[1], uniforms[-1])],
        "permutation_of_seed_2": [int(i) for i in np.random.RandomState(2).permutation(6000)[:5]],
        "phases": [float(p) for p in np.random.RandomState(0).uniform(0, 2 * np.pi, 40)],
        "synthetic": [],
    }
    for noise in (False, True):
        random = np.random.RandomState(0)
        train = random.normal(0, 0.05, 5000) if noise else np.zeros(5000)
        rows = random.choice(5000, 1000, replace=False)
        validation = random.normal(0, 0.01, 1000)
        document["synthetic"].append({
            "noise": noise, "train_noise": [float(z) for z in train[-3:]], "validation_rows": [int(i) for i in rows[-5:]],
            "validation_noise": [float(z) for z in validation[-5:]],
        })
    return document


def reference():
    document = {"draws": draws(), "runs": []}
    for name, amplitudes, grades, epochs, batch, first, last in runs():
        x, y = spectral(amplitudes)
        document["runs"].append({
            "name": name, "amplitudes": [float(a) for a in amplitudes], "first_target": float(y[0, 0]),
            "mean_square": float(np.mean(y**2)),
            "widths": [g[0] for g in grades], "activations": [g[1] for g in grades], "epochs": epochs, "batch": batch,
            "rate": first, "to": last, "errors": run(x, y, grades, epochs, batch, first, last),
        })
        print(name, [course[-2] for course in document["runs"][-1]["errors"]], flush=True)
    return document


def compare(old, new, where=""):
    if isinstance(old, dict):
        assert old.keys() == new.keys(), where
        for key in old:
            compare(old[key], new[key], f"{where}/{key}")
    elif isinstance(old, list):
        assert len(old) == len(new), where
        for i, (a, b) in enumerate(zip(old, new)):
            compare(a, b, f"{where}/{i}")
    elif isinstance(old, float):
        assert abs(old - new) <= 1e-11 * abs(old), (where, old, new)
    else:
        assert old == new, (where, old, new)


def main():
    path = Path(__file__).with_name("published_reference.json")
    document = reference()
    if "--check" in sys.argv:
        compare(json.loads(path.read_text()), document)
    else:
        path.write_text(json.dumps(document, indent=1) + "\n")
    if "--full" in sys.argv:
        x, y = spectral(DECREASING)
        print([course[-2] for course in run(x, y, [relu(256, 256)] * 4, 300, None, 1e-3, 1e-4)])
        print([course[-2] for course in run(x, y, [relu(*[256] * 8)], 300, None, 1e-3, 1e-4)])


if __name__ == "__main__":
    main()
