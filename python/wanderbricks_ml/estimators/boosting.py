"""Boosted trees for a number or a count, stopped on validation rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.contributions import LOG, NUMBER, Contributions, of_started
from wanderbricks_ml.estimators.stopped_boosting import Rows, as_stopped, boost, boosting_params


class BoostingRegressor(BaseEstimator):
    """Expected number: boosted trees with the squared error as their loss.

    Parameters
    ----------
    start
        Position of a column of X, a guess from which boosting starts, so that trees learn only how a row differs from
        it; None where there is none.
    n_estimators
        Most boosting rounds.
    early_stopping_rounds
        Rounds without improvement on the validation rows after which boosting stops.
    params
        Further parameters of ``xgboost.train``.

    Attributes
    ----------
    booster_ : xgboost.Booster
    start_mean_ : float
        Mean of the margin that boosting started from; 0 without a start.
    """

    task = "regression"
    objective = "reg:squarederror"
    unit = NUMBER
    optional_roles = ("start",)

    def __init__(
        self,
        start: int | None = None,
        n_estimators: int = 300,
        early_stopping_rounds: int = 20,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.start = start
        self.n_estimators = n_estimators
        self.early_stopping_rounds = early_stopping_rounds
        self.params = params

    def fit(self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None) -> Self:
        """Fit on X of shape (rows, columns) and labels y; without `validation` nothing stops it."""
        margin = self._margin(X)
        self.start_mean_ = 0.0 if margin is None else float(margin.mean(dtype=np.float64))
        self.booster_ = boost(
            boosting_params(self.objective, self.params),
            Rows(X, y, margin),
            None if validation is None else Rows(*validation, margin=self._margin(validation[0])),
            self.n_estimators,
            self.early_stopping_rounds,
        )
        return self

    def refit(self, X: Floats, y: Floats) -> Self:
        """A new estimator on X and y, of as many rounds as this one was stopped at."""
        return as_stopped(self).fit(X, y)

    def predict(self, X: Floats) -> Floats:
        """Expected numbers, shape (rows,), for X of shape (rows, columns)."""
        check_is_fitted(self)
        return np.asarray(self.booster_.inplace_predict(X, base_margin=self._margin(X)), dtype=np.float64)

    def contributions(self, X: Floats) -> Contributions:
        """What each column adds to the number, or to the logarithm of a count, of each row of X."""
        check_is_fitted(self)
        mean = getattr(self, "start_mean_", None)
        return Contributions(*of_started(self.booster_, X, self._margin(X), self.start, mean), self.unit)

    def _margin(self, X: Floats) -> Floats | None:
        return None if self.start is None else X[:, self.start].astype(np.float32)


class BoostingCounter(BoostingRegressor):
    """Expected count, above 0: boosted trees with the Poisson deviance as their loss; see `BoostingRegressor`.

    A `start` has to be positive.
    """

    task = "count"
    objective = "count:poisson"
    unit = LOG

    def _margin(self, X: Floats) -> Floats | None:
        if self.start is None:
            return None
        start = X[:, self.start].astype(np.float64)
        if not np.all(start > 0):
            raise ValueError("a start is not positive; see the column that roles.start names")
        return np.log(start).astype(np.float32)
