"""Plots that are logged with a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def permuted_importance(
    predict: Callable[[np.ndarray], np.ndarray], X: np.ndarray, y: np.ndarray, names: Sequence[str], rows: int = 1_000
) -> pd.DataFrame:
    """What each column adds to the log loss when it is shuffled, as a share of all: columns feature, share.

    Breiman's permutation importance, for models of any kind.

    Parameters
    ----------
    predict
        Probability of a label of 1 for rows of X, within (0, 1).
    X, y
        Rows that the model was not fitted on, of shape (rows, columns), and their labels of 0 or 1.
    names
        Names of the columns of X.
    rows
        Most rows to shuffle, drawn at random.
    """
    random = np.random.default_rng(0)
    drawn = random.permutation(len(X))[:rows]
    shuffled, labels, order = X[drawn].copy(), y[drawn], random.permutation(len(drawn))

    def loss() -> float:
        probability = predict(shuffled)
        return -float(np.mean(np.where(labels == 1, np.log(probability), np.log1p(-probability))))

    before = loss()
    added = np.zeros(len(names))
    for position in range(len(names)):
        column = shuffled[:, position].copy()
        if (column == column[0]).all():
            continue
        shuffled[:, position] = column[order]
        # chance alone may make a column without use look harmful
        added[position] = max(loss() - before, 0.0)
        shuffled[:, position] = column
    table = pd.DataFrame({"feature": list(names), "share": added / (added.sum() or 1.0)})
    return table.sort_values(["share", "feature"], ascending=[False, True], ignore_index=True)


def candidates_figure(losses: Mapping[str, float], chosen: str) -> Figure:
    """Log loss of each candidate on the validation rows, the chosen one in another colour.

    Points, not bars: they lie close together and far from zero.
    """
    names = sorted(losses, key=lambda name: losses[name], reverse=True)
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for name in names:
        colour = "#bc6c25" if name == chosen else "#2a6f97"
        label = name.replace("_", " ")
        axes.plot(losses[name], label, "o", markersize=9, color=colour)
        axes.annotate(
            f"{losses[name]:.4f}", (losses[name], label), xytext=(9, 0), textcoords="offset points", va="center"
        )
    axes.set_xlabel("log loss on validation dates, lower is better")
    axes.grid(axis="y", color="#dddddd")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0.18, y=0.15)
    return figure


def importance_figure(table: pd.DataFrame, top: int = 20, label: str = "share of total gain") -> Figure:
    """Bars of the `top` features by the share that `label` names."""
    shown = table.head(top).iloc[::-1]
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    axes.barh(shown["feature"], shown["share"], color="#2a6f97")
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def study_figure(table: pd.DataFrame) -> Figure:
    """Loss of each trial of a study, the best so far and the defaults', from `tuning.trial_table`."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    own = table["origin"] == ""
    axes.plot(table.loc[own, "trial"], table.loc[own, "loss"], "o", color="#bc6c25", label="trial")
    axes.plot(table.loc[~own, "trial"], table.loc[~own, "loss"], "D", color="#2d6a4f", label="defaults, in use")
    axes.step(table["trial"], table["best_loss"], where="post", color="#2a6f97", label="best so far")
    defaults = table.loc[table["origin"] == "defaults", "loss"].min()
    axes.axhline(defaults, color="#8c8c8c", linewidth=1)
    # a trial far off would flatten all others into one line
    spread = table["loss"].quantile(0.75) - table["best_loss"].min()
    top = max(float(table["best_loss"].min() + 2.5 * spread), float(defaults) + 0.1 * float(spread))
    if spread > 0:
        axes.set_ylim(float(table["best_loss"].min() - 0.2 * spread), top)
    for position in table.loc[table["state"] == "pruned", "trial"]:
        axes.axvline(position, ymax=0.02, color="#8c8c8c", linewidth=1)
    axes.set_xlabel("trial (marks on the axis: pruned)")
    axes.set_ylabel("mean loss over the folds")
    axes.legend(frameon=False)
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


