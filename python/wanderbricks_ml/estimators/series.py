"""One daily series, fitted by Prophet, and how far its forecast may be off."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from wanderbricks_ml.arrays import Floats

_SEASON_DAYS = 730
_YEAR_DAYS = 365
_LEAST_DAYS = 180
_RECENT = 182


@dataclass(frozen=True)
class Recipe:
    """How a series is fitted; with the calibration, what a version is.

    Attributes
    ----------
    regressors
        Prior scale by column: larger lets the regressor matter more.
    changepoint_prior_scale
        Flexibility of the trend.
    yearly_order
        Fourier terms of the yearly season.
    """

    regressors: Mapping[str, float]
    changepoint_prior_scale: float = 0.03
    yearly_order: int = 10


@dataclass
class FittedSeries:
    """A series' Prophet model, or none where its history is too thin for one.

    Attributes
    ----------
    model
        Prophet, or its JSON after a pickle (Prophet's own serialisation, as its optimiser's handle cannot travel).
    scale
        Mean of the series' last year, by which it was divided; 0 where that year is not known, or earned nothing.
    noise
        Standard deviation of a day's error when as much is expected as on the mean day and nothing is booked; it grows
        with the root of what is expected and still open, as it does for a sum of bookings.
    autocorrelation
        Of one day's error with the next's.
    trend_spread
        Standard deviation of the trend's error after d days, as a share of the scale, over ``d ** 1.5``.
    season_seen
        How much of a second year the series has seen, 0 to 1, which takes a season from a trend.
    seasons
        Years before the last one, at least 1: how often the coming season was seen.
    """

    model: Any
    scale: float
    noise: float
    autocorrelation: float
    trend_spread: float
    regressors: list[str] = field(default_factory=list)
    season_seen: float = 1.0
    seasons: float = 1.0

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if state["model"] is not None and not isinstance(state["model"], str):
            from prophet.serialize import model_to_json

            state["model"] = model_to_json(state["model"])
        return state

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Forecast of rows of this series, before combination; null where there is no Prophet model.

        Before two years Prophet knows a trend and no season, while the pick-up estimate has last year's: its forecast
        is drawn to that estimate, by what is missing of them. Where no year tells how far a day is off, that is as far
        as the day's own estimate.

        Returns
        -------
        frame
            prophet_revenue, noise_sd and trend_sd (money), autocorrelation, seasons; index of `rows`.
        """
        if isinstance(self.model, str):
            from prophet.serialize import model_from_json

            self.model = model_from_json(self.model)
        forecast = np.full(len(rows), np.nan) if self.model is None else _curve(self.model, rows, self.regressors)
        estimate = rows["pick_up_revenue"].to_numpy(dtype=np.float64)
        scale = self.scale if self.scale > 0 else np.maximum(estimate, 1.0)
        pick_up = estimate / scale
        forecast = self.season_seen * forecast + (1 - self.season_seen) * pick_up
        expected = np.where(np.isnan(forecast), pick_up, forecast)
        days = rows["lead_days"].to_numpy(dtype=np.float64)
        return pd.DataFrame(
            {
                "prophet_revenue": forecast * scale,
                "noise_sd": self.noise * _chance(expected, rows["booked_share"]) * scale,
                "trend_sd": self.trend_spread * days**1.5 * scale,
                "autocorrelation": self.autocorrelation,
                "seasons": self.seasons,
            },
            index=rows.index,
        )


