"""What a customer is worth: whether there will be anything, times how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

Floats = NDArray[np.floating[Any]]


class TwoPartRegressor(RegressorMixin, BaseEstimator):
    """Expected value of a label that is mostly 0: P(y > 0 | x) E(y | y > 0, x)."""

    task = "value"

    def __init__(
        self,
        rounds: int = 300,
        patience: int = 25,
        params: dict[str, Any] | None = None,
        amount_params: dict[str, Any] | None = None,
    ) -> None:
        self.rounds = rounds
        self.patience = patience
        self.params = params
        self.amount_params = amount_params

    def fit(self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None) -> TwoPartRegressor:
        """Fit on X of shape (rows, columns) and labels y >= 0; `validation` decides when to stop."""
        if y.min() < 0:
            raise ValueError("a label is negative")
        held_out = validation if validation is not None else (None, None)
        self.chance_ = self._boost(
            {"objective": "binary:logistic", **(self.params or {})}, X, y > 0, *_binary(held_out)
        )
        self.amount_ = self._boost(
            {"objective": "reg:gamma", **(self.params or {}), **(self.amount_params or {})},
            X[y > 0],
            y[y > 0],
            *_positive(held_out),
        )
        return self

    def predict(self, X: Floats) -> Floats:
        """Expected label and probability that it is 0, shape (rows, 2)."""
        check_is_fitted(self)
        chance = self.chance_.inplace_predict(X).astype(np.float64)
        amount = self.amount_.inplace_predict(X).astype(np.float64)
        return np.column_stack([chance * amount, 1 - chance])

    def _boost(self, params, X, y, held_out, labels):
        bins = params.get("max_bin", 256)
        train = xgb.QuantileDMatrix(X, label=y, max_bin=bins)
        evals = []
        if held_out is not None:
            evals = [(xgb.QuantileDMatrix(held_out, label=labels, ref=train, max_bin=bins), "validation")]
        booster = xgb.train(
            params,
            train,
            self.rounds,
            evals=evals,
            early_stopping_rounds=self.patience if evals else None,
            verbose_eval=False,
        )
        return booster[: booster.best_iteration + 1] if evals else booster


def _binary(v):
    return (None, None) if v[0] is None else (v[0], v[1] > 0)


def _positive(v):
    return (None, None) if v[0] is None else (v[0][v[1] > 0], v[1][v[1] > 0])
