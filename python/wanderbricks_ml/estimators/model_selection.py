"""Several kinds of classifier that compete on validation rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from wanderbricks_ml import progress
from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.calibration import SMALLEST, Uncalibrated, check_labels, choose_calibration, log_losses
from wanderbricks_ml.estimators.contributions import Contributions, of_classifier
from wanderbricks_ml.estimators.stored import renamed

Parameters = Mapping[str, Any]


class ModelSelectionClassifier(BaseEstimator):
    """Probability of a label of 0 or 1, by the best of several kinds of classifier.

    Each algorithm is fitted on the training rows with class weights (both classes weigh alike, whatever their
    shares), and its probabilities, which the weights distort, are calibrated on the validation rows
    (`calibration.choose_calibration`). The one with the smallest log loss on the validation rows, calibrated by
    cross-fitting, is kept; of equal ones the first. One algorithm alone wins without a competition.

    Parameters
    ----------
    algorithms
        Parameters by algorithm, as the library behind it names them: ``logistic_regression``,
        ``random_forest`` and ``gradient_boosting`` (scikit-learn; of log and standardised columns, plain, and on
        histograms) and ``xgboost``. All four with their own defaults where it is None.
    seed
        Of all that is drawn at random.
    threads
        Most threads at once; all cores where it is None.

    Attributes
    ----------
    chosen_ : str
        Kind that is kept.
    algorithm_losses_ : dict
        Cross-fitted log loss on the validation rows by kind; empty without validation rows.
    calibration_ : str
        ``none``, ``platt`` or ``isotonic``.
    calibration_losses_ : dict
        Cross-fitted log loss of the kind that is kept, by calibration; empty without validation rows.
    classes_ : ndarray of shape (2,)
    """

    task = "probability"

    def __init__(
        self, algorithms: Mapping[str, Parameters] | None = None, seed: int = 0, threads: int | None = None
    ) -> None:
        self.algorithms = algorithms
        self.seed = seed
        self.threads = threads

    def __setstate__(self, state: dict[str, Any]) -> None:
        names = {"candidates": "algorithms", "candidate_losses_": "algorithm_losses_"}
        super().__setstate__(renamed(state, names))

    def fit(self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None) -> ModelSelectionClassifier:
        """Fit on X of shape (rows, columns), without gaps, and labels y.

        Without `validation` nothing can be compared or calibrated: there has to be one algorithm, and it is fitted
        without class weights.

        Raises
        ------
        ValueError
            When there is no algorithm, an unknown one, or more than one without validation rows; when a label is
            neither 0 nor 1, or one class is missing, in either set.
        """
        algorithms = {kind: {} for kind in ALGORITHMS} if self.algorithms is None else self.algorithms
        unknown = [kind for kind in algorithms if kind not in ALGORITHMS]
        if unknown or not algorithms:
            raise ValueError(f"algorithms are some of {', '.join(ALGORITHMS)}, not {', '.join(unknown) or 'none'}")
        if len(algorithms) > 1 and validation is None:
            raise ValueError(f"{len(algorithms)} algorithms cannot be compared without validation rows")
        check_labels(y, "training")
        if validation is not None:
            check_labels(validation[1], "validation")
        self.classes_ = np.array([0, 1])
        self.algorithm_losses_: dict[str, float] = {}
        self.calibration_losses_: dict[str, float] = {}
        self.calibration_ = "none"
        self._calibrate: Any = Uncalibrated()
        weight = None if validation is None else _balanced(y)
        for number, (kind, parameters) in enumerate(algorithms.items(), 1):
            if len(algorithms) > 1:
                progress.say("fitting algorithm %d of %d, %s", number, len(algorithms), kind.replace("_", " "))
            model = ALGORITHMS[kind](dict(parameters), self.seed, self.threads)
            with threadpool_limits(self.threads):
                _fit_weighted(model, X, y, weight)
            if validation is None:
                self.chosen_, self._model = kind, model
                continue
            with threadpool_limits(self.threads):
                raw = _positive(model, validation[0])
                found = choose_calibration(raw, validation[1])
            # where a class is too rare for halves nothing is calibrated
            loss = found.losses.get(found.name, float(log_losses(validation[1], raw).mean()))
            if not self.algorithm_losses_ or loss < min(self.algorithm_losses_.values()):
                self.chosen_, self._model = kind, model
                self.calibration_, self._calibrate, self.calibration_losses_ = found
            self.algorithm_losses_[kind] = loss
        return self

    def refit(self, X: Floats, y: Floats) -> ModelSelectionClassifier:
        """A new classifier of the kind that won, on X and y, weighted and calibrated as this one is."""
        check_is_fitted(self)
        check_labels(y, "training")
        found: ModelSelectionClassifier = clone(self)
        parameters = dict((self.algorithms or {}).get(self.chosen_, {}))
        model = ALGORITHMS[self.chosen_](parameters, self.seed, self.threads)
        with threadpool_limits(self.threads):
            # where nothing was compared, nothing was weighted
            _fit_weighted(model, X, y, _balanced(y) if self.algorithm_losses_ else None)
        found._model, found._calibrate = model, self._calibrate
        found.classes_, found.chosen_, found.algorithm_losses_ = self.classes_, self.chosen_, self.algorithm_losses_
        found.calibration_, found.calibration_losses_ = self.calibration_, self.calibration_losses_
        return found

    def predict(self, X: Floats) -> Floats:
        """Probability of a label of 1, shape (rows,), for X of shape (rows, columns)."""
        check_is_fitted(self)
        with threadpool_limits(self.threads):
            calibrated: Floats = self._calibrate(_positive(self._model, X))
        return calibrated

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities of the labels 0 and 1, shape (rows, 2)."""
        positive = self.predict(X)
        return np.column_stack([1 - positive, positive])

    def contributions(self, X: Floats) -> Contributions:
        """What each column adds to what the kind that won says of each row of X, weighted and before calibration."""
        check_is_fitted(self)
        return of_classifier(self._model, X)


