"""SeriesForecaster: Prophet and pick-up combined, reconciled and calibrated."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from wanderbricks_ml.estimators.combination import SERIES, Calibration, books_ahead, combine, window_sums
from wanderbricks_ml.estimators.forecaster import SeriesForecaster
from wanderbricks_ml.estimators.series import Recipe, fit_series
from wanderbricks_ml.lifecycle.rolling_origins import wape_by_stretch
from wanderbricks_ml.reports.plots import forecast_figure

CUTOFF = date(2025, 6, 1)
REGRESSORS = {"pick_up_near": 2.0}


def made(days: int = 900, level: float = 1000.0, spread: float = 0.05, seed: int = 1, key: int = 0) -> pd.DataFrame:
    """Return history and 90 days ahead of a series with trend, season, weekdays and pick-up; truth beside it."""
    random = np.random.default_rng(seed)
    horizon = np.concatenate([np.arange(-days, 0), np.arange(1, 91)])
    dates = [CUTOFF + timedelta(days=int(day)) for day in horizon]
    season = 0.3 * np.cos(2 * np.pi * (horizon + 40) / 365.25)
    weekday = np.array([0.9, 0.9, 0.9, 0.9, 1.1, 1.3, 1.0])[[day.weekday() for day in dates]] - 1
    ahead = random.normal(0, 0.2, len(horizon))
    truth = level * (1 + 0.0003 * (horizon + days)) * (1 + season + weekday + ahead)
    revenue = truth * random.normal(1, spread, len(horizon))
    return pd.DataFrame(
        {
            "forecast_level": "destination" if key else "total",
            "destination_id": key,
            "as_of_date": CUTOFF,
            "forecast_date": dates,
            "horizon_days": horizon,
            "lead_days": np.where(horizon > 0, horizon, 10),
            "history_days": days,
            "booked_share": 0.3,
            "revenue": revenue,
            "pick_up_revenue": truth * 1.1,
            "pick_up_near": ahead,
            "truth": truth,
        }
    )


def split(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return rows[rows["horizon_days"] < 0], rows[rows["horizon_days"] > 0].reset_index(drop=True)


def errors(days: int = 90, parts: int = 2, sd: float = 10.0, scale: float = 1.0, bias: float = 0.0) -> pd.DataFrame:
    """Return raw forecasts of 100 for each of `parts` destinations and of their total; errors are `scale` too large."""
    random = np.random.default_rng(5)
    found = []
    for key in range(parts + 1):
        expected = 100.0 * (parts if key == 0 else 1)
        for cutoff in range(40):
            error = random.normal(bias, sd * scale, days)
            found.append(
                pd.DataFrame(
                    {
                        "forecast_level": "destination" if key else "total",
                        "destination_id": key,
                        "as_of_date": CUTOFF + timedelta(days=1000 * cutoff),
                        "forecast_date": [CUTOFF + timedelta(days=1000 * cutoff + day) for day in range(1, days + 1)],
                        "lead_days": np.arange(1, days + 1),
                        "revenue": expected + error,
                        "pick_up_revenue": expected,
                        "booked_share": 0.3,
                        "pick_up_near": 0.0,
                        "pick_up_middle": 0.0,
                        "pick_up_far": 0.0,
                        "prophet_revenue": expected,
                        "noise_sd": sd,
                        "trend_sd": 0.0,
                        "autocorrelation": 0.0,
                        # seen so often that its level is known
                        "seasons": np.inf,
                    }
                )
            )
    return pd.concat(found, ignore_index=True)


def fitted(*series: pd.DataFrame) -> SeriesForecaster:
    forecaster = SeriesForecaster(REGRESSORS)
    forecaster.series_ = {
        (rows["forecast_level"].iloc[0], int(rows["destination_id"].iloc[0])): fit_series(
            split(rows)[0], forecaster.recipe
        )
        for rows in series
    }
    forecaster.calibration_ = Calibration.neutral()
    forecaster.as_of_ = CUTOFF
    return forecaster


def test_recovers_trend_season_weekday_and_pick_up() -> None:
    history, future = split(made())
    forecast = fit_series(history, Recipe(REGRESSORS)).predict(future)
    error = (forecast["prophet_revenue"] - future["truth"]).abs().sum() / future["truth"].sum()
    assert error < 0.05
    blind = fit_series(history, Recipe({})).predict(future)["prophet_revenue"]
    assert (blind - future["truth"]).abs().sum() / future["truth"].sum() > 2 * error


def test_the_yearly_season_is_left_out_before_two_years() -> None:
    assert "yearly" in fit_series(split(made(days=730))[0], Recipe(REGRESSORS)).model.seasonalities
    assert "yearly" not in fit_series(split(made(days=729))[0], Recipe(REGRESSORS)).model.seasonalities


def test_the_share_of_prophet_is_how_much_of_a_second_year_it_has_seen() -> None:
    recipe = Recipe({"pick_up_near": 10.0})
    for days, seen in ((300, 0.0), (365 + 219, 0.6), (900, 1.0)):
        history, future = split(made(days=days))
        fitted = fit_series(history, recipe)
        assert (fitted.season_seen if fitted.model else 0.0) == pytest.approx(seen)
        if not seen:
            assert fitted.predict(future)["prophet_revenue"].isna().all()
            continue
        found = fitted.predict(future)["prophet_revenue"]
        fitted.season_seen = 1.0
        alone = fitted.predict(future)["prophet_revenue"]
        np.testing.assert_allclose(found, seen * alone + (1 - seen) * future["pick_up_revenue"])


def test_cutoffs_too_young_for_prophet_do_not_narrow_intervals() -> None:
    young = errors().assign(prophet_revenue=np.nan, noise_sd=100.0)
    assert set(np.ravel([*Calibration.of(young).width.values()])) == {1.0}
    assert max(np.ravel([*Calibration.of(errors().assign(noise_sd=100.0)).width.values()])) < 0.2


def test_a_thin_series_keeps_to_the_pick_up_estimate() -> None:
    rows = made()
    rows.loc[rows["horizon_days"] % 3 != 0, "revenue"] = 0.0
    history, future = split(rows)
    raw = future.join(fit_series(history, Recipe(REGRESSORS)).predict(future))
    assert raw["prophet_revenue"].isna().all()
    combined = combine(raw, Calibration.neutral())
    assert combined["forecast_revenue"].to_numpy() == pytest.approx(future["pick_up_revenue"].to_numpy())


def test_an_empty_history_is_no_error() -> None:
    history, future = split(made())
    forecast = fit_series(history.iloc[:0], Recipe(REGRESSORS)).predict(future)
    assert forecast["prophet_revenue"].isna().all()
    assert np.isfinite(forecast["noise_sd"]).all()


@pytest.mark.parametrize("earned", [None, 0.0])
def test_a_destination_whose_year_is_not_known_is_as_unsure_as_its_estimate(earned: float | None) -> None:
    """One that opened of late, or that earned nothing for a year: money tells no deviation of its own."""
    history, future = split(made())
    history = history.iloc[:0] if earned is None else history.assign(revenue=earned)
    for money in (1.0, 1000.0):
        paid = future.assign(pick_up_revenue=money * future["pick_up_revenue"], booked_share=0.0)
        raw = paid.join(fit_series(history, Recipe(REGRESSORS)).predict(paid))
        np.testing.assert_allclose(raw["noise_sd"], raw["pick_up_revenue"])
    nothing = fit_series(history, Recipe(REGRESSORS)).predict(future.assign(pick_up_revenue=0.0))
    assert (nothing["noise_sd"] > 0).all()


def test_a_missing_value_is_an_error() -> None:
    history, _ = split(made())
    with pytest.raises(ValueError, match="lacks a value"):
        fit_series(history.assign(pick_up_near=np.nan), Recipe(REGRESSORS))


def test_weights_go_to_the_better_forecast() -> None:
    raw = errors()
    raw["pick_up_revenue"] = raw["revenue"]
    # the total's is the sum of its destinations
    assert Calibration.of(raw).weight["destination"] == (0.0, 0.0, 0.0)
    raw = errors()
    raw["prophet_revenue"] = raw["revenue"]
    # half of the way from the rule to all of it
    assert Calibration.of(raw).weight["total"] == (0.5, 0.5, 0.5)


def books_ahead_of_usual() -> pd.DataFrame:
    """Return forecasts of 100 that are off by half of what the books are ahead, a different share at each cut-off."""
    raw = errors(sd=1.0)
    ahead = np.random.default_rng(9).normal(0, 0.2, 40).clip(-0.5, 0.5)[raw.groupby("as_of_date").ngroup()]
    part = (raw["destination_id"] > 0).to_numpy()
    raw["pick_up_near"] = np.where(part, ahead, 0.0)
    # on the books are 30 and 100 times what they are ahead, and 70 are usually still to come
    raw["pick_up_revenue"] += np.where(part, 100 * ahead, 0.0)
    raw["revenue"] += np.where(part, 1.5, 3.0) * 100 * ahead
    return raw


def test_a_destination_whose_books_are_ahead_is_still_booked_more() -> None:
    raw = books_ahead_of_usual()
    calibration = Calibration.of(raw)
    assert calibration.ahead is not None
    # half of the way to 0.5 of what is ahead, of which 0.7 is still to come, whichever of the three says so
    assert sum(calibration.ahead) == pytest.approx(0.5 / 0.7 / 2, rel=0.05)
    whole = replace(calibration, ahead=tuple(2 * one for one in calibration.ahead))
    combined = combine(raw, replace(whole, weight=dict.fromkeys(calibration.weight, (0.0, 0.0, 0.0))))
    assert (combined["forecast_revenue"] - combined["revenue"]).abs().mean() < 2
    # versions that know no correction forecast as they did
    before = combine(raw, replace(calibration, ahead=None))
    assert (before["forecast_revenue"] - before["revenue"]).abs().mean() > 5


def test_a_season_that_was_seen_more_often_has_narrower_intervals() -> None:
    raw = errors(sd=100.0).assign(seasons=1.0)
    calibration = Calibration.of(raw)
    once, twice = (combine(raw.assign(seasons=seasons), calibration)["forecast_sd"] for seasons in (1.0, 2.0))
    assert (twice / once).to_numpy() == pytest.approx(np.sqrt(1.5 / 2))
    # what was calibrated where a season was seen as often is as wide as before
    calibrated = Calibration.of(errors(sd=100.0))
    assert once.to_numpy() == pytest.approx(combine(errors(sd=100.0), calibrated)["forecast_sd"].to_numpy())
    # widths of a version that knows nothing of it hold as they are
    before = replace(calibration, by_seasons=False)
    assert (combine(raw, before)["forecast_sd"] == combine(errors(sd=100.0), before)["forecast_sd"]).all()


def test_what_days_ahead_say_does_not_depend_on_the_order_of_rows() -> None:
    raw = books_ahead_of_usual()
    order = np.random.default_rng(1).permutation(len(raw))
    assert books_ahead(raw.iloc[order]) == pytest.approx(books_ahead(raw)[order])


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_widths_make_intervals_hold_four_days_in_five(scale: float) -> None:
    raw = errors(scale=scale)
    calibration = Calibration.of(raw)
    assert calibration.width["total"] == pytest.approx((scale,) * 3, rel=0.15)
    combined = combine(raw, calibration)
    inside = combined["revenue"].between(combined["lower_80"], combined["upper_80"])
    assert inside.mean() == pytest.approx(0.8, abs=0.02)


def test_destinations_add_up_to_the_total() -> None:
    raw = errors(parts=3)
    raw.loc[raw["destination_id"] == 2, "pick_up_revenue"] += 60
    raw.loc[raw["destination_id"] == 2, "noise_sd"] = 30.0
    combined = combine(raw, Calibration.neutral())
    by_day = combined.assign(whole=combined["forecast_revenue"].where(combined["destination_id"] == 0, 0.0)).groupby(
        "forecast_date"
    )[["forecast_revenue", "whole"]]
    sums = by_day.sum()
    assert (sums["forecast_revenue"] - sums["whole"]).to_numpy() == pytest.approx(sums["whole"].to_numpy())
    first = combined[combined["forecast_date"] == CUTOFF + timedelta(days=1)].set_index("destination_id")
    # the gap of 30 goes by variance: 100 : 100 : 900 : 100
    expected = {0: 300 + 2.5, 1: 97.5, 2: 130 - 22.5, 3: 97.5}
    assert first["forecast_revenue"].to_dict() == pytest.approx(expected)


def test_a_total_alone_stays() -> None:
    raw = errors(parts=1)
    alone = raw[raw["destination_id"] == 0]
    assert (combine(alone, Calibration.neutral())["forecast_revenue"] == 100.0).all()


def test_windows_of_independent_days_have_the_known_width() -> None:
    combined = combine(errors(), Calibration.neutral())
    combined = combined[combined["as_of_date"] == CUTOFF]
    sums = window_sums(combined, Calibration.neutral(), ["revenue"], paths=20_000)
    assert sums["window_days"].tolist() == [30, 60, 90] * 3
    half = (sums["upper_80"] - sums["lower_80"]).to_numpy() / 2
    assert half == pytest.approx(1.2816 * 10 * np.sqrt([30, 60, 90] * 3), rel=0.04)
    total = combined[combined["destination_id"] == 0]
    assert sums.loc[(sums["destination_id"] == 0) & (sums["window_days"] == 90), "revenue"].iloc[0] == pytest.approx(
        total["revenue"].sum()
    )


def test_an_error_of_the_level_does_not_cancel_out_in_windows() -> None:
    raw = errors(bias=0.0)
    shared = np.random.default_rng(3).normal(0, 8, raw["as_of_date"].nunique() * 3)
    raw["revenue"] += shared[raw.groupby([*SERIES, "as_of_date"]).ngroup()]
    calibration = Calibration.of(raw)
    assert calibration.level_error["destination"] == pytest.approx(0.08, rel=0.25)
    sums = window_sums(combine(raw, calibration), calibration, ["revenue"])
    parts = sums[sums["forecast_level"] == "destination"]
    inside = parts["revenue"].between(parts["lower_80"], parts["upper_80"]).mean()
    assert 0.7 < inside < 0.9
    blind = Calibration(calibration.weight, calibration.width, dict.fromkeys(calibration.level_error, 0.0))
    narrow = window_sums(combine(raw, blind), blind, ["revenue"])
    narrow = narrow[narrow["forecast_level"] == "destination"]
    assert narrow["revenue"].between(narrow["lower_80"], narrow["upper_80"]).mean() < 0.5


def test_all_series_stand_behind_one_signature_and_survive_pickling() -> None:
    total, part = made(level=1000.0), made(level=1000.0, key=4, seed=2)
    forecaster = fitted(total, part)
    X = pd.concat([split(total)[1], split(part)[1]], ignore_index=True).drop(columns=["revenue", "truth", "as_of_date"])
    predicted = forecaster.predict(X)
    assert predicted.shape == (180, 3)
    assert (predicted[:, 1] <= predicted[:, 0]).all()
    assert (predicted[:, 0] <= predicted[:, 2]).all()
    assert predicted[:90, 0] == pytest.approx(predicted[90:, 0])
    copied = pickle.loads(pickle.dumps(forecaster))
    assert copied.predict(X) == pytest.approx(predicted)
    # rows in another order are the same rows
    order = np.random.default_rng(1).permutation(len(X))
    assert copied.predict(X.iloc[order]) == pytest.approx(predicted[order])


def test_a_series_without_history_is_an_error() -> None:
    forecaster = fitted(made())
    X = split(made(key=9))[1]
    with pytest.raises(ValueError, match="was not in the history"):
        forecaster.predict(X)


def test_the_same_rows_give_the_same_forecasts() -> None:
    history, future = split(made())
    first, second = (fit_series(history, Recipe(REGRESSORS)).predict(future) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    raw = future.join(first)
    calibration = Calibration.neutral()
    pd.testing.assert_frame_equal(
        window_sums(combine(raw, calibration), calibration), window_sums(combine(raw, calibration), calibration)
    )


def test_a_study_judges_each_date_once_whatever_the_cutoffs() -> None:
    """Two cut-offs half a month apart, off by 10 % in the first 30 dates, 20 % in the next, 30 % in the last five."""
    dates = [CUTOFF + timedelta(days=day) for day in [*range(50), *range(15, 65)]]
    error = np.array([0.1 if day < CUTOFF + timedelta(days=30) else 0.2 for day in dates])
    error[[day >= CUTOFF + timedelta(days=60) for day in dates]] = -0.3
    forecasts = pd.DataFrame({"forecast_date": dates, "revenue": 200.0, "forecast_revenue": 200.0 * (1 + error)})
    assert wape_by_stretch(forecasts) == pytest.approx([0.1, 0.2, 0.3])


def test_the_plot_shows_the_last_two_cutoffs() -> None:
    forecasts = [
        pd.DataFrame(
            {
                "as_of_date": [cutoff] * 3,
                "forecast_date": [cutoff + timedelta(days=day) for day in (3, 1, 2)],
                "forecast_revenue": 1.0,
                "lower_80": 0.5,
                "upper_80": 1.5,
            }
        )
        for cutoff in (CUTOFF, CUTOFF - timedelta(days=30), CUTOFF - timedelta(days=60))
    ]
    days = [CUTOFF - timedelta(days=day) for day in range(1, 200)]
    table = pd.concat([*forecasts, pd.DataFrame({"forecast_date": days, "revenue": 1.0})], ignore_index=True)
    # as it is read back from a run
    table = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    figure = forecast_figure(table)
    assert [axes.get_title() for axes in figure.axes] == [f"as of {CUTOFF - timedelta(days=days)}" for days in (30, 0)]
    assert [len(axes.lines[0].get_xdata()) for axes in figure.axes] == [3, 3]
    assert [len(axes.lines[1].get_xdata()) for axes in figure.axes] == [64, 60]
