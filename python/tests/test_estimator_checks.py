"""Every check that scikit-learn has for estimators."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from multigrade import ConvexReluRegressor, MultigradeClassifier, MultigradeRegressor

QUICK = {"grades": 1, "activation": "tanh", "weight_decay": 1e-3, "branches": 1, "solver": "lbfgs", "iterations": 30}


@parametrize_with_checks([MultigradeRegressor(**QUICK), MultigradeClassifier(**QUICK), ConvexReluRegressor()])
def test_scikit_learn(estimator, check):
    check(estimator)
