"""Plots of a version, drawn from the tables that were logged with it, when someone asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, BROWN, GREEN, GREY = "#2a6f97", "#bc6c25", "#2d6a4f", "#8c8c8c"


def drawn(tables: Mapping[str, pd.DataFrame], of: str = "") -> dict[str, Figure]:
    """Figures by file name of the tables that have one, ``<table>.png`` for ``<table>.csv``.

    Parameters
    ----------
    of
        Model, version and dates, which stand below the title of each.
    """
    figures = {}
    for file, table in tables.items():
        if file in FIGURES:
            figure = FIGURES[file](table)
            figure.suptitle(f"{TITLES[file]}\n{of}".strip(), fontsize=10)
            figures[str(PurePosixPath(file).with_suffix(".png"))] = figure
    return figures


def _panels(width: float, height: float, columns: int = 1, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = list(figure.subplots(1, columns, sharey=share_y, squeeze=False)[0])
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def algorithms_figure(table: pd.DataFrame) -> Figure:
    """Log loss of each algorithm on the validation rows, the chosen one in another colour.

    Points, not bars: they lie close together and far from zero.
    """
    figure, (axes,) = _panels(7, 3)
    ordered = table.sort_values("log_loss", ascending=False)
    for name, loss, chosen in zip(ordered["algorithm"], ordered["log_loss"], ordered["chosen"], strict=True):
        label = name.replace("_", " ")
        axes.plot(loss, label, "o", markersize=9, color=BROWN if chosen else BLUE)
        axes.annotate(f"{loss:.4f}", (loss, label), xytext=(9, 0), textcoords="offset points", va="center")
    axes.set_xlabel("log loss on validation dates, lower is better")
    axes.grid(axis="y", color="#dddddd")
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.18, y=0.15)
    return figure


def importance_figure(table: pd.DataFrame, label: str = "share of total gain", top: int = 20) -> Figure:
    """Bars of the `top` features by the share that `label` names."""
    shown = table.head(top).iloc[::-1]
    figure, (axes,) = _panels(7, 6)
    axes.barh(shown["feature"], shown["share"], color=BLUE)
    axes.set_xlabel(label)
    return figure


def permuted_importance_figure(table: pd.DataFrame) -> Figure:
    """Bars of the features that matter most to a model of any kind."""
    return importance_figure(table, "share of the loss added when the column is shuffled")


def forecast_weights_figure(table: pd.DataFrame) -> Figure:
    """Bars of what a forecast is made of, by days ahead, from `Calibration.weights`."""
    return importance_figure(table, "share of the forecast of the total")


def parameter_importance_figure(table: pd.DataFrame) -> Figure:
    """Bars of the parameters of a study, from `registry.trials.parameter_importance`."""
    return importance_figure(table, "share of the variance of the loss")


def study_figure(table: pd.DataFrame) -> Figure:
    """Loss of each trial of a study, the best so far and the defaults', from `registry.trials.trial_table`."""
    figure, (axes,) = _panels(7, 4)
    own = table["origin"].fillna("") == ""
    axes.plot(table.loc[own, "trial"], table.loc[own, "loss"], "o", color=BROWN, label="trial")
    axes.plot(table.loc[~own, "trial"], table.loc[~own, "loss"], "D", color=GREEN, label="defaults, in use")
    axes.step(table["trial"], table["best_loss"], where="post", color=BLUE, label="best so far")
    defaults = table.loc[table["origin"] == "defaults", "loss"].min()
    axes.axhline(defaults, color=GREY, linewidth=1)
    # a trial far off would flatten all others into one line
    spread = table["loss"].quantile(0.75) - table["best_loss"].min()
    top = max(float(table["best_loss"].min() + 2.5 * spread), float(defaults) + 0.1 * float(spread))
    if spread > 0:
        axes.set_ylim(float(table["best_loss"].min() - 0.2 * spread), top)
    for position in table.loc[table["state"] == "pruned", "trial"]:
        axes.axvline(position, ymax=0.02, color=GREY, linewidth=1)
    axes.set_xlabel("trial (marks on the axis: pruned)")
    axes.set_ylabel("mean loss over the folds")
    axes.legend(frameon=False)
    return figure


def calibration_figure(table: pd.DataFrame) -> Figure:
    """Mean label against mean prediction in groups of equal size, from `reports.group_means`."""
    figure, (axes,) = _panels(5, 5)
    values = table[["predicted", "actual"]].to_numpy()
    limit = float(values.max()) * 1.05 or 1.0
    axes.plot([0, limit], [0, limit], color=GREY, linewidth=1)
    axes.plot(table["predicted"], table["actual"], "o", color=BROWN)
    # most groups of rare events lie in one corner, where nothing tells them apart
    if limit > 10 * max(float(np.median(table["predicted"])), 1e-9):
        linear = max(float(table["predicted"][table["predicted"] > 0].min()), limit / 1e4)
        axes.set_xscale("symlog", linthresh=linear)
        axes.set_yscale("symlog", linthresh=linear)
        axes.set_xlim(0, limit)
        axes.set_ylim(0, limit)
    axes.set_xlabel("predicted, mean of the group")
    axes.set_ylabel("actual, mean of the group")
    return figure


