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


def decile_table(actual: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Ten groups of equal size by prediction, lowest first: columns decile, mean_predicted, mean_actual, rows."""
    parts = [part for part in np.array_split(np.argsort(predicted, kind="stable"), 10) if len(part)]
    return pd.DataFrame(
        {
            "decile": np.arange(1, len(parts) + 1),
            "mean_predicted": [float(predicted[part].mean()) for part in parts],
            "mean_actual": [float(actual[part].mean()) for part in parts],
            "rows": [len(part) for part in parts],
        }
    )


def decile_figure(table: pd.DataFrame) -> Figure:
    """Mean prediction beside mean label of each decile of `decile_table`, on a logarithmic scale."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    # the low deciles are a thousandth of the highest
    axes.plot(table["decile"], table["mean_predicted"], "o-", color="#bc6c25", label="predicted")
    axes.plot(table["decile"], table["mean_actual"], "s--", color="#2a6f97", label="actual")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xticks(table["decile"])
    axes.set_xlabel("decile of the prediction")
    axes.set_ylabel("mean of the users, platform's currency")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
