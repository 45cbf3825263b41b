"""The convex grade from Python."""

import numpy as np
import pytest

from multigrade import ConvexReluRegressor, MultigradeRegressor


def test_the_fit_is_optimal_within_its_proof_and_the_same_for_weights_and_rows():
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, size=(80, 1))
    y = np.abs(x[:, 0]) + 0.05 * random.normal(size=80)
    regressor = ConvexReluRegressor().fit(x, y)
    assert regressor.proof_["rel_gap"] < 1e-8
    assert 0 < len(regressor.knots_) < 20
    weights = random.integers(1, 4, size=80)
    weighted = ConvexReluRegressor(penalty="relative:0.01").fit(x, y, sample_weight=weights)
    repeated = ConvexReluRegressor(penalty="relative:0.01").fit(x.repeat(weights, axis=0), y.repeat(weights))
    limit = weighted.proof_["fit_rmse_bound"] + repeated.proof_["fit_rmse_bound"]
    assert np.sqrt(np.average((weighted.predict(x) - repeated.predict(x)) ** 2, weights=weights)) <= limit + 1e-12


def test_rules_for_the_penalty_are_those_of_the_command_line():
    x = np.linspace(0, 1, 50).reshape(-1, 1)
    y = np.sin(9 * x[:, 0])
    assert len(ConvexReluRegressor(penalty="neurons:3").fit(x, y).knots_) <= 3
    assert ConvexReluRegressor(penalty=0.25).fit(x, y).penalty_ == 0.25
    for rule in ("gcv", "held-out", "blocks:5", "noise:0.1"):
        assert len(ConvexReluRegressor(penalty=rule).fit(x, y).path_) == 41, rule  # 40 penalties and the interpolant
    expected = "settings: penalty: found {}, expected 'gcv', 'held-out', 'blocks:N', 'noise:SD', 'neurons:N', 'relative:X' or"
    for wrong in ("much", "gcv:3", "neurons:", "neurons:1.5", "relative:x"):
        with pytest.raises(ValueError, match=expected.format(repr(wrong))):
            ConvexReluRegressor(penalty=wrong).fit(x, y)
    with pytest.raises(ValueError, match="settings: penalty: found -1, expected a number of at least 0"):
        ConvexReluRegressor(penalty=-1).fit(x, y)


def test_a_convex_grade_can_be_one_grade_of_a_fit():
    x = np.linspace(0, 1, 80).reshape(-1, 1)
    y = np.abs(x[:, 0] - 0.3)
    regressor = MultigradeRegressor(grades=1, solver="convex", penalty="relative:1e-4").fit(x, y)
    assert np.abs(regressor.predict(x) - y).max() < 1e-3
    assert regressor.model_.history["grades"][1]["solver"].startswith("convex")
    with pytest.raises(ValueError, match="settings: penalty belongs to solver 'convex'; name it too"):
        MultigradeRegressor(penalty="gcv").fit(x, y)
