"""Deep networks built grade by grade: each grade fits what the grades before it left over.

>>> import numpy as np
>>> from multigrade import MultigradeRegressor
>>> x = np.linspace(0, 1, 200).reshape(-1, 1)                 # (n, d)
>>> y = np.sin(6 * x[:, 0])                                   # (n,) or (n, m)
>>> model = MultigradeRegressor(grades=2, activation="tanh", weight_decay=1e-7, branches=1).fit(x, y)
>>> bool(model.score(x, y) > 0.9999)
True
>>> len(model.staged_predict(x))                              # after grade 1 and after grade 2
2

The estimators need scikit-learn, which takes a second to import: it is loaded when an estimator is first asked for.
"""

from importlib import import_module

from ._model import Exported, Model, load
from ._native import VERSION as __version__
from ._progress import Event
from ._truth import Certificate, Certified, Constructed, Expression, Interrupted, Learned, Verdict, certify, check, construct, learn

_LAZY = {
    "ConvexReluRegressor": "_convex",
    "MultigradeClassifier": "_classifier",
    "MultigradeRegressor": "_regressor",
    "plot_certificate": "_plots",
    "plot_fit": "_plots",
    "plot_residuals": "_plots",
}

__all__ = [
    "Certificate",
    "Certified",
    "Constructed",
    "ConvexReluRegressor",
    "Event",
    "Exported",
    "Expression",
    "Interrupted",
    "Learned",
    "Model",
    "MultigradeClassifier",
    "MultigradeRegressor",
    "Verdict",
    "__version__",
    "certify",
    "check",
    "construct",
    "learn",
    "load",
    "plot_certificate",
    "plot_fit",
    "plot_residuals",
]


def __getattr__(name):
    if name in _LAZY:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'multigrade' has no attribute '{name}'")


def __dir__():
    return sorted(__all__)
