"""Whole runs of `dbt build` on tiny gold, all products at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import PRODUCTS, SEED, Product, cut_gold, rewrite_gold
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

from wanderbricks_ml.simulator import simulate

FEATURES = tuple(path.stem for path in sorted((Path(__file__).parents[2] / "models/features").glob("*_features.sql")))
HORIZON = 30

each_product = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)


def keep(workspace: Workspace) -> dict[str, pd.DataFrame]:
    """Return all rows of the tables that a failed run must leave alone."""
    return {name: workspace.table(name) for product in PRODUCTS for name in product.state}


def assert_kept(workspace: Workspace, before: dict[str, pd.DataFrame]) -> None:
    for name, rows in before.items():
        assert_frame_equal(workspace.table(name), rows, check_exact=True, obj=name)


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


def poison_gold(gold: Path, day: date, out: Path) -> Path:
    """Write gold in which everything that is known from `day` on only is absurd."""
    moment = f"timestamp '{day}'"
    queries = {
        "fact_property_engagement": f"""
            select * replace (
                case when engagement_date >= date '{day}' then 1000 else 1 end * view_count as view_count,
                case when engagement_date >= date '{day}' then 1000 else 1 end * unique_user_views as unique_user_views,
                case when engagement_date >= date '{day}' then 1000 else 1 end * click_count as click_count,
                case when engagement_date >= date '{day}' then 1000 else 1 end * search_count as search_count,
                cast(99 as decimal(5, 2)) as conversion_rate
            )
            from fact_property_engagement
        """,
        "dim_property": f"""
            select * replace (
                cast(case when effective_from >= {moment} then 100 else 1 end * base_price as float) as base_price,
                case when effective_from >= {moment} then 99 else bedrooms end as bedrooms
            )
            from dim_property
        """,
        "dim_host": f"""
            select * replace (
                cast(case when effective_from >= {moment} then 0 else rating end as float) as rating,
                case when effective_from >= {moment} then not is_active else is_active end as is_active
            )
            from dim_host
        """,
        "dim_user": f"""
            select * replace (
                case when effective_from >= {moment} then 'Nowhere' else country end as country,
                case when effective_from >= {moment} then not is_business else is_business end as is_business
            )
            from dim_user
        """,
        # a booking made on or after the day is unknown whole, of an earlier one its last update is
        "fact_booking_detail": f"""
            with moved as (
                select
                    *,
                    case when created_at < {moment} then 0 when booking_id % 2 = 0 then 45 else -75 end as days,
                    case when created_at < {moment} then 1 else 1000 end as factor
                from fact_booking_detail
            ),
            poisoned as (
                select * exclude (days, factor) replace (
                    cast(check_in_date + cast(days as int) as date) as check_in_date,
                    cast(check_out_date + cast(days as int) as date) as check_out_date,
                    cast(total_amount * factor as decimal(18, 2)) as total_amount,
                    cast(payment_amount * factor as decimal(18, 2)) as payment_amount,
                    case when factor = 1 then guests_count else 99 end as guests_count,
                    case when updated_at >= {moment} then not is_cancelled else is_cancelled end as is_cancelled
                )
                from moved
            )
            from poisoned
            union all
            select * replace (booking_id + 1000000 as booking_id) from poisoned where created_at >= {moment}
        """,
    }
    return rewrite_gold(gold, out, queries)


@pytest.fixture(scope="module")
def cut_day(today: date) -> date:
    return today - timedelta(days=60)


@pytest.fixture(scope="module")
def built_from_cut_gold(
    gold: Path, project: Path, cut_day: date, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A first build from gold as it was at `cut_day`."""
    folder = tmp_path_factory.mktemp("cut")
    return Workspace(folder, cut_gold(gold, cut_day, folder / "gold"), project).build(as_of=cut_day)


