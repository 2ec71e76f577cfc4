"""Calibration of probabilities on rows that the model was not fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from wanderbricks_ml.arrays import Floats

SMALLEST = 1e-6
"""Probabilities are kept so far away from 0 and 1."""


def check_labels(y: Floats, rows: str) -> None:
    """Raise unless the labels of the named rows are 0 and 1, both of them.

    Raises
    ------
    ValueError
        When a label is neither 0 nor 1, or one class is missing.
    """
    found = np.unique(y)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"labels of the {rows} rows are 0 or 1, not {found[~np.isin(found, (0, 1))][0]}")
    if len(found) < 2:
        raise ValueError(f"the {rows} rows hold no label of {0 if 1 in found else 1}: one class cannot be learnt")


def log_odds(probability: Floats) -> Floats:
    """Logarithm of the odds of each probability."""
    return np.log(probability) - np.log1p(-probability)


def log_losses(y: Floats, probability: Floats) -> Floats:
    """Negative log likelihood by row."""
    return -np.where(y == 1, np.log(probability), np.log1p(-probability))


class Uncalibrated:
    """Probabilities as they are."""

    def fit(self, probability: Floats, y: Floats) -> Uncalibrated:
        return self

    def __call__(self, probability: Floats) -> Floats:
        return probability


class Platt:
    """A sigmoid of the log odds; as they are where its slope would turn their order."""

    def fit(self, probability: Floats, y: Floats) -> Platt:
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=1e6).fit(log_odds(probability)[:, None], y)
        slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        self.slope, self.intercept = (slope, intercept) if slope > 0 else (1.0, 0.0)
        return self

    def __call__(self, probability: Floats) -> Floats:
        calibrated = 1 / (1 + np.exp(-(self.slope * log_odds(probability) + self.intercept)))
        return np.clip(calibrated, SMALLEST, 1 - SMALLEST)


class Isotonic:
    """Isotonic regression, with a hundredth of the uncalibrated probability.

    That part keeps rows on a flat step in order, and a step without positives above zero.
    """

    def fit(self, probability: Floats, y: Floats) -> Isotonic:
        from sklearn.isotonic import IsotonicRegression

        self.steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probability, y)
        return self

    def __call__(self, probability: Floats) -> Floats:
        return 0.99 * self.steps.predict(probability) + 0.01 * probability


CALIBRATIONS: Mapping[str, type[Any]] = {"none": Uncalibrated, "platt": Platt, "isotonic": Isotonic}
"""Ways to calibrate probabilities, the simplest first."""


class Chosen(NamedTuple):
    """A calibration by name, its function, and the cross-fitted log loss of each.

    Without losses one class was too rare to compare.
    """

    name: str
    calibrate: Any
    losses: dict[str, float]


def choose_calibration(probability: Floats, y: Floats) -> Chosen:
    """The best calibration of probabilities of shape (rows,), within (0, 1), for the labels y of the same rows.

    They compete by cross-fitting on two random halves of the rows: none, Platt's sigmoid of the log odds [1]_ and
    isotonic regression [2]_. A later one is chosen only where its mean log loss, on the half that it was not fitted
    on, is better by more than one standard error of the paired difference, and is then fitted again on all rows. Each
    keeps the order of the rows.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons to regularized likelihood
       methods", Advances in Large Margin Classifiers, 1999.
    .. [2] B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates",
       KDD 2002.
    """
    half = np.random.default_rng(0).permutation(len(y)) % 2 == 0
    losses = {name: np.empty(len(y)) for name in CALIBRATIONS}
    for part in (half, ~half):
        if y[part].min() == y[part].max():
            return Chosen("none", Uncalibrated(), {})
        for name, kind in CALIBRATIONS.items():
            calibrated = kind().fit(probability[part], y[part])(probability[~part])
            losses[name][~part] = log_losses(y[~part], calibrated)
    chosen = "none"
    for name, loss in losses.items():
        gain = losses[chosen] - loss
        if gain.mean() > gain.std(ddof=1) / np.sqrt(len(y)):
            chosen = name
    return Chosen(
        chosen,
        CALIBRATIONS[chosen]().fit(probability, y),
        {name: float(loss.mean()) for name, loss in losses.items()},
    )
