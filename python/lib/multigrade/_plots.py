"""Figures of a fitted estimator or model; they need matplotlib, and return its `Axes`."""

import numpy as np
from numpy.typing import ArrayLike

from ._arrays import as_rows

# One colour for each grade, from light to dark: later grades are better.
_MAP = "viridis_r"


def plot_residuals(estimator, X: ArrayLike, y: ArrayLike, *, output: int = 0, ax=None):
    """The residual `|y - f_k(X)|` of one output after every grade, as the share of rows that lie below it.

    `estimator` is a fitted estimator or a `Model`; `X (n, d)` and `y (n,)` or `(n, m)` are rows to measure it on. A curve further
    left is better; where it ends on the right is the largest residual.

    >>> import matplotlib; matplotlib.use("agg")
    >>> import numpy as np
    >>> from multigrade import MultigradeRegressor, plot_residuals
    >>> x = np.linspace(0, 1, 60).reshape(-1, 1)
    >>> y = np.sin(9 * x[:, 0])
    >>> regressor = MultigradeRegressor(grades=2, activation="tanh", weight_decay=1e-6, branches=1).fit(x, y)
    >>> [line.get_label() for line in plot_residuals(regressor, x, y).lines]
    ['mean', 'grade 1', 'grade 2']
    """
    ax = _axes(ax)
    model = _model(estimator)
    y = _targets(y, output)
    rows = as_rows(X)
    stages = [np.full(len(y), y.mean()), *(stage[:, output] for stage in model.staged_predict(rows))]
    share = np.arange(1, len(y) + 1) / len(y)
    for k, (values, color) in enumerate(zip(stages, _colors(len(stages)))):
        residuals = np.sort(np.abs(y - values))
        ax.plot(residuals, share, color=color, label=f"grade {k}" if k else "mean")
    ax.set_xscale("log")
    ax.set_xlabel(f"largest residual of {model.output_names[output]}")
    ax.set_ylabel("share of rows")
    ax.legend()
    return ax


def plot_fit(estimator, X: ArrayLike, y: ArrayLike, *, output: int = 0, ax=None):
    """Targets of one output and what the model says: over the input if there is one, against each other if there are more.

    `estimator` is a fitted estimator or a `Model`; `X (n, d)` and `y (n,)` or `(n, m)` are rows to show.

    >>> import matplotlib; matplotlib.use("agg")
    >>> import numpy as np
    >>> from multigrade import MultigradeRegressor, plot_fit
    >>> x = np.linspace(0, 1, 60).reshape(-1, 1)
    >>> regressor = MultigradeRegressor(grades=1, activation="relu", weight_decay=1e-6, branches=1).fit(x, x[:, 0])
    >>> plot_fit(regressor, x, x[:, 0]).get_xlabel()
    'x1'
    """
    ax = _axes(ax)
    model = _model(estimator)
    rows, y = as_rows(X), _targets(y, output)
    name = model.output_names[output]
    if model.n_inputs == 1:
        line = np.linspace(rows.min(), rows.max(), 1000).reshape(-1, 1)
        stages = model.staged_predict(line)
        ax.plot(rows[:, 0], y, ".", color="0.6", label="rows")
        for k, (stage, color) in enumerate(zip(stages, _colors(len(stages))), 1):
            ax.plot(line[:, 0], stage[:, output], color=color, label=f"grade {k}")
        ax.set_xlabel(model.input_names[0])
        ax.set_ylabel(name)
        ax.legend()
        return ax
    ax.plot(y, model.predict(rows)[:, output], ".")
    ax.axline((y.mean(), y.mean()), slope=1, color="0.6")
    ax.set_xlabel(name)
    ax.set_ylabel(f"{name}, predicted")
    return ax


def plot_certificate(certified, model, *, ax=None):
    """The difference between a function of one variable and the model over the box, inside its proved bounds.

    `certified` is what `certify` returned for `model`, a `Model` or fitted estimator with one input.

    >>> import matplotlib; matplotlib.use("agg")
    >>> import numpy as np
    >>> from multigrade import MultigradeRegressor, certify, plot_certificate
    >>> x = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> regressor = MultigradeRegressor(grades=["8:relu"], weight_decay=1e-6, branches=1).fit(x, x[:, 0] ** 2)
    >>> found = certify(regressor, "x1^2", "x1=0..1")
    >>> ax = plot_certificate(found, regressor)
    >>> float(np.abs(ax.lines[0].get_ydata()).max()) <= found.bound
    True
    """
    if not certified.verdict:
        raise ValueError(f"there is no proved bound to show: {certified.verdict.reason}")
    model = _model(model)
    if model.n_inputs != 1:
        raise ValueError(f"the model has {model.n_inputs} inputs; this figure shows models of one input")
    ax = _axes(ax)
    bound = certified.verdict.bounds[-1]
    name, _, side = certified.verdict.domain.partition("=")
    low, high = (float(end) for end in side.split(".."))
    x = np.linspace(low, high, 2000).reshape(-1, 1)
    output = model.output_names.index(bound.output)
    ax.axhspan(*bound.exact, alpha=0.2, label=f"proved: at most {bound.largest:.3g}")
    ax.plot(x[:, 0], certified.function(x) - model.predict(x)[:, output], label="function - model")
    ax.set_xlabel(name)
    ax.set_ylabel(f"{certified.verdict.function} - {bound.output}")
    ax.legend()
    return ax


def _axes(ax):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _model(estimator):
    return getattr(estimator, "model_", estimator)


def _targets(y, output):
    y = np.asarray(y, dtype=np.float64)
    return y if y.ndim == 1 else y[:, output]


def _colors(count):
    import matplotlib

    return matplotlib.colormaps[_MAP](np.linspace(0.15, 1, count))
