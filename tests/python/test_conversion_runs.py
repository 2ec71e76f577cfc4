"""Whole runs of the conversion product on tiny gold: what must not be read, and gold that cannot teach it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from cut_gold import rewrite_gold
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

SELECTION = ("--select", "+conversion_predictions")


def built(path: Path, gold: Path, project: Path) -> Workspace:
    workspace = Workspace(path, gold, project)
    assert workspace.dbt("build", *SELECTION) == 0, workspace.log
    return workspace


@pytest.fixture(scope="module")
def first(gold: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A first build of the product. Tests read it; who builds on it takes a copy."""
    return built(tmp_path_factory.mktemp("conversion"), gold, project)


def test_the_registry_answers_after_one_product(first: Workspace) -> None:
    listed = first.wanderbricks("registry", "list")
    assert listed.returncode == 0, listed.stderr
    (row,) = listed.stdout.splitlines()[1:]
    assert row.split()[:5] == ["conversion_predictor", "1", "production", "champion", "serves"]
    # what it reads without dbt, which takes seconds; the selection does not reach the view
    assert first.query("select model_name, state from model_versions") == [("conversion_predictor", "production")]


def test_a_first_build_fits_and_predicts_the_day_that_ended(first: Workspace, today: date) -> None:
    assert first.query("select model_version, serves, decision_threshold from conversion_champion") == [(1, True, 0.5)]
    predictions = first.table("conversion_predictions")
    yesterday = today - timedelta(days=1)
    seen = first.query(
        f"""
        select distinct property_id from read_parquet('{first.gold}/fact_property_engagement.parquet')
        where engagement_date = date '{yesterday}' order by property_id
        """
    )
    assert len(seen) > 10
    assert predictions["property_id"].tolist() == [row[0] for row in seen]
    assert set(predictions["engagement_date"]) == {pd.Timestamp(yesterday)}
    assert predictions.notna().all().all()
    above = predictions["conversion_probability"] >= 0.5
    assert (predictions["predicted_conversion"] == above).all()


def test_bookings_of_the_day_and_golds_conversion_rate_are_in_no_feature(
    first: Workspace, gold: Path, lenient: Path, today: date, tmp_path: Path
) -> None:
    day = today - timedelta(days=10)
    poisoned = rewrite_gold(
        gold,
        tmp_path / "gold",
        {
            # what was there before the day stays, and every property seen on the day is booked on it
            "fact_booking_detail": f"""
                from fact_booking_detail
                union all
                select booking.* replace (
                    1000000 + seen.property_id as booking_id,
                    seen.property_id as property_id,
                    cast(date '{day}' + interval 12 hour as timestamp) as created_at,
                    cast(date '{day}' + 5 as date) as check_in_date,
                    cast(date '{day}' + 25 as date) as check_out_date,
                    cast(20 as int) as nights_booked,
                    cast(99999 as decimal(18, 2)) as total_amount
                )
                from (
                    select distinct property_id from fact_property_engagement where engagement_date = date '{day}'
                ) as seen
                cross join (from fact_booking_detail order by booking_id limit 1) as booking
            """,
            "fact_property_engagement": "select * replace (99.99 as conversion_rate) from fact_property_engagement",
        },
    )
    later = Workspace(tmp_path, poisoned, lenient)
    assert later.dbt("build", "--select", "+conversion_examples") == 0, later.log

    until = f"engagement_date <= date '{day}'"
    expected = first.table("conversion_examples", without=["converted"], where=until)
    assert (expected["engagement_date"] == pd.Timestamp(day)).sum() > 10
    assert_frame_equal(
        later.table("conversion_examples", without=["converted"], where=until), expected, check_exact=True
    )
    labels = {
        name[0]
        for name in later.query(f"select converted from conversion_examples where engagement_date = date '{day}'")
    }
    assert labels == {1.0}
    # the next day knows of them
    assert later.query("select sum(converted_365d) from conversion_examples where split = 'score'") != first.query(
        "select sum(converted_365d) from conversion_examples where split = 'score'"
    )


@pytest.mark.parametrize(
    ("engagement", "why"),
    [
        ("from fact_property_engagement where 1 = 0", "gold holds no engagement before the point in time"),
        (
            "select * replace (cast(engagement_date - 5000 as date) as engagement_date) from fact_property_engagement",
            "do not overlap in time",
        ),
    ],
    ids=["none", "long before any booking"],
)
def test_gold_that_cannot_teach_it(engagement: str, why: str, gold: Path, project: Path, tmp_path: Path) -> None:
    told = rewrite_gold(gold, tmp_path / "gold", {"fact_property_engagement": engagement})
    workspace = built(tmp_path, told, project)
    assert re.search(r"conversion +not learnable", workspace.log), workspace.log
    assert why in workspace.log
    assert workspace.query("select count(*) from conversion_predictions") == [(0,)]
    assert workspace.query("select fit_due, reason from conversion_retraining") == [(False, "not_learnable")]
