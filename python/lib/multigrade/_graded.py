"""What the estimators of grades have in common: fitting, going on, and a way back from a file."""

from __future__ import annotations

from os import PathLike
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from . import _native, _settings
from ._arrays import column_names
from ._estimator import Fitted, seed
from ._model import Model, load
from ._progress import observer


class Graded(Fitted, BaseEstimator):
    """An estimator whose model is built grade by grade. A subclass says what its targets are.

    `_checked(X, y, reset)` are rows and targets that are fit to be used, `_targets(y, start)` the numbers `(n, m)` of the
    targets and the labels of their classes, as JSON, if they are classes.
    """

    def add_grades(
        self,
        X: ArrayLike,
        y: ArrayLike,
        grades: int | list = 1,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Adds grades to the fitted model and returns the estimator: a number of them, or a list as the parameter's.

        `X`, `y`, `sample_weight` and the held-out rows must be those of `fit`: the answer is that of a fit with all grades
        in one go, bit for bit. With `refit=False` only the new grades are trained; a model that was trained again on all
        rows no longer knows what held-out rows said, so there the whole fit is made again.
        """
        check_is_fitted(self)
        if isinstance(grades, (list, tuple)):
            before = self.grades if isinstance(self.grades, (list, tuple)) else None
            if before is None:
                raise ValueError("a list of grades can be added to a model that was fitted with a list; give a number")
            grades = [*before, *grades]
        else:
            grades = self.n_grades_ + grades
        return self._fit(X, y, sample_weight, X_val, y_val, grades, self.model_)

    def _fit(self, X, y, sample_weight, X_val, y_val, grades, start):
        names_of_y = column_names(y)
        X, y = self._checked(X, y, reset=start is None)
        kept, weights = slice(None), None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if not weights.all() and weights.any():
                # A row of weight 0 is no row: neither its class nor its place counts.
                kept = np.flatnonzero(weights)
                X, y, weights = X[kept], y[kept], weights[kept]
        targets, labels = self._targets(y, start)
        held_out = self._held_out(X_val, y_val, y, start)
        weights = self._weights(targets, weights)
        parameters = {**self.get_params(deep=False), "grades": grades}
        settings = _settings.document(parameters, seed(self.random_state), held_out is not None)
        names = self._names(targets.shape[1], names_of_y)
        native = None if start is None else start._native
        with observer(self.verbose, self.callback) as watcher:
            answer = _native.fit(X, targets, weights, held_out, names, labels, settings, self.n_jobs, watcher, native)
        native, stop, seconds, places, predictions, exception = answer
        self.model_ = Model(native)
        self.n_grades_ = self.model_.n_grades
        self.stop_ = stop
        self.seconds_ = np.array(seconds)
        self.held_out_ = places if isinstance(kept, slice) else kept[places]
        self.held_out_predictions_ = self._shaped(predictions)
        if exception is not None:
            raise exception
        return self

    def _weights(self, targets, weights):
        """The weights of the rows, from those that were given."""
        return weights

    def _held_out(self, X_val, y_val, y, start):
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val belong together; one of them is missing")
        X_val, y_val = self._checked(X_val, y_val, reset=False)
        if y_val.ndim != y.ndim:
            raise ValueError(f"y_val has shape {y_val.shape}, y {y.shape}; both need the same columns")
        return X_val, self._held_out_targets(y_val)

    @classmethod
    def from_model(cls, model: Model | str | PathLike[str], **parameters) -> Self:
        """A fitted estimator around a `Model` or the path of its file, with the parameters that are given.

        `add_grades` then goes on from there; for that, give the parameters of the first fit.
        """
        estimator = cls(**parameters)
        estimator.model_ = model if isinstance(model, Model) else load(model)
        estimator.n_features_in_ = estimator.model_.n_inputs
        names = estimator.model_.input_names
        if names != [f"x{j + 1}" for j in range(len(names))]:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator.n_grades_ = estimator.model_.n_grades
        estimator.stop_ = estimator.model_.history["stop"]
        estimator._is_flat = estimator.model_.n_outputs == 1
        estimator._accept(estimator.model_)
        return estimator

    def _accept(self, model):
        """Takes over what a subclass needs of a model, or refuses it."""
