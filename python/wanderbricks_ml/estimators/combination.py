"""Forecasts of series that add up to a total: combined, reconciled, calibrated, summed over windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wanderbricks_ml.arrays import Floats

LEAD_BANDS = (14, 45, 90)
"""Last lead time of each band in days, as for the regressors pick_up_near, pick_up_middle and pick_up_far."""

Z_80 = 1.2815515655446004
"""Half-width of a normal 80 % interval in standard deviations."""

SERIES = ["forecast_level", "destination_id"]
WINDOWS = (30, 60, 90)
_AROUND = 7
_RIDGE = 0.003
_FEW_CUTOFFS = 0.5
"""How far to go from the rule to what validation holds best: its three cut-offs share most of their days."""


@dataclass(frozen=True)
class Calibration:
    """What the validation cut-offs taught: by level, one number for each of `LEAD_BANDS`.

    Attributes
    ----------
    weight
        Weight of Prophet against the pick-up estimate with its correction, 0 to 1.
    width
        Factor on standard deviations.
    level_error
        By level, the standard deviation of an error that all days of a forecast share, as a fraction of it. Part of
        the days' own error, it does not cancel out in sums.
    """

    weight: Mapping[str, Sequence[float]]
    width: Mapping[str, Sequence[float]]
    level_error: Mapping[str, float]
    ahead: tuple[float, ...] | None = None
    """Coefficients of `books_ahead`; None in versions that know none, whose total is estimated by itself."""
    by_seasons: bool = False
    """Whether the variance counts how often a season was seen; False in versions whose widths do not know of it."""

    @classmethod
    def neutral(cls) -> Calibration:
        """Equal weights, widths as the model has them."""
        levels = ("total", "destination")
        equal, unchanged = (0.5,) * len(LEAD_BANDS), (1.0,) * len(LEAD_BANDS)
        return cls(dict.fromkeys(levels, equal), dict.fromkeys(levels, unchanged), dict.fromkeys(levels, 0.0))

    def weights(self) -> pd.DataFrame:
        """What the forecast of the total is made of, by most days ahead: columns feature, share."""
        rows = [
            (f"{part}, to {last} days ahead", share)
            for last, prophet in zip(LEAD_BANDS, self.weight["total"], strict=True)
            for part, share in (("pick-up", 1 - prophet), ("Prophet", prophet))
        ]
        return pd.DataFrame(rows, columns=["feature", "share"])

    @classmethod
    def of(cls, raw: pd.DataFrame) -> Calibration:
        """Correction of the pick-up estimate, weights of least absolute error beside it, then widths that hold 80 %.

        Parameters
        ----------
        raw
            Raw forecasts with their `revenue`.
        """
        neutral = cls.neutral()
        ahead = _ahead_coefficients(raw)
        raw = raw.assign(pick_up_revenue=_corrected(raw, ahead))
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
                chosen.append(_FEW_CUTOFFS * float(grid[int(np.argmin(errors))]) if len(rows) else 0.0)
            weight[level] = tuple(chosen)
        combined = combine(raw, cls(weight, neutral.width, neutral.level_error, by_seasons=True))
        ratio = (combined["revenue"] - combined["forecast_revenue"]).abs() / combined["forecast_sd"] / Z_80
        width: dict[str, tuple[float, ...]] = {}
        for level in neutral.width:
            of_level = combined["forecast_level"] == level
            found = [of_level & (band == position) for position in range(len(LEAD_BANDS))]
            # errors of cut-offs too young for Prophet say nothing of narrower intervals for those with a season
            width[level] = tuple(
                max(float(np.quantile(ratio[rows], 0.8)), float(raw.loc[rows, "prophet_revenue"].isna().mean()))
                if rows.any()
                else 1.0
                for rows in found
            )
        level_error = _level_errors(combine(raw, cls(weight, width, neutral.level_error, by_seasons=True)))
        return cls(weight, width, level_error, ahead, by_seasons=True)


def books_ahead(rows: pd.DataFrame) -> Floats:
    """How far the books are ahead of what is usual, times the share that is still to come, shape (rows, 3), money.

    A day's own books say little: guests book one by one. What is averaged says more: the books of the days around it,
    those of the series' whole horizon, and those of all destinations for the days around.

    Parameters
    ----------
    rows
        forecast_level, destination_id, as_of_date, forecast_date, pick_up_revenue, booked_share and the regressors
        pick_up_near, pick_up_middle and pick_up_far: books over the expected revenue, less booked_share.
    """
    ordered = rows.reset_index(drop=True).sort_values([*SERIES, "as_of_date", "forecast_date"])
    share_ahead = ordered[["pick_up_near", "pick_up_middle", "pick_up_far"]].sum(axis=1)
    expected: Any = ordered["pick_up_revenue"] / np.maximum(1 + share_ahead, 0.1)
    frame = ordered.assign(expected=expected, ahead=ordered["pick_up_revenue"] - expected)
    parts = frame[frame["forecast_level"] == "destination"]
    total = parts.groupby(["as_of_date", "forecast_date"])[["expected", "ahead"]].sum()
    of_all = _around(total["ahead"], total.index.get_level_values("as_of_date")) / total.groupby("as_of_date")[
        "expected"
    ].transform("mean").clip(lower=1e-9)
    series = [frame[name] for name in (*SERIES, "as_of_date")]
    day = pd.MultiIndex.from_frame(frame[["as_of_date", "forecast_date"]])
    scale = frame["expected"].groupby(series).transform("mean").to_numpy()
    still_open = 1 - frame["booked_share"].clip(0, 1).to_numpy()
    found = np.column_stack(
        [
            _around(frame["ahead"], series).to_numpy(),
            frame["ahead"].groupby(series).transform("mean").to_numpy(),
            of_all.reindex(day).fillna(0.0).to_numpy() * scale,
        ]
    )
    result = np.empty_like(found)
    result[frame.index.to_numpy()] = found * still_open[:, None]
    return result


def _around(values: pd.Series, by: Any) -> pd.Series:
    """Mean of the days around each one within its group; `values` are in order of date."""
    window = 2 * _AROUND + 1
    return values.groupby(by, group_keys=False).transform(
        lambda days: days.rolling(window, center=True, min_periods=1).mean()
    )


def _ahead_coefficients(raw: pd.DataFrame) -> tuple[float, ...]:
    """Half of a ridge regression, towards no correction, of what the pick-up estimates of destinations have missed."""
    rows = (raw["forecast_level"] == "destination").to_numpy()
    features = books_ahead(raw)[rows]
    parts = raw[rows]
    by = [parts[name] for name in (*SERIES, "as_of_date")]
    # destinations weigh alike: each in units of what it usually earns
    scale = parts["pick_up_revenue"].groupby(by).transform("mean").clip(lower=1e-9).to_numpy()
    features = features / scale[:, None]
    missed = (parts["revenue"] - parts["pick_up_revenue"]).to_numpy() / scale
    known = np.isfinite(missed) & np.isfinite(features).all(axis=1)
    features, missed = features[known], missed[known]
    if not len(missed):
        return (0.0, 0.0, 0.0)
    penalty = _RIDGE * len(missed) * float(features.var(axis=0).mean()) + 1e-12
    found = np.linalg.solve(features.T @ features + penalty * np.eye(features.shape[1]), features.T @ missed)
    return tuple(_FEW_CUTOFFS * float(value) for value in found)


def _corrected(raw: pd.DataFrame, ahead: tuple[float, ...]) -> Floats:
    """Pick-up estimates with their correction; a day's total is the sum of its destinations."""
    total = (raw["forecast_level"] == "total").to_numpy()
    estimate = raw["pick_up_revenue"].to_numpy(dtype=np.float64)
    corrected = np.maximum(estimate + np.where(total, 0.0, books_ahead(raw) @ np.asarray(ahead)), 0.0)
    day = raw.groupby(["as_of_date", "forecast_date"], sort=False).ngroup().to_numpy()
    days = int(day.max()) + 1 if len(day) else 0
    parts = np.bincount(day, np.where(total, 0.0, corrected), days)
    has_parts = np.bincount(day, ~total, days) > 0
    return np.where(total & has_parts[day], parts[day], corrected)


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
        forecast_level, destination_id, as_of_date, forecast_date, lead_days, pick_up_revenue, the columns of
        `FittedSeries.predict` and, for a calibration with a correction, those of `books_ahead`. Dates without a total,
        or of a total alone, stay as they are.

    Returns
    -------
    frame
        `raw` with forecast_revenue, forecast_sd, lower_80 and upper_80.
    """
    if calibration.ahead is not None:
        raw = raw.assign(pick_up_revenue=_corrected(raw, calibration.ahead))
    share = np.where(raw["prophet_revenue"].isna(), 0.0, _by_band(raw, calibration.weight))
    forecast = share * raw["prophet_revenue"].fillna(0.0) + (1 - share) * raw["pick_up_revenue"]
    # a season's mean over n years is off by 1 / n of a year's variance
    unknown = 1 / raw["seasons"] if calibration.by_seasons else 0.0
    variance = raw["noise_sd"] ** 2 * (1 + unknown) + raw["trend_sd"] ** 2
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