def reliability(actual: np.ndarray, predicted: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Mean prediction and share of positives in bins of equal size, ordered by prediction.

    Returns
    -------
    DataFrame
        rows, predicted, observed, and lower and upper end of the 95 % interval of the share (Wilson).
    """
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    rows = np.array([len(part) for part in parts], dtype=np.float64)
    observed = np.array([actual[part].mean() for part in parts])
    squared = 1.96**2
    middle = (observed + squared / (2 * rows)) / (1 + squared / rows)
    half = np.sqrt(squared * (observed * (1 - observed) / rows + squared / (4 * rows**2))) / (1 + squared / rows)
    return pd.DataFrame(
        {
            "rows": rows.astype(np.int64),
            "predicted": [predicted[part].mean() for part in parts],
            "observed": observed,
            "lower": middle - half,
            "upper": middle + half,
        }
    )


def reliability_figure(table: pd.DataFrame, predicted: np.ndarray) -> Figure:
    """Observed share of positives against mean prediction, above the distribution of predictions."""
    figure = Figure(figsize=(5, 6.5), layout="constrained")
    curve, histogram = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    limit = min(max(table["predicted"].max(), table["upper"].max()) * 1.05, 1.0)
    curve.plot([0, limit], [0, limit], color="#8c8c8c", linewidth=1, label="perfectly calibrated")
    errors = np.abs(table[["lower", "upper"]].to_numpy() - table[["observed"]].to_numpy()).T
    curve.errorbar(
        table["predicted"], table["observed"], yerr=errors, fmt="o", color="#bc6c25", label="a tenth of the rows, 95 %"
    )
    curve.set_ylabel("observed share of positives")
    curve.legend(frameon=False)
    histogram.hist(predicted, bins=50, range=(0, limit), color="#2a6f97")
    histogram.set_yscale("log")
    histogram.set_ylabel("rows")
    histogram.set_xlabel("predicted probability")
    for axes in (curve, histogram):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def ranking_figure(actual: np.ndarray, predicted: np.ndarray) -> Figure:
    """ROC curve and precision-recall curve, with what chance would give."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    false_rate, true_rate, _ = roc_curve(actual, predicted)
    left.plot(false_rate, true_rate, color="#2a6f97")
    left.plot([0, 1], [0, 1], color="#8c8c8c", linewidth=1)
    left.set_xlabel("false positive rate")
    left.set_ylabel("true positive rate")
    precision, recall, _ = precision_recall_curve(actual, predicted)
    right.plot(recall, precision, color="#2a6f97")
    right.axhline(actual.mean(), color="#8c8c8c", linewidth=1)
    right.set_xlabel("recall")
    right.set_ylabel("precision")
    for axes in (left, right):
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


def progress_figure(progress: Mapping[str, Sequence[float]], metric: str) -> Figure:
    """A metric by boosting round, one line for each set of rows; the best round of the last set is marked."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(progress.items(), ("#2a6f97", "#bc6c25"), strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, color=colour, label=name)
    best = int(np.argmax(values)) + 1
    axes.axvline(best, color="#8c8c8c", linewidth=1, linestyle=":", label=f"kept: {best} rounds")
    axes.set_xlabel("boosting round")
    axes.set_ylabel(metric)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def score_figure(scores: np.ndarray, right: np.ndarray) -> Figure:
    """Distribution of the scores of right and of wrong candidates; `right` is a mask of shape (rows,)."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(scores.min(), max(scores.max(), scores.min() + 1e-9), 60).tolist()
    for mask, colour, label in ((~right, "#2a6f97", "other candidates"), (right, "#bc6c25", "booked next")):
        if mask.any():
            axes.hist(scores[mask], bins=edges, density=True, histtype="step", color=colour, label=label)
    axes.set_xlabel("score")
    axes.set_ylabel("density")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
