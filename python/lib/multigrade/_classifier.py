"""The estimator for classification, with the conventions of scikit-learn."""

from __future__ import annotations

import json
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from ._estimator import columns
from ._graded import Graded


class MultigradeClassifier(ClassifierMixin, Graded):
    """Learns the class `y (n,)` of rows `X (n, d)` with a network that is built grade by grade.

    Each grade adds to the logits of the grades before it; `predict_proba` is their softmax. The cross-entropy on the training
    rows cannot rise from grade to grade. Labels may be texts, numbers or booleans, two classes or more. With two classes
    there is one logit, that of the second.

    Without any parameter, held-out rows choose activation, weight decay and number of grades, and no class is held out
    whole. The same rows, weights and parameters give the same model to the byte, for any number of threads.

    Parameters
    ----------
    class_weight : dict, 'balanced' or None
        Factors of the weights of rows by their class. `'balanced'` makes all classes weigh the same.
    readout : {'least_squares', 'as_trained'}
        How a grade's readout is found: by convex optimisation on the finished features (logistic regression; the name is
        that of the regressor's), or as training left it.
    grades, max_grades, activation, weight_decay, branches, solver, iterations, epochs, batch, learning_rate, schedule, \
patience, validation, refit, keep, standardise_data, standardise_features, carry_inputs, single_grade, initialisation, \
same_init, generator, precision, random_state, memory, time_limit, n_jobs, warm_start, verbose, callback :
        As of `MultigradeRegressor`; there is no `'convex'` solver.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The labels, sorted.
    model_ : Model
        The network; its outputs are logits.
    n_grades_, stop_, seconds_, held_out_, n_features_in_, feature_names_in_ :
        As of `MultigradeRegressor`.
    held_out_predictions_ : ndarray of shape (n_held_out,) or (n_held_out, K)
        Logits of the held-out rows, before the grades were trained again on all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from multigrade import MultigradeClassifier
    >>> x = np.linspace(0, 1, 90).reshape(-1, 1)
    >>> y = np.array(["low", "high"])[(x[:, 0] > 0.4).astype(int)]
    >>> classifier = MultigradeClassifier(grades=1, activation="tanh", weight_decay=1e-4, branches=1).fit(x, y)
    >>> classifier.predict([[0.1], [0.9]])
    array(['low', 'high'], dtype='<U4')
    >>> classifier.classes_
    array(['high', 'low'], dtype='<U4')
    >>> bool(classifier.predict_proba([[0.1]])[0, 1] > 0.9)
    True
    """

    def __init__(
        self,
        grades="auto",
        *,
        max_grades=8,
        activation=None,
        weight_decay=None,
        branches=None,
        solver=None,
        iterations=None,
        epochs=None,
        batch=None,
        learning_rate=None,
        schedule=None,
        patience=None,
        class_weight=None,
        validation=0.2,
        refit=None,
        readout="least_squares",
        keep="best",
        standardise_data=True,
        standardise_features=True,
        carry_inputs=True,
        single_grade=False,
        initialisation="scaled_normal",
        same_init=False,
        generator="xoshiro256",
        precision="f64",
        random_state=0,
        memory=1024,
        time_limit=None,
        n_jobs=None,
        warm_start=False,
        verbose=0,
        callback=None,
    ):
        self.grades = grades
        self.max_grades = max_grades
        self.activation = activation
        self.weight_decay = weight_decay
        self.branches = branches
        self.solver = solver
        self.iterations = iterations
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.patience = patience
        self.class_weight = class_weight
        self.validation = validation
        self.refit = refit
        self.readout = readout
        self.keep = keep
        self.standardise_data = standardise_data
        self.standardise_features = standardise_features
        self.carry_inputs = carry_inputs
        self.single_grade = single_grade
        self.initialisation = initialisation
        self.same_init = same_init
        self.generator = generator
        self.precision = precision
        self.random_state = random_state
        self.memory = memory
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.warm_start = warm_start
        self.verbose = verbose
        self.callback = callback

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> MultigradeClassifier:
        """Fits the grades and returns the estimator.

        `X (n, d)` are finite numbers, `y (n,)` labels. A `sample_weight (n,)` of 2 is the row twice, one of 0 no row at all.
        `X_val` and `y_val` are rows to validate on, of the same classes; without them a share of the rows is held out.

        Ctrl-C ends the fit at the next update; the grades done so far stay in the estimator.
        """
        start = getattr(self, "model_", None) if self.warm_start else None
        return self._fit(X, y, sample_weight, X_val, y_val, self.grades, start)

    def predict(self, X: ArrayLike) -> NDArray:
        """The most probable label of each row `X (n, d)`."""
        logits = self.decision_function(X)
        return self.classes_[self._decide(logits)]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities `(n, K)` of the classes, in the order of `classes_`."""
        rows = self._rows(X)
        return self.model_.predict_proba(rows, n_jobs=self.n_jobs)

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithms `(n, K)` of the probabilities; finite also where a probability rounds to 0."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return -np.logaddexp(0, np.column_stack([logits, -logits]))
        logits = logits - logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logits: `(n,)` with two classes, positive where the second is the more probable, else `(n, K)`."""
        rows = self._rows(X)
        return self._shaped(self.model_.predict(rows, n_jobs=self.n_jobs))

    def staged_predict(self, X: ArrayLike) -> list[NDArray]:
        """Labels after grade 1, 2, ...: a list of arrays, the last of which is `predict(X)`."""
        rows = self._rows(X)
        stages = self.model_.staged_predict(rows, n_jobs=self.n_jobs)
        return [self.classes_[self._decide(self._shaped(logits))] for logits in stages]

    def staged_predict_proba(self, X: ArrayLike) -> list[NDArray[np.float64]]:
        """Probabilities after grade 1, 2, ...: a list of arrays `(n, K)`, the last of which is `predict_proba(X)`."""
        rows = self._rows(X)
        return self.model_.staged_predict_proba(rows, n_jobs=self.n_jobs)

    def _decide(self, logits):
        return (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)

    def _checked(self, X, y, reset):
        if y is None:
            raise ValueError("a classifier requires y to be passed, but the target y is None")
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", reset=reset)
        check_classification_targets(y)
        return X, y

    def _targets(self, y, start):
        if start is None:
            self.classes_ = np.unique(y)
            if len(self.classes_) < 2:
                raise ValueError(f"y holds one class, {_plain(self.classes_[0])!r}; expected at least two classes")
            self._is_flat = len(self.classes_) == 2
        return self._codes(y), json.dumps([_plain(label) for label in self.classes_])

    def _held_out_targets(self, y):
        return self._codes(y)

    def _codes(self, y):
        places = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = self.classes_[places] != y
        if unknown.any():
            raise ValueError(f"{_plain(y[unknown][0])!r} is none of the classes that are learned from rows of y")
        return columns(places)

    def _weights(self, targets, weights):
        if self.class_weight is None:
            return weights
        places = targets[:, 0].astype(int)
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            totals = np.bincount(places, weights=weights, minlength=len(self.classes_))
            factors = totals.sum() / (len(self.classes_) * totals)
        else:
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_[places])
        return factors[places] if weights is None else weights * factors[places]

    def _accept(self, model):
        if model.classes is None:
            raise ValueError("the model is no classifier; use MultigradeRegressor.from_model")
        self.classes_ = np.array(model.classes)


def _plain(label):
    """A label as JSON knows it."""
    if isinstance(label, (bool, np.bool_)):
        return bool(label)
    if isinstance(label, Integral) and -(2**63) <= label < 2**63:
        return int(label)
    return float(label) if isinstance(label, Real) else str(label)
