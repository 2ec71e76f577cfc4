"""Plots that are logged with a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
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


def price_response_figure(slope: np.ndarray, deviation: np.ndarray) -> Figure:
    """Bookings and revenue over the relative price, against those at the market price, for markets of different slope.

    `slope` and its standard deviation by row, shape (rows,); bands reach one standard deviation to either side.
    """
    price = np.linspace(0.5, 1.8, 100)
    order = np.argsort(slope, kind="stable")
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for share, colour in ((0.1, "#2d6a4f"), (0.5, "#2a6f97"), (0.9, "#bc6c25")):
        row = order[int(share * (len(order) - 1))]
        curves = [np.exp(-(slope[row] + side * deviation[row]) * (price - 1)) for side in (-1, 0, 1)]
        for axes, value in ((left, 1.0), (right, price)):
            axes.plot(price, value * curves[1], color=colour, label=f"slope {slope[row]:.2f}")
            axes.fill_between(price, value * curves[0], value * curves[2], color=colour, alpha=0.15, linewidth=0)
    for axes, what in ((left, "bookings"), (right, "revenue")):
        axes.set_xlabel("price over market price")
        axes.set_ylabel(f"{what}, 1 at the market price")
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, title="markets of the 10th, 50th, 90th percentile")
    return figure
