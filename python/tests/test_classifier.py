"""What users of scikit-learn expect of a classifier, beyond the checks that it has itself."""

import pickle

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multigrade import MultigradeClassifier, MultigradeRegressor, load

NAMES = np.array(["setosa", "versicolor", "virginica"])


def quick(**parameters):
    """A classifier that takes milliseconds."""
    defaults = dict(grades=2, activation="tanh", weight_decay=1e-3, branches=1, solver="lbfgs", iterations=25)
    return MultigradeClassifier(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def flowers():
    """`X (150, 4)` and the kinds of flowers."""
    X, y = load_iris(return_X_y=True)
    return X, y


@pytest.mark.parametrize("count", [2, 3])
def test_probabilities_logits_and_labels_agree(flowers, count):
    X, y = flowers[0][: 50 * count], NAMES[flowers[1][: 50 * count]]
    classifier = quick().fit(X, y)
    probabilities, logits = classifier.predict_proba(X), classifier.decision_function(X)
    assert probabilities.shape == (len(X), count) and list(classifier.classes_) == list(NAMES[:count])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(classifier.predict_log_proba(X)), probabilities, rtol=1e-12)
    if count == 2:
        assert logits.shape == (len(X),)
        np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-12)
    stages = classifier.staged_predict_proba(X)
    assert len(stages) == classifier.n_grades_ == len(classifier.staged_predict(X))
    np.testing.assert_array_equal(stages[-1], probabilities)
    np.testing.assert_array_equal(classifier.staged_predict(X)[-1], classifier.predict(X))
    assert classifier.score(X, y) > 0.95


def test_the_training_cross_entropy_never_rises(flowers):
    classifier = quick(grades=4, validation=0.0).fit(*flowers)
    losses = [record["scores"]["train"]["log_loss"] for record in classifier.model_.history["grades"]]
    assert all(after <= before for before, after in zip(losses, losses[1:])) and len(losses) > 2
    own = classifier.predict_log_proba(flowers[0])[np.arange(150), flowers[1]]
    assert losses[-1] == pytest.approx(-own.mean(), rel=1e-9)


@pytest.mark.parametrize(
    "labels",
    [[7, 3, 5], [4.0, 1.0, 3.0], ["b", "a", "c"], [True, False, True], np.array([2, 1, 3], dtype=np.uint8)],
    ids=lambda labels: type(labels[0]).__name__,
)
def test_labels_of_any_type_come_back_as_they_were(flowers, labels, tmp_path):
    X, y = flowers
    y = np.asarray(labels)[y]
    classifier = quick(grades=1).fit(X, y)
    predicted = classifier.predict(X)
    assert predicted.dtype == y.dtype or y.dtype.kind == "f"
    assert np.mean(predicted == y) > 0.95
    classifier.save(tmp_path / "m")
    again = MultigradeClassifier.from_model(tmp_path / "m")
    assert list(again.predict(X[:5])) == list(predicted[:5])
    assert load(tmp_path / "m").classes == [label.item() for label in np.unique(y)]


def test_a_weight_of_two_is_the_row_twice_and_class_weights_are_weights(flowers):
    X, y = flowers
    weights = np.random.default_rng(0).integers(0, 4, size=150)
    weighted = quick().fit(X, y, sample_weight=weights)
    repeated = quick().fit(X.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    assert set(weighted.held_out_) <= set(np.flatnonzero(weights))
    factors = quick(class_weight={0: 1, 1: 3, 2: 1}).fit(X, y)
    assert factors.model_ == quick().fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0)).model_
    few = np.r_[0:50, 50:60, 100:150]
    balanced = quick(class_weight="balanced").fit(X[few], y[few])
    assert balanced.model_ != quick().fit(X[few], y[few]).model_


