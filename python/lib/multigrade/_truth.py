"""Formulas, proved bounds and their certificates.

What is *proved* holds at every point of the box, also under rounding; what is *measured* holds at the points that were tried.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._arrays import as_rows
from ._model import Model
from ._progress import observer
from ._settings import learning, one_of, optional_real, optional_whole


class Expression:
    """A formula of named variables, such as `sin(3*x)*exp(-y^2)`, with values and proved ranges.

    >>> f = Expression("x^2 - abs(y)")
    >>> f.variables
    ['x', 'y']
    >>> f([[2, -1]])
    array([3.])
    >>> f.range("x=0..2, y=-1..1")
    (-1.0, 4.0)
    """

    def __init__(self, text: str | Expression) -> None:
        self._native = _native.Expression(str(text))

    @property
    def variables(self) -> list[str]:
        """Names of the variables, in the order of their first appearance: that of the columns of `__call__`."""
        return self._native.variables

    def __call__(self, X: ArrayLike) -> NDArray[np.float64]:
        """Values `(n,)` at rows `X (n, d)`, one column for each variable; NaN where the formula is undefined."""
        return self._native.values(as_rows(X))

    def range(self, domain: str) -> tuple[float, float]:
        """Proved ends of all values on a box such as `x=0..1, y=-2..2`."""
        return self._native.range(domain)

    def __str__(self) -> str:
        return str(self._native)

    def __repr__(self) -> str:
        return f"Expression({str(self)!r})"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(str(self))}</code>"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Expression) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self):
        return Expression, (str(self),)


@dataclass(frozen=True)
class Bound:
    """`function - output` of the first `grades` grades lies between these ends, everywhere on the box."""

    grades: int
    output: str
    """Its name; of a classifier it is the logit of a class."""
    exact: tuple[float, float]
    """For the stored weights in real arithmetic."""
    f64: tuple[float, float] | None
    """For evaluation in 64-bit numbers, if that is claimed."""
    f32: tuple[float, float] | None
    """For evaluation in 32-bit numbers, if that is claimed."""

    @property
    def largest(self) -> float:
        """The bound of the absolute difference, in real arithmetic."""
        return max(abs(end) for end in self.exact)


@dataclass(frozen=True)
class Verdict:
    """What the checker says: true if every claim is proved."""

    proved: bool
    reason: str | None = None
    """Why not."""
    function: str | None = None
    domain: str | None = None
    bounds: tuple[Bound, ...] = ()
    """What is proved, for each number of grades; the last is that of the whole model."""

    def __bool__(self) -> bool:
        return self.proved

    def _repr_html_(self) -> str:
        if not self.proved:
            return f"<p>not proved: {html.escape(self.reason or '')}</p>"
        head = "<tr><th>output</th><th>grades</th><th>from</th><th>to</th></tr>"
        rows = "".join(
            f"<tr><td>{html.escape(bound.output)}</td><td>{bound.grades}</td>"
            f"<td>{_outward(bound.exact[0])}</td><td>{_outward(bound.exact[1])}</td></tr>"
            for bound in self.bounds
        )
        what = f"Proved: {html.escape(self.function)} minus the model, on {html.escape(self.domain)}"
        return f"<p>{what}</p><table>{head}{rows}</table>"


def _verdict(document):
    bounds = tuple(
        Bound(b["grades"], b["output"], *(None if b[key] is None else tuple(b[key]) for key in ("exact", "f64", "f32")))
        for b in document.pop("bounds", [])
    )
    return Verdict(**document, bounds=bounds)


def _outward(number):
    """Four digits, rounded away from zero: a bound that is printed holds as well."""
    text = f"{number:.3e}"
    if abs(float(text)) < abs(number):
        text = f"{float(text) + np.sign(number) * 10.0 ** (int(text.partition('e')[2]) - 3):.3e}"
    return text


class Certificate:
    """A claim about a model, a function and a box, with its proof. `check` decides whether it is true.

    The program `multigrade check` reads the same file.
    """

    def __init__(self, native: _native.Certificate) -> None:
        self._native = native

    @property
    def function(self) -> str:
        """The function that it speaks about."""
        return self._native.function

    @property
    def domain(self) -> str:
        """The box that it speaks about."""
        return self._native.domain

    @property
    def n_claims(self) -> int:
        """How many bounds it claims: one for each number of grades that it speaks about."""
        return self._native.n_claims

    def __repr__(self) -> str:
        claims = f"{self.n_claims} claim" if self.n_claims == 1 else f"{self.n_claims} claims"
        return f"Certificate({self.function}, {self.domain}: {claims}, not checked)"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Certificate:
        """The certificate in a file."""
        return cls(_native.Certificate.load(Path(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Certificate:
        """The certificate whose file holds these bytes."""
        return cls(_native.Certificate.from_bytes(data))

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        return self._native.to_bytes()

    def save(self, path: str | PathLike[str], overwrite: bool = False) -> Path:
        """Writes its file and returns the path; an existing file is replaced only with `overwrite=True`."""
        self._native.save(Path(path), overwrite)
        return Path(path)

    def check(self, model: Model) -> Verdict:
        """What the checker says about this certificate and the model; nothing in the certificate is believed."""
        return _verdict(json.loads(self._native.check(_model(model)._native)))

    def __reduce__(self):
        return Certificate.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return self.to_bytes() == other.to_bytes() if isinstance(other, Certificate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.to_bytes())


@dataclass(frozen=True)
class Certified:
    """What a search for a proof found."""

    certificate: Certificate | None
    """None if no finite bound was found."""
    verdict: Verdict
    """What the certificate proves."""
    measured: float | None
    """The largest error that was measured; None if the function was defined at no point that was tried."""
    stop: str
    """`reached` (the goal), `boxes`, `time`, `interrupted` or `stuck` (the box with the largest bound cannot be cut)."""
    boxes: int
    """Boxes that were looked at for the whole model."""
    function: Expression = field(repr=False, default=None)

    @property
    def bound(self) -> float:
        """The proved bound of the absolute difference between function and model, infinite if there is none."""
        return self.verdict.bounds[-1].largest if self.verdict else float("inf")

    def _repr_html_(self) -> str:
        measured = "" if self.measured is None else f"<p>largest error measured: {self.measured:.3e}</p>"
        return self.verdict._repr_html_() + measured


@dataclass(frozen=True)
class Constructed:
    """A network made for a formula."""

    model: Model
    certificate: Certificate | None
    """None if no finite bound was found."""
    verdict: Verdict
    """What the certificate proves, after every grade."""
    reached: bool
    """Whether the tolerance was reached, proved."""
    stop: str
    """Why no further grade was built."""
    function: Expression = field(repr=False, default=None)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.stop)}</p>{self.verdict._repr_html_()}{self.model._repr_html_()}"


@dataclass(frozen=True)
class Learned(Constructed):
    """A network that was trained on points of a formula."""

    projected: bool = False
    """Whether its grades are projected, so that no point's residual grows from grade to grade."""


