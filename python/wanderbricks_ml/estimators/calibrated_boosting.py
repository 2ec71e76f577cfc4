"""Boosted probabilities, calibrated on rows that they were not fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.calibration import SMALLEST, Uncalibrated, check_labels, choose_calibration, log_odds
from wanderbricks_ml.estimators.contributions import LOG_ODDS, Contributions, of_started
from wanderbricks_ml.estimators.stopped_boosting import Rows, as_stopped, boost, boosting_params
from wanderbricks_ml.estimators.stored import BOOSTING, renamed


class CalibratedBoostingClassifier(BaseEstimator):
    """Probability of a label of 0 or 1: boosted trees, stopped and calibrated on validation rows.

    Boosting with the logistic loss stops when the validation loss no longer improves. Then calibrations of its
    probabilities compete on the validation rows (`calibration.choose_calibration`). Each keeps the order of the
    rows, so that the area under the ROC curve stays what the trees made it.

    Parameters
    ----------
    start
        Position of a column of X, a probability from whose log odds boosting starts, so that trees learn only how a row
        differs from it; None where there is none.
    n_estimators
        Most boosting rounds.
    early_stopping_rounds
        Rounds without improvement after which boosting stops.
    params
        Further parameters of ``xgboost.train``.

    Attributes
    ----------
    booster_ : xgboost.Booster
    start_mean_ : float
        Mean log odds of the start over the rows that were learnt from; 0 without a start.
    classes_ : ndarray of shape (2,)
    calibration_ : str
        ``none``, ``platt`` or ``isotonic``.
    calibration_losses_ : dict
        Cross-fitted log loss on the validation rows by calibration; empty without validation rows.
    """

    task = "probability"
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

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        first = 0 if state.pop("starts_from_first", False) else None
        super().__setstate__(renamed(state, BOOSTING, {"start": first}))

    def fit(
        self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None
    ) -> CalibratedBoostingClassifier:
        """Fit on X of shape (rows, columns) and labels y; without `validation` nothing stops or calibrates.

        Raises
        ------
        ValueError
            When a label is neither 0 nor 1, or one class is missing, in either set.
        """
        check_labels(y, "training")
        held_out = None
        if validation is not None:
            check_labels(validation[1], "validation")
            held_out = Rows(*validation, margin=self._margin(validation[0]))
        margin = self._margin(X)
        self.start_mean_ = 0.0 if margin is None else float(margin.mean(dtype=np.float64))
        self.booster_ = boost(
            boosting_params("binary:logistic", self.params),
            Rows(X, y, margin),
            held_out,
            self.n_estimators,
            self.early_stopping_rounds,
        )
        self.classes_ = np.array([0, 1])
        self.calibration_ = "none"
        self.calibration_losses_: dict[str, float] = {}
        self._calibrate: Any = Uncalibrated()
        if held_out is not None:
            self.calibration_, self._calibrate, self.calibration_losses_ = choose_calibration(
                self._boosted(held_out.X), held_out.y
            )
        return self

    def refit(self, X: Floats, y: Floats) -> CalibratedBoostingClassifier:
        """A new estimator on X and y, of as many rounds as this one was stopped at and calibrated as this one is."""
        found = as_stopped(self).fit(X, y)
        found.calibration_, found._calibrate = self.calibration_, self._calibrate
        found.calibration_losses_ = self.calibration_losses_
        return found

    def predict(self, X: Floats) -> Floats:
        """Probability of a label of 1, shape (rows,), for X of shape (rows, columns)."""
        check_is_fitted(self)
        calibrated: Floats = self._calibrate(self._boosted(X))
        return calibrated

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities of the labels 0 and 1, shape (rows, 2)."""
        positive = self.predict(X)
        return np.column_stack([1 - positive, positive])

    def contributions(self, X: Floats) -> Contributions:
        """What each column adds to the log odds, before they are calibrated, of each row of X."""
        check_is_fitted(self)
        mean = getattr(self, "start_mean_", None)
        return Contributions(*of_started(self.booster_, X, self._margin(X), self.start, mean), LOG_ODDS)

    def _boosted(self, X: Floats) -> Floats:
        probability: Floats = self.booster_.inplace_predict(X, base_margin=self._margin(X)).astype(np.float64)
        return np.clip(probability, SMALLEST, 1 - SMALLEST)

    def _margin(self, X: Floats) -> Floats | None:
        if self.start is None:
            return None
        start = X[:, self.start].astype(np.float64)
        if not np.all((start >= 0) & (start <= 1)):
            raise ValueError("a start is no probability; see the column that roles.start names")
        return log_odds(np.clip(start, SMALLEST, 1 - SMALLEST)).astype(np.float32)
