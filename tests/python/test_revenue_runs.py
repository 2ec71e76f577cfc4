"""Whole runs of the revenue forecaster on tiny gold, beyond what holds for every product."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from local_workspace import Workspace


def test_a_first_build_judges_six_cutoffs_and_forecasts_90_days(fresh: Workspace, today: date) -> None:
    cutoffs = "select count(distinct as_of_date), max(forecast_date) from revenue_backtest where window_days = 1"
    assert fresh.query(cutoffs) == [(6, today - timedelta(days=1))]
    forecasts = fresh.table("revenue_forecasts")
    ((destinations,),) = fresh.query(
        "select count(distinct destination_id) from revenue_examples where destination_id > 0"
    )
    assert len(forecasts) == (1 + destinations) * 90
    assert forecasts["forecast_date"].min() == pd.Timestamp(today + timedelta(days=1))
    assert (forecasts["lower_80"] <= forecasts["forecast_revenue"]).all()
    assert (forecasts["forecast_revenue"] <= forecasts["upper_80"]).all()


def test_sums_have_intervals_narrower_than_the_sum_of_days(fresh: Workspace) -> None:
    forecasts, outlook = fresh.table("revenue_forecasts"), fresh.table("revenue_outlook")
    assert sorted(set(outlook["window_days"])) == [30, 60, 90]
    for row in outlook.itertuples():
        same = (forecasts["forecast_level"] == row.forecast_level) & (forecasts["destination_id"] == row.destination_id)
        within = forecasts[same & (forecasts["horizon_days"] <= row.window_days)]
        assert row.forecast_revenue == pytest.approx(within["forecast_revenue"].sum())
        assert row.upper_80 - row.lower_80 < (within["upper_80"] - within["lower_80"]).sum()


def test_the_next_day_refits_the_recipe_without_a_new_version(
    yesterday: Workspace, gold: Path, today: date, tmp_path: Path
) -> None:
    went_on = yesterday.copy(tmp_path, gold=gold)
    assert went_on.dbt("build", "--select", "+revenue_forecasts") == 0, went_on.log
    assert went_on.query("select count(*) from revenue_forecaster") == [(1,)]
    days = "select scoring_date, model_version, max(forecast_date) from revenue_forecasts group by all order by all"
    first, second = today - timedelta(days=1), today
    assert went_on.query(days) == [(first, 1, first + timedelta(days=90)), (second, 1, second + timedelta(days=90))]
    # the last day of history counts: what was forecast for later days moves
    moved = """
        select avg(abs(later.forecast_revenue / earlier.forecast_revenue - 1))
        from revenue_forecasts as earlier
        inner join revenue_forecasts as later using (forecast_level, destination_id, forecast_date)
        where earlier.scoring_date < later.scoring_date and earlier.forecast_revenue > 0
    """
    assert 0 < went_on.query(moved)[0][0] < 0.3
