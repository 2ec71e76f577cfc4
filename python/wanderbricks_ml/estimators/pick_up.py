"""Expected counts: what is known already, and a boosted rate for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.contributions import LOG, Contributions, credit, of_trees
from wanderbricks_ml.estimators.stopped_boosting import Rows, as_stopped, boost, boosting_params
from wanderbricks_ml.estimators.stored import BOOSTING, renamed


class PickUpRegressor(RegressorMixin, BaseEstimator):
    """Expected count = what is known already + a boosted Poisson rate for what is still to come.

    The rate starts from a baseline (its logarithm, plus the average pick-up of the horizon, is the
    booster's base margin), so that trees learn only how a row differs from it.

    Parameters
    ----------
    baseline_rate, known_count, horizon
        Positions of columns of X: a positive rate, what is known already, whole days. Without one of them it is 1, 0
        and 0 for all rows.
    n_estimators
        Most boosting rounds; fewer when the validation deviance stops improving.
    early_stopping_rounds
        Rounds without improvement after which boosting stops.
    params
        Further parameters of ``xgboost.train``.

    Attributes
    ----------
    booster_ : xgboost.Booster
    pick_up_ : ndarray of shape (longest horizon + 1,)
        Share of the baseline that is still to come, by horizon.
    start_means_ : tuple of float
        Mean logarithm of the baseline, and of that share, over the rows that were learnt from.
    """

    task = "count"
    roles = ("baseline_rate", "known_count", "horizon")

    def __init__(
        self,
        baseline_rate: int | None = None,
        known_count: int | None = None,
        horizon: int | None = None,
        n_estimators: int = 200,
        early_stopping_rounds: int = 20,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.baseline_rate = baseline_rate
        self.known_count = known_count
        self.horizon = horizon
        self.n_estimators = n_estimators
        self.early_stopping_rounds = early_stopping_rounds
        self.params = params

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(renamed(state, BOOSTING, {"baseline_rate": 0, "known_count": 1, "horizon": 2}))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags

    def fit(self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None) -> PickUpRegressor:
        """Fit on X of shape (rows, columns) and counts y; `validation` decides when to stop.

        Raises
        ------
        ValueError
            When a label is below the count already known, or a baseline is not positive.
        """
        X, y = validate_data(self, X, y, ensure_all_finite="allow-nan", y_numeric=True)
        self.start(X, y)
        held_out = None
        if validation is not None:
            held_out = Rows(validation[0], *self.boosting_rows(*validation))
        self.booster_ = boost(
            self.boosting_params,
            Rows(X, *self.boosting_rows(X, y)),
            held_out,
            self.n_estimators,
            self.early_stopping_rounds,
        )
        return self

    def refit(self, X: Floats, y: Floats) -> PickUpRegressor:
        """A new estimator on X and y, of as many rounds as this one was stopped at."""
        return self.recipe().fit(X, y)

    def recipe(self) -> PickUpRegressor:
        """A copy that is not fitted, with the rounds that this one was stopped at."""
        return as_stopped(self)

    def start(self, X: Floats, y: Floats) -> None:
        """Learn from X and y, all rows or a sample, what the boosting starts from: the pick-up curve."""
        rest = self._rest(X, y)
        baseline, horizon = _column(X, self.baseline_rate, 1), _column(X, self.horizon, 0).astype(np.int64)
        longest = int(horizon.max())
        to_come = np.bincount(horizon, weights=rest, minlength=longest + 1)
        expected = np.bincount(horizon, weights=baseline, minlength=longest + 1)
        overall = max(float(rest.sum()), 0.5) / float(baseline.sum())
        # one row's weight of the overall share keeps an empty horizon from a rate of zero
        prior = float(baseline.mean())
        self.pick_up_ = (to_come + overall * prior) / (expected + prior)
        self.start_means_ = tuple(float(term.mean()) for term in self._terms(X))

    @property
    def boosting_params(self) -> dict[str, Any]:
        """Parameters of ``xgboost.train``."""
        return boosting_params("count:poisson", self.params)

    def boosting_rows(self, X: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Label and base margin of the boosting for each row, of shape (rows,) both; needs `start`."""
        return self._rest(X, y), self._margin(X)

    def predict(self, X: Floats) -> Floats:
        """Expected counts, shape (rows,), for X of shape (rows, columns)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, ensure_all_finite="allow-nan")
        rest = self.booster_.inplace_predict(X, base_margin=self._margin(X))
        return _column(X, self.known_count, 0).astype(np.float64) + rest.astype(np.float64)

    def contributions(self, X: Floats) -> Contributions:
        """What each column adds to the logarithm of what is still to come, which leaves the known count out."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, ensure_all_finite="allow-nan")
        values, base = of_trees(self.booster_, X, self._margin(X))
        means = getattr(self, "start_means_", (None, None))
        for column, term, mean in zip((self.baseline_rate, self.horizon), self._terms(X), means, strict=True):
            if column is not None:
                credit(values, base, column, term, mean)
        return Contributions(values, base, LOG)

    def _margin(self, X: Floats) -> Floats:
        baseline, share = self._factors(X)
        return np.log(baseline * share).astype(np.float32)

    def _terms(self, X: Floats) -> tuple[Floats, Floats]:
        """Terms of the margin, the one of the baseline and the one of the horizon."""
        baseline, share = self._factors(X)
        return np.log(baseline), np.log(share)

    def _factors(self, X: Floats) -> tuple[Floats, Floats]:
        horizon = np.clip(_column(X, self.horizon, 0).astype(np.int64), 0, len(self.pick_up_) - 1)
        return _column(X, self.baseline_rate, 1).astype(np.float64), self.pick_up_[horizon]

    def _rest(self, X: Floats, y: Floats) -> Floats:
        if not np.all(_column(X, self.baseline_rate, 1) > 0):
            raise ValueError("a baseline is not positive; see the column that roles.baseline_rate names")
        rest = y.astype(np.float64) - _column(X, self.known_count, 0)
        if rest.min() < 0:
            raise ValueError("a label lies below the count already known at its snapshot")
        return rest


def _column(X: Floats, position: int | None, absent: float) -> Floats:
    return np.full(len(X), absent, dtype=np.float64) if position is None else X[:, position]
