"""XGBoost's trees, grown until they no longer help on rows held out."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import xgboost as xgb
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from wanderbricks_ml.arrays import Floats, Ints
from wanderbricks_ml.progress import Rounds

Estimator = TypeVar("Estimator", bound=BaseEstimator)


class Rows(NamedTuple):
    """What boosting learns from, or is stopped by: features, labels, where it starts, and the query of each row."""

    X: Floats
    y: Floats
    margin: Floats | None = None
    query: Ints | None = None


def boosting_params(objective: str, given: dict[str, Any] | None) -> dict[str, Any]:
    """Parameters of ``xgboost.train``: our defaults, and over them what settings give."""
    return {"objective": objective, "tree_method": "hist", "max_bin": 256, **(given or {})}


def boost(
    params: dict[str, Any],
    train: Rows,
    validation: Rows | None,
    n_estimators: int,
    early_stopping_rounds: int,
    progress: dict[str, dict[str, list[float]]] | None = None,
) -> xgb.Booster:
    """Boost on `train` until `validation` has not improved for some rounds, and keep the trees up to the best one.

    Parameters
    ----------
    validation
        None, and all rounds are made and kept.
    progress
        Where given, it is filled with the metrics by round of ``train``, too, which takes time.
    """
    matrix = _matrix(train, params)
    evals = [] if progress is None else [(matrix, "train")]
    if validation is not None:
        evals.append((_matrix(validation, params, ref=matrix), "validation"))
    booster = xgb.train(
        params,
        matrix,
        num_boost_round=n_estimators,
        evals=evals,
        early_stopping_rounds=None if validation is None else early_stopping_rounds,
        evals_result=progress,
        verbose_eval=False,
        callbacks=[Rounds(n_estimators)],
    )
    return booster if validation is None else booster[: booster.best_iteration + 1]


def as_stopped(estimator: Estimator) -> Estimator:
    """A copy that is not fitted, of as many rounds as the estimator was stopped at."""
    check_is_fitted(estimator)
    copy: Estimator = clone(estimator)
    return copy.set_params(n_estimators=estimator.booster_.num_boosted_rounds())


def _matrix(rows: Rows, params: dict[str, Any], ref: xgb.DMatrix | None = None) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        rows.X, label=rows.y, base_margin=rows.margin, qid=rows.query, ref=ref, max_bin=params["max_bin"]
    )