@pytest.mark.parametrize("rewritten", [None, poison_gold], ids=["as it is", "poisoned"])
def test_nothing_at_or_after_as_of_is_read(
    rewritten: Callable[[Path, date, Path], Path] | None,
    built_from_cut_gold: Workspace,
    gold: Path,
    project: Path,
    cut_day: date,
    tmp_path: Path,
) -> None:
    later = rewritten(gold, cut_day, tmp_path / "gold") if rewritten else gold
    looked_back = Workspace(tmp_path, later, project).build(as_of=cut_day)
    for name in (*FEATURES, *(f"{product.name}_examples" for product in PRODUCTS)):
        expected = built_from_cut_gold.table(name)
        assert len(expected) > 0, name
        assert_frame_equal(looked_back.table(name), expected, check_exact=True, obj=name)
    for product in PRODUCTS:
        # means over many rows: two threads add them up in an order of their own
        name = f"{product.name}_metrics"
        assert_frame_equal(looked_back.table(name), built_from_cut_gold.table(name), rtol=1e-12, obj=name)
        assert_frame_equal(
            looked_back.table(product.predictions, without=["scored_at"]),
            built_from_cut_gold.table(product.predictions, without=["scored_at"]),
            check_exact=True,
            obj=product.predictions,
        )


def test_a_target_that_is_missed_stops_the_predictions(
    yesterday: Workspace, gold: Path, tmp_path: Path, impossible: Callable[[str], Path]
) -> None:
    red = yesterday.copy(tmp_path, gold=gold, project=impossible("error"))
    before = keep(red)

    def assert_red(code: int) -> None:
        assert code != 0
        for product in PRODUCTS:
            said = [line for line in red.log.splitlines() if f"{product.model_name} v1 " in line]
            assert any(" misses at " in line and "000000" in line for line in said), (product.name, red.log)
        assert_kept(red, before)

    assert_red(red.dbt("build"))
    # no tests run here: the gate is data too
    assert_red(red.dbt("run"))
    red.dbt("build", "--empty")
    assert_kept(red, before)
    assert_red(red.dbt("build", "--full-refresh"))


def test_a_missed_target_of_severity_warn_lets_it_serve(
    yesterday: Workspace, gold: Path, today: date, tmp_path: Path, impossible: Callable[[str], Path]
) -> None:
    amber = yesterday.copy(tmp_path, gold=gold, project=impossible("warn"))
    amber.build()
    lines = [line for line in amber.log.splitlines() if "warn: " in line]
    for product in PRODUCTS:
        assert sum(f"{product.model_name} v1 " in line and "000000" in line for line in lines) == 1, amber.log
        scored = f"select count(*) > 0 from {product.predictions} where scoring_date = date '{today}'"
        assert amber.query(scored) == [(True,)], product.name


def test_data_that_cannot_teach_the_models(gold: Path, project: Path, tmp_path: Path) -> None:
    oldest = f"select cast(min(created_at) as date) from '{gold}/fact_booking_detail.parquet'"
    (row,) = duckdb.execute(oldest).fetchall()
    young = cut_gold(gold, row[0] + timedelta(days=40), tmp_path / "gold")
    first = Workspace(tmp_path, young, project).build()
    lines = [line for line in first.log.splitlines() if "warn: " in line]
    for product in PRODUCTS:
        assert sum(f"{product.model_name} is not learnable: " in line for line in lines) == 1, first.log
        assert first.query(f"select count(*) from {product.predictions}") == [(0,)], product.name
        assert first.query(f"select count(*) from {product.model_name}") == [(0,)], product.name
    for name in FEATURES:
        if name != "engagement_features":
            assert first.query(f"select count(*) > 0 from {name}") == [(True,)], name


def test_the_same_seed_gives_the_same_predictions(fresh: Workspace, project: Path, tmp_path: Path) -> None:
    simulate(preset="tiny", seed=SEED, out=tmp_path / "gold")
    again = Workspace(tmp_path, tmp_path / "gold", project).build()
    for product in PRODUCTS:
        assert_frame_equal(
            again.table(product.predictions, without=["scored_at"]),
            fresh.table(product.predictions, without=["scored_at"]),
            check_exact=True,
            obj=product.predictions,
        )
