"""scikit-learn estimators whose shape our products need and no library ships.

Each has a `task`, by which it is reported, and is fitted with validation rows that decide when to stop. All have
scikit-learn's parameters and can be cloned; what predicts one number a row is a regressor by scikit-learn's own checks.
The others are neither regressors nor classifiers, as they predict probabilities, several numbers a row, or scores
within groups. A class is imported when it is asked for: none needs all of the libraries behind the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from wanderbricks_ml.settings import nearest

ESTIMATORS: Mapping[str, str] = {
    "PickUpRegressor": "pick_up",
    "CalibratedBoostingClassifier": "calibrated_boosting",
    "TwoPartRegressor": "two_part",
    "PriceResponseRegressor": "price_response",
    "ModelSelectionClassifier": "model_selection",
    "LambdaMARTRanker": "ranker",
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
        raise ValueError(
            f"estimator class {name} is none of {', '.join(ESTIMATORS)}{nearest(name, ESTIMATORS)}; correct "
            "config.meta.estimator.class"
        )
    return __getattr__(name)


def made_from(settings: Mapping[str, Any], roles: Mapping[str, Any] | None = None) -> Any:
    """The estimator that settings name in `class`, made with the rest of them.

    Parameters
    ----------
    roles
        Positions of the columns that have a role, by role; None where they are parameters like others.

    Raises
    ------
    ValueError
        When there is no such class, or it has other roles or parameters.
    """
    parameters = dict(settings)
    kind = estimator_class(parameters.pop("class"))
    for name in sorted(set(parameters) - set(kind._get_param_names())):
        raise ValueError(
            f"{kind.__name__} has no parameter {name}{nearest(name, kind._get_param_names())}; correct "
            "config.meta.estimator"
        )
    given, wanted = set(roles or {}), getattr(kind, "roles", ())
    known = (*wanted, *getattr(kind, "optional_roles", ()))
    for role in sorted(given - set(known)):
        raise ValueError(
            f"{kind.__name__} gives no column the role {role}{nearest(role, known)}; it knows "
            f"{', '.join(known) or 'none'}; correct config.meta.roles"
        )
    if roles is not None and (missing := [role for role in wanted if role not in given]):
        raise ValueError(f"{kind.__name__} needs a column for {', '.join(missing)}; name it in config.meta.roles")
    return kind(**parameters, **(roles or {}))