def _balanced(y: Floats) -> Floats:
    """Weights with a mean of 1, under which both classes weigh alike."""
    share = float(y.mean())
    return np.where(y == 1, 0.5 / share, 0.5 / (1 - share))


def _fit_weighted(model: Any, X: Floats, y: Floats, weight: Floats | None) -> None:
    last = f"{model.steps[-1][0]}__" if hasattr(model, "steps") else ""
    model.fit(X, y, **({} if weight is None else {f"{last}sample_weight": weight}))
    if hasattr(model, "estimators_"):
        # a forest's threads add their trees up in whatever order they end
        model.set_params(n_jobs=1)


def _positive(model: Any, X: Floats) -> Floats:
    probability = np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)
    return np.clip(probability, SMALLEST, 1 - SMALLEST)


def _logarithm(X: Floats) -> Floats:
    """Counts and money on a scale on which they are not skewed; gaps are -1."""
    return np.log(np.maximum(X, -1) + 2)


def _logistic_regression(parameters: dict[str, Any], seed: int, threads: int | None) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    model = LogisticRegression(**{"max_iter": 1_000, "random_state": seed} | parameters)
    return make_pipeline(FunctionTransformer(_logarithm), StandardScaler(), model)


def _random_forest(parameters: dict[str, Any], seed: int, threads: int | None) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**{"n_jobs": threads, "random_state": seed} | parameters)


def _gradient_boosting(parameters: dict[str, Any], seed: int, threads: int | None) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # its own early stopping would draw rows at random, not by date
    return HistGradientBoostingClassifier(**{"early_stopping": False, "random_state": seed} | parameters)


def _xgboost(parameters: dict[str, Any], seed: int, threads: int | None) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(**{"tree_method": "hist", "n_jobs": threads, "random_state": seed} | parameters)


ALGORITHMS: Mapping[str, Callable[[dict[str, Any], int, int | None], Any]] = {
    "logistic_regression": _logistic_regression,
    "random_forest": _random_forest,
    "gradient_boosting": _gradient_boosting,
    "xgboost": _xgboost,
}
"""Makers of an unfitted classifier from its parameters, seed and threads."""
