"""Whole runs of `dbt build` on tiny gold, all products at once: a first day, the same day again, one more."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from conftest import FEATURES, PRODUCTS, Product, assert_kept, keep
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

HORIZON = 30

each_product = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)


@each_product
def test_a_first_build_fits_judges_and_predicts(product: Product, fresh: Workspace, today: date) -> None:
    fitted = fresh.query(f"select model_version, as_of_date, reason from {product.model_name}")
    assert fitted == [(1, today, "no_champion")]
    judged = fresh.query(f"select model_version, passes, serves from {product.name}_champion")
    assert judged == [(1, True, True)]
    assert fresh.aliases(product.model_name) == {"champion": 1}

    predictions = fresh.table(product.predictions)
    assert len(predictions) > 0
    assert set(predictions["scoring_date"]) == set(predictions["as_of_date"]) == {pd.Timestamp(today)}
    assert set(predictions["model_version"]) == {1}
    assert set(predictions["model_name"]) == {product.model_name}
    assert predictions["scored_at"].notna().all()


def test_every_listed_property_and_day_has_a_demand(fresh: Workspace, today: date) -> None:
    predictions = fresh.table("demand_predictions")
    properties = fresh.query(
        f"""
        select distinct property_id from read_parquet('{fresh.gold}/dim_property.parquet')
        where created_at < date '{today}' order by property_id
        """
    )
    days = [pd.Timestamp(today + timedelta(days=horizon)) for horizon in range(1, HORIZON + 1)]
    expected = pd.MultiIndex.from_product([[row[0] for row in properties], days])
    found = pd.MultiIndex.from_frame(predictions[["property_id", "check_in_date"]])
    assert found.is_unique
    assert len(expected) > 0
    assert set(found) == set(expected)
    assert predictions.notna().all().all()
    assert (predictions["predicted_bookings"] > 0).all()


def test_a_build_leaves_no_table_behind(fresh: Workspace) -> None:
    left = """
        select schema_name || '.' || table_name from duckdb_tables()
        where schema_name <> 'wanderbricks_ml' or contains(table_name, '__dbt')
    """
    assert fresh.query(left) == []
    assert len(fresh.query("from duckdb_tables()")) > 50


def test_a_day_built_twice_changes_nothing(fresh: Workspace, tmp_path: Path) -> None:
    again = fresh.copy(tmp_path)
    before = keep(again)
    again.build()
    for product in PRODUCTS:
        decided = again.query(f"select fit_due, reason from {product.name}_retraining")
        assert decided == [(False, "not_due")], product.name
        assert again.aliases(product.model_name) == {"champion": 1}
    assert_kept(again, before)


def test_one_more_day(fresh: Workspace, yesterday: Workspace, gold: Path, today: date, tmp_path: Path) -> None:
    went_on = yesterday.copy(tmp_path, gold=gold)
    first = {product.predictions: went_on.table(product.predictions) for product in PRODUCTS}
    for name, rows in first.items():
        assert set(rows["scoring_date"]) == {pd.Timestamp(today - timedelta(days=1))}, name

    went_on.build()

    for name in FEATURES:
        assert_frame_equal(went_on.table(name), fresh.table(name), rtol=1e-9, obj=name)
    for product in PRODUCTS:
        decided = went_on.query(f"select fit_due, reason from {product.name}_retraining")
        assert decided == [(False, "not_due")], product.name
        assert went_on.query(f"select count(*) from {product.model_name}") == [(1,)], product.name
        name = product.predictions
        earlier = went_on.table(name, where=f"scoring_date < date '{today}'")
        assert_frame_equal(earlier, first[name], check_exact=True, obj=name)
        newest = went_on.query(f"select count(*) from {name} where scoring_date = date '{today}'")
        assert newest == fresh.query(f"select count(*) from {name}"), name
