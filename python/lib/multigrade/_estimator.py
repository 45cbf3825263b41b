"""What fitted estimators have in common: predictions, slopes, files."""

from __future__ import annotations

from math import isfinite
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ._model import Exported


def columns(y):
    """Targets `(n,)` or `(n, m)` as rows `(n, m)`."""
    return np.ascontiguousarray(y, dtype=np.float64).reshape(len(y), -1)


def seed(random_state):
    """A number that fixes every random choice: the parameter itself if it is one."""
    if isinstance(random_state, Integral) and not isinstance(random_state, bool) and 0 <= random_state < 2**63:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


class MultiOutput:
    """An estimator that takes targets `(n, m)`."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class Fitted:
    """An estimator with a `model_`; `_is_flat` says whether its targets had one axis."""

    n_jobs = None

    def _names(self, n_outputs, names_of_y):
        inputs = getattr(self, "feature_names_in_", None)
        inputs = [f"x{j + 1}" for j in range(self.n_features_in_)] if inputs is None else list(inputs)
        if names_of_y is None or len(names_of_y) != n_outputs:
            names_of_y = [f"y{j + 1}" for j in range(n_outputs)]
        return inputs, names_of_y

    def _shaped(self, values):
        return values[:, 0] if self._is_flat else values

    def _rows(self, X):
        if self._is_plain(X):
            return X
        check_is_fitted(self, "model_")
        return validate_data(self, X, dtype=np.float64, order="C", reset=False)

    def _is_plain(self, X):
        """Whether there is nothing to convert, name or refuse: then checks would take longer than small predictions."""
        return (
            type(X) is np.ndarray
            and X.dtype == np.float64
            and X.ndim == 2
            and X.shape[0] > 0
            and X.flags.c_contiguous
            and X.shape[1] == getattr(self, "n_features_in_", None)
            and not hasattr(self, "feature_names_in_")
            and hasattr(self, "model_")
            and isfinite(np.add.reduce(X, axis=None))
        )

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predictions for rows `X (n, d)`: shape `(n,)` or `(n, m)`, as that of `y`."""
        rows = self._rows(X)
        return self._shaped(self.model_.predict(rows, n_jobs=self.n_jobs))

    def staged_predict(self, X: ArrayLike) -> list[NDArray[np.float64]]:
        """Predictions after grade 1, 2, ...: a list of arrays, the last of which is `predict(X)`."""
        rows = self._rows(X)
        stages = self.model_.staged_predict(rows, n_jobs=self.n_jobs)
        return [self._shaped(values) for values in stages]

    def gradient(self, X: ArrayLike) -> NDArray[np.float64]:
        """Slopes of each output by each input at rows `X (n, d)`: shape `(n, d)` or `(n, m, d)`."""
        rows = self._rows(X)
        slopes = self.model_.gradient(rows)
        return slopes[:, 0] if self._is_flat else slopes

    def to_onnx(self, path: str | PathLike[str], **options) -> Exported:
        """Writes an ONNX file: see `Model.to_onnx`."""
        check_is_fitted(self)
        return self.model_.to_onnx(path, **options)

    def save(self, path: str | PathLike[str], overwrite: bool = False) -> Path:
        """Writes the model file and returns its path; `load` and the program `multigrade` read it."""
        check_is_fitted(self)
        return self.model_.save(path, overwrite)