def test_what_scikit_learn_does_with_estimators_works(flowers):
    X, y = flowers[0], NAMES[flowers[1]]
    pipeline = make_pipeline(StandardScaler(), quick(grades=1, iterations=10))
    assert cross_val_score(pipeline, X, y, cv=3, scoring="neg_log_loss").min() > -0.5
    grid = {"multigradeclassifier__weight_decay": [1e-3, 1e3]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="roc_auc_ovr").fit(X, y)
    assert search.best_params_["multigradeclassifier__weight_decay"] == 1e-3
    fitted = quick().fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert clone(fitted).get_params() == fitted.get_params()


def test_frames_keep_their_names(flowers):
    X, y = flowers
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    from_pandas = quick().fit(pd.DataFrame(X, columns=names), pd.Series(NAMES[y], name="kind", dtype="category"))
    from_polars = quick().fit(pl.DataFrame(X, schema=names), pl.Series("kind", NAMES[y]))
    assert from_pandas.model_ == from_polars.model_
    assert from_pandas.model_.input_names == names
    assert from_pandas.model_.output_names == ["kind=setosa", "kind=versicolor", "kind=virginica"]
    assert "accuracy" in from_pandas.model_._repr_html_() and "3 classes" in repr(from_pandas.model_)


@pytest.mark.parametrize("refit", [False, True])
def test_grades_that_are_added_later_are_those_of_one_fit(flowers, refit, tmp_path):
    X, y = flowers[0], NAMES[flowers[1]]
    whole = quick(grades=2, refit=refit).fit(X, y)
    begun = quick(grades=1, refit=refit).fit(X, y)
    begun = MultigradeClassifier.from_model(begun.save(tmp_path / "m"), **begun.get_params())
    assert begun.add_grades(X, y, 1).model_ == whole.model_
    with pytest.raises(ValueError, match="'other' is none of the classes"):
        begun.add_grades(X, np.where(y == "setosa", "other", y), 1)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("precision, bound", [("f64", 1e-12), ("f32", 1e-5)])
def test_onnxruntime_finds_the_same_logits(flowers, count, precision, bound, tmp_path):
    X, y = flowers[0][: 50 * count], flowers[1][: 50 * count]
    classifier = quick(activation="relu").fit(X, y)
    assert classifier.to_onnx(tmp_path / "c.onnx", precision=precision).difference <= bound
    session = onnxruntime.InferenceSession(tmp_path / "c.onnx", providers=["CPUExecutionProvider"])
    rows = X.astype(np.float64 if precision == "f64" else np.float32)
    (found,) = session.run(["y"], {session.get_inputs()[0].name: rows})
    expected = classifier.model_.predict(rows.astype(np.float64))
    assert np.abs(found - expected).max() <= bound * np.abs(expected).max()


def test_what_is_no_class_is_refused_in_words(flowers, tmp_path):
    X, y = flowers
    with pytest.raises(ValueError, match="y holds one class, 0; expected at least two classes"):
        quick().fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="9 is none of the classes"):
        quick().fit(X, y, X_val=X[:2], y_val=[0, 9])
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        quick().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="solver: found 'convex'"):
        quick(solver="convex", iterations=None).fit(X, y)
    regressor = MultigradeRegressor(grades=1, solver="random", branches=1).fit(X, y)
    regressor.save(tmp_path / "r")
    with pytest.raises(ValueError, match="the model is no classifier"):
        MultigradeClassifier.from_model(tmp_path / "r")
    with pytest.raises(ValueError, match="the model is no classifier; use predict"):
        load(tmp_path / "r").predict_proba(X)
    quick().fit(X, y).save(tmp_path / "c")
    with pytest.raises(ValueError, match="the model is a classifier"):
        MultigradeRegressor.from_model(tmp_path / "c")


def test_held_out_rows_can_be_given(flowers):
    X, y = flowers
    order = np.random.default_rng(0).permutation(150)
    a, b = order[:100], order[100:]
    classifier = quick().fit(X[a], y[a], X_val=X[b], y_val=y[b])
    np.testing.assert_allclose(classifier.held_out_predictions_, classifier.decision_function(X[b]), rtol=1e-9, atol=1e-9)
