"""Forecasts of many daily series that add up to a total: one Prophet model a series, combined, reconciled, calibrated.

A forecast is made in four steps, each of which sees nothing from after the cut-off:

1. *Prophet* (Taylor and Letham 2018) on the series' own history: trend, weekly and, from two years of history on,
   yearly season, multiplicative, with holidays and the pick-up of bookings on the books as regressors.
2. *Combination* (Bates and Granger 1969) with the pick-up estimate, what is on the books plus what usually still
   comes, which SQL makes; weights by level and lead time, those of least error at the validation cut-offs.
3. *Reconciliation* of destinations and total by weighted least squares with the forecasts' variances (the diagonal
   case of minimum-trace reconciliation, Wickramasuriya, Athanasopoulos and Hyndman 2019): the gap between the total
   and the sum is shared in proportion to variance, the total's own included.
4. *Calibration*: widths are scaled by level and lead time so that 80 % intervals held 80 % of the validation days
   (split conformal, as a factor on the model's standard deviation).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

Floats = NDArray[np.float64]

LEAD_BANDS = (14, 45, 90)
"""Last lead time of each band in days, as for the regressors pick_up_near, pick_up_middle and pick_up_far."""

Z_80 = 1.2815515655446004
"""Half-width of a normal 80 % interval in standard deviations."""

SERIES = ["forecast_level", "destination_id"]
WINDOWS = (30, 60, 90)

_SEASON_DAYS = 730
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
        Mean of the series' last year, by which it was divided.
    noise
        Standard deviation of a day's error when as much is expected as on the mean day and nothing is booked; it grows
        with the root of what is expected and still open, as it does for a sum of bookings.
    autocorrelation
        Of one day's error with the next's.
    trend_spread
        Standard deviation of the trend's error after d days, as a share of the scale, over ``d ** 1.5``.
    """

    model: Any
    scale: float
    noise: float
    autocorrelation: float
    trend_spread: float
    regressors: list[str] = field(default_factory=list)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if state["model"] is not None and not isinstance(state["model"], str):
            from prophet.serialize import model_to_json

            state["model"] = model_to_json(state["model"])
        return state

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Forecast of rows of this series, before combination; null where there is no Prophet model.

        Returns
        -------
        frame
            prophet_revenue, noise_sd and trend_sd (money), autocorrelation; index of `rows`.
        """
        if isinstance(self.model, str):
            from prophet.serialize import model_from_json

            self.model = model_from_json(self.model)
        forecast = np.full(len(rows), np.nan) if self.model is None else _curve(self.model, rows, self.regressors)
        expected = np.where(np.isnan(forecast), rows["pick_up_revenue"] / self.scale, forecast)
        days = rows["lead_days"].to_numpy(dtype=np.float64)
        return pd.DataFrame(
            {
                "prophet_revenue": forecast * self.scale,
                "noise_sd": self.noise * _chance(expected, rows["booked_share"]) * self.scale,
                "trend_sd": self.trend_spread * days**1.5 * self.scale,
                "autocorrelation": self.autocorrelation,
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
        return FittedSeries(None, 1.0, 1.0, 0.0, 0.0)
    # a series with revenue on fewer than half of the days is no curve
    if len(history) < _LEAST_DAYS or float((history["revenue"].tail(364) > 0).mean()) < 0.5:
        expected = recent["pick_up_revenue"].to_numpy() / scale
        noise, repeat = _noise(recent["revenue"].to_numpy() / scale, expected, recent["booked_share"])
        return FittedSeries(None, scale, noise, repeat, 0.0)
    model = _prophet(history, recipe, scale)
    noise, repeat = _noise(
        recent["revenue"].to_numpy() / scale, _curve(model, recent, names), recent["booked_share"].to_numpy()
    )
    steps = np.abs(np.asarray(model.params["delta"])).mean()
    length = float(model.t_scale.days)
    # changes of slope go on as often and as large as in history: the variance is that of a compound Poisson process
    spread = float(model.y_scale) * steps * np.sqrt(2 * len(model.changepoints) / 3) / length**1.5
    return FittedSeries(model, scale, noise, repeat, float(spread), names)


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


@dataclass(frozen=True)
class Calibration:
    """What the validation cut-offs taught: by level, one number for each of `LEAD_BANDS`.

    Attributes
    ----------
    weight
        Weight of Prophet against the pick-up estimate, 0 to 1.
    width
        Factor on standard deviations.
    level_error
        By level, the standard deviation of an error that all days of a forecast share, as a fraction of it. Part of
        the days' own error, it does not cancel out in sums.
    """

    weight: Mapping[str, Sequence[float]]
    width: Mapping[str, Sequence[float]]
    level_error: Mapping[str, float]

    @classmethod
    def neutral(cls) -> Calibration:
        """Equal weights, widths as the model has them."""
        levels = ("total", "destination")
        equal, unchanged = (0.5,) * len(LEAD_BANDS), (1.0,) * len(LEAD_BANDS)
        return cls(dict.fromkeys(levels, equal), dict.fromkeys(levels, unchanged), dict.fromkeys(levels, 0.0))

    @classmethod
    def of(cls, raw: pd.DataFrame) -> Calibration:
        """Weights of least absolute error, then widths that hold 80 %, from raw forecasts with their `revenue`."""
        neutral = cls.neutral()
        band = _bands(raw)
        weight: dict[str, tuple[float, ...]] = {}
        for level in neutral.weight:
            chosen = []
            for position in range(len(LEAD_BANDS)):
                rows = raw[(raw["forecast_level"] == level) & (band == position) & raw["prophet_revenue"].notna()]
                grid = np.linspace(0, 1, 21)
                errors = [
                    (share * rows["prophet_revenue"] + (1 - share) * rows["pick_up_revenue"] - rows["revenue"])
                    .abs()
                    .sum()
                    for share in grid
                ]
                # few cut-offs: half of the way from equal weights to the best ones
                chosen.append(float((grid[int(np.argmin(errors))] + 0.5) / 2) if len(rows) else 0.5)
            weight[level] = tuple(chosen)
        combined = combine(raw, cls(weight, neutral.width, neutral.level_error))
        ratio = (combined["revenue"] - combined["forecast_revenue"]).abs() / combined["forecast_sd"] / Z_80
        width: dict[str, tuple[float, ...]] = {}
        for level in neutral.width:
            of_level = combined["forecast_level"] == level
            found = [ratio[of_level & (band == position)] for position in range(len(LEAD_BANDS))]
            width[level] = tuple(float(np.quantile(rows, 0.8)) if len(rows) else 1.0 for rows in found)
        return cls(weight, width, _level_errors(combine(raw, cls(weight, width, neutral.level_error))))


def _level_errors(combined: pd.DataFrame) -> dict[str, float]:
    """Spread of the relative errors of 30-day sums (from their 80 % quantile), less what the days' chance explains."""
    block = (combined["lead_days"] - 1) // 30
    sums = (
        combined.assign(block=block, variance=combined["forecast_sd"] ** 2)
        .groupby([*SERIES, "as_of_date", "block"], as_index=False)[["revenue", "forecast_revenue", "variance"]]
        .sum()
    )
    sums = sums[sums["forecast_revenue"] > 0]
    error = (sums["revenue"] / sums["forecast_revenue"] - 1).abs()
    chance = sums["variance"] / sums["forecast_revenue"] ** 2
    found = {}
    for level in ("total", "destination"):
        rows = sums["forecast_level"] == level
        spread = (error[rows].quantile(0.8) / Z_80) ** 2 - chance[rows].median() if rows.any() else 0.0
        found[level] = float(np.sqrt(max(spread, 0.0)))
    shares = sums[sums["forecast_level"] == "destination"].groupby("destination_id")["forecast_revenue"].sum()
    shares /= max(shares.sum(), 1e-9)
    # few cut-offs say little about the total: destinations whose errors were independent would give it at least this
    least = found["destination"] * float(np.sqrt((shares**2).sum()))
    return found | {"total": max(found["total"], least)}


