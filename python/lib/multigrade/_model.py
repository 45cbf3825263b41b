"""A fitted network, however it was made: predictions, slopes, file, history."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._arrays import as_rows

EXTENSION = ".safetensors"


@dataclass(frozen=True)
class Exported:
    """An ONNX file that was written, and how far its numbers are from the model's and from the function."""

    path: Path
    difference: float
    """The largest difference from the model at 256 random points of its `ranges`, divided by the largest value of each output
    there. Measured, not proved; a runtime that adds in another order rounds differently."""
    bound: float | None = None
    """With a certificate: the proved bound of `|function - file|` on the certificate's box. The file makes the model's operations, so
    what is proved of the model in this precision holds for it, in any order of its sums, in every runtime that rounds each operation
    to nearest (ONNX Runtime's processor provider does; a graphics card may compute in fewer digits)."""


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

    def __init__(self, native: _native.Model) -> None:
        self._native = native
        self._about = json.loads(native.about())

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """The model whose file holds these bytes."""
        return cls(_native.Model.from_bytes(data))

    def to_bytes(self) -> bytes:
        """The bytes of its file: the same for the same model, wherever it was made."""
        return self._native.to_bytes()

    def save(self, path: str | PathLike[str], overwrite: bool = False) -> Path:
        """Writes the model file and returns its path; `.safetensors` is added to a name without an extension.

        The program `multigrade` reads the same file. An existing file is replaced only with `overwrite=True`.
        """
        path = _model_path(path)
        self._native.save(path, overwrite)
        return path

    def predict(self, X: ArrayLike, *, precision: str = "f64", n_jobs: int | None = None) -> NDArray[np.float64]:
        """Predictions `(n, m)` of rows `(n, d)`, by all grades; those of a classifier are logits."""
        return self._native.predict(as_rows(X), precision, n_jobs)

    def staged_predict(
        self, X: ArrayLike, *, precision: str = "f64", n_jobs: int | None = None
    ) -> list[NDArray[np.float64]]:
        """Predictions after every grade: a list of arrays `(n, m)`, the last of which is `predict(X)`."""
        return self._native.staged(as_rows(X), precision, n_jobs)

    def predict_proba(self, X: ArrayLike, *, precision: str = "f64", n_jobs: int | None = None) -> NDArray[np.float64]:
        """Probabilities `(n, K)` of the `classes` of a classifier."""
        return self._native.probabilities(as_rows(X), precision, n_jobs, False)[0]

    def staged_predict_proba(
        self, X: ArrayLike, *, precision: str = "f64", n_jobs: int | None = None
    ) -> list[NDArray[np.float64]]:
        """Probabilities after every grade: a list of arrays `(n, K)`, the last of which is `predict_proba(X)`."""
        return self._native.probabilities(as_rows(X), precision, n_jobs, True)

    def gradient(self, X: ArrayLike) -> NDArray[np.float64]:
        """Slopes `(n, m, d)`: of each output by each input, at each row.

        Exact; for ReLU networks wherever they have a slope, and one-sided on a kink.
        """
        slopes = self._native.gradient(as_rows(X))
        return slopes.reshape(len(slopes), self.n_outputs, self.n_inputs)

    def to_onnx(
        self,
        path: str | PathLike[str],
        *,
        precision: str = "f32",
        staged: bool = False,
        certificate=None,
        overwrite: bool = False,
    ) -> Exported:
        """Writes the network as an ONNX file and says how far that file's numbers are from the model's.

        The file has the input `x (n, d)` and the output `y (n, m)`, in the units of the table; with `staged=True` also the
        predictions after every grade, `grade_1`, `grade_2`, ... It is a plain chain: the scaling of the inputs, `Gemm` and activations,
        the scaling of the outputs. With a `certificate` of the model, which is checked first, the answer also says what is proved of it.

        >>> import tempfile, numpy as np
        >>> from multigrade import MultigradeRegressor
        >>> x = np.linspace(0, 1, 50).reshape(-1, 1)
        >>> model = MultigradeRegressor(grades=1, activation="relu", weight_decay=1e-6, branches=1).fit(x, np.cos(x)).model_
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.to_onnx(f"{folder}/cos.onnx", precision="f64").difference < 1e-12
        True
        """
        bound = None
        if certificate is not None:
            verdict = certificate.check(self)
            if not verdict:
                raise ValueError(f"the certificate proves nothing about this model: {verdict.reason}")
            ends = getattr(verdict.bounds[-1], precision, None)
            bound = None if ends is None else max(abs(end) for end in ends)
        difference = self._native.to_onnx(Path(path), precision, staged, overwrite)
        return Exported(Path(path), difference, bound)

    def truncate(self, grades: int) -> Model:
        """The model of the first `grades` grades; what they say does not change."""
        return Model(self._native.truncate(grades))

    @property
    def n_grades(self) -> int:
        """Number of grades."""
        return self._native.n_grades

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases of all grades."""
        return self._native.n_parameters

    @property
    def n_inputs(self) -> int:
        """Number of inputs `d`."""
        return len(self._about["inputs"])

    @property
    def n_outputs(self) -> int:
        """Number of outputs `m`."""
        return len(self._about["outputs"])

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in order."""
        return [column["name"] for column in self._about["inputs"]]

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, in order."""
        return [column["name"] for column in self._about["outputs"]]

    @property
    def classes(self) -> list[bool | int | float | str] | None:
        """Labels of the classes of a classifier, in the order of `predict_proba`; None for other models."""
        classes = self._about["classes"]
        return None if classes is None else classes["labels"]

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """`(smallest, largest)` of each input in the rows it was fitted on: outside, it extrapolates."""
        return {column["name"]: (column["min"], column["max"]) for column in self._about["inputs"]}

    @property
    def fills(self) -> dict[str, float] | None:
        """What stands for a missing cell (NaN) of each input, if the model was fitted with `--missing impute`; else None.

        `predict` fills such cells itself.
        """
        imputation = self._about["imputation"]
        return None if imputation is None else dict(zip(self.input_names, imputation["fills"], strict=True))

    @property
    def history(self) -> dict:
        """How it came to be: rows, notes and one record per grade, as `multigrade inspect --json` prints them."""
        return self._about["history"]

    @property
    def settings(self) -> dict:
        """The settings that made it."""
        return self._about["settings"]

    def __reduce__(self):
        return Model.from_bytes, (self.to_bytes(),)

    def __eq__(self, other):
        return self.to_bytes() == other.to_bytes() if isinstance(other, Model) else NotImplemented

    def __hash__(self):
        return hash(self.to_bytes())

    def __repr__(self):
        outputs = _count(self.n_outputs, "output") if self.classes is None else f"{len(self.classes)} classes"
        parts = [_count(self.n_inputs, "input"), outputs, _count(self.n_grades, "grade")]
        return f"Model({', '.join(parts)}, {_count(self.n_parameters, 'parameter')})"

    def _repr_html_(self):
        if self.classes is not None:
            return self._scores_html()
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

    def _scores_html(self):
        names = ("grade", "network", "log-loss, training", "accuracy, training", "log-loss, held out", "accuracy, held out")
        head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
        rows = []
        for record in self.history["grades"]:
            cells = [record["grade"] or "-", record["hidden"] or "shares of the classes"]
            for scores in (record["scores"]["train"], record["scores"]["validation"]):
                cells += [_significant(scores["log_loss"]), f"{scores['accuracy']:.2%}"] if scores else ["", ""]
            rows.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>")
        return f"<p>{html.escape(repr(self))}</p><table>{head}{''.join(rows)}</table>"


def load(path: str | PathLike[str]) -> Model:
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
