"""Wrong input is a ValueError or TypeError in the words of the command line, and never ends the interpreter."""

import numpy as np
import pytest
from conftest import quick

from multigrade import MultigradeRegressor


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"validation": 1.5}, "settings: validation: found 1.5, expected a share in [0, 1)"),
        ({"validation": "x"}, "settings: validation: found 'x', expected a share in [0, 1)"),
        ({"weight_decay": -1.0}, "settings: weight decay: found -1, expected a number of at least 0"),
        ({"weight_decay": float("nan")}, "settings: weight decay: found nan, expected a number of at least 0"),
        ({"branches": 0}, "settings: branches: found 0, expected a number from 1 to 1000"),
        ({"branches": -3}, "settings: branches: found -3, expected a number from 1 to 1000"),
        ({"branches": 1.5}, "settings: branches: found 1.5, expected a number from 1 to 1000"),
        ({"grades": 0}, "settings: grades: found 0, expected a number from 1 to 1000"),
        ({"grades": "many"}, "settings: grades: found 'many', expected 'auto', a number of grades, or a list"),
        ({"grades": []}, "settings: grades: found 0, expected a list of 1 to 1000 grades"),
        ({"grades": ["64:tahn"]}, "settings: grade 1: activation: found 'tahn', expected 'relu', 'tanh', 'sin', 'square' or"),
        ({"grades": ["8", [0]]}, "settings: grade 2: widths: found 0, expected widths from 1 to 65536"),
        ({"grades": ["8", "8:relu,9"]}, "settings: grade 2: found '8:relu,9', expected an activation for the last widths too"),
        ({"activation": "tahn"}, "settings: activation: found 'tahn', expected 'relu'"),
        ({"solver": "sgd"}, "settings: solver: found 'sgd', expected 'lbfgs', 'lm', 'adam', 'gd', 'random' or 'convex'"),
        ({"solver": "adam"}, "settings: iterations belongs to solver 'lbfgs' or 'lm'; name one of them"),
        ({"epochs": 5}, "settings: epochs belongs to solver 'adam' or 'gd'; name one of them"),
        ({"precision": "f32"}, "settings: precision: found f32, expected f64 with lbfgs and lm"),
        ({"time_limit": 0}, "settings: time limit: found 0, expected a positive number of seconds"),
        ({"readout": "ridge"}, "settings: readout: found 'ridge', expected 'least_squares' or 'as_trained'"),
    ],
)
def test_settings_are_named(rows, parameters, message):
    with pytest.raises(ValueError) as error:
        quick(**parameters).fit(*rows)
    assert str(error.value).startswith(message)


def test_a_wrong_schedule_says_what_is_expected(rows):
    regressor = MultigradeRegressor(solver="adam", schedule="linear:1")
    with pytest.raises(ValueError, match="settings: schedule: found 'linear:1', expected 'constant', 'exponential:TO' or 'cosine:TO'"):
        regressor.fit(*rows)


def test_wrong_shapes_and_numbers_name_the_shape(rows):
    X, y = rows
    model = quick().fit(X, y).model_
    with pytest.raises(ValueError, match=r"X has shape \(120, 2\); the model reads rows of 3 numbers"):
        model.predict(X[:, :2])
    with pytest.raises(ValueError, match=r"X: found shape \(120,\), expected \(rows, columns\)"):
        model.predict(X[:, 0])
    with pytest.raises(TypeError, match="X: "):
        model.predict([[1, 2, 3], [1]])
    with pytest.raises(TypeError, match="expected integers or floats"):
        model.predict(X.astype(complex))
    with pytest.raises(ValueError, match="grades: asked for 9, but the number of grades of the model is 2"):
        model.truncate(9)
    with pytest.raises(ValueError, match=r"y_val has shape \(120,\), y \(120, 2\)"):
        quick().fit(X, y, X_val=X, y_val=y[:, 0])
    with pytest.raises(ValueError, match="precision: found 'f16', expected 'f64' or 'f32'"):
        model.predict(X, precision="f16")


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # numpy, in the checks of scikit-learn
def test_numbers_beyond_all_bounds_are_errors(rows):
    X, y = rows
    with pytest.raises(ValueError, match="cannot be written in 64-bit numbers"):
        quick().fit(np.sign(X) * 1.7e308, y)
    with pytest.raises(ValueError, match="infinity|too large"):
        quick().fit(np.where(X > 0, np.inf, X), y)
    with pytest.raises(ValueError):
        quick().fit(X, y, sample_weight=np.zeros(len(X)))
