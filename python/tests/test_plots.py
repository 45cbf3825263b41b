"""Figures show the rows and the grades."""

import matplotlib
import numpy as np
from conftest import quick

from multigrade import plot_fit, plot_residuals

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
