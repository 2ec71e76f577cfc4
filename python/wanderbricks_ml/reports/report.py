"""What is logged beside a fitted model: metrics and tables of the validation rows, which stopped the fit.

A table is small enough to read, and all that its plot needs (`plots.FIGURES`): nothing is drawn before someone asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

CURVE_POINTS = 200
"""Rows of a table that a curve is drawn from."""


class Report(NamedTuple):
    """Metrics by name, tables by file name."""

    metrics: dict[str, float]
    tables: dict[str, pd.DataFrame]


def report(estimator: Any, X: np.ndarray, y: np.ndarray, names: Sequence[str]) -> Report:
    """Report of a fitted estimator, by what it predicts (its attribute `task`).

    Parameters
    ----------
    estimator
        One of `estimators`.
    X, y
        Validation rows of shape (rows, columns), and their labels.
    names
        Names of the columns of X.
    """
    made = REPORTS[estimator.task](np.asarray(estimator.predict(X), dtype=np.float64), y)
    if hasattr(estimator, "booster_"):
        made.tables["feature_importance.csv"] = importance(estimator.booster_, names)
    if hasattr(estimator, "algorithm_losses_"):
        add_algorithms(made, estimator, X, y, names)
    elif not hasattr(estimator, "booster_"):
        made.tables["permuted_importance.csv"] = permuted_importance(
            estimator.predict, X, y, names, loss_of=poisson_loss_of
        )
    if hasattr(estimator, "progress_"):
        made.metrics["validation_ndcg_at_10"] = max(estimator.progress_["validation"])
        rounds = pd.DataFrame(estimator.progress_)
        rounds.insert(0, "round", np.arange(1, len(rounds) + 1))
        made.tables["ndcg_by_round.csv"] = rounds
    return made


def add_algorithms(made: Report, estimator: Any, X: np.ndarray, y: np.ndarray, names: Sequence[str]) -> None:
    """Add to a report how the algorithms of a ModelSelectionClassifier did, and what the chosen one relies on."""
    losses = estimator.algorithm_losses_
    made.metrics.update({f"validation_log_loss_{kind}": loss for kind, loss in losses.items()})
    made.tables["algorithms.csv"] = pd.DataFrame(
        {
            "algorithm": list(losses),
            "log_loss": list(losses.values()),
            "chosen": [k == estimator.chosen_ for k in losses],
        }
    )
    made.tables["permuted_importance.csv"] = permuted_importance(estimator.predict, X, y, names)


def error_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Errors of expected numbers."""
    error = predicted - actual
    metrics = {
        "validation_rmse": float(np.sqrt(np.mean(error**2))),
        "validation_mae": float(np.mean(np.abs(error))),
        "validation_bias": float(np.mean(error)),
    }
    return Report(metrics, {"predicted_against_actual.csv": group_means(actual, predicted, groups=20)})


def probability_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Discrimination and calibration of probabilities of a label of 0 or 1."""
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    table = reliability(actual, predicted)
    metrics = {
        "validation_log_loss": float(log_loss(actual, predicted)),
        "validation_brier": float(brier_score_loss(actual, predicted)),
        "validation_auc": float(roc_auc_score(actual, predicted)),
        "validation_average_precision": float(average_precision_score(actual, predicted)),
        "validation_ece": float(np.average(np.abs(table["predicted"] - table["observed"]), weights=table["rows"])),
    }
    edges = np.linspace(0, float(predicted.max()), 51)
    tables = {
        "reliability.csv": table,
        "roc_and_precision_recall.csv": thresholds(actual, predicted),
        "probabilities.csv": histogram(edges, rows=predicted),
    }
    return Report(metrics, tables)


def value_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Errors of expected values, the first column of `predicted`, shape (rows, 2)."""
    value = predicted[:, 0]
    metrics = {
        "validation_mae": float(np.mean(np.abs(value - actual))),
        "validation_bias": float(value.sum() / max(float(actual.sum()), 1e-9) - 1),
    }
    deciles = group_means(actual, value, groups=10)
    deciles = deciles.rename(columns={"predicted": "mean_predicted", "actual": "mean_actual"})
    deciles.insert(0, "decile", np.arange(1, len(deciles) + 1))
    return Report(metrics, {"deciles.csv": deciles})


def price_response_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Errors of expected bookings, and slopes of the markets with their standard deviations."""
    made = error_report(predicted[:, 0], actual)
    made.metrics["mean_price_slope"] = float(predicted[:, 1].mean())
    slopes, rows = np.unique(predicted[:, 1:3], axis=0, return_counts=True)
    made.tables["price_response.csv"] = pd.DataFrame(
        {"price_slope": slopes[:, 0], "standard_deviation": slopes[:, 1], "validation_rows": rows}
    )
    return made


def ranking_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Scores of right and wrong items; by themselves they say little, as only those of one query compare."""
    right = actual == 1
    metrics = {"validation_candidates": float(len(actual)), "validation_right_candidates": float(right.sum())}
    edges = np.linspace(predicted.min(), max(predicted.max(), predicted.min() + 1e-9), 60)
    return Report(metrics, {"scores.csv": histogram(edges, right=predicted[right], other=predicted[~right])})


