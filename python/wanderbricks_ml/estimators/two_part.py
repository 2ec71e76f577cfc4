"""What a customer is worth: whether there will be anything, times how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import GammaRegressor, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.contributions import LOG, Contributions, of_trees
from wanderbricks_ml.estimators.stopped_boosting import Rows, boost, boosting_params
from wanderbricks_ml.estimators.stored import BOOSTING, renamed

_SMALLEST = 1e-6
_PARTS = ("chance", "amount")


class TwoPartRegressor(BaseEstimator):
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

    Parameters
    ----------
    time, booking_rate, booking_value, silence, has_booked
        Positions of columns of X: time in months, which trees do not see; yearly booking rate, shrunk, positive; value
        of a booking, shrunk, positive; silence, 0 or more; whether the user ever booked, 0 or 1.
    n_estimators
        Most boosting rounds of each part; fewer when its validation loss stops improving.
    early_stopping_rounds
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
    roles = ("time", "booking_rate", "booking_value", "silence", "has_booked")

    def __init__(
        self,
        time: int = 0,
        booking_rate: int = 1,
        booking_value: int = 2,
        silence: int = 3,
        has_booked: int = 4,
        n_estimators: int = 300,
        early_stopping_rounds: int = 25,
        damping: float = 0.9,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.time = time
        self.booking_rate = booking_rate
        self.booking_value = booking_value
        self.silence = silence
        self.has_booked = has_booked
        self.n_estimators = n_estimators
        self.early_stopping_rounds = early_stopping_rounds
        self.damping = damping
        self.params = params

    def __setstate__(self, state: dict[str, Any]) -> None:
        roles = {role: position for position, role in enumerate(self.roles)}
        super().__setstate__(renamed(state, BOOSTING, roles))

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
        return self._fit(X, y, validation, dict.fromkeys(_PARTS, self.n_estimators))

    def refit(self, X: Floats, y: Floats) -> TwoPartRegressor:
        """A new estimator on X and y, of as many rounds in each part as this one was stopped at."""
        check_is_fitted(self)
        recipe: TwoPartRegressor = clone(self)
        return recipe._fit(X, y, None, {name: self.boosters_[name].num_boosted_rounds() for name in _PARTS})

    def _fit(
        self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None, rounds: Mapping[str, int]
    ) -> TwoPartRegressor:
        paid = y > 0
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
            rounds["chance"],
        )
        self._fit_part(
            "amount",
            GammaRegressor(alpha=1e-3, max_iter=1_000),
            "reg:gamma",
            (X[paid], y[paid]),
            (held_out[0][held_paid], held_out[1][held_paid]),
            rounds["amount"],
        )
        self._fit_trend(np.concatenate([X, held_out[0]]), np.concatenate([y, held_out[1]]))
        return self

    def predict(self, X: Floats) -> Floats:
        """Expected label and probability that it is 0, shape (rows, 2), for X of shape (rows, columns)."""
        check_is_fitted(self)
        chance = self._part("chance", X)
        amount = self._part("amount", X)
        return np.column_stack([chance * amount * self._trend(X[:, self.time].astype(np.float64)), 1 - chance])

    def contributions(self, X: Floats) -> Contributions:
        """What each column adds to the logarithm of the expected label of each row of X.

        Those to the amount are exact. Those to the chance are so to its log odds; each row has one factor that brings
        them to the logarithm of the chance. Growth is the same for all rows of a day, and part of the base.
        """
        check_is_fitted(self)
        amount, amount_base = self._part_contributions("amount", X)
        chance, chance_base = self._part_contributions("chance", X)
        moved = chance.sum(axis=1)
        gained = _log_chance(chance_base + moved) - _log_chance(chance_base)
        # where nothing moves the odds, the factor is the slope
        still = np.abs(moved) < _SMALLEST
        factor = np.where(still, 1 / (1 + np.exp(chance_base)), gained / np.where(still, 1, moved))
        values = np.insert(amount + chance * factor[:, None], self.time, 0, axis=1)
        trend = np.log(self._trend(X[:, self.time].astype(np.float64)))
        return Contributions(values, amount_base + _log_chance(chance_base) + trend, LOG)

    def _part_contributions(self, name: str, X: Floats) -> tuple[Floats, Floats]:
        """Contributions to a part's margin of the columns that trees see: theirs, and those of the linear start."""
        values, base = of_trees(self.boosters_[name], self._seen(X), self._margin(name, X))
        scaler, linear = self.starts_[name][0], self.starts_[name][-1]
        # scaled columns have a mean of 0 over the rows that were learnt from
        terms = scaler.transform(self._start_columns(X)) * np.ravel(linear.coef_)
        columns = [self.booking_rate, self.booking_value, self.silence, self.has_booked, self.silence]
        for column, term in zip(columns, terms.T, strict=True):
            values[:, column - (column > self.time)] += term
        return values, base - terms.sum(axis=1)

    def _fit_part(
        self,
        name: str,
        start: Any,
        objective: str,
        learnt: tuple[Floats, Floats],
        held_out: tuple[Floats, Floats],
        rounds: int,
    ) -> None:
        X, y = learnt
        self.starts_[name] = make_pipeline(StandardScaler(), start).fit(self._start_columns(X), y)
        self.boosters_[name] = boost(
            boosting_params(objective, self.params),
            self._rows(name, X, y),
            self._rows(name, *held_out) if len(held_out[1]) else None,
            rounds,
            self.early_stopping_rounds,
        )

    def _rows(self, name: str, X: Floats, y: Floats) -> Rows:
        return Rows(self._seen(X), y, self._margin(name, X))

    def _part(self, name: str, X: Floats) -> Floats:
        found = self.boosters_[name].inplace_predict(self._seen(X), base_margin=self._margin(name, X))
        return np.asarray(found, dtype=np.float64)

    def _margin(self, name: str, X: Floats) -> Floats:
        columns, start = self._start_columns(X), self.starts_[name]
        margin = start.decision_function(columns) if name == "chance" else np.log(start.predict(columns))
        return np.asarray(margin, dtype=np.float32)

    def _seen(self, X: Floats) -> Floats:
        """What trees see."""
        return X[:, 1:] if self.time == 0 else np.delete(X, self.time, axis=1)

    def _start_columns(self, X: Floats) -> Floats:
        positions = [self.booking_rate, self.booking_value, self.silence, self.has_booked]
        rate, value, silence, booked = X[:, positions].astype(np.float64).T
        return np.column_stack(
            [
                np.log(np.maximum(rate, _SMALLEST)),
                np.log(np.maximum(value, _SMALLEST)),
                silence,
                booked,
                booked * silence,
            ]
        )

    def _check_roles(self, X: Floats) -> None:
        for role in self.roles:
            position = getattr(self, role)
            if position >= X.shape[1]:
                raise ValueError(f"column {position} is the {role}, yet X has {X.shape[1]} columns")
            least = X[:, position].min()
            if not np.isfinite(least) or least < 0 or (role in ("booking_rate", "booking_value") and least <= 0):
                raise ValueError(f"column {position} is the {role}, yet its smallest value is {least}")

    def _fit_trend(self, X: Floats, y: Floats) -> None:
        time = X[:, self.time].astype(np.float64)
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


def _log_chance(log_odds: Floats) -> Floats:
    """Logarithm of the probability with these log odds."""
    return -np.logaddexp(0, -log_odds)