def reliability_figure(table: pd.DataFrame) -> Figure:
    """Observed share of positives against mean prediction, from `reports.reliability`."""
    figure, (axes,) = _panels(5, 5)
    limit = min(max(table["predicted"].max(), table["upper"].max()) * 1.05, 1.0)
    axes.plot([0, limit], [0, limit], color=GREY, linewidth=1, label="perfectly calibrated")
    errors = np.abs(table[["lower", "upper"]].to_numpy() - table[["observed"]].to_numpy()).T
    axes.errorbar(
        table["predicted"], table["observed"], yerr=errors, fmt="o", color=BROWN, label="a tenth of the rows, 95 %"
    )
    axes.set_xlabel("predicted probability")
    axes.set_ylabel("observed share of positives")
    axes.legend(frameon=False)
    return figure


def probabilities_figure(table: pd.DataFrame) -> Figure:
    """Distribution of the probabilities, from `reports.histogram`."""
    figure, (axes,) = _panels(5, 3)
    axes.bar(table["lower"], table["rows"], table["upper"] - table["lower"], align="edge", color=BLUE)
    axes.set_yscale("log")
    axes.set_ylabel("rows")
    axes.set_xlabel("predicted probability")
    return figure


def ranking_figure(table: pd.DataFrame) -> Figure:
    """ROC curve and precision-recall curve, with what chance would give, from `reports.thresholds`."""
    figure, (left, right) = _panels(9, 4.5, columns=2)
    left.plot([0, *table["false_positive_rate"]], [0, *table["recall"]], color=BLUE)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    left.set_xlabel("false positive rate")
    left.set_ylabel("true positive rate")
    right.plot(table["recall"], table["precision"], color=BLUE)
    # all rows are called positive at the last threshold
    right.axhline(table["precision"].iloc[-1], color=GREY, linewidth=1)
    right.set_xlabel("recall")
    right.set_ylabel("precision")
    return figure


def decile_figure(table: pd.DataFrame) -> Figure:
    """Mean prediction beside mean label of each decile of the prediction, on a logarithmic scale."""
    figure, (axes,) = _panels(7, 5)
    # the low deciles are a thousandth of the highest
    axes.plot(table["decile"], table["mean_predicted"], "o-", color=BROWN, label="predicted")
    axes.plot(table["decile"], table["mean_actual"], "s--", color=BLUE, label="actual")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xticks(table["decile"])
    axes.set_xlabel("decile of the prediction")
    axes.set_ylabel("mean of the users, platform's currency")
    axes.legend(frameon=False)
    return figure


def price_response_figure(table: pd.DataFrame) -> Figure:
    """Bookings and revenue over the relative price, against those at the market price, for markets of different slope.

    `table` has price_slope, standard_deviation and validation_rows; bands reach one standard deviation to either side.
    """
    price = np.linspace(0.5, 1.8, 100)
    ordered = table.sort_values("price_slope", ignore_index=True)
    so_far = ordered["validation_rows"].cumsum()
    figure, (left, right) = _panels(9, 4, columns=2)
    for share, colour in ((0.1, GREEN), (0.5, BLUE), (0.9, BROWN)):
        slope, deviation, _ = ordered.iloc[int(np.searchsorted(so_far, share * so_far.iloc[-1]))]
        curves = [np.exp(-(slope + side * deviation) * (price - 1)) for side in (-1, 0, 1)]
        for axes, value in ((left, 1.0), (right, price)):
            axes.plot(price, value * curves[1], color=colour, label=f"slope {slope:.2f}")
            axes.fill_between(price, value * curves[0], value * curves[2], color=colour, alpha=0.15, linewidth=0)
    for axes, what in ((left, "bookings"), (right, "revenue")):
        axes.set_xlabel("price over market price")
        axes.set_ylabel(f"{what}, 1 at the market price")
    left.legend(frameon=False, title="markets of the 10th, 50th, 90th percentile")
    return figure


