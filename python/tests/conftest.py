"""Rows and estimators that many tests share."""

import numpy as np
import pytest

from multigrade import MultigradeRegressor


def quick(**parameters):
    """An estimator that takes milliseconds."""
    defaults = dict(grades=2, activation="tanh", weight_decay=1e-5, branches=1, solver="lbfgs", iterations=40)
    return MultigradeRegressor(**{**defaults, **parameters})


@pytest.fixture
def rows():
    """`X (120, 3)` and smooth targets `y (120, 2)`."""
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, size=(120, 3))
    return X, np.column_stack([np.sin(3 * X[:, 0]) + X[:, 1], 1e3 * X[:, 1] * X[:, 2]])