def _bands(rows: pd.DataFrame) -> NDArray[np.intp]:
    return np.minimum(np.searchsorted(LEAD_BANDS, rows["lead_days"].to_numpy()), len(LEAD_BANDS) - 1)


def _by_band(rows: pd.DataFrame, values: Mapping[str, Sequence[float]]) -> Floats:
    band = _bands(rows)
    total = (rows["forecast_level"] == "total").to_numpy()
    return np.where(total, np.asarray(values["total"])[band], np.asarray(values["destination"])[band])


def combine(raw: pd.DataFrame, calibration: Calibration) -> pd.DataFrame:
    """Forecasts from raw ones: combined, reconciled within each cut-off and date, and with calibrated widths.

    Parameters
    ----------
    raw
        forecast_level, destination_id, as_of_date, forecast_date, lead_days, pick_up_revenue and the columns of
        `FittedSeries.predict`. Dates without a total, or of a total alone, stay as they are.

    Returns
    -------
    frame
        `raw` with forecast_revenue, forecast_sd, lower_80 and upper_80.
    """
    share = np.where(raw["prophet_revenue"].isna(), 0.0, _by_band(raw, calibration.weight))
    forecast = share * raw["prophet_revenue"].fillna(0.0) + (1 - share) * raw["pick_up_revenue"]
    variance = raw["noise_sd"] ** 2 + raw["trend_sd"] ** 2
    result = raw.assign(forecast_revenue=_reconciled(raw, forecast.to_numpy(), variance.to_numpy()))
    result["forecast_sd"] = np.sqrt(variance) * _by_band(raw, calibration.width)
    result["lower_80"] = np.maximum(result["forecast_revenue"] - Z_80 * result["forecast_sd"], 0.0)
    result["upper_80"] = result["forecast_revenue"] + Z_80 * result["forecast_sd"]
    return result


