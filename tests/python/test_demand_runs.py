"""Whole runs of `dbt build --select +demand_predictions` on tiny gold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import SEED, SELECTION, Workspace, cut_gold, rewrite_gold
from pandas.testing import assert_frame_equal

from wanderbricks_ml.simulator import simulate

FEATURES = ("property_features", "engagement_features", "host_features", "destination_features")
STATE = ("demand_predictor", "demand_metrics", "demand_predictions")
HORIZON = 30


def keep(workspace: Workspace) -> dict[str, pd.DataFrame]:
    """Return all rows of the tables that a failed run must leave alone."""
    return {name: workspace.table(name) for name in STATE}


def assert_kept(workspace: Workspace, before: dict[str, pd.DataFrame]) -> None:
    for name, rows in before.items():
        assert_frame_equal(workspace.table(name), rows, check_exact=True, obj=name)


def test_a_first_build_fits_judges_and_predicts(fresh: Workspace, today: date) -> None:
    assert fresh.query("select model_version, as_of_date, reason from demand_predictor") == [(1, today, "no_champion")]
    assert fresh.query("select model_version, passes, serves from demand_champion") == [(1, True, True)]
    assert fresh.aliases() == {"champion": 1}

    predictions = fresh.table("demand_predictions")
    properties = fresh.query(
        f"""
        select distinct property_id from read_parquet('{fresh.gold}/dim_property.parquet')
        where created_at < date '{today}' order by property_id
        """
    )
    expected = pd.MultiIndex.from_product(
        [
            [row[0] for row in properties],
            [pd.Timestamp(today + timedelta(days=horizon)) for horizon in range(1, HORIZON + 1)],
        ]
    )
    found = pd.MultiIndex.from_frame(predictions[["property_id", "check_in_date"]])
    assert found.is_unique
    assert len(expected) > 0
    assert set(found) == set(expected)
    assert set(predictions["scoring_date"]) == set(predictions["as_of_date"]) == {pd.Timestamp(today)}
    assert set(predictions["model_version"]) == {1}
    assert predictions.notna().all().all()
    assert (predictions["predicted_bookings"] > 0).all()


def test_a_day_built_twice_changes_nothing(fresh: Workspace, tmp_path: Path) -> None:
    again = fresh.copy(tmp_path)
    before = keep(again)
    again.build()
    assert again.query("select fit_due, reason from demand_retraining") == [(False, "not_due")]
    assert_kept(again, before)
    assert again.aliases() == {"champion": 1}


def test_one_more_day(fresh: Workspace, yesterday: Workspace, gold: Path, today: date, tmp_path: Path) -> None:
    went_on = yesterday.copy(tmp_path, gold=gold)
    first = went_on.table("demand_predictions")
    assert set(first["scoring_date"]) == {pd.Timestamp(today - timedelta(days=1))}

    went_on.build()

    for name in FEATURES:
        assert_frame_equal(went_on.table(name), fresh.table(name), rtol=1e-9, obj=name)
    assert went_on.query("select fit_due, reason from demand_retraining") == [(False, "not_due")]
    assert went_on.query("select count(*) from demand_predictor") == [(1,)]
    earlier = went_on.table("demand_predictions", where=f"scoring_date < date '{today}'")
    assert_frame_equal(earlier, first, check_exact=True)
    keys = ["property_id", "check_in_date"]
    newest = went_on.table("demand_predictions", where=f"scoring_date = date '{today}'")
    assert_frame_equal(newest[keys], fresh.table("demand_predictions")[keys])


def poison_gold(gold: Path, day: date, out: Path) -> Path:
    """Write gold in which everything that is known from `day` on only is absurd."""
    moment = f"timestamp '{day}'"
    queries = {
        "fact_property_engagement": f"""
            select * replace (
                case when engagement_date >= date '{day}' then 1000 else 1 end * view_count as view_count,
                case when engagement_date >= date '{day}' then 1000 else 1 end * unique_user_views as unique_user_views,
                case when engagement_date >= date '{day}' then 1000 else 1 end * click_count as click_count,
                case when engagement_date >= date '{day}' then 1000 else 1 end * search_count as search_count
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
def built_from_cut_gold(gold: Path, cut_day: date, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A first build from gold as it was at `cut_day`."""
    folder = tmp_path_factory.mktemp("cut")
    return Workspace(folder, cut_gold(gold, cut_day, folder / "gold")).build(as_of=cut_day)


@pytest.mark.parametrize("rewritten", [None, poison_gold], ids=["as it is", "poisoned"])
def test_nothing_at_or_after_as_of_is_read(
    rewritten: Callable[[Path, date, Path], Path] | None,
    built_from_cut_gold: Workspace,
    gold: Path,
    cut_day: date,
    tmp_path: Path,
) -> None:
    later = rewritten(gold, cut_day, tmp_path / "gold") if rewritten else gold
    looked_back = Workspace(tmp_path, later).build(as_of=cut_day)
    for name in (*FEATURES, "demand_splits", "demand_examples"):
        expected = built_from_cut_gold.table(name)
        assert len(expected) > 0, name
        assert_frame_equal(looked_back.table(name), expected, check_exact=True, obj=name)
    # means over many rows: two threads add them up in an order of their own
    assert_frame_equal(looked_back.table("demand_metrics"), built_from_cut_gold.table("demand_metrics"), rtol=1e-12)
    assert_frame_equal(
        looked_back.table("demand_predictions", without=["scored_at"]),
        built_from_cut_gold.table("demand_predictions", without=["scored_at"]),
        check_exact=True,
    )


def test_a_target_that_is_missed_stops_the_predictions(
    yesterday: Workspace, gold: Path, tmp_path: Path, edited_project: Callable[[str], Path]
) -> None:
    project = edited_project("demand_predictor,rmse,at_most,0.0001,error,false,")
    red = yesterday.copy(tmp_path, gold=gold, project=project)
    before = keep(red)
    rmse = red.query(
        """
        select round(metric_value, 4) from demand_metrics
        where split = 'test' and segment = 'all' and metric_name = 'rmse'
        """
    )[0][0]
    verdict = f"rmse {rmse} misses at most 0.0001"

    selection = ("--select", *SELECTION)
    assert red.dbt("build", *selection) != 0
    assert "demand_predictor v1" in red.log
    assert verdict in red.log
    assert_kept(red, before)

    # no tests run here: the gate is data too
    assert red.dbt("run", *selection) != 0
    assert "demand_predictor v1" in red.log
    assert verdict in red.log
    assert_kept(red, before)

    red.dbt("build", *selection, "--empty")
    assert_kept(red, before)

    assert red.dbt("build", *selection, "--full-refresh") != 0
    assert verdict in red.log
    assert_kept(red, before)


def test_a_missed_target_of_severity_warn_lets_it_serve(
    yesterday: Workspace, gold: Path, today: date, tmp_path: Path, edited_project: Callable[[str], Path]
) -> None:
    project = edited_project("demand_predictor,rmse,at_most,0.0001,warn,false,")
    amber = yesterday.copy(tmp_path, gold=gold, project=project)
    amber.build()
    (line,) = [line for line in amber.log.splitlines() if "warn: " in line]
    assert "demand_predictor v1" in line
    assert "misses at most 0.0001" in line
    assert "WARN=1" in amber.log
    assert amber.query(f"select count(*) > 0 from demand_predictions where scoring_date = date '{today}'") == [(True,)]


def test_data_that_cannot_teach_the_model(gold: Path, tmp_path: Path) -> None:
    oldest = f"select cast(min(created_at) as date) from '{gold}/fact_booking_detail.parquet'"
    (row,) = duckdb.execute(oldest).fetchall()
    young = cut_gold(gold, row[0] + timedelta(days=40), tmp_path / "gold")
    first = Workspace(tmp_path, young).build()
    (line,) = [line for line in first.log.splitlines() if "warn: " in line]
    assert "demand_predictor is not learnable: too little history" in line
    assert first.query("select count(*) from demand_predictions") == [(0,)]
    assert first.query("select count(*) from demand_predictor") == [(0,)]
    for name in FEATURES:
        assert first.query(f"select count(*) > 0 from {name}") == [(True,)], name


def test_the_same_seed_gives_the_same_predictions(fresh: Workspace, tmp_path: Path) -> None:
    simulate(preset="tiny", seed=SEED, out=tmp_path / "gold")
    again = Workspace(tmp_path, tmp_path / "gold").build()
    assert_frame_equal(
        again.table("demand_predictions", without=["scored_at"]),
        fresh.table("demand_predictions", without=["scored_at"]),
        check_exact=True,
    )
