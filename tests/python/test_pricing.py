"""The price response: recovers known slopes where prices follow demand, and says what is wrong with its input."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from wanderbricks_ml.estimators.price_response import PriceResponseRegressor
from wanderbricks_ml.estimators.price_slopes import Slopes, shrunk
from wanderbricks_ml.reports.plots import drawn
from wanderbricks_ml.reports.report import price_response_report

Floats = np.ndarray

TRUE_SLOPES = np.array([0.6, 1.0, 1.6])


def market(seed: int = 3, properties: int = 360, windows: int = 24) -> tuple[Floats, Floats]:
    """Examples of hosts who raise prices where and when demand is high: X as the estimator wants it, and bookings."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(properties), windows)
    window = np.tile(np.arange(windows), properties)
    where = unit % 3
    level = rng.lognormal(0, 0.7, properties)[unit]
    season = np.exp(0.5 * np.sin(2 * np.pi * window / 12))
    price = np.exp(0.3 * np.log(level) + 0.4 * np.log(season) + rng.normal(0, 0.15, len(unit)))
    bookings = rng.poisson(2 * level * season * np.exp(-TRUE_SLOPES[where] * (price - 1)))
    X = np.stack(
        [unit, where, window, price, np.ones(len(unit)), level, np.ones(len(unit)), level, np.mod(window, 12), where],
        axis=1,
    )
    return X.astype(float), bookings.astype(float)


def fitted(X: Floats, y: Floats) -> PriceResponseRegressor:
    return PriceResponseRegressor(history=(7,), max_iter=30).fit(X, y)


def test_slopes_are_recovered_although_prices_follow_demand() -> None:
    X, y = market()
    model = fitted(X, y)
    assert np.abs(model.slopes_ - TRUE_SLOPES).max() < 0.2
    # a Poisson regression on the price alone finds that dear properties sell better
    careless = np.polyfit(X[:, 3], np.log(y + 0.5), 1)[0]
    assert careless > 0


def test_bookings_fall_with_the_price_by_the_slope() -> None:
    X, y = market()
    model = fitted(X, y)
    dearer = X.copy()
    dearer[:, 3] *= 1.1
    before, after = model.predict(X), model.predict(dearer)
    assert np.all(after[:, 0] <= before[:, 0])
    expected = before[:, 0] * np.exp(-before[:, 1] * (dearer[:, 3] - X[:, 3]))
    within = (X[:, 3] > model.reach_[0]) & (dearer[:, 3] < model.reach_[1])
    np.testing.assert_allclose(after[within, 0], expected[within])
    # what is expected of the price does not depend on the price
    np.testing.assert_array_equal(after[:, 3], before[:, 3])


def test_beyond_the_prices_that_hosts_asked_the_elasticity_stays() -> None:
    X, y = market()
    model = fitted(X, y)
    slope = model.slopes_[0]
    for price, at in ((4.0, model.reach_[1]), (0.05, model.reach_[0])):
        one = X[:1].copy()
        one[:, 3] = price
        dearer = one.copy()
        dearer[:, 3] *= 1.3
        before, after = model.predict(one)[0], model.predict(dearer)[0]
        assert before[1] * price == pytest.approx(slope * at)
        assert after[0] / before[0] == pytest.approx(1.3 ** -(slope * at))


def test_a_calendar_that_fills_answers_less_to_a_price() -> None:
    """Of what guests wish a full calendar takes no more than fits: bookings of a season say less than its demand."""
    X, _ = market(properties=720)
    rng = np.random.default_rng(5)
    share = np.full((len(X), 1), 0.1)
    demand = 6 * X[:, 5] * np.exp(0.9 * np.sin(2 * np.pi * X[:, 2] / 12)) * np.exp(-1.0 * (X[:, 3] - 1))
    y = rng.poisson(10 * (1 - np.exp(-0.1 * demand))).astype(float)
    model = PriceResponseRegressor(history=(7,), booking_share=10, max_iter=30).fit(np.hstack([X, share]), y)
    slope = model.predict(np.hstack([X, share]))[:, 1]
    peak, trough = (slope[(X[:, 8] == window) & (X[:, 1] == 0)].mean() for window in (3, 9))
    assert peak < 0.9 * trough
    # a version that knows no calendar has one slope for all months of a market
    plain = fitted(X, y).predict(X)[:, 1]
    assert plain[X[:, 1] == 0].std() < 0.1


def test_market_without_training_rows_gets_the_common_slope() -> None:
    X, y = market()
    model = fitted(X, y)
    unknown = X[:1].copy()
    unknown[:, 1] = 99
    unknown[:, 3] = 1.0
    assert model.predict(unknown)[0, 1] == pytest.approx(model.common_[0])
    assert model.predict(unknown)[0, 2] > model.predict(X[:1])[0, 2]


def test_slopes_shrink_by_their_errors_and_are_never_negative() -> None:
    slopes = Slopes(np.array([1.0, 1.0, 2.0, -0.4]), np.array([0.05, 0.05, 0.05, 0.05]), 1.0)
    known, _, _ = shrunk(slopes)
    assert known[2] > 1.9
    assert known[3] == 0
    vague, deviation, (mean, _) = shrunk(slopes._replace(error=np.array([0.05, 0.05, 5.0, 0.05])))
    assert abs(vague[2] - mean) < 0.1
    assert deviation[2] > 3 * deviation[0]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [(3, 0.0, "the price of"), (4, 0.0, "free_share"), (5, -1.0, "past_level"), (6, 0.0, "past_price")],
)
def test_what_has_to_be_positive_is_named(column: int, value: float, message: str) -> None:
    X, y = market(properties=30)
    X[0, column] = value
    with pytest.raises(ValueError, match=message):
        fitted(X, y)


def test_nothing_booked_and_too_few_properties_are_refused() -> None:
    X, y = market(properties=30)
    with pytest.raises(ValueError, match="no demand to learn from"):
        fitted(X, np.zeros_like(y))
    one = X[:, 0] == 0
    with pytest.raises(ValueError, match="cannot be split into 2 folds"):
        fitted(X[one], y[one] + 1)


def test_pickled_model_predicts_the_same() -> None:
    X, y = market(properties=60)
    model = fitted(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_the_plot_shows_the_markets_of_the_10th_50th_and_90th_percentile() -> None:
    slopes, rows = np.repeat([3.0, 1.0, 2.0], [50, 20, 30]), 100
    predicted = np.column_stack([np.ones(rows), slopes, slopes / 10])
    found = price_response_report(predicted, np.ones(rows))
    table = found.tables["price_response.csv"]
    assert table.to_numpy().tolist() == [[1, 0.1, 20], [2, 0.2, 30], [3, 0.3, 50]]
    (figure,) = [figure for name, figure in drawn(found.tables).items() if name == "price_response.png"]
    assert [line.get_label() for line in figure.axes[0].lines] == ["slope 1.00", "slope 2.00", "slope 3.00"]