def _reconciled(raw: pd.DataFrame, forecast: Floats, variance: Floats) -> Floats:
    day = raw.groupby(["as_of_date", "forecast_date"], sort=False).ngroup().to_numpy()
    total = (raw["forecast_level"] == "total").to_numpy()
    days = int(day.max()) + 1 if len(day) else 0
    sign = np.where(total, 1.0, -1.0)
    gap = np.bincount(day, sign * forecast, days)
    spread = np.maximum(np.bincount(day, variance, days), 1e-12)
    both = (np.bincount(day, total, days) == 1) & (np.bincount(day, ~total, days) > 0)
    gap = np.where(both, gap, 0.0)
    adjusted = np.maximum(forecast - sign * variance / spread[day] * gap[day], 0.0)
    # a destination that was cut off at 0 leaves the others to add up
    parts = np.bincount(day, np.where(total, 0.0, adjusted), days)
    whole = np.bincount(day, np.where(total, adjusted, 0.0), days)
    factor = np.where(both & (parts > 0), whole / np.where(parts > 0, parts, 1.0), 1.0)
    return np.where(total, adjusted, adjusted * factor[day])


def window_sums(
    combined: pd.DataFrame, calibration: Calibration, labels: Sequence[str] = (), paths: int = 500, seed: int = 7
) -> pd.DataFrame:
    """Sums over the first 30, 60 and 90 days with 80 % intervals, from sampled paths.

    A path's errors are those of the days, one after the other: noise with the series' autocorrelation, one draw of the
    trend's error, which grows with the horizon, and one of the level's. Together they are as large as a day's
    calibrated error. Bounds of days are not added up, as errors cancel out in part.

    Returns
    -------
    frame
        forecast_level, destination_id, as_of_date, forecast_date (last day of the window), window_days,
        forecast_revenue, lower_80, upper_80, and the sums of the columns `labels` of `combined`; windows that are
        not covered in full are left out.
    """
    found = []
    groups: Any = combined.groupby(["as_of_date", *SERIES], sort=True)
    for (cutoff, *key), rows in groups:
        rows = rows.sort_values("lead_days")
        draws = np.random.default_rng([seed, int(key[1]), 0 if key[0] == "total" else 1])
        noise = draws.standard_normal((len(rows), paths))
        repeat = float(rows["autocorrelation"].iloc[0])
        for step in range(1, len(rows)):
            noise[step] = repeat * noise[step - 1] + np.sqrt(1 - repeat**2) * noise[step]
        noise *= rows["noise_sd"].to_numpy()[:, None]
        noise += rows["trend_sd"].to_numpy()[:, None] * draws.standard_normal(paths)
        noise /= np.sqrt(rows["noise_sd"] ** 2 + rows["trend_sd"] ** 2).to_numpy()[:, None]
        spread = rows["forecast_sd"].to_numpy()
        level = np.minimum(calibration.level_error[key[0]] * rows["forecast_revenue"].to_numpy(), 0.9 * spread)
        errors = np.sqrt(spread**2 - level**2)[:, None] * noise + level[:, None] * draws.standard_normal(paths)
        sums = np.cumsum(errors, axis=0)
        forecast = rows["forecast_revenue"].cumsum().to_numpy()
        known = rows[list(labels)].cumsum().to_numpy()
        for window in WINDOWS:
            if len(rows) < window or rows["lead_days"].iloc[window - 1] != window:
                continue
            lower, upper = np.quantile(sums[window - 1], [0.1, 0.9])
            found.append(
                (
                    *key,
                    cutoff,
                    rows["forecast_date"].iloc[window - 1],
                    window,
                    forecast[window - 1],
                    max(forecast[window - 1] + lower, 0.0),
                    forecast[window - 1] + upper,
                    *known[window - 1],
                )
            )
    names = [*SERIES, "as_of_date", "forecast_date", "window_days", "forecast_revenue", "lower_80", "upper_80"]
    return pd.DataFrame(found, columns=[*names, *labels])


