"""Figures show the rows and the grades."""

import matplotlib
import numpy as np
import pytest
from conftest import quick

from multigrade import MultigradeClassifier, construct, plot_certificate, plot_fit, plot_residuals

matplotlib.use("agg")


def test_residuals_of_later_grades_lie_further_left(rows):
    X, y = rows
    regressor = quick(refit=False).fit(X, y)
    lines = plot_residuals(regressor, X, y, output=1).lines
    assert [line.get_label() for line in lines] == ["mean", "grade 1", "grade 2"]
    expected = np.sort(np.abs(y[:, 1] - regressor.predict(X)[:, 1]))
    np.testing.assert_array_equal(lines[-1].get_xdata(), expected)
    medians = [np.median(line.get_xdata()) for line in lines]
    assert medians[2] < medians[1] < medians[0]


def test_one_input_is_drawn_as_a_line_and_several_against_each_other(rows):
    X, y = rows
    several = plot_fit(quick().fit(X, y), X, y)
    np.testing.assert_array_equal(several.lines[0].get_xdata(), y[:, 0])
    one = plot_fit(quick().fit(X[:, :1], y[:, 0]), X[:, :1], y[:, 0], ax=several)
    assert one is several
    assert one.get_xlabel() == "x1"


@pytest.fixture(scope="module")
def lows():
    """A classifier of one input, its rows and labels."""
    x = np.linspace(0, 1, 60).reshape(-1, 1)
    y = np.where(x[:, 0] < 0.4, "low", "high")
    parameters = dict(grades=1, activation="tanh", weight_decay=1e-3, branches=1, iterations=20, solver="lbfgs")
    return MultigradeClassifier(**parameters).fit(x, y), x, y


def test_residuals_of_a_classifier_are_what_its_probabilities_lack(lows):
    classifier, x, y = lows
    lines = plot_residuals(classifier, x, y).lines
    own = classifier.predict_proba(x)[np.arange(60), np.searchsorted(classifier.classes_, y)]
    np.testing.assert_allclose(lines[-1].get_xdata(), np.sort(1 - own))
    assert [line.get_label() for line in lines] == ["shares of the classes", "grade 1"]
    with pytest.raises(ValueError, match="'mid' is none of the classes high, low"):
        plot_residuals(classifier, x, np.full(60, "mid"))


def test_a_classifier_is_drawn_as_probabilities_or_as_its_calibration(lows):
    classifier, x, y = lows
    assert [line.get_label() for line in plot_fit(classifier, x, y).lines[:2]] == ["P(high)", "P(low)"]
    X = np.random.default_rng(0).uniform(-1, 1, (80, 2))
    two = MultigradeClassifier(**classifier.get_params()).fit(X, X[:, 0] > 0)
    shares = plot_fit(two, X, X[:, 0] > 0).lines[0].get_ydata()
    assert ((0 <= shares) & (shares <= 1)).all()


def test_the_error_of_two_variables_is_a_map_inside_the_bound():
    made = construct("x*y", "y=0..1, x=0..2", 1e-2, strategy="compile")
    shown = plot_certificate(made, made.model).collections[0]
    assert np.abs(shown.get_array()).max() <= made.verdict.bounds[-1].largest == shown.get_clim()[1]
    three = construct("x*y*z", "x=0..1, y=0..1, z=0..1", 1e-1, strategy="compile")
    with pytest.raises(ValueError, match="one or two inputs"):
        plot_certificate(three, three.model)
