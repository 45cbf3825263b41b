"""What users of scikit-learn expect, beyond the checks that it has itself."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import quick
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multigrade import MultigradeRegressor, load


def test_stages_end_in_the_prediction_and_get_better(rows):
    X, y = rows
    regressor = quick(grades=3, refit=False).fit(X, y)
    stages = regressor.staged_predict(X)
    assert len(stages) == regressor.n_grades_ == 3
    np.testing.assert_array_equal(stages[-1], regressor.predict(X))
    train = np.setdiff1d(np.arange(len(X)), regressor.held_out_)
    errors = [np.mean(((stage - y)[train] / y[train].std(axis=0)) ** 2) for stage in stages]
    assert errors[2] < errors[1] < errors[0]


def test_one_output_has_one_axis_and_several_have_two(rows):
    X, y = rows
    assert quick().fit(X, y).predict(X).shape == (120, 2)
    assert quick().fit(X, y[:, 0]).predict(X).shape == (120,)
    assert quick().fit(X, y[:, :1]).predict(X).shape == (120, 1)
    assert quick().fit(X, y).gradient(X).shape == (120, 2, 3)
    assert quick().fit(X, y[:, 0]).gradient(X).shape == (120, 3)


def test_slopes_are_those_of_difference_quotients(rows):
    X, y = rows
    regressor = quick().fit(X, y[:, 0])
    step = 1e-6
    for j in range(3):
        shift = step * np.eye(3)[j]
        quotient = (regressor.predict(X + shift) - regressor.predict(X - shift)) / (2 * step)
        np.testing.assert_allclose(regressor.gradient(X)[:, j], quotient, atol=1e-6 * np.abs(quotient).max())


@pytest.mark.parametrize("kind", ["default choice", "one plan"])
def test_a_weight_of_two_is_the_row_twice_in_any_order(rows, kind):
    X, y = rows[0][:40], rows[1][:40]
    random = np.random.default_rng(1)
    weights = random.integers(0, 4, size=40)
    order = random.permutation(weights.sum())
    regressor = quick(activation=None, weight_decay=None, branches=2) if kind == "default choice" else quick()
    weighted = clone(regressor).fit(X, y, sample_weight=weights)
    repeated = clone(regressor).fit(X.repeat(weights, axis=0)[order], y.repeat(weights, axis=0)[order])
    np.testing.assert_array_equal(weighted.predict(X), repeated.predict(X))


def test_pandas_and_polars_columns_keep_their_names(rows):
    X, y = rows
    names = ["mach", "altitude", "throttle"]
    from_pandas = quick().fit(pd.DataFrame(X, columns=names), pd.DataFrame(y, columns=["thrust", "sfc"]))
    from_polars = quick().fit(pl.DataFrame(X, schema=names), pl.DataFrame(y, schema=["thrust", "sfc"]))
    for regressor in (from_pandas, from_polars):
        assert list(regressor.feature_names_in_) == regressor.model_.input_names == names
        assert regressor.model_.output_names == ["thrust", "sfc"]
    assert from_pandas.model_ == from_polars.model_
    np.testing.assert_array_equal(from_pandas.predict(pl.DataFrame(X, schema=names)), quick().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        from_pandas.predict(pd.DataFrame(X, columns=names[::-1]))
    assert quick().fit(X, pd.Series(y[:, 0], name="thrust")).model_.output_names == ["thrust"]


def test_pipelines_searches_and_scores_work(rows):
    X, y = rows[0], rows[1][:, 0]
    pipeline = make_pipeline(StandardScaler(), quick(iterations=15))
    assert cross_val_score(pipeline, X, y, cv=3).min() > 0.9
    grid = {"multigraderegressor__grades": [1, ["8:relu"], ["6:tanh", "6:tanh"]], "multigraderegressor__weight_decay": [1e-5, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_params_["multigraderegressor__weight_decay"] == 1e-5
    assert search.best_score_ > 0.9


def test_a_pickle_is_the_model(rows):
    X, y = rows
    regressor = quick().fit(X, y)
    again = pickle.loads(pickle.dumps(regressor))
    assert again.model_ == regressor.model_
    np.testing.assert_array_equal(again.predict(X), regressor.predict(X))


def test_the_model_does_not_depend_on_threads_or_types_of_numbers(rows):
    X, y = rows
    X, y = X.round(2) * 100, y.round(3)
    model = quick().fit(X, y).model_
    assert quick(n_jobs=1).fit(X, y).model_ == model
    for kind in (np.int16, np.float32, "list", "fortran", "slice"):
        if kind == "list":
            others = X.tolist(), y.tolist()
        elif kind == "fortran":
            others = np.asfortranarray(X), np.asfortranarray(y)
        elif kind == "slice":
            others = np.repeat(X, 2, axis=1)[:, ::2], y
        else:
            others = X.round().astype(kind), y
        expected = quick().fit(X.round(), y).model_ if isinstance(kind, type) else model
        assert quick().fit(*others).model_ == expected, kind


def test_the_model_does_not_depend_on_the_limit_of_memory(rows):
    X, y = rows
    expected = quick().fit(X, y).model_.to_bytes()
    assert quick(memory=0).fit(X, y).model_.to_bytes() == expected
    with pytest.raises(ValueError, match="memory: found -1, expected a number of MiB"):
        quick(memory=-1).fit(X, y)


def test_rows_of_the_right_kind_are_not_copied():
    from multigrade._arrays import as_rows

    X = np.zeros((5, 2))
    assert as_rows(X) is X
    assert as_rows(X[1:3]).base is X


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("reloaded", [False, True])
def test_grades_that_are_added_later_are_those_of_one_fit(rows, tmp_path, refit, reloaded):
    X, y = rows
    whole = quick(grades=3, refit=refit).fit(X, y)
    begun = quick(grades=1, refit=refit).fit(X, y)
    if reloaded:
        begun = MultigradeRegressor.from_model(begun.save(tmp_path / "m"), **begun.get_params())
    assert begun.add_grades(X, y, 2).model_ == whole.model_
    listed = quick(grades=["8", "6"], refit=refit).fit(X, y)
    assert quick(grades=["8"], refit=refit).fit(X, y).add_grades(X, y, ["6"]).model_ == listed.model_


def test_a_warm_start_goes_on_and_refuses_other_rows(rows):
    X, y = rows
    regressor = quick(grades=1, warm_start=True, refit=False).fit(X, y)
    first = regressor.predict(X)
    regressor.set_params(grades=2).fit(X, y)
    np.testing.assert_array_equal(regressor.staged_predict(X)[0], first)
    assert regressor.model_ == quick(grades=2, refit=False).fit(X, y).model_
    with pytest.raises(ValueError, match="these are not the rows that the model was fitted on"):
        regressor.set_params(grades=3).fit(X[:-1], y[:-1])


def test_held_out_rows_can_be_given(rows):
    X, y = rows
    regressor = quick().fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert regressor.model_.history["validation_rows"] == 40
    np.testing.assert_allclose(regressor.held_out_predictions_, regressor.predict(X[80:]), rtol=1e-10)


def test_files_are_those_of_the_program(rows, tmp_path):
    X, y = rows
    regressor = quick().fit(X, y)
    path = regressor.save(tmp_path / "engine")
    assert path.name == "engine.safetensors"
    assert path.read_bytes() == regressor.model_.to_bytes()
    assert load(tmp_path / "engine") == regressor.model_
    with pytest.raises(FileExistsError, match="already exists; pass overwrite=True"):
        regressor.save(tmp_path / "engine")
    regressor.save(tmp_path / "engine", overwrite=True)
    with pytest.raises(FileNotFoundError, match=r"^\[Errno 2\] No such file or directory: '.*none.safetensors'$"):
        load(tmp_path / "none")
    (tmp_path / "wrong.safetensors").write_bytes(b"no model")
    with pytest.raises(ValueError, match="wrong.safetensors"):
        load(tmp_path / "wrong")


def test_notebooks_show_names_as_text(rows):
    X, y = rows
    html = quick(grades=1).fit(X, pd.DataFrame(y, columns=["<b>a</b>", "b"])).model_._repr_html_()
    assert "&lt;b&gt;a&lt;/b&gt;" in html and "<b>a" not in html
    assert html.count("<tr>") == 5
