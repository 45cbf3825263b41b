"""A fitted network, however it was made: predictions, slopes, file, history."""

import html
import json
from pathlib import Path

from . import _native
from ._arrays import as_rows

EXTENSION = ".safetensors"


class Model:
    """A multigrade network, read from a file or taken from an estimator's `model_`.

    It never changes. Inputs are rows `(n, d)` in the units of the table it was made from, outputs are `(n, m)`.

    >>> import numpy as np
    >>> from multigrade import MultigradeRegressor
    >>> x = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> regressor = MultigradeRegressor(grades=1, activation="relu", weight_decay=1e-6, branches=1).fit(x, np.abs(x - 0.5))
    >>> model = regressor.model_
    >>> model
    Model(1 input, 1 output, 1 grade, 1154 parameters)
    >>> model.predict([[0.25]]).shape
    (1, 1)
    """

    def __init__(self, native):
        self._native = native
        self._about = json.loads(native.about())

    @classmethod
    def from_bytes(cls, data):
        """The model whose file holds these bytes."""
        return cls(_native.Model.from_bytes(data))

    def to_bytes(self):
        """The bytes of its file: the same for the same model, wherever it was made."""
        return self._native.to_bytes()

    def save(self, path, overwrite=False):
        """Writes the model file and returns its path; `.safetensors` is added to a name without an extension.

        The program `multigrade` reads the same file. An existing file is replaced only with `overwrite=True`.
        """
        path = _model_path(path)
        self._native.save(path, overwrite)
        return path

    def predict(self, X, *, precision="f64", n_jobs=None):
        """Predictions `(n, m)` of rows `(n, d)`, by all grades."""
        return self._native.predict(as_rows(X), precision, n_jobs)

    def staged_predict(self, X, *, precision="f64", n_jobs=None):
        """Predictions after every grade: a list of arrays `(n, m)`, the last of which is `predict(X)`."""
        return self._native.staged(as_rows(X), precision, n_jobs)

    def gradient(self, X):
        """Slopes `(n, m, d)`: of each output by each input, at each row.

        Exact; for ReLU networks wherever they have a slope, and one-sided on a kink.
        """
        slopes = self._native.gradient(as_rows(X))
        return slopes.reshape(len(slopes), self.n_outputs, self.n_inputs)

    def truncate(self, grades):
        """The model of the first `grades` grades; what they say does not change."""
        return Model(self._native.truncate(grades))

    @property
    def n_grades(self):
        """Number of grades."""
        return self._native.n_grades

    @property
    def n_parameters(self):
        """Number of weights and biases of all grades."""
        return self._native.n_parameters

    @property
    def n_inputs(self):
        """Number of inputs `d`."""
        return len(self._about["inputs"])

    @property
    def n_outputs(self):
        """Number of outputs `m`."""
        return len(self._about["outputs"])

    @property
    def input_names(self):
        """Names of the inputs, in order."""
        return [column["name"] for column in self._about["inputs"]]

    @property
    def output_names(self):
        """Names of the outputs, in order."""
        return [column["name"] for column in self._about["outputs"]]

    @property
    def ranges(self):
        """`(smallest, largest)` of each input in the rows it was fitted on: outside, it extrapolates."""
        return {column["name"]: (column["min"], column["max"]) for column in self._about["inputs"]}

    @property
    def history(self):
        """How it came to be: rows, notes and one record per grade, as `multigrade inspect --json` prints them."""
        return self._about["history"]

    @property
    def settings(self):
        """The settings that made it."""
        return self._about["settings"]

    def __reduce__(self):
        return Model.from_bytes, (self.to_bytes(),)

    def __eq__(self, other):
        return self.to_bytes() == other.to_bytes() if isinstance(other, Model) else NotImplemented

    def __hash__(self):
        return hash(self.to_bytes())

    def __repr__(self):
        parts = [_count(self.n_inputs, "input"), _count(self.n_outputs, "output"), _count(self.n_grades, "grade")]
        return f"Model({', '.join(parts)}, {_count(self.n_parameters, 'parameter')})"

    def _repr_html_(self):
        head = "<tr><th>grade</th><th>network</th><th>output</th><th>RMSE, training</th><th>RMSE, held out</th></tr>"
        rows = []
        for record in self.history["grades"]:
            for j, name in enumerate(self.output_names):
                held_out = record["validation"]
                cells = [
                    record["grade"] or "-",
                    record["hidden"] or "mean",
                    name,
                    _significant(record["train"][j]["l2"]),
                    _significant(held_out[j]["l2"]) if held_out else "",
                ]
                rows.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>")
        return f"<p>{html.escape(repr(self))}</p><table>{head}{''.join(rows)}</table>"


def load(path):
    """The model in a file that `Model.save`, an estimator's `save` or the program `multigrade` wrote."""
    path = Path(path)
    return Model(_native.Model.load(path if path.is_file() else _model_path(path)))


def _model_path(path):
    path = Path(path)
    return path if path.suffix else path.with_suffix(EXTENSION)


def _count(number, what):
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _significant(number):
    return number if isinstance(number, str) else f"{number:.4g}"
