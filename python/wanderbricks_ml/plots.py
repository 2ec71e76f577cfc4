"""Plots that are logged with a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def importance(booster: Any, names: Sequence[str]) -> pd.DataFrame:
    """Total gain of each feature as a share of all, largest first: columns feature, share."""
    gain = booster.get_score(importance_type="total_gain")
    total = sum(gain.values()) or 1.0
    shares = [gain.get(f"f{position}", 0.0) / total for position in range(len(names))]
    table = pd.DataFrame({"feature": list(names), "share": shares})
    return table.sort_values(["share", "feature"], ascending=[False, True], ignore_index=True)


def importance_figure(table: pd.DataFrame, top: int = 20) -> Figure:
    """Bars of the `top` features by share of total gain."""
    shown = table.head(top).iloc[::-1]
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    axes.barh(shown["feature"], shown["share"], color="#2a6f97")
    axes.set_xlabel("share of total gain")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def calibration_figure(actual: np.ndarray, predicted: np.ndarray, groups: int = 20) -> Figure:
    """Mean label against mean prediction in groups of equal size, ordered by prediction."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, groups) if len(part)]
    means = np.array([(predicted[part].mean(), actual[part].mean()) for part in parts])
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    limit = means.max() * 1.05 or 1.0
    axes.plot([0, limit], [0, limit], color="#8c8c8c", linewidth=1)
    axes.plot(means[:, 0], means[:, 1], "o", color="#bc6c25")
    axes.set_xlabel("predicted, mean of the group")
    axes.set_ylabel("actual, mean of the group")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def forecast_figure(forecasts: pd.DataFrame, actual: pd.DataFrame, days: int = 60) -> Figure:
    """Daily forecasts with their 80 % intervals beside what came, one panel for each of the last two cut-offs.

    Parameters
    ----------
    forecasts
        as_of_date, forecast_date, forecast_revenue, lower_80, upper_80 of one series.
    actual
        forecast_date, revenue.
    days
        Days of history before each cut-off.
    """
    cutoffs = sorted(forecasts["as_of_date"].unique())[-2:]
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    panels = figure.subplots(1, len(cutoffs), sharey=True, squeeze=False)[0]
    for axes, cutoff in zip(panels, cutoffs, strict=True):
        rows = forecasts[forecasts["as_of_date"] == cutoff].sort_values("forecast_date")
        shown = actual["forecast_date"].between(cutoff - timedelta(days=days), rows["forecast_date"].iloc[-1])
        known = actual[shown].sort_values("forecast_date")
        axes.fill_between(rows["forecast_date"], rows["lower_80"], rows["upper_80"], color="#bc6c25", alpha=0.25)
        axes.plot(rows["forecast_date"], rows["forecast_revenue"], color="#bc6c25", label="forecast, 80 % interval")
        axes.plot(known["forecast_date"], known["revenue"], ".-", color="#2a6f97", linewidth=0.8, label="actual")
        axes.axvline(cutoff, color="#8c8c8c", linewidth=1, linestyle=":")
        axes.set_title(f"as of {cutoff}", fontsize=10)
        axes.tick_params(axis="x", rotation=30)
        axes.spines[["top", "right"]].set_visible(False)
    # the panels share their axis: only now is the largest value known
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("revenue a day")
    panels[0].legend(frameon=False, loc="upper left")
    return figure
