"""scikit-learn estimators whose shape our products need and no library ships.

Each has a `task`, by which it is reported, and is fitted with validation rows that decide when to stop. A class is
imported when it is asked for: none needs all of the libraries behind the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

ESTIMATORS: Mapping[str, str] = {
    "PickUpRegressor": "pick_up",
    "BoostingRegressor": "boosting",
    "BoostingCounter": "boosting",
    "CalibratedBoostingClassifier": "calibrated_boosting",
    "TwoPartRegressor": "two_part",
    "PriceResponseRegressor": "price_response",
    "CandidateClassifier": "model_selection",
    "CandidateRanker": "ranker",
}
"""Module of each estimator, by the class that settings name."""


def __getattr__(name: str) -> Any:
    if name not in ESTIMATORS:
        raise AttributeError(f"no estimator is called {name}")
    return getattr(importlib.import_module(f"{__name__}.{ESTIMATORS[name]}"), name)


def estimator_class(name: str) -> Any:
    """The class of an estimator.

    Raises
    ------
    ValueError
        When there is no such class.
    """
    if name not in ESTIMATORS:
        raise ValueError(f"estimator class {name} is none of {', '.join(ESTIMATORS)}; correct config.meta")
    return __getattr__(name)


def made_from(settings: Mapping[str, Any]) -> Any:
    """The estimator that settings name in `class`, made with the rest of them.

    Raises
    ------
    ValueError
        When there is no such class.
    """
    parameters = dict(settings)
    return estimator_class(parameters.pop("class"))(**parameters)