def forecast_figure(table: pd.DataFrame, days: int = 60) -> Figure:
    """Daily forecasts with their 80 % intervals beside what came, one panel for each of the last two cut-offs.

    Parameters
    ----------
    table
        forecast_date and revenue of one series; with as_of_date, forecast_revenue, lower_80 and upper_80 where the day
        was forecast, without where it is history.
    days
        Days of history before each cut-off.
    """
    table = table.assign(**{name: pd.to_datetime(table[name]) for name in ("as_of_date", "forecast_date")})
    history = table[table["as_of_date"].isna()].sort_values("forecast_date")
    cutoffs = sorted(table["as_of_date"].dropna().unique())[-2:]
    figure, panels = _panels(12, 4.5, columns=len(cutoffs), share_y=True)
    for axes, cutoff in zip(panels, cutoffs, strict=True):
        rows = table[table["as_of_date"] == cutoff].sort_values("forecast_date")
        shown = history["forecast_date"].between(cutoff - timedelta(days=days), rows["forecast_date"].iloc[-1])
        known = history[shown]
        axes.fill_between(rows["forecast_date"], rows["lower_80"], rows["upper_80"], color=BROWN, alpha=0.25)
        axes.plot(rows["forecast_date"], rows["forecast_revenue"], color=BROWN, label="forecast, 80 % interval")
        axes.plot(known["forecast_date"], known["revenue"], ".-", color=BLUE, linewidth=0.8, label="actual")
        axes.axvline(cutoff, color=GREY, linewidth=1, linestyle=":")
        axes.set_title(f"as of {cutoff:%Y-%m-%d}", fontsize=10)
        axes.tick_params(axis="x", rotation=30)
    # the panels share their axis: only now is the largest value known
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("revenue a day")
    panels[0].legend(frameon=False, loc="upper left")
    return figure


def progress_figure(table: pd.DataFrame) -> Figure:
    """NDCG at 10 by boosting round, one line for each set of rows; the best round of the last set is marked."""
    figure, (axes,) = _panels(7, 4.5)
    sets = table.columns.drop("round")
    for name, colour in zip(sets, (BLUE, BROWN), strict=False):
        axes.plot(table["round"], table[name], color=colour, label=name)
    best = int(table["round"][table[sets[-1]].idxmax()])
    axes.axvline(best, color=GREY, linewidth=1, linestyle=":", label=f"kept: {best} rounds")
    axes.set_xlabel("boosting round")
    axes.set_ylabel("NDCG at 10")
    axes.legend(frameon=False)
    return figure


def score_figure(table: pd.DataFrame) -> Figure:
    """Distribution of the scores of right and of wrong items, from `report.histogram`."""
    figure, (axes,) = _panels(7, 4.5)
    width = table["upper"] - table["lower"]
    edges = [*table["lower"], table["upper"].iloc[-1]]
    for name, colour, label in (("other", BLUE, "other items"), ("right", BROWN, "booked next")):
        if table[name].any():
            axes.stairs(table[name] / (table[name].sum() * width), edges, color=colour, label=label)
    axes.set_xlabel("score")
    axes.set_ylabel("density")
    axes.legend(frameon=False)
    return figure


FIGURES: Mapping[str, Callable[[pd.DataFrame], Figure]] = {
    "algorithms.csv": algorithms_figure,
    # as versions of earlier releases have it
    "candidates.csv": lambda table: algorithms_figure(table.rename(columns={"candidate": "algorithm"})),
    "deciles.csv": decile_figure,
    "feature_importance.csv": importance_figure,
    "forecast_against_actual.csv": forecast_figure,
    "forecast_weights.csv": forecast_weights_figure,
    "ndcg_by_round.csv": progress_figure,
    "permuted_importance.csv": permuted_importance_figure,
    "predicted_against_actual.csv": calibration_figure,
    "price_response.csv": price_response_figure,
    "probabilities.csv": probabilities_figure,
    "reliability.csv": reliability_figure,
    "roc_and_precision_recall.csv": ranking_figure,
    "scores.csv": score_figure,
    "tuning/importance.csv": parameter_importance_figure,
    "tuning/trials.csv": study_figure,
}
"""What draws a table, by the table's file name."""

TITLES: Mapping[str, str] = {
    "algorithms.csv": "Algorithms on the validation rows",
    "candidates.csv": "Algorithms on the validation rows",
    "deciles.csv": "Predicted and actual value by decile of the prediction",
    "feature_importance.csv": "What the trees split by",
    "forecast_against_actual.csv": "Forecast and what came true",
    "forecast_weights.csv": "What the forecast is made of",
    "ndcg_by_round.csv": "Quality by boosting round",
    "permuted_importance.csv": "What the model relies on",
    "predicted_against_actual.csv": "Predicted and actual, twentieths of the validation rows",
    "price_response.csv": "Response to the price",
    "probabilities.csv": "Probabilities of the validation rows",
    "reliability.csv": "Calibration on the validation rows",
    "roc_and_precision_recall.csv": "Discrimination on the validation rows",
    "scores.csv": "Scores of the validation rows",
    "tuning/importance.csv": "What the loss depends on",
    "tuning/trials.csv": "Trials of the study",
}
"""What stands above a figure, by the table's file name."""
