"""What is logged beside a fitted model: metrics and figures of the validation rows, which stopped the fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wanderbricks_ml import plots


class Report(NamedTuple):
    """Metrics by name, figures and tables by file name."""

    metrics: dict[str, float]
    figures: dict[str, Any]
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
        importance = plots.importance(estimator.booster_, names)
        made.tables["feature_importance.csv"] = importance
        made.figures["feature_importance.png"] = plots.importance_figure(importance)
    if hasattr(estimator, "candidate_losses_"):
        add_candidates(made, estimator, X, y, names)
    if hasattr(estimator, "progress_"):
        made.metrics["validation_ndcg_at_10"] = max(estimator.progress_["validation"])
        made.figures["ndcg_by_round.png"] = plots.progress_figure(estimator.progress_, "NDCG at 10")
    return made


def add_candidates(made: Report, estimator: Any, X: np.ndarray, y: np.ndarray, names: Sequence[str]) -> None:
    """Add to a report how the candidates of a CandidateClassifier did, and what the chosen one relies on."""
    losses = estimator.candidate_losses_
    made.metrics.update({f"validation_log_loss_{kind}": loss for kind, loss in losses.items()})
    made.tables["candidates.csv"] = pd.DataFrame(
        {
            "candidate": list(losses),
            "log_loss": list(losses.values()),
            "chosen": [k == estimator.chosen_ for k in losses],
        }
    )
    made.figures["candidates.png"] = plots.candidates_figure(losses, estimator.chosen_)
    importance = plots.permuted_importance(estimator.predict, X, y, names)
    made.tables["feature_importance.csv"] = importance
    made.figures["feature_importance.png"] = plots.importance_figure(
        importance, label="share of the log loss added when the column is shuffled"
    )


def count_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Errors of expected counts."""
    error = predicted - actual
    metrics = {
        "validation_rmse": float(np.sqrt(np.mean(error**2))),
        "validation_mae": float(np.mean(np.abs(error))),
        "validation_bias": float(np.mean(error)),
    }
    return Report(metrics, {"predicted_against_actual.png": plots.calibration_figure(actual, predicted)}, {})


def probability_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Discrimination and calibration of probabilities of a label of 0 or 1."""
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    table = plots.reliability(actual, predicted)
    metrics = {
        "validation_log_loss": float(log_loss(actual, predicted)),
        "validation_brier": float(brier_score_loss(actual, predicted)),
        "validation_auc": float(roc_auc_score(actual, predicted)),
        "validation_average_precision": float(average_precision_score(actual, predicted)),
        "validation_ece": float(np.average(np.abs(table["predicted"] - table["observed"]), weights=table["rows"])),
    }
    figures = {
        "reliability.png": plots.reliability_figure(table, predicted),
        "roc_and_precision_recall.png": plots.ranking_figure(actual, predicted),
    }
    return Report(metrics, figures, {"reliability.csv": table})


def value_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Errors of expected values, the first column of `predicted`, shape (rows, 2)."""
    value = predicted[:, 0]
    deciles = plots.decile_table(actual, value)
    metrics = {
        "validation_mae": float(np.mean(np.abs(value - actual))),
        "validation_bias": float(value.sum() / max(float(actual.sum()), 1e-9) - 1),
    }
    return Report(metrics, {"deciles.png": plots.decile_figure(deciles)}, {"deciles.csv": deciles})


def price_response_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Errors of expected bookings, and revenue over price by market slope."""
    made = count_report(predicted[:, 0], actual)
    slopes, rows = np.unique(predicted[:, 1], return_counts=True)
    made.metrics["mean_price_slope"] = float(predicted[:, 1].mean())
    made.tables["price_slopes.csv"] = pd.DataFrame({"price_slope": slopes, "validation_rows": rows})
    made.figures["price_response.png"] = plots.price_response_figure(predicted[:, 1], predicted[:, 2])
    return made


def ranking_report(predicted: np.ndarray, actual: np.ndarray) -> Report:
    """Scores of right and wrong candidates; by themselves they say little, as only those of one query compare."""
    right = actual == 1
    metrics = {"validation_candidates": float(len(actual)), "validation_right_candidates": float(right.sum())}
    return Report(metrics, {"scores.png": plots.score_figure(predicted, right)}, {})


REPORTS = {
    "count": count_report,
    "probability": probability_report,
    "value": value_report,
    "price_response": price_response_report,
    "ranking": ranking_report,
}
"""Report by task."""
