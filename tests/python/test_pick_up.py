"""PickUpRegressor: what is on the books already, plus a Poisson rate for what is still to come."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from wanderbricks_ml.estimators.pick_up import PickUpRegressor

PARAMS = {"eta": 0.1, "max_depth": 4, "min_child_weight": 5, "seed": 7, "nthread": 1}

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def made(rows: int, seed: int, rate: Any = None) -> Arrays:
    """Return X (baseline, known count, horizon, one free feature), counts y and the rate to come."""
    random = np.random.default_rng(seed)
    baseline = random.uniform(0.2, 2.0, rows)
    known = random.poisson(0.5, rows)
    horizon = random.integers(1, 31, rows)
    free = random.uniform(-1, 1, rows)
    X = np.column_stack([baseline, known, horizon, free]).astype(np.float32)
    to_come = baseline * (0.6 if rate is None else rate(horizon, free))
    return X, (known + random.poisson(to_come)).astype(np.float64), to_come


def fitted(train: Arrays, validation: Arrays | None = None, **settings: Any) -> PickUpRegressor:
    held_out = None if validation is None else validation[:2]
    return PickUpRegressor(0, 1, 2, params=PARAMS, **settings).fit(*train[:2], validation=held_out)


def deviance(y: np.ndarray, expected: np.ndarray) -> float:
    """Return the mean Poisson deviance less a term that does not depend on `expected`."""
    return float(np.mean(expected - y * np.log(expected)))


def test_recovers_a_known_rate() -> None:
    X, _, to_come = held_out = made(20_000, seed=3)
    model = fitted(made(40_000, seed=1), made(10_000, seed=2))
    rest = model.predict(X) - X[:, 1]
    assert np.mean(rest) == pytest.approx(np.mean(to_come), rel=0.03)
    assert np.mean(np.abs(rest - to_come)) < 0.06 * np.mean(to_come)
    assert model.pick_up_[1:31] == pytest.approx(np.full(30, 0.6), abs=0.1)
    assert len(held_out[1]) == len(rest)


def test_learns_the_pick_up_of_each_horizon() -> None:
    train = made(60_000, seed=1, rate=lambda horizon, free: horizon / 30)
    model = fitted(train, n_estimators=1)
    assert model.pick_up_[1:31] == pytest.approx(np.arange(1, 31) / 30, abs=0.06)


def test_never_predicts_fewer_than_are_known() -> None:
    X, _, _ = made(5_000, seed=4)
    X[:100, 1] = 40
    X[100:200, 2] = 90  # longer than any horizon in training
    predicted = fitted(made(5_000, seed=1)).predict(X)
    assert predicted.shape == (5_000,)
    assert np.isfinite(predicted).all()
    assert (predicted >= X[:, 1]).all()


def test_a_label_below_the_known_count_is_an_error() -> None:
    X, y, _ = made(100, seed=1)
    X[7, 1] = y[7] + 1
    with pytest.raises(ValueError, match="below the count already known"):
        PickUpRegressor(0, 1, 2, params=PARAMS).fit(X, y)


@pytest.mark.parametrize("baseline", [0.0, -0.1, np.nan])
def test_a_baseline_that_is_not_positive_is_an_error(baseline: float) -> None:
    X, y, _ = made(100, seed=1)
    X[7, 0] = baseline
    with pytest.raises(ValueError, match="baseline is not positive"):
        PickUpRegressor(0, 1, 2, params=PARAMS).fit(X, y)


def test_the_validation_rows_are_checked_too() -> None:
    X, y, _ = made(100, seed=2)
    with pytest.raises(ValueError, match="below the count already known"):
        PickUpRegressor(0, 1, 2, params=PARAMS).fit(*made(100, seed=1)[:2], validation=(X, y - 100))


def test_the_same_rows_give_the_same_predictions() -> None:
    X, _, _ = made(1_000, seed=3)
    models = [fitted(made(5_000, seed=1), made(2_000, seed=2)) for _ in range(2)]
    first, second = (model.predict(X) for model in models)
    assert (first == second).all()


def test_beats_its_own_starting_point_on_a_truth_that_is_not_linear() -> None:
    def rate(horizon: np.ndarray, free: np.ndarray) -> np.ndarray:
        return np.where(np.abs(free) > 0.5, 1.8, 0.3) * np.where(horizon > 15, 1.0, 0.5)

    X, y, to_come = made(20_000, seed=3, rate=rate)
    model = fitted(made(40_000, seed=1, rate=rate), made(10_000, seed=2, rate=rate))
    start = X[:, 1] + X[:, 0] * model.pick_up_[X[:, 2].astype(int)]
    loss, start_loss, best = (
        deviance(y - X[:, 1], expected) for expected in (model.predict(X) - X[:, 1], start - X[:, 1], to_come)
    )
    assert (start_loss - loss) / (start_loss - best) > 0.9


def test_stops_when_validation_no_longer_improves() -> None:
    model = fitted(made(2_000, seed=1), made(2_000, seed=2), n_estimators=300, early_stopping_rounds=5)
    assert 1 <= model.booster_.num_boosted_rounds() < 100


def test_survives_pickling() -> None:
    X, _, _ = made(1_000, seed=3)
    model = fitted(made(2_000, seed=1))
    copied = pickle.loads(pickle.dumps(model))
    assert (copied.predict(X) == model.predict(X)).all()
    assert copied.get_params() == model.get_params()


def test_train_without_anything_to_come() -> None:
    X, _, _ = made(500, seed=1)
    model = PickUpRegressor(0, 1, 2, params=PARAMS).fit(X, X[:, 1].astype(np.float64))
    assert model.predict(X) == pytest.approx(X[:, 1], abs=0.02)
