"""Expected counts: what is known already, and a boosted rate for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.progress import Rounds


class PickUpRegressor(RegressorMixin, BaseEstimator):
    """Expected count = what is known already + a boosted Poisson rate for what is still to come.

    The rate starts from a baseline (its logarithm, plus the average pick-up of the horizon, is the
    booster's base margin), so that trees learn only how a row differs from it. The first three
    columns of X have fixed roles: baseline rate (positive), known count, horizon in whole days.

    Parameters
    ----------
    rounds
        Most boosting rounds; fewer when the validation deviance stops improving.
    patience
        Rounds without improvement after which boosting stops.
    params
        Further parameters of ``xgboost.train``.

    Attributes
    ----------
    booster_ : xgboost.Booster
    pick_up_ : ndarray of shape (longest horizon + 1,)
        Share of the baseline that is still to come, by horizon.
    """

    task = "count"

    def __init__(self, rounds: int = 200, patience: int = 20, params: dict[str, Any] | None = None) -> None:
        self.rounds = rounds
        self.patience = patience
        self.params = params

    def fit(self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None) -> PickUpRegressor:
        """Fit on X of shape (rows, columns) and counts y; `validation` decides when to stop.

        Raises
        ------
        ValueError
            When a label is below the count already known, or a baseline is not positive.
        """
        self.start(X, y)
        params = self.boosting_params
        bins = params["max_bin"]
        rest, margin = self.boosting_rows(X, y)
        train = xgb.QuantileDMatrix(X, label=rest, base_margin=margin, max_bin=bins)
        evals, stop = [], None
        if validation is not None:
            rest, margin = self.boosting_rows(*validation)
            held_out = xgb.QuantileDMatrix(validation[0], label=rest, base_margin=margin, ref=train, max_bin=bins)
            evals, stop = [(held_out, "validation")], self.patience
        booster = xgb.train(
            params,
            train,
            num_boost_round=self.rounds,
            evals=evals,
            early_stopping_rounds=stop,
            verbose_eval=False,
            callbacks=[Rounds(self.rounds)],
        )
        self.booster_ = booster[: booster.best_iteration + 1] if evals else booster
        return self

    def start(self, X: Floats, y: Floats) -> None:
        """Learn from X and y, all rows or a sample, what the boosting starts from: the pick-up curve."""
        rest = self._rest(X, y)
        horizon = X[:, 2].astype(np.int64)
        longest = int(horizon.max())
        to_come = np.bincount(horizon, weights=rest, minlength=longest + 1)
        expected = np.bincount(horizon, weights=X[:, 0], minlength=longest + 1)
        overall = max(float(rest.sum()), 0.5) / float(X[:, 0].sum())
        # one row's weight of the overall share keeps an empty horizon from a rate of zero
        prior = float(X[:, 0].mean())
        self.pick_up_ = (to_come + overall * prior) / (expected + prior)

    @property
    def boosting_params(self) -> dict[str, Any]:
        """Parameters of ``xgboost.train``."""
        return {"objective": "count:poisson", "tree_method": "hist", "max_bin": 256, **(self.params or {})}

    def boosting_rows(self, X: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Label and base margin of the boosting for each row, of shape (rows,) both; needs `start`."""
        return self._rest(X, y), self._margin(X)

    def predict(self, X: Floats) -> Floats:
        """Expected counts, shape (rows,), for X of shape (rows, columns)."""
        check_is_fitted(self)
        rest = self.booster_.inplace_predict(X, base_margin=self._margin(X))
        return X[:, 1].astype(np.float64) + rest.astype(np.float64)

    def _margin(self, X: Floats) -> Floats:
        horizon = np.clip(X[:, 2].astype(np.int64), 0, len(self.pick_up_) - 1)
        return np.log(X[:, 0].astype(np.float64) * self.pick_up_[horizon]).astype(np.float32)

    @staticmethod
    def _rest(X: Floats, y: Floats) -> Floats:
        if not np.all(X[:, 0] > 0):
            raise ValueError("a baseline is not positive; see the baseline column of the examples")
        rest = y.astype(np.float64) - X[:, 1]
        if rest.min() < 0:
            raise ValueError("a label lies below the count already known at its snapshot")
        return rest
