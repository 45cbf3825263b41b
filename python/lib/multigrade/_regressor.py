"""The estimator for regression, with the conventions of scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from ._estimator import MultiOutput, columns
from ._graded import Graded


class MultigradeRegressor(MultiOutput, RegressorMixin, Graded):
    """Learns `y (n,)` or `(n, m)` from `X (n, d)` with a network that is built grade by grade.

    Without any parameter, held-out rows choose activation, weight decay and number of grades. The same rows, weights and
    parameters give the same model to the byte, for any number of threads.

    Parameters
    ----------
    grades : 'auto', int or list
        `'auto'` adds grades while held-out rows gain. A list says what each grade looks like: `'64,64:tanh'` (hidden
        widths and activation), `'64:sin,32:relu'`, a width or a tuple of widths.
    max_grades : int
        Largest number of grades of `'auto'`.
    activation : {'relu', 'tanh', 'sin', 'square', 'identity'}, optional
        Of the grades that name none; chosen on held-out rows if None.
    weight_decay : float, optional
        Chosen on held-out rows if None.
    branches : int, optional
        Networks trained apart and averaged in every grade; by the number of rows if None.
    solver : {'lbfgs', 'lm', 'adam', 'gd', 'random', 'convex'}, optional
        Trains the hidden layers; `'lm'` (Levenberg-Marquardt) is for small ones; `'random'` leaves them as drawn, `'convex'` finds the best hinges there are. L-BFGS up to 10,000 rows, then Adam, if None.
    penalty : str or float, optional
        Of `'convex'`: see `ConvexReluRegressor`; `'gcv'` if None.
    iterations : int, optional
        Of `'lbfgs'`, 500 if None, and `'lm'`, 100 if None.
    epochs, batch, learning_rate, schedule, patience : optional
        Of `'adam'` and `'gd'`: passes over the rows (100), rows of a mini-batch or `'all'` (256), first rate (0.001),
        `'constant'`, `'exponential:TO'` or `'cosine:TO'`, and epochs without gain after which training stops.
    validation : float
        Share of the weight that is held out, in `[0, 1)`. Not used where held-out rows are given to `fit`.
    refit : bool, optional
        Train again on all rows once the grades are chosen; up to 10,000 rows if None.
    readout : {'least_squares', 'as_trained'}
        How a grade's readout is found. With least squares the training loss cannot rise.
    keep, rescale, standardise_data, standardise_features, carry_inputs, single_grade, initialisation, same_init, generator :
        Parts of the method; see `multigrade fit --help`.
    precision : {'f64', 'f32'}
        Numbers to train in.
    random_state : int, RandomState or None
        Fixes every random choice; None draws it from numpy's global generator.
    memory : int
        MiB for what the finished grades make of the rows; what takes more is computed again when it is needed. The result
        does not depend on it.
    time_limit : float, optional
        Seconds after which no further update is made. The grades done so far are the answer.
    n_jobs : int, optional
        Threads; all cores if None. The result does not depend on it.
    warm_start : bool
        Whether `fit` goes on from the grades that are there, as `add_grades` does.
    verbose : int
        1 shows a progress bar, in terminals and notebooks.
    callback : callable, optional
        Called with every event of a fit (see `Event`), from the thread that called `fit`. A true answer ends the fit
        with the grades done so far; an exception ends it too, and is raised.

    Attributes
    ----------
    model_ : Model
        The network.
    n_grades_ : int
        Number of grades.
    stop_ : str
        Why no further grade was added.
    seconds_ : ndarray of shape (n_grades_,)
        Wall-clock time of each grade.
    held_out_ : ndarray
        Rows of `X` that were held out.
    held_out_predictions_ : ndarray of shape (n_held_out,) or (n_held_out, m)
        What the grades say about these rows, before they were trained again on all rows.
    n_features_in_, feature_names_in_ :
        Number of inputs, and their names if `X` has names.

    Examples
    --------
    >>> import numpy as np
    >>> from multigrade import MultigradeRegressor
    >>> x = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> y = np.abs(x[:, 0])
    >>> regressor = MultigradeRegressor(grades=["8:relu"], weight_decay=1e-8, branches=1).fit(x, y)
    >>> bool(abs(regressor.predict([[-0.5]])[0] - 0.5) < 0.01)
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
        penalty=None,
        iterations=None,
        epochs=None,
        batch=None,
        learning_rate=None,
        schedule=None,
        patience=None,
        validation=0.2,
        refit=None,
        readout="least_squares",
        keep="best",
        rescale=True,
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
        self.penalty = penalty
        self.iterations = iterations
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.patience = patience
        self.validation = validation
        self.refit = refit
        self.readout = readout
        self.keep = keep
        self.rescale = rescale
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
    ) -> MultigradeRegressor:
        """Fits the grades and returns the estimator.

        `X (n, d)` and `y (n,)` or `(n, m)` are arrays, lists or data frames of finite numbers. A `sample_weight (n,)` of
        2 is the row twice, one of 0 no row at all. `X_val` and `y_val` are rows to validate on; without them a share
        of the rows is held out.

        Ctrl-C ends the fit at the next update; the grades done so far stay in the estimator.
        """
        start = getattr(self, "model_", None) if self.warm_start else None
        return self._fit(X, y, sample_weight, X_val, y_val, self.grades, start)

    def _checked(self, X, y, reset):
        return validate_data(self, X, y, dtype=np.float64, order="C", multi_output=True, y_numeric=True, reset=reset)

    def _targets(self, y, start):
        self._is_flat = y.ndim == 1
        return columns(y), None

    def _held_out_targets(self, y):
        return columns(y)

    def _accept(self, model):
        if model.classes is not None:
            raise ValueError("the model is a classifier; use MultigradeClassifier.from_model")
