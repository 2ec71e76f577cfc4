"""Studies of earlier releases, which called settings otherwise: what they found is still in use."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wanderbricks_ml.settings import ProductSettings

BOOSTING = {"n_estimators": "rounds", "early_stopping_rounds": "patience"}
NAMES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "PickUpRegressor": ("PickUpRegressor", BOOSTING),
    "CalibratedBoostingClassifier": ("CalibratedBoostingClassifier", BOOSTING),
    "TwoPartRegressor": ("TwoPartRegressor", BOOSTING),
    "LambdaMARTRanker": ("CandidateRanker", BOOSTING),
    "PriceResponseRegressor": ("PriceResponseRegressor", {"max_iter": "rounds", "max_leaf_nodes": "leaves"}),
    "ModelSelectionClassifier": ("CandidateClassifier", {"algorithms": "candidates"}),
}
"""Earlier name of each class, and of its parameters."""


@dataclass(frozen=True)
class Earlier:
    """Settings as an earlier release had them.

    Attributes
    ----------
    product
        The settings, without roles.
    today
        Today's name of a parameter by the earlier one.
    """

    product: ProductSettings
    today: Mapping[str, str]

    def params(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What a study of then found, by today's names."""
        return {self.today.get(name, name): value for name, value in found.items()}


def earlier(product: ProductSettings) -> Earlier | None:
    """How an earlier release had these settings; None for an estimator that it did not have."""
    if product.estimator.get("class") not in NAMES:
        return None
    name, names = NAMES[product.estimator["class"]]
    estimator = {names.get(key, key): value for key, value in copy.deepcopy(dict(product.estimator)).items()}
    estimator["class"] = name
    roles = getattr(product, "roles", {})
    if name == "CalibratedBoostingClassifier" and "start" in roles:
        estimator["starts_from_first"] = True
    if "history" in roles:
        estimator["history"] = len(roles["history"])
    plan = product.tuning
    if plan is not None:
        plan = replace(plan, space={names.get(key, key): limits for key, limits in plan.space.items()})
    changes: dict[str, Any] = {"estimator": estimator, "tuning": plan, **({"roles": {}} if roles else {})}
    return Earlier(replace(product, **changes), {old: new for new, old in names.items()})
