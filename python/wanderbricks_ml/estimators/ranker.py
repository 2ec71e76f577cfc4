"""Which of the items of a query comes first."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.estimators.stopped_boosting import Rows, as_stopped, boost, boosting_params
from wanderbricks_ml.estimators.stored import BOOSTING, renamed

CUT = 10
"""Places that count."""


class LambdaMARTRanker(BaseEstimator):
    """Scores that put the right item of a query before the others: boosted trees with LambdaMART's gradients.

    Each pair of a right and a wrong item of the same query pushes their scores apart, the more, the more the
    normalised discounted cumulative gain of the query would change if they swapped places [1]_. A score says nothing
    by itself and compares items of one query only. Boosting stops when the gain at 10 of the validation queries
    no longer improves. Training queries without a right item push nothing and are left out.

    Parameters
    ----------
    n_estimators
        Most boosting rounds.
    early_stopping_rounds
        Rounds without improvement after which boosting stops.
    params
        Further parameters of ``xgboost.train``.

    Attributes
    ----------
    booster_ : xgboost.Booster
    progress_ : dict of str to list of float
        Gain at 10 by round, of ``train`` and, where there are such rows, ``validation``; queries without a right
        item count as 0.

    References
    ----------
    .. [1] C. Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82.
    """

    task = "ranking"

    def __init__(
        self, n_estimators: int = 300, early_stopping_rounds: int = 20, params: dict[str, Any] | None = None
    ) -> None:
        self.n_estimators = n_estimators
        self.early_stopping_rounds = early_stopping_rounds
        self.params = params

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(renamed(state, BOOSTING))

    def fit(
        self,
        X: Floats,
        y: Floats,
        validation: tuple[Floats, Floats] | None = None,
        groups: tuple[Ints, Ints] | None = None,
    ) -> LambdaMARTRanker:
        """Fit on X of shape (rows, columns) and labels y, 1 for the right item and 0 for the others.

        Parameters
        ----------
        validation
            Rows that decide when to stop.
        groups
            Number of the query of each row, shape (rows,), of the training and of the validation rows; rows of a
            query follow one another.

        Raises
        ------
        ValueError
            When `groups` is missing or does not fit the rows, the rows of a query are scattered, a label is neither
            0 nor 1, or no training query has a right item beside a wrong one.
        """
        if groups is None:
            raise ValueError("a ranker needs `groups`; name the columns of a query in the setting `group`")
        _check(y, groups[0], "training")
        kept = _teaching(y, groups[0])
        if not kept.any():
            raise ValueError("no training query has a right item beside a wrong one; there is nothing to learn")
        held_out = None
        if validation is not None:
            _check(validation[1], groups[1], "validation")
            held_out = Rows(*validation, query=_numbered(groups[1]))
        found: dict[str, dict[str, list[float]]] = {}
        self.booster_ = boost(
            # a query without a right item is worth 0, not 1
            boosting_params("rank:ndcg", {"eval_metric": f"ndcg@{CUT}-", **(self.params or {})}),
            Rows(X[kept], y[kept], query=_numbered(groups[0][kept])),
            held_out,
            self.n_estimators,
            self.early_stopping_rounds,
            progress=found,
        )
        self.progress_ = {name: list(next(iter(values.values()))) for name, values in found.items()}
        return self

    def refit(self, X: Floats, y: Floats, groups: Ints | None = None) -> LambdaMARTRanker:
        """A new ranker on X and y, whose queries `groups` numbers, of as many rounds as this one was stopped at."""
        return as_stopped(self).fit(X, y, groups=None if groups is None else (groups, groups[:0]))

    def predict(self, X: Floats) -> Floats:
        """Scores of shape (rows,), higher is better, for X of shape (rows, columns)."""
        check_is_fitted(self)
        return np.asarray(self.booster_.inplace_predict(X, predict_type="margin"), dtype=np.float64)


def mean_ndcg(y: Floats, scores: Floats, groups: Ints) -> float:
    """Mean normalised discounted cumulative gain at 10 over the queries; one without a right item counts as 0.

    Parameters
    ----------
    y, scores
        Labels of 0 or 1 and scores, shape (rows,).
    groups
        Number of the query of each row, shape (rows,); rows of a query follow one another.
    """
    number = _numbered(groups)
    order = np.lexsort((-scores, number))
    place = np.arange(len(y)) - np.searchsorted(number, number)
    discount = np.where(place < CUT, 1 / np.log2(place + 2.0), 0.0)
    right = np.bincount(number, y).astype(np.int64)
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(CUT) + 2.0))])[np.minimum(right, CUT)]
    gain = np.bincount(number, y[order] * discount)
    return float(np.mean(gain / np.where(right > 0, best, 1.0)))


def _check(y: Floats, groups: Ints, what: str) -> None:
    if len(y) != len(groups):
        raise ValueError(f"{len(y)} {what} rows, but groups for {len(groups)}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError(f"a {what} label is neither 0 nor 1")
    if np.count_nonzero(np.diff(groups)) + 1 != len(np.unique(groups)) and len(groups):
        raise ValueError(f"the {what} rows of a query are scattered; order them by query")


def _numbered(groups: Ints) -> Ints:
    """Numbers 0, 1, 2, ... of the queries, as the booster wants them sorted."""
    return np.concatenate([[0], np.cumsum(np.diff(groups) != 0)]) if len(groups) else groups


def _teaching(y: Floats, groups: Ints) -> Bools:
    """Rows of the queries that hold both labels."""
    number = _numbered(groups)
    right, all_ = np.bincount(number, y), np.bincount(number)
    return ((right > 0) & (right < all_))[number]
