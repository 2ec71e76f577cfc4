"""TwoPartRegressor: whether there will be anything, times how much."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from wanderbricks_ml.estimators.two_part import TwoPartRegressor
from wanderbricks_ml.reports.plots import drawn
from wanderbricks_ml.reports.report import report

PARAMS = {"eta": 0.1, "max_depth": 3, "min_child_weight": 20, "lambda": 5, "seed": 7, "nthread": 1}
MONTHS = np.arange(600.0, 607.0)

Made = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def made(rows: int, seed: int, months: np.ndarray = MONTHS, growth: float = 0.0, longest: float = 2.0) -> Made:
    """Return X (the five roles and one free feature), labels, the true chance of one and its true mean.

    Silence lasts up to `longest`; amounts grow by `growth` a month, as a logarithm.
    """
    random = np.random.default_rng(seed)
    time = random.choice(months, rows)
    rate = random.gamma(1.5, 2.0, rows) + 0.1
    value = random.lognormal(6, 0.4, rows)
    silence = random.uniform(0, longest, rows)
    booked = (random.random(rows) < 0.6).astype(float)
    free = random.uniform(-1, 1, rows)
    chance = 1 / (1 + np.exp(-(0.5 + np.log(rate) - 2 * silence + np.where(free > 0, 0.8, 0))))
    amount = value * (1 + rate / 2) * np.exp(growth * (time - MONTHS[-1]))
    y = np.where(random.random(rows) < chance, amount * random.gamma(2.0, 0.5, rows), 0.0)
    return np.column_stack([time, rate, value, silence, booked, free]).astype(np.float32), y, chance, chance * amount


def fitted(train: Made, validation: Made | None = None, **settings: Any) -> TwoPartRegressor:
    held_out = None if validation is None else validation[:2]
    return TwoPartRegressor(params=PARAMS, **settings).fit(*train[:2], validation=held_out)


def test_recovers_chance_and_mean() -> None:
    X, _, chance, mean = made(20_000, seed=3)
    predicted = fitted(made(40_000, seed=1), made(10_000, seed=2)).predict(X)
    assert predicted.shape == (20_000, 2)
    assert np.mean(np.abs(predicted[:, 1] - (1 - chance))) < 0.02
    assert np.mean(predicted[:, 0]) == pytest.approx(np.mean(mean), rel=0.03)
    assert np.corrcoef(predicted[:, 0], mean)[0, 1] > 0.98


def test_silence_beyond_what_was_seen_lowers_the_chance_further() -> None:
    model = fitted(made(40_000, seed=1), made(10_000, seed=2))
    X, _, chance, _ = made(20_000, seed=4, longest=5.0)
    longer = X[:, 3] > 3
    predicted = 1 - model.predict(X)[:, 1]
    assert np.mean(predicted[longer]) == pytest.approx(np.mean(chance[longer]), rel=0.25)
    # trees alone would leave it at the level of the longest silence seen
    seen = (X[:, 3] > 1.9) & (X[:, 3] < 2)
    assert np.mean(predicted[longer]) < 0.4 * np.mean(predicted[seen])


@pytest.mark.parametrize("growth", [0.02, -0.02, 0.0])
def test_carries_a_trend_on_and_damps_it(growth: float) -> None:
    model = fitted(made(150_000, seed=1, growth=growth), n_estimators=30, damping=0.9)
    assert model.slope_ == pytest.approx(growth, abs=0.006)
    X = made(1, seed=5, months=MONTHS[-1:])[0]
    at = {ahead: model.predict(X + np.array([ahead, 0, 0, 0, 0, 0], np.float32))[0] for ahead in (0, 12, 24, 1_000)}
    for ahead in (12, 24, 1_000):
        damped = 0.9 * (1 - 0.9**ahead) / 0.1
        assert np.log(at[ahead][0] / at[0][0]) == pytest.approx(model.slope_ * damped, abs=1e-3)
        assert at[ahead][1] == at[0][1]


def test_a_trend_that_noise_would_bring_is_no_trend() -> None:
    slopes = [fitted(made(600, seed=seed), n_estimators=5).slope_ for seed in range(10)]
    assert sum(slope == 0 for slope in slopes) >= 5


def test_predictions_are_valid_for_any_row() -> None:
    X = made(5_000, seed=6)[0]
    X[:100, 1] = 1e-3
    X[100:200, 3] = 50
    X[200:300, 0] = 0
    X[300:400, 5] = -1
    predicted = fitted(made(5_000, seed=1)).predict(X)
    assert np.isfinite(predicted).all()
    assert (predicted[:, 0] > 0).all()
    assert ((predicted[:, 1] >= 0) & (predicted[:, 1] <= 1)).all()


def test_survives_pickling_and_repeats_itself() -> None:
    train, X = made(5_000, seed=1), made(500, seed=2)[0]
    model = fitted(train)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert np.array_equal(fitted(train).predict(X), model.predict(X))


def test_refuses_labels_and_columns_that_it_cannot_take() -> None:
    X, y, _, _ = made(1_000, seed=1)
    with pytest.raises(ValueError, match="a label is negative"):
        TwoPartRegressor().fit(X, y - 1)
    with pytest.raises(ValueError, match="one kind only"):
        TwoPartRegressor().fit(X, np.zeros_like(y))
    with pytest.raises(ValueError, match="column 3 is the silence, yet X has 3 columns"):
        TwoPartRegressor().fit(X[:, :3], y)
    wrong = X.copy()
    wrong[0, 1] = 0
    with pytest.raises(ValueError, match="column 1 is the booking_rate, yet its smallest value is 0"):
        TwoPartRegressor().fit(wrong, y)
    with pytest.raises(ValueError, match="damping is 1"):
        TwoPartRegressor(damping=1).fit(X, y)


def test_report_shows_deciles() -> None:
    X, y, _, _ = made(5_000, seed=1)
    found = report(fitted((X, y, y, y)), X, y, [str(column) for column in range(X.shape[1])])
    table = found.tables["deciles.csv"]
    assert table["rows"].tolist() == [500] * 10
    assert table["mean_predicted"].is_monotonic_increasing
    assert table["mean_actual"].mean() == pytest.approx(y.mean())
    assert "deciles.png" in drawn(found.tables)
    assert found.metrics["validation_bias"] == pytest.approx(0, abs=0.05)
