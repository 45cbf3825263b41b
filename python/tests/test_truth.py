"""Proofs found from Python are those that the program checks."""

import os
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import quick

from multigrade import Certificate, Expression, MultigradeClassifier, certify, check, construct, learn, load


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


def test_a_bound_of_a_classifier_is_one_of_its_logits():
    x = np.linspace(-1, 1, 90).reshape(-1, 1)
    y = np.array(["left", "middle", "right"])[np.digitize(x[:, 0], [-0.3, 0.3])]
    parameters = dict(grades=["6:relu"], weight_decay=1e-3, branches=1, solver="lbfgs", iterations=20)
    classifier = MultigradeClassifier(**parameters).fit(x, y)
    with pytest.raises(ValueError, match="the model has the outputs y1=left, y1=middle, y1=right; name one of them"):
        certify(classifier, "x1", "x1=-1..1")
    with pytest.raises(ValueError, match="output: found 'y1=top', expected one of y1=left"):
        certify(classifier, "x1", "x1=-1..1", output="y1=top")
    with pytest.raises(ValueError, match="output: found 3, expected a name or a number from 0 to 2"):
        certify(classifier, "x1", "x1=-1..1", output=3)
    found = certify(classifier, "-3*x1", "x1=-1..1", output="y1=left")
    bound = found.verdict.bounds[-1]
    assert bound.output == "y1=left" and found.certificate.check(classifier.model_)
    points = np.random.default_rng(0).uniform(-1, 1, (10_000, 1))
    errors = -3 * points[:, 0] - classifier.decision_function(points)[:, 0]
    assert bound.f64[0] <= errors.min() and errors.max() <= bound.f64[1]


def test_compiled_networks_are_small_and_keep_their_tolerance():
    made = construct("x*y*z", "x=0..1, y=0..1, z=0..1", 1e-2, strategy="compile")
    assert made.reached and made.certificate.check(made.model)
    points = np.random.default_rng(0).uniform(0, 1, (10_000, 3))
    assert np.abs(points.prod(axis=1) - made.model.predict(points)[:, 0]).max() <= made.verdict.bounds[-1].largest <= 1e-2
    with pytest.raises(ValueError, match="settings: strategy: found 'guess', expected 'auto', 'mesh' or 'compile'"):
        construct("x", "x=0..1", 1e-2, strategy="guess")
    with pytest.raises(ValueError, match="settings: one_sided: found 'left', expected 'above' or 'below'"):
        construct("x", "x=0..1", 1e-2, one_sided="left")


def test_notebooks_show_certificates_as_claims_that_are_not_checked_yet(square):
    _, found = square
    assert repr(found.certificate) == "Certificate(x1^2, x1=0..1: 1 claim, not checked)"
    assert "not checked" in found.certificate._repr_html_()
    assert Expression("min(x, 1)")._repr_html_() == "<code>min(x, 1)</code>"


def test_an_exported_network_says_what_is_proved_of_it_and_what_is_measured(square, tmp_path):
    regressor, found = square
    exported = regressor.to_onnx(tmp_path / "m.onnx", certificate=found.certificate)
    assert exported.bound == max(map(abs, found.verdict.bounds[-1].f32)) and exported.difference <= 1e-5
    assert regressor.to_onnx(tmp_path / "n.onnx", precision="f64").bound is None
    other = construct("x1^2", "x1=0..1", 1e-2)
    with pytest.raises(ValueError, match="the certificate proves nothing about this model: .*another model"):
        other.model.to_onnx(tmp_path / "o.onnx", certificate=found.certificate)
    assert not (tmp_path / "o.onnx").exists()


def test_a_formula_is_learned_and_every_grade_is_proved(tmp_path):
    learned = learn("x*y", "x=0..1, y=0..1", 5e-2, grades=["12", "12"], rows=1000)
    assert learned.reached and learned.verdict.bounds[-1].largest <= 5e-2
    points = np.random.default_rng(1).random((5000, 2))
    off = np.abs(learned.model.predict(points)[:, 0] - points.prod(axis=1))
    assert 0 < off.max() <= learned.verdict.bounds[-1].largest
    assert learned.certificate.check(learned.model) == learned.verdict
    again = learn("x*y", "x=0..1, y=0..1", 5e-2, grades=["12", "12"], rows=1000)
    assert np.array_equal(again.model.predict(points), learned.model.predict(points))


def test_a_tolerance_that_training_does_not_reach_is_said_to_be_missed():
    learned = learn("abs(x)", "x=-1..1", 1e-9, grades=1, rows=100)
    assert not learned.reached and learned.verdict.bounds[-1].largest > 1e-9
    projected = learn("abs(x)", "x=-1..1", grades=2, rows=100, project=True)
    assert projected.reached and projected.projected
    with pytest.raises(ValueError, match="rows: found 1, expected"):
        learn("x", "x=0..1", rows=1)
    with pytest.raises(ValueError, match="the box has no side 'y'"):
        learn("x+y", "x=0..1")
