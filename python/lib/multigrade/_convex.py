"""The estimator for the convex grade: the globally optimal network of hinges, with a proof."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, validate_data

from . import _native
from ._arrays import column_names
from ._estimator import Fitted, MultiOutput, columns, seed
from ._model import Model
from ._settings import convex


class ConvexReluRegressor(MultiOutput, Fitted, RegressorMixin, BaseEstimator):
    """The globally optimal one-hidden-layer ReLU network whose neurons read one input each: hinges, like MARS of degree 1.

    There is nothing random and nothing to tune by luck: the answer is the optimum for its penalty, and comes with a proof of how
    far from optimal it can be at most. With one input it is the best ReLU network of any width.

    Parameters
    ----------
    penalty : str or float
        The penalty of the total variation of the slopes, or what chooses it from a path: `'gcv'` (generalised
        cross-validation), `'held-out'`, `'blocks:N'` (for noise that is alike over N neighbours), `'noise:SD'` (its standard
        deviation is known), `'neurons:N'` (at most N neurons), `'relative:X'` (share of the smallest penalty without neurons).
        With 0 the fit passes through the (mean) targets.
    tolerance : float
        Relative duality gap at which a fit is done.
    random_state : int
        Chooses the rows of `'held-out'`; nothing else is random.

    Attributes
    ----------
    model_ : Model
        The network.
    proof_ : dict
        `primal`, `dual`, `gap` and `rel_gap` of the objective, and `fit_rmse_bound`: how far the fitted values are from
        those of the optimum at most, in root mean square.
    penalty_ : float
        The penalty.
    knots_ : list of (input, knot, change of slope)
        The hinges.
    path_ : list of (penalty, neurons, loss)
        The penalties that were tried.

    Examples
    --------
    >>> import numpy as np
    >>> from multigrade import ConvexReluRegressor
    >>> x = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> regressor = ConvexReluRegressor(penalty="relative:1e-3").fit(x, np.abs(x[:, 0]))
    >>> regressor.proof_["rel_gap"] < 1e-6
    True
    """

    def __init__(self, penalty="gcv", *, tolerance=1e-9, random_state=0):
        self.penalty = penalty
        self.tolerance = tolerance
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> ConvexReluRegressor:
        """Fits rows `X (n, d)` and targets `y (n,)` or `(n, m)` and returns the estimator."""
        names_of_y = column_names(y)
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", multi_output=True, y_numeric=True)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        settings = json.dumps(convex(self.penalty, self.tolerance, seed(self.random_state)))
        targets = columns(y)
        native, about = _native.fit_convex(X, targets, weights, self._names(targets.shape[1], names_of_y), settings)
        about = json.loads(about)
        self.model_ = Model(native)
        self._is_flat = y.ndim == 1
        self.penalty_, self.knots_, self.path_ = (about.pop(key) for key in ("penalty", "knots", "path"))
        self.proof_ = about
        return self
