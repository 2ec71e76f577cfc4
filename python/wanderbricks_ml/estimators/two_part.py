"""What a customer is worth: whether there will be anything, times how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import GammaRegressor, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.progress import Rounds

ROLES = ("time in months", "yearly booking rate", "value of a booking", "silence", "has booked")
"""Roles of the first columns of X."""

_SMALLEST = 1e-6


class TwoPartRegressor(RegressorMixin, BaseEstimator):
    """Expected value of a label that is mostly 0, and the probability that it is 0.

    ``E(y | x) = P(y > 0 | x) E(y | y > 0, x)``: a boosted logistic regression times a boosted gamma regression, as
    in two-part models of insurance and health costs (Duan, Manning, Morris and Newhouse 1983). Two things make it
    hold at a snapshot later than all it learnt from:

    * **A linear start.** Users stay silent for longer than any did in a history that was shorter then; trees go flat
      there. Both parts start from a generalised linear model (its predictor is the booster's base margin) in what
      buy-till-you-die models reckon with (Schmittlein, Morrison and Colombo 1987): the logarithm of the posterior
      booking rate of a gamma-Poisson user, and `silence`, the evidence against being alive, which enters the
      log-odds as they have it. Trees learn how users differ from that.
    * **A damped trend.** The platform grows, and the level of the labels drifts from one training snapshot to the
      next. Its slope on the logarithm is shrunk by its own uncertainty (1 - 1 / t², and 0 where |t| is
      below 1, as James and Stein do) and carried on beyond the newest snapshot with each month counting `damping` times
      the one before (Gardner and McKenzie 1985).

    The first five columns of X have fixed roles: time in months; yearly booking rate, shrunk, positive; value of a
    booking, shrunk, positive; silence, 0 or more; whether the user ever booked, 0 or 1. Trees do not see the time.

    Parameters
    ----------
    rounds
        Most boosting rounds of each part; fewer when its validation loss stops improving.
    patience
        Rounds without improvement after which boosting stops.
    damping
        Factor from one month's growth to the next's, 0 (no trend) up to, but not including, 1.
    params
        Further parameters of ``xgboost.train``.

    Attributes
    ----------
    boosters_ : dict of str to xgboost.Booster
        ``chance`` and ``amount``.
    starts_ : dict of str to Pipeline
    newest_, oldest_ : float
        Time of the newest and oldest snapshot learnt from.
    level_, slope_ : float
        Logarithm of actual over predicted at the newest snapshot, and its growth a month.
    """

    task = "value"

    def __init__(
        self, rounds: int = 300, patience: int = 25, damping: float = 0.9, params: dict[str, Any] | None = None
    ) -> None:
        self.rounds = rounds
        self.patience = patience
        self.damping = damping
        self.params = params

    def fit(self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None) -> TwoPartRegressor:
        """Fit on X of shape (rows, columns) and labels y; `validation` decides when to stop.

        Raises
        ------
        ValueError
            When a label is negative, none is positive or all are, a column does not fit its role, or `damping` is
            out of range.
        """
        if not 0 <= self.damping < 1:
            raise ValueError(f"damping is {self.damping}; it takes 0 up to, but not including, 1")
        if y.min() < 0:
            raise ValueError("a label is negative; values are 0 or more")
        paid = y > 0
        if not paid.any() or paid.all():
            raise ValueError("a two-part model needs labels of 0 and labels above 0; these have one kind only")
        self._check_roles(X)
        held_out = validation if validation is not None else (X[:0], y[:0])
        held_paid = held_out[1] > 0
        self.starts_: dict[str, Any] = {}
        self.boosters_: dict[str, xgb.Booster] = {}
        self._fit_part(
            "chance",
            LogisticRegression(C=10, max_iter=1_000),
            "binary:logistic",
            (X, paid.astype(np.float64)),
            (held_out[0], held_paid.astype(np.float64)),
        )
        self._fit_part(
            "amount",
            GammaRegressor(alpha=1e-3, max_iter=1_000),
            "reg:gamma",
            (X[paid], y[paid]),
            (held_out[0][held_paid], held_out[1][held_paid]),
        )
        self._fit_trend(np.concatenate([X, held_out[0]]), np.concatenate([y, held_out[1]]))
        return self

    def predict(self, X: Floats) -> Floats:
        """Expected label and probability that it is 0, shape (rows, 2), for X of shape (rows, columns)."""
        check_is_fitted(self)
        chance = self._part("chance", X)
        amount = self._part("amount", X)
        return np.column_stack([chance * amount * self._trend(X[:, 0].astype(np.float64)), 1 - chance])

    def _fit_part(
        self, name: str, start: Any, objective: str, learnt: tuple[Floats, Floats], held_out: tuple[Floats, Floats]
    ) -> None:
        X, y = learnt
        self.starts_[name] = make_pipeline(StandardScaler(), start).fit(self._start_columns(X), y)
        params = {"objective": objective, "tree_method": "hist", "max_bin": 256, **(self.params or {})}
        bins = params["max_bin"]
        train = xgb.QuantileDMatrix(X[:, 1:], label=y, base_margin=self._margin(name, X), max_bin=bins)
        evals = []
        if len(held_out[1]):
            watched = xgb.QuantileDMatrix(
                held_out[0][:, 1:],
                label=held_out[1],
                base_margin=self._margin(name, held_out[0]),
                ref=train,
                max_bin=bins,
            )
            evals = [(watched, "validation")]
        booster = xgb.train(
            params,
            train,
            num_boost_round=self.rounds,
            evals=evals,
            early_stopping_rounds=self.patience if evals else None,
            verbose_eval=False,
            callbacks=[Rounds(self.rounds)],
        )
        self.boosters_[name] = booster[: booster.best_iteration + 1] if evals else booster

    def _part(self, name: str, X: Floats) -> Floats:
        found = self.boosters_[name].inplace_predict(X[:, 1:], base_margin=self._margin(name, X))
        return np.asarray(found, dtype=np.float64)

    def _margin(self, name: str, X: Floats) -> Floats:
        columns, start = self._start_columns(X), self.starts_[name]
        margin = start.decision_function(columns) if name == "chance" else np.log(start.predict(columns))
        return np.asarray(margin, dtype=np.float32)

    @staticmethod
    def _start_columns(X: Floats) -> Floats:
        _, rate, value, silence, booked = X[:, : len(ROLES)].astype(np.float64).T
        return np.column_stack(
            [
                np.log(np.maximum(rate, _SMALLEST)),
                np.log(np.maximum(value, _SMALLEST)),
                silence,
                booked,
                booked * silence,
            ]
        )

    @staticmethod
    def _check_roles(X: Floats) -> None:
        if X.shape[1] < len(ROLES):
            raise ValueError(f"X has {X.shape[1]} columns; the first are {', '.join(ROLES)}")
        for position, name in enumerate(ROLES):
            column = X[:, position]
            least = column.min()
            if not np.isfinite(least) or least < 0 or (name in ROLES[1:3] and least <= 0):
                raise ValueError(f"column {position} is the {name}, yet its smallest value is {least}")

    def _fit_trend(self, X: Floats, y: Floats) -> None:
        time = X[:, 0].astype(np.float64)
        months, snapshot = np.unique(time, return_inverse=True)
        self.newest_, self.oldest_ = float(months[-1]), float(months[0])
        self.level_, self.slope_ = 0.0, 0.0
        predicted = self._part("chance", X) * self._part("amount", X)
        expected = np.bincount(snapshot, predicted)
        actual = np.bincount(snapshot, y)
        known = actual > 0
        if not known.any():
            return
        # One dispersion for all, and snapshots taken as independent: they share users, so their differences are surer
        # than that.
        dispersion = float(((y - predicted) ** 2).sum() / predicted.sum())
        ratio, weight, at = np.log(actual[known] / expected[known]), expected[known] / dispersion, months[known]
        middle = np.average(at, weights=weight)
        mean = np.average(ratio, weights=weight)
        spread = float((weight * (at - middle) ** 2).sum())
        if spread > 0:
            slope = float((weight * (at - middle) * ratio).sum()) / spread
            # what noise alone would bring is taken off the squared slope, and nothing is left of a slope below it
            self.slope_ = slope * max(0.0, 1 - 1 / max(slope**2 * spread, 1e-12))
        self.level_ = float(mean + self.slope_ * (self.newest_ - middle))

    def _trend(self, time: Floats) -> Floats:
        ahead = np.maximum(time - self.newest_, 0)
        back = np.minimum(np.maximum(time, self.oldest_) - self.newest_, 0)
        damped = self.damping * (1 - self.damping**ahead) / (1 - self.damping)
        factor: Floats = np.exp(self.level_ + self.slope_ * (back + damped))
        return factor