class SeriesForecaster(BaseEstimator):
    """All series of a cut-off behind one signature.

    Parameters
    ----------
    regressors, changepoint_prior_scale, yearly_order
        See `Recipe`.

    Attributes
    ----------
    series_ : dict
        `FittedSeries` by (forecast_level, destination_id).
    calibration_ : Calibration
    as_of_ : datetime.date
        The cut-off through which the series were fitted.
    """

    task = "forecast"

    def __init__(
        self, regressors: Mapping[str, float], changepoint_prior_scale: float = 0.03, yearly_order: int = 10
    ) -> None:
        self.regressors = regressors
        self.changepoint_prior_scale = changepoint_prior_scale
        self.yearly_order = yearly_order

    @property
    def recipe(self) -> Recipe:
        """How each series is fitted."""
        return Recipe(dict(self.regressors), self.changepoint_prior_scale, self.yearly_order)

    def raw(self, X: pd.DataFrame) -> pd.DataFrame:
        """`X` with the columns of `FittedSeries.predict`.

        Raises
        ------
        ValueError
            When a series was not in the history.
        """
        parts = []
        for key, rows in X.groupby(SERIES, sort=False):
            if key not in self.series_:
                raise ValueError(f"the series {key} was not in the history through {self.as_of_}")
            parts.append(rows.join(self.series_[key].predict(rows)))
        return pd.concat(parts).loc[X.index]

    def predict(self, X: pd.DataFrame) -> Floats:
        """Forecast, lower and upper bound, shape (rows, 3).

        Parameters
        ----------
        X
            forecast_level, destination_id, forecast_date, lead_days, booked_share, pick_up_revenue and the regressors.
            A date is reconciled when X holds its total and destinations.
        """
        X = X.reset_index(drop=True).assign(as_of_date=self.as_of_)
        combined = combine(self.raw(X), self.calibration_)
        return combined[["forecast_revenue", "lower_80", "upper_80"]].to_numpy(dtype=np.float64)
