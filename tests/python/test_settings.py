"""A product's settings: what the YAML may hold, and what is said where it does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from product_settings import product_metas

from wanderbricks_ml.estimators import made_from
from wanderbricks_ml.settings import Features, ProductSettings, RowSettings

METAS = {meta["product"]: meta for meta in product_metas()}
DEMAND = METAS["demand"]


def changed(**changes: Any) -> dict[str, Any]:
    """Settings of demand with other values; without a key where its value is `...`."""
    made = copy.deepcopy(DEMAND) | changes
    return {key: value for key, value in made.items() if value is not ...}


def test_every_product_is_read() -> None:
    assert len(METAS) == 8
    for name, meta in METAS.items():
        read = (ProductSettings if name == "revenue" else RowSettings).of(meta)
        assert read.product == name
        assert read.features == Features(tuple(meta["numeric"]), tuple(meta["categorical"]))
        assert read.registered_name == meta["model_name"]
        assert read.tuning is not None and read.tuning.full_budget.trials >= 20


def test_values_are_typed() -> None:
    read = RowSettings.of(changed(driver_rows="5000", registry_prefix="main.ours."))
    assert read.driver_rows == 5000, "a var of dbt comes as text"
    assert read.prediction == ("predicted_bookings",), "one name is a list of one"
    assert read.registered_name == "main.ours.demand_predictor"
    assert RowSettings.of(changed(baseline=None)).baseline_columns == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": ...}, "config.meta lacks label; add it"),
        ({"label": ["bookings"]}, r"config.meta.label is \['bookings'\]; it takes text"),
        ({"keys": 3}, "config.meta.keys is 3; it takes a list of names"),
        ({"driver_rows": "many"}, "config.meta.driver_rows is 'many'; it takes a whole number"),
        ({"driver_rows": True}, "config.meta.driver_rows is True; it takes a whole number"),
        ({"estimator": "PickUpRegressor"}, "config.meta.estimator is 'PickUpRegressor'; it takes keys with values"),
        ({"numerics": []}, r"config.meta has numerics, which is no setting \(did you mean numeric\?\)"),
        ({"tuning": {"budgets": {}}}, r"config.meta.tuning has budgets, .* \(did you mean budget\?\)"),
        ({"tuning": {"space": {}}}, "config.meta.tuning lacks budget, full_budget; add it"),
        ({"tuning": DEMAND["tuning"] | {"budget": {"trials": 1, "seconds": 2, "rows": 0.5}}},
         "config.meta.tuning.budget.rows is 0.5; it takes a whole number"),
        ({"categorical": ["on_books"]}, "config.meta.numeric and categorical name on_books twice"),
        ({"roles": {"horizon": "horizon_day"}},
         r"config.meta.roles.horizon is horizon_day, which is no numeric feature \(did you mean horizon_days\?\)"),
        ({"roles": {"history": ["on_books", "kind"]}}, "config.meta.roles.history is kind, which is no numeric"),
        ({"group": ["check_in_date"]}, "config.meta.group is check_in_date, but keys, .* property_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^demand_predictor: {said}"):
        RowSettings.of(changed(**changes))


def test_every_estimator_finds_its_columns() -> None:
    for name, meta in METAS.items():
        if name != "revenue":
            product = RowSettings.of(meta)
            made = made_from(product.estimator, product.role_positions)
            for role, position in product.role_positions.items():
                assert getattr(made, role) == position
    prices = RowSettings.of(METAS["pricing"])
    assert prices.role_positions["price"] == prices.numeric.index("price_to_market")
    assert len(prices.role_positions["history"]) == 8


@pytest.mark.parametrize(
    ("estimator", "roles", "said"),
    [
        ({"class": "PickUpRegresor"}, {}, r"PickUpRegresor is none of .* \(did you mean PickUpRegressor\?\)"),
        ({"class": "PickUpRegressor", "rounds": 5}, {}, "PickUpRegressor has no parameter rounds"),
        ({"class": "PickUpRegressor"}, {"horizons": 1}, r"the role horizons \(did you mean horizon\?\); it knows base"),
        ({"class": "PickUpRegressor"}, {"horizon": 1}, "needs a column for baseline_rate, known_count"),
        (
            {"class": "TwoPartRegressor"},
            {},
            "needs a column for time, booking_rate, booking_value",
        ),
        ({"class": "LambdaMARTRanker"}, {"start": 1}, "LambdaMARTRanker gives no column the role start; it knows none"),
    ],
)
def test_an_estimator_that_cannot_be_made_is_named(estimator: dict[str, Any], roles: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        made_from(estimator, roles)


def test_settings_without_a_name_are_refused_too() -> None:
    with pytest.raises(ValueError, match=r"^config\.meta lacks model_name"):
        RowSettings.of(changed(model_name=...))
