"""What a search minimises, by task of the estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wanderbricks_ml.arrays import Floats, Ints


def poisson_deviance(actual: Floats, expected: Floats) -> float:
    """Mean Poisson deviance; of labels that are not negative a proper loss for means."""
    expected = np.maximum(np.asarray(expected, dtype=np.float64), 1e-9)
    ratio = np.where(actual > 0, actual, 1.0) / expected
    return float(2 * np.mean(np.where(actual > 0, actual * np.log(ratio), 0.0) - actual + expected))


def log_loss(actual: Floats, probability: Floats) -> float:
    """Mean negative log likelihood of labels of 0 or 1."""
    likely = np.where(actual > 0, probability, 1 - np.asarray(probability, dtype=np.float64))
    return float(-np.mean(np.log(np.maximum(likely, 1e-9))))


LOSSES: dict[str, tuple[str, Callable[..., float]]] = {
    "count": ("Poisson deviance", lambda model, X, y: poisson_deviance(y, model.predict(X))),
    "probability": ("log loss", lambda model, X, y: log_loss(y, model.predict(X))),
    "value": ("Poisson deviance", lambda model, X, y: poisson_deviance(y, model.predict(X)[:, 0])),
    # of expected bookings at the prices asked, which are wrong where the slope or what is expected without it is
    "price_response": ("Poisson deviance", lambda model, X, y: poisson_deviance(y, model.predict(X)[:, 0])),
    "ranking": ("1 - NDCG at 10", lambda model, X, y, groups: 1 - _ndcg(model, X, y, groups)),
}
"""By task of the estimator: name of the loss, and its mean from a fitted estimator, columns, labels and, for a ranking,
groups."""


def _ndcg(model: Any, X: Floats, y: Floats, groups: Ints) -> float:
    from wanderbricks_ml.estimators.ranker import mean_ndcg

    return mean_ndcg(y, model.predict(X), groups)