REPORTS: dict[str, Callable[[np.ndarray, np.ndarray], Report]] = {
    "count": error_report,
    "regression": error_report,
    "probability": probability_report,
    "value": value_report,
    "price_response": price_response_report,
    "ranking": ranking_report,
}
"""Report by task."""


def importance(booster: Any, names: Sequence[str]) -> pd.DataFrame:
    """Total gain of each feature as a share of all, largest first: columns feature, share."""
    gain = booster.get_score(importance_type="total_gain")
    total = sum(gain.values()) or 1.0
    return _ranked(names, [gain.get(f"f{position}", 0.0) / total for position in range(len(names))])


def log_loss_of(probability: np.ndarray, labels: np.ndarray) -> float:
    """Mean log loss of probabilities within (0, 1) of labels of 0 or 1."""
    return -float(np.mean(np.where(labels == 1, np.log(probability), np.log1p(-probability))))


def poisson_loss_of(expected: np.ndarray, labels: np.ndarray) -> float:
    """Mean Poisson loss of expected numbers or amounts, the first column where there are several."""
    first = np.maximum(expected.reshape(len(labels), -1)[:, 0], 1e-9)
    return float(np.mean(first - labels * np.log(first)))


def permuted_importance(
    predict: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    y: np.ndarray,
    names: Sequence[str],
    rows: int = 1_000,
    loss_of: Callable[[np.ndarray, np.ndarray], float] = log_loss_of,
) -> pd.DataFrame:
    """What each column adds to the loss when it is shuffled, as a share of all: columns feature, share.

    Breiman's permutation importance, for models of any kind.

    Parameters
    ----------
    predict
        Predictions for rows of X, such as the probability of a label of 1.
    X, y
        Rows that the model was not fitted on, of shape (rows, columns), and their labels.
    names
        Names of the columns of X.
    rows
        Most rows to shuffle, drawn at random.
    loss_of
        Loss of predictions and labels.
    """
    random = np.random.default_rng(0)
    drawn = random.permutation(len(X))[:rows]
    shuffled, labels, order = X[drawn].copy(), y[drawn], random.permutation(len(drawn))

    def loss() -> float:
        return loss_of(np.asarray(predict(shuffled), dtype=np.float64), labels)

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
    return _ranked(names, added / (added.sum() or 1.0))


def _ranked(names: Sequence[str], shares: Any) -> pd.DataFrame:
    table = pd.DataFrame({"feature": list(names), "share": shares})
    return table.sort_values(["share", "feature"], ascending=[False, True], ignore_index=True)


def group_means(actual: np.ndarray, predicted: np.ndarray, groups: int) -> pd.DataFrame:
    """Means of groups of equal size by prediction, lowest first: columns predicted, actual, rows."""
    parts = [part for part in np.array_split(np.argsort(predicted, kind="stable"), groups) if len(part)]
    return pd.DataFrame(
        {
            "predicted": [float(predicted[part].mean()) for part in parts],
            "actual": [float(actual[part].mean()) for part in parts],
            "rows": [len(part) for part in parts],
        }
    )


def reliability(actual: np.ndarray, predicted: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Mean prediction and share of positives in bins of equal size, ordered by prediction.

    Returns
    -------
    DataFrame
        rows, predicted, observed, and lower and upper end of the 95 % interval of the share (Wilson).
    """
    means = group_means(actual, predicted, bins)
    rows, observed = means["rows"].to_numpy(dtype=np.float64), means["actual"].to_numpy()
    squared = 1.96**2
    middle = (observed + squared / (2 * rows)) / (1 + squared / rows)
    half = np.sqrt(squared * (observed * (1 - observed) / rows + squared / (4 * rows**2))) / (1 + squared / rows)
    return pd.DataFrame(
        {
            "rows": means["rows"],
            "predicted": means["predicted"],
            "observed": observed,
            "lower": middle - half,
            "upper": middle + half,
        }
    )


def thresholds(actual: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Rates when rows at or above a threshold are called positive, at some 200 thresholds, highest first.

    Returns
    -------
    DataFrame
        threshold, false_positive_rate, recall, precision; all rows are called positive in the last.
    """
    order = np.argsort(-predicted, kind="stable")
    ordered, found = predicted[order], np.cumsum(actual[order] == 1)
    # equal probabilities are called together
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    called = np.unique(np.linspace(0, len(ordered) - 1, CURVE_POINTS).astype(np.int64))
    at = last[np.unique(np.searchsorted(last, called))]
    positives = max(int(found[-1]), 1)
    negatives = max(len(ordered) - int(found[-1]), 1)
    return pd.DataFrame(
        {
            "threshold": ordered[at],
            "false_positive_rate": (at + 1 - found[at]) / negatives,
            "recall": found[at] / positives,
            "precision": found[at] / (at + 1),
        }
    )


def histogram(edges: np.ndarray, **values: np.ndarray) -> pd.DataFrame:
    """How many values lie between edges, one column for each set of values: columns lower, upper, and theirs."""
    counts = {name: np.histogram(found, bins=edges)[0] for name, found in values.items()}
    return pd.DataFrame({"lower": edges[:-1], "upper": edges[1:], **counts})