def construct(
    function: str | Expression,
    domain: str,
    tolerance: float,
    *,
    grades: int | None = None,
    scheme: str | None = None,
    strategy: str = "auto",
    one_sided: str | None = None,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Constructed:
    """Builds a ReLU network within `tolerance` of a function everywhere on a box such as `x=0..1, y=-2..2`, with a proof.

    Nothing is trained. With the scheme `'monotone'` no point's residual grows from grade to grade, `'plain'` makes the
    smallest network; `one_sided='above'` or `'below'` keeps it on one side of the function. The strategy `'compile'`
    follows the formula part by part, in any number of variables; `'mesh'` interpolates between nodes, in up to four; `'auto'`
    takes the smaller one. Ctrl-C raises `Interrupted`, which holds what was built and proved by then.

    >>> made = construct("x^2", "x=0..1", 1e-3)
    >>> made.reached, made.verdict.bounds[-1].largest <= 1e-3
    (True, True)
    >>> made.certificate.check(made.model) == made.verdict
    True
    >>> construct("x*y*z", "x=0..1, y=0..1, z=0..1", 1e-2, strategy="compile").reached
    True
    """
    function = function if isinstance(function, Expression) else Expression(function)
    if scheme is None:
        scheme = "plain" if strategy == "compile" else "monotone"
    settings = {
        "scheme": one_of("scheme", scheme, ("monotone", "plain")),
        "strategy": one_of("strategy", strategy, ("auto", "mesh", "compile")),
        "one_sided": one_sided if one_sided is None else one_of("one_sided", one_sided, ("above", "below")),
        "grades": optional_whole("grades", grades, "a number from 1 to 60"),
        "time_limit": optional_real("time limit", time_limit, "a positive number of seconds"),
    }
    settings = json.dumps(settings)
    with observer(verbose, None) as watcher:
        native, answer, reached, stop, exception = _native.construct(
            function._native, domain, tolerance, settings, n_jobs, watcher
        )
    made = Constructed(Model(native), *_proved(answer), reached, stop, function)
    return _unless_interrupted(made, exception)


def learn(
    function: str | Expression,
    domain: str,
    tolerance: float | None = None,
    *,
    grades: int | str | list = "auto",
    max_grades: int = 8,
    rows: int = 4_000,
    project: bool = False,
    boxes: int = 200_000,
    random_state: int = 0,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Learned:
    """Trains ReLU grades on `rows` fresh points of a function each, on a box such as `x=0..1, y=-2..2`, and proves every grade.

    It ends when the proved bound is at most `tolerance`, or with the last grade: then `reached` is False, and the bound is
    what was proved. Grades are written as those of `MultigradeRegressor`. With `project` no point's residual grows from grade to
    grade. For the smallest error, `construct` needs no training. Ctrl-C raises `Interrupted`.

    >>> learned = learn("x^2", "x=0..1", 1e-2, grades=["8"])
    >>> learned.reached, learned.verdict.bounds[-1].largest <= 1e-2
    (True, True)
    """
    function = function if isinstance(function, Expression) else Expression(function)
    settings = learning(grades, max_grades, rows, project, boxes, random_state, time_limit)
    with observer(verbose, None) as watcher:
        native, answer, bound, projected, stop, exception = _native.learn(
            function._native, domain, tolerance, settings, n_jobs, watcher
        )
    reached = answer is not None and (tolerance is None or bound <= tolerance)
    learned = Learned(Model(native), *_proved(answer), reached, stop, function, projected)
    return _unless_interrupted(learned, exception)


def _proved(answer):
    """The certificate and what it proves, if there is one."""
    if answer is None:
        return None, Verdict(False, "no finite bound was found: on some box the function may be undefined")
    certificate, statement = answer
    return Certificate(certificate), _verdict(json.loads(statement))


def certify(
    model,
    function: str | Expression,
    domain: str,
    *,
    tolerance: float | None = None,
    output: int | str | None = None,
    boxes: int = 200_000,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Certified:
    """Proves how far a ReLU network is from a function, everywhere on a box such as `x=0..1, y=-2..2`.

    `model` is a `Model` or a fitted estimator whose inputs have the names of the variables; `output` is the name or the place
    of the output that is meant, if there are several. Of a classifier, the outputs are logits, and a bound speaks about
    those: probabilities are not piecewise linear. The search ends when the bound is at most `tolerance` or, without one, 1.05
    times the largest error that was measured. Ctrl-C raises `Interrupted`, which holds the best bound proved by then.

    >>> import numpy as np
    >>> from multigrade import MultigradeRegressor, certify
    >>> x = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> regressor = MultigradeRegressor(grades=["8:relu"], weight_decay=1e-6, branches=1).fit(x, x[:, 0] ** 2)
    >>> found = certify(regressor, "x1^2", "x1=0..1")
    >>> bool(found.verdict), found.measured <= found.bound <= 1.06 * found.measured
    (True, True)
    >>> found.certificate.check(regressor.model_) == found.verdict
    True
    """
    function = function if isinstance(function, Expression) else Expression(function)
    model = _model(model)
    output = _output(model, output)
    with observer(verbose, None) as watcher:
        answer, measured, stop, n_boxes, exception = _native.certify(
            model._native, output, function._native, domain, tolerance, boxes, time_limit, n_jobs, watcher
        )
    found = Certified(*_proved(answer), measured, stop, n_boxes, function)
    return _unless_interrupted(found, exception)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during `construct`, `learn` or `certify`: `result` is what they would have returned, as far as it was proved by then.

    >>> try:
    ...     raise Interrupted("what is proved so far")
    ... except KeyboardInterrupt as stopped:
    ...     print(stopped.result)
    what is proved so far
    """

    def __init__(self, result):
        super().__init__("interrupted; what is proved so far is the attribute 'result' of this exception")
        self.result = result


def _unless_interrupted(result, exception):
    if isinstance(exception, KeyboardInterrupt):
        raise Interrupted(result)
    if exception is not None:
        raise exception
    return result


def check(certificate: Certificate | str | PathLike[str], model) -> Verdict:
    """What the checker says about a certificate, or the path of one, and a model, estimator or the path of a model."""
    certificate = certificate if isinstance(certificate, Certificate) else Certificate.load(certificate)
    return certificate.check(model)


def _output(model, output):
    """The place of the output that is meant."""
    names = model.output_names
    if output is None and len(names) > 1:
        raise ValueError(f"the model has the outputs {', '.join(names)}; name one of them with output=")
    if isinstance(output, str):
        if output not in names:
            raise ValueError(f"output: found {output!r}, expected one of {', '.join(names)}")
        return names.index(output)
    place = 0 if output is None else output
    if not isinstance(place, Integral) or isinstance(place, bool) or not 0 <= place < len(names):
        raise ValueError(f"output: found {output!r}, expected a name or a number from 0 to {len(names) - 1}")
    return int(place)


def _model(model) -> Model:
    from ._model import load

    model = getattr(model, "model_", model)
    return model if isinstance(model, Model) else load(model)
