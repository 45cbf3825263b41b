"""Figures of a fitted estimator or model; they need matplotlib, and return its `Axes`."""

import numpy as np
from numpy.typing import ArrayLike

from ._arrays import as_rows

# One colour for each grade, from light to dark: later grades are better.
_MAP = "viridis_r"


def plot_residuals(estimator, X: ArrayLike, y: ArrayLike, *, output: int = 0, ax=None):
    """The residual `|y - f_k(X)|` of one output after every grade, as the share of rows that lie below it.

    `estimator` is a fitted estimator or a `Model`; `X (n, d)` and `y (n,)` or `(n, m)` are rows to measure it on. A curve further
    left is better; where it ends on the right is the largest residual. Of a classifier, `y (n,)` are labels, and the residual is
    `1 - P(label)`.

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
    rows = as_rows(X)
    if model.classes is None:
        y = _targets(y, output)
        start, what = "mean", f"residual of {model.output_names[output]}"
        stages = [np.full(len(y), y.mean()), *(stage[:, output] for stage in model.staged_predict(rows))]
        residuals = [np.abs(y - values) for values in stages]
    else:
        places = _places(model, y)
        start, what = "shares of the classes", "1 - P(class)"
        shares = np.bincount(places, minlength=len(model.classes)) / len(places)
        own = [stage[np.arange(len(places)), places] for stage in model.staged_predict_proba(rows)]
        residuals = [1 - shares[places], *(1 - values for values in own)]
    share = np.arange(1, len(rows) + 1) / len(rows)
    for k, (values, color) in enumerate(zip(residuals, _colors(len(residuals)))):
        ax.plot(np.sort(values), share, color=color, label=f"grade {k}" if k else start)
    ax.set_xscale("log")
    ax.set_xlabel(f"largest {what}")
    ax.set_ylabel("share of rows")
    ax.legend()
    return ax


def plot_fit(estimator, X: ArrayLike, y: ArrayLike, *, output: int = 0, ax=None):
    """Targets of one output and what the model says: over the input if there is one, against each other if there are more.

    `estimator` is a fitted estimator or a `Model`; `X (n, d)` and `y (n,)` or `(n, m)` are rows to show. Of a classifier, where
    `y (n,)` are labels, the probability of each class is shown over the only input, or how often the most probable class is
    right by how probable it was said to be.

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
    rows = as_rows(X)
    line = np.linspace(rows.min(), rows.max(), 1000).reshape(-1, 1) if model.n_inputs == 1 else None
    if model.classes is not None:
        return _plot_classes(ax, model, rows, _places(model, y), line)
    y = _targets(y, output)
    name = model.output_names[output]
    if line is not None:
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


def _plot_classes(ax, model, rows, places, line):
    if line is not None:
        for values, label in zip(model.predict_proba(line).T, model.classes):
            ax.plot(line[:, 0], values, label=f"P({label})")
        for place, label in enumerate(model.classes):
            own = rows[places == place, 0]
            ax.plot(own, np.full(len(own), -0.03 * (1 + place)), "|", color=f"C{place % 10}")
        ax.set_xlabel(model.input_names[0])
        ax.set_ylabel("probability")
        ax.legend()
        return ax
    probabilities = model.predict_proba(rows)
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == places
    bins = np.minimum((10 * confidence).astype(int), 9)
    filled = np.unique(bins)
    ax.plot([confidence[bins == b].mean() for b in filled], [is_right[bins == b].mean() for b in filled], "o-")
    ax.axline((0, 0), slope=1, color="0.6")
    ax.set_xlabel("probability of the most probable class")
    ax.set_ylabel("share of rows for which it is right")
    return ax


def plot_certificate(certified, model, *, ax=None):
    """The difference between a function and the model over the box, inside its proved bounds: a curve, or a map for two variables.

    `certified` is what `certify` or `construct` returned for `model`, a `Model` or fitted estimator with one or two inputs.

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
    if model.n_inputs > 2:
        raise ValueError(f"the model has {model.n_inputs} inputs; this figure shows models of one or two inputs")
    ax = _axes(ax)
    bound = certified.verdict.bounds[-1]
    output = model.output_names.index(bound.output)
    sides = dict(side.split("=") for side in certified.verdict.domain.replace(" ", "").split(","))
    ends = {name: tuple(map(float, side.split(".."))) for name, side in sides.items()}
    points = 2000 if model.n_inputs == 1 else 200
    lines = [np.linspace(*ends[name], points) for name in model.input_names]
    grid = np.stack([values.ravel() for values in np.meshgrid(*lines)], axis=1)
    places = [model.input_names.index(name) for name in certified.function.variables]
    values = certified.function(grid[:, places]) - model.predict(grid)[:, output]
    title = f"{certified.verdict.function} - {bound.output}"
    ax.set_xlabel(model.input_names[0])
    if model.n_inputs == 1:
        ax.axhspan(*bound.exact, alpha=0.2, label=f"proved: at most {bound.largest:.3g}")
        ax.plot(grid[:, 0], values, label="function - model")
        ax.set_ylabel(title)
        ax.legend()
        return ax
    shown = ax.pcolormesh(*lines, values.reshape(points, points), cmap="RdBu", vmin=-bound.largest, vmax=bound.largest)
    ax.figure.colorbar(shown, ax=ax, label=f"{title}, in a scale that ends at the proved bound")
    ax.set_ylabel(model.input_names[1])
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


def _places(model, y):
    """The place of each label in the model's classes."""
    labels = {label: place for place, label in enumerate(model.classes)}
    try:
        return np.array([labels[label] for label in np.asarray(y).tolist()])
    except KeyError as error:
        raise ValueError(f"y: {error.args[0]!r} is none of the classes {', '.join(map(str, model.classes))}") from None


def _colors(count):
    import matplotlib

    return matplotlib.colormaps[_MAP](np.linspace(0.15, 1, count))
