"""Proofs found from Python are those that the program checks."""

import os
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import quick

from multigrade import Certificate, Expression, certify, check, construct, load


@pytest.fixture(scope="module")
def square():
    """A ReLU network near `x^2` on the unit interval, and a proof of how near."""
    x = np.linspace(0, 1, 60).reshape(-1, 1)
    regressor = quick(grades=["8:relu"], activation=None).fit(x, x[:, 0] ** 2)
    return regressor, certify(regressor, "x1^2", "x1=0..1")


def test_a_bound_holds_at_every_point_that_is_tried_and_is_not_much_larger(square):
    regressor, found = square
    assert found.verdict and found.stop == "reached"
    x = np.linspace(0, 1, 20_001).reshape(-1, 1)
    largest = np.abs(found.function(x) - regressor.predict(x)).max()
    assert largest <= found.bound <= 1.06 * found.measured
    (bound,) = found.verdict.bounds
    assert bound.f64[0] <= bound.exact[0] + 1e-12 and bound.output == "y1" and bound.grades == 1


def test_a_certificate_survives_its_file_and_proves_nothing_about_another_model(square, tmp_path):
    regressor, found = square
    path = found.certificate.save(tmp_path / "square.certificate.json")
    model = regressor.save(tmp_path / "square")
    again = Certificate.load(path)
    assert again == found.certificate == pickle.loads(pickle.dumps(found.certificate))
    assert check(path, model) == check(again, load(model)) == check(again, regressor) == found.verdict
    x = np.linspace(0, 1, 60).reshape(-1, 1)
    other = quick(grades=["8:relu"], activation=None).fit(x, x[:, 0] ** 3)
    verdict = check(again, other)
    assert not verdict and verdict.reason and "not proved" in verdict._repr_html_()
    altered = path.read_text().replace('"x1^2"', '"x1^3"')
    assert altered != path.read_text()
    path.write_text(altered)
    with pytest.raises(ValueError, match="square.certificate.json"):
        Certificate.load(path)
    with pytest.raises(FileExistsError):
        found.certificate.save(path)


def program():
    """The program `multigrade` beside this package, if it was built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[2] / "target"))
    built = target / "debug" / "multigrade"
    return built if built.is_file() else shutil.which("multigrade")


@pytest.mark.skipif(program() is None, reason="the program multigrade is not built")
def test_the_program_proves_the_certificate_again(square, tmp_path):
    regressor, found = square
    files = [found.certificate.save(tmp_path / "c.json"), regressor.save(tmp_path / "m.safetensors")]
    answer = subprocess.run([program(), "check", *files], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Proved: for every point of x1=0..1, the function x1^2")


def test_printed_bounds_are_rounded_away_from_zero(square):
    html = square[1].verdict._repr_html_()
    for end in square[1].verdict.bounds[0].exact:
        shown = [float(cell) for cell in html.replace("<td>", "</td>").split("</td>") if "e-" in cell]
        assert any(abs(end) <= abs(value) <= 1.001 * abs(end) and value * end > 0 for value in shown)


def test_formulas_have_values_and_ranges_and_say_where_they_are_wrong():
    f = Expression("sin(3*x)*exp(-y^2)")
    points = np.random.default_rng(0).uniform(-1, 1, size=(1000, 2))
    np.testing.assert_allclose(f(points), np.sin(3 * points[:, 0]) * np.exp(-points[:, 1] ** 2), rtol=1e-13)
    low, high = f.range("x=-1..1, y=-1..1")
    assert low <= f(points).min() and f(points).max() <= high
    assert pickle.loads(pickle.dumps(f)) == f
    with pytest.raises(ValueError, match="sni"):
        Expression("sni(x)")
    with pytest.raises(ValueError, match="the box has no side for the variable 'y'"):
        f.range("x=0..1")
    with pytest.raises(ValueError, match=r"X has shape \(3, 3\); the expression reads rows of 2 numbers"):
        f(np.zeros((3, 3)))


def test_what_cannot_be_proved_says_why(square):
    regressor, _ = square
    with pytest.raises(ValueError, match="y"):
        certify(regressor, "y^2", "y=0..1")
    with pytest.raises(ValueError, match="settings: boxes: found 0, expected at least 1"):
        certify(regressor, "x1^2", "x1=0..1", boxes=0)
    x = np.linspace(0, 1, 60).reshape(-1, 1)
    with pytest.raises(ValueError, match="tanh"):
        certify(quick(grades=1).fit(x, x[:, 0]), "x1", "x1=0..1")
    assert certify(regressor, "ln(x1)", "x1=0..1", boxes=50).certificate is None


def test_a_constructed_network_keeps_its_tolerance_and_every_grade_comes_closer(tmp_path):
    made = construct("sin(3*x) + abs(x)", "x=-1..1", 1e-3)
    assert made.reached and made.stop == "the tolerance was reached"
    largest = [bound.largest for bound in made.verdict.bounds]
    assert largest == sorted(largest, reverse=True) and largest[-1] <= 1e-3
    x = np.linspace(-1, 1, 5001).reshape(-1, 1)
    for bound, stage in zip(made.verdict.bounds, made.model.staged_predict(x)):
        errors = Expression("sin(3*x) + abs(x)")(x) - stage[:, 0]
        assert bound.f64[0] <= errors.min() and errors.max() <= bound.f64[1]
    path = made.certificate.save(tmp_path / "c.json")
    assert check(path, made.model) == made.verdict
    with pytest.raises(ValueError, match="tolerance: found -1, expected a positive number"):
        construct("x", "x=0..1", -1)
    with pytest.raises(ValueError, match="the function jumps near|not finite"):
        construct("1/x", "x=-1..1", 0.1)
