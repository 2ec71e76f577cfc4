"""Whole runs of `dbt build` on tiny gold: nothing that is known later than the point in time is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from conftest import FEATURES, PRODUCTS
from cut_gold import cut_gold, rewrite_gold
from local_workspace import Workspace
from pandas.testing import assert_frame_equal


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
    lenient: Path,
    cut_day: date,
    tmp_path: Path,
) -> None:
    later = rewritten(gold, cut_day, tmp_path / "gold") if rewritten else gold
    looked_back = Workspace(tmp_path, later, lenient).build(as_of=cut_day, tests=False)
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
