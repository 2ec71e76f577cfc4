"""What dashboards read: the views of the newest scorings, and the metrics that are declared over them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import PRODUCTS, Product
from eased_project import PROJECT
from local_workspace import Workspace

NAMES = {"property_id": ("property_type", "destination", "country"), "user_id": ("user_country", "user_type")}
MONEY = {
    "revenue_forecasts": ("forecast_revenue", "lower_80", "upper_80", "baseline_revenue"),
    "revenue_outlook": ("forecast_revenue", "lower_80", "upper_80"),
    "customer_ltv_predictions": ("predicted_ltv_12m", "baseline_revenue"),
    "cancellation_predictions": ("revenue_at_risk",),
    "pricing_recommendations": ("current_price", "recommended_price", "expected_revenue_recommended"),
}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_view_has_the_newest_scoring_and_names(product: Product, fresh: Workspace) -> None:
    table, view = fresh.table(product.predictions), fresh.table(f"{product.predictions}_current")
    assert len(view) == (table["scoring_date"] == table["scoring_date"].max()).sum() > 0
    assert set(table.columns) <= set(view.columns)
    named = [name for key, names in NAMES.items() if key in table.columns for name in names]
    assert view[named].notna().all().all()


def test_forecasts_of_destinations_are_named(fresh: Workspace) -> None:
    for name in ("revenue_forecasts_current", "revenue_outlook_current"):
        view = fresh.table(name)
        assert (view["destination"].isna() == (view["forecast_level"] == "total")).all(), name


@pytest.mark.parametrize("table", MONEY)
def test_money_is_published_in_cents(table: str, fresh: Workspace) -> None:
    for column in MONEY[table]:
        assert fresh.query(f"select count(*) from {table} where {column} <> round({column}, 2)") == [(0,)], column


def test_public_tables_belong_to_their_owners(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        owners = {row["product"]: row["owner"] for row in csv.DictReader(file)}
    groups = {group["name"]: group["owner"] for group in manifest["groups"].values()}
    assert {name: owner["name"] for name, owner in groups.items()} == owners
    assert all(owner["email"] for owner in groups.values())
    public = {name: node["config"]["group"] for name, node in models.items() if node["access"] == "public"}
    for product in PRODUCTS:
        assert public[product.predictions] == public[f"{product.predictions}_current"] == product.name


def test_exposures_have_addresses(manifest: dict[str, Any]) -> None:
    assert [exposure["name"] for exposure in manifest["exposures"].values() if not exposure["url"]] == []


def measured(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Queries that compute the measures by the dimensions of each semantic model."""
    aggregates = {"sum": "sum({})", "max": "max({})", "count_distinct": "count(distinct {})"}
    for model in manifest["semantic_models"].values():
        view = model["node_relation"]["alias"]
        expressions = [
            aggregates[measure["agg"]].format(measure["expr"] or measure["name"]) + f" as {measure['name']}"
            for measure in model["measures"]
        ]
        keys = [entity["expr"] or entity["name"] for entity in model["entities"]]
        dimensions = [dimension["expr"] or dimension["name"] for dimension in model["dimensions"]]
        yield view, f"select {', '.join(expressions)} from {view}"
        yield view, f"select {', '.join([*keys, *dimensions])} from {view} limit 1"


def test_metrics_can_be_computed(manifest: dict[str, Any], fresh: Workspace) -> None:
    assert len(manifest["metrics"]) >= 12
    assert all(metric["description"] for metric in manifest["metrics"].values())
    for view, query in measured(manifest):
        assert None not in fresh.query(query)[0] or "limit 1" in query, (view, query)


def test_a_total_is_what_the_table_adds_up_to(manifest: dict[str, Any], fresh: Workspace) -> None:
    """A metric that counted the total beside its destinations would be twice as high."""
    [query] = [query for _, query in measured(manifest) if "forecast_revenue" in query and "limit" not in query]
    ((summed,),) = fresh.query(query)
    ((total,),) = fresh.query(
        "select sum(forecast_revenue) from revenue_forecasts_current where forecast_level = 'total'"
    )
    assert summed == pytest.approx(total, rel=1e-5)
