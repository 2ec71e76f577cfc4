"""Estimators keep the part of scikit-learn's interface that they claim."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from wanderbricks_ml.estimators import ESTIMATORS, estimator_class
from wanderbricks_ml.estimators.pick_up import PickUpRegressor

CLAIMING = [PickUpRegressor(n_estimators=20)]


@parametrize_with_checks(CLAIMING)
def test_what_claims_the_interface_keeps_it(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_nothing_else_claims_it(name: str) -> None:
    claims = issubclass(estimator_class(name), RegressorMixin | ClassifierMixin)
    assert claims == (name in {type(estimator).__name__ for estimator in CLAIMING})


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    "check",
    [
        "check_parameters_default_constructible",
        "check_no_attributes_set_in_init",
        "check_get_params_invariance",
        "check_set_params",
        "check_estimator_repr",
        "check_estimator_cloneable",
        "check_valid_tag_types",
    ],
)
def test_parameters_are_scikit_learns(name: str, check: str) -> None:
    estimator = estimator_class(name)()
    assert isinstance(clone(estimator), BaseEstimator)
    getattr(estimator_checks, check)(name, estimator)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_roles_are_parameters(name: str) -> None:
    kind = estimator_class(name)
    roles = {*getattr(kind, "roles", ()), *getattr(kind, "optional_roles", ())}
    assert roles <= set(kind().get_params())
