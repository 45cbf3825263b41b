"""The convex grade from Python."""

import numpy as np
import pytest

from multigrade import ConvexReluRegressor


def test_the_fit_is_optimal_within_its_proof_and_the_same_for_weights_and_rows():
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, size=(80, 1))
    y = np.abs(x[:, 0]) + 0.05 * random.normal(size=80)
    regressor = ConvexReluRegressor().fit(x, y)
    assert regressor.proof_["rel_gap"] < 1e-8
    assert 0 < len(regressor.knots_) < 20
    weights = random.integers(1, 4, size=80)
    weighted = ConvexReluRegressor(penalty=0.01).fit(x, y, sample_weight=weights)
    repeated = ConvexReluRegressor(penalty=0.01).fit(x.repeat(weights, axis=0), y.repeat(weights))
    limit = weighted.proof_["fit_rmse_bound"] + repeated.proof_["fit_rmse_bound"]
    assert np.sqrt(np.average((weighted.predict(x) - repeated.predict(x)) ** 2, weights=weights)) <= limit + 1e-12


def test_a_budget_of_neurons_is_kept_and_a_wrong_penalty_is_named():
    x = np.linspace(0, 1, 50).reshape(-1, 1)
    assert len(ConvexReluRegressor(neurons=3).fit(x, np.sin(9 * x[:, 0])).knots_) <= 3
    with pytest.raises(ValueError, match="settings: penalty: found 'much', expected 'auto' or a number of at least 0"):
        ConvexReluRegressor(penalty="much").fit(x, x[:, 0])
    with pytest.raises(ValueError, match="settings: penalty: found -1, expected a number of at least 0"):
        ConvexReluRegressor(penalty=-1).fit(x, x[:, 0])