def fit_series(history: pd.DataFrame, recipe: Recipe) -> FittedSeries:
    """Fit one series.

    Parameters
    ----------
    history
        Days before the cut-off: forecast_date, revenue, booked_share, pick_up_revenue, history_days (days from the
        series' first check-in to the cut-off) and the recipe's regressors.

    Raises
    ------
    ValueError
        When a value is missing.
    """
    history = history.sort_values("forecast_date", ignore_index=True)
    names = list(recipe.regressors)
    if history[["revenue", *names]].isna().to_numpy().any():
        raise ValueError("the history of a series lacks a value; see revenue_examples")
    recent = history.tail(_RECENT)
    scale = float(history["revenue"].tail(364).mean()) if len(history) else 0.0
    if not scale > 0:
        return FittedSeries(None, 0.0, 1.0, 0.0, 0.0)
    before = float(history["history_days"].iloc[-1]) / _YEAR_DAYS - 1
    seen, seasons = min(max(before, 0.0), 1.0), max(before, 1.0)
    # a series with revenue on fewer than half of the days is no curve
    if not seen or len(history) < _LEAST_DAYS or float((history["revenue"].tail(364) > 0).mean()) < 0.5:
        expected = recent["pick_up_revenue"].to_numpy() / scale
        noise, repeat = _noise(recent["revenue"].to_numpy() / scale, expected, recent["booked_share"])
        return FittedSeries(None, scale, noise, repeat, 0.0, seasons=seasons)
    model = _prophet(history, recipe, scale)
    expected = seen * _curve(model, recent, names) + (1 - seen) * recent["pick_up_revenue"].to_numpy() / scale
    noise, repeat = _noise(recent["revenue"].to_numpy() / scale, expected, recent["booked_share"].to_numpy())
    steps = np.abs(np.asarray(model.params["delta"])).mean()
    length = float(model.t_scale.days)
    # changes of slope go on as often and as large as in history: the variance is that of a compound Poisson process
    spread = float(model.y_scale) * steps * np.sqrt(2 * len(model.changepoints) / 3) / length**1.5
    return FittedSeries(model, scale, noise, repeat, float(spread), names, seen, seasons)


def _prophet(history: pd.DataFrame, recipe: Recipe, scale: float) -> Any:
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
    from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.ERROR)

    model = Prophet(
        growth="linear",
        seasonality_mode="multiplicative",
        weekly_seasonality=True,
        daily_seasonality=False,
        yearly_seasonality=recipe.yearly_order if history["history_days"].iloc[-1] >= _SEASON_DAYS else False,
        changepoint_prior_scale=recipe.changepoint_prior_scale,
        uncertainty_samples=0,
    )
    frame = pd.DataFrame({"ds": pd.to_datetime(history["forecast_date"]), "y": history["revenue"] / scale})
    for name, prior in recipe.regressors.items():
        model.add_regressor(name, prior_scale=prior, standardize=False, mode="multiplicative")
        frame[name] = history[name].to_numpy(dtype=np.float64)
    return model.fit(frame)


def _curve(model: Any, rows: pd.DataFrame, names: Sequence[str]) -> Floats:
    frame = rows[list(names)].astype(np.float64)
    frame.insert(0, "ds", pd.to_datetime(rows["forecast_date"]))
    # Prophet returns rows in order of date
    order = np.argsort(frame["ds"].to_numpy(), kind="stable")
    forecast = np.empty(len(rows))
    forecast[order] = model.predict(frame)["yhat"].to_numpy()
    return np.maximum(forecast, 0.0)


def _chance(expected: Floats, booked_share: Any) -> Floats:
    """What a day's standard deviation is in proportion to: what is booked may still be cancelled, a tenth of it."""
    # a day for which little is expected is still not certain
    still_open = 1 - 0.9 * np.clip(np.asarray(booked_share, dtype=np.float64), 0.0, 1.0)
    chance: Floats = np.sqrt(np.maximum(expected, 0.05) * still_open)
    return chance


def _noise(actual: Floats, expected: Floats, booked_share: Any) -> tuple[float, float]:
    """Standard deviation and autocorrelation of errors in proportion to `_chance`."""
    if len(actual) < 3:
        return 1.0, 0.0
    error = (actual - expected) / _chance(expected, booked_share)
    spread = float(np.sqrt(np.mean(error**2)))
    repeat = float(np.mean(error[1:] * error[:-1]) / max(spread**2, 1e-12))
    return max(spread, 1e-3), float(np.clip(repeat, 0.0, 0.9))
