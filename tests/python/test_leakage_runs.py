"""Whole runs of `dbt build` on tiny gold: nothing that is known later than the point in time is read."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from conftest import FEATURES, PRODUCTS
from cut_gold import rewrite_gold
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

LATER = 60
"""Days of the future."""

CHANGED = {
    "dim_property": (
        "property",
        "cast(100 * base_price as float) as base_price, 99 as bedrooms, 'Castle' as property_type",
    ),
    "dim_host": ("host", "cast(0 as float) as rating, not is_active as is_active"),
    "dim_user": ("user", "'Nowhere' as country, not is_business as is_business"),
}
"""What becomes of users, hosts and properties."""


def future(gold: Path, day: date, out: Path) -> Path:
    """Write `gold`, which ends a day after `day`, with sixty days more: what came before once more, and absurd things.

    Every user, host and property changes, open bookings are cancelled, and others are updated without a change.
    """
    moment = f"timestamp '{day}'"
    queries = {
        table: f"""
            with closing as (
                select *, {moment} + to_days(cast({entity}_id % {LATER} as int)) as closed
                from {table}
                where is_current and effective_from < {moment}
            )
            from {table} anti join closing using ({entity}_key)
            union all by name
            select * exclude (closed) replace (closed as effective_to, false as is_current) from closing
            union all by name
            select * exclude (closed) replace (
                {entity}_key || '-later' as {entity}_key, closed as effective_from, {changed}
            )
            from closing
        """
        for table, (entity, changed) in CHANGED.items()
    }
    queries["fact_property_engagement"] = f"""
        with again as (
            select * replace (engagement_date + {LATER} as engagement_date), property_id % 2 = 0 as is_absurd
            from fact_property_engagement
            where engagement_date between date '{day}' - {LATER - 2} and date '{day}' - 1
        )
        from fact_property_engagement
        union all by name
        select * exclude (is_absurd) replace (
            if(is_absurd, 1000, 1) * view_count as view_count,
            if(is_absurd, 1000, 1) * unique_user_views as unique_user_views,
            if(is_absurd, 1000, 1) * click_count as click_count,
            if(is_absurd, 1000, 1) * search_count as search_count,
            cast(if(is_absurd, 99, conversion_rate) as decimal(5, 2)) as conversion_rate
        )
        from again
    """
    queries["fact_booking_detail"] = f"""
        with again as (
            select * replace (
                created_at + to_days({LATER}) as created_at,
                updated_at + to_days({LATER}) as updated_at,
                record_created_timestamp + to_days({LATER}) as record_created_timestamp,
                record_updated_timestamp + to_days({LATER}) as record_updated_timestamp
            )
            from fact_booking_detail
            where created_at >= {moment} - to_days({LATER}) and created_at < {moment}
        )
        select * replace (
            if(is_changed, booking_id % 2 = 0, is_cancelled) as is_cancelled,
            if(is_changed, if(booking_id % 2 = 0, 'cancelled', 'completed'), status) as status,
            if(is_changed, {moment} + to_days(cast(booking_id % {LATER} as int)), updated_at) as updated_at
        )
        from (
            select *, created_at < {moment} and not is_cancelled and check_out_date >= date '{day}' - 30 as is_changed
            from fact_booking_detail
        )
        union all by name
        select * replace (
            booking_id + 1000000 as booking_id,
            check_in_date + {LATER} as check_in_date,
            check_out_date + {LATER} as check_out_date
        )
        from again
        union all by name
        select * replace (
            booking_id + 2000000 as booking_id,
            check_in_date + if(booking_id % 2 = 0, 45, -75) as check_in_date,
            check_out_date + if(booking_id % 2 = 0, 45, -75) as check_out_date,
            cast(1000 * total_amount as decimal(18, 2)) as total_amount,
            cast(1000 * payment_amount as decimal(18, 2)) as payment_amount,
            99 as guests_count
        )
        from again
    """
    return rewrite_gold(gold, out, queries)


def test_nothing_at_or_after_as_of_is_read(
    yesterday: Workspace, gold: Path, lenient: Path, today: date, tmp_path: Path
) -> None:
    """And two builds as of a day fit the same models, to the last bit of what they predict."""
    day = today - timedelta(days=1)
    later = future(gold, day, tmp_path / "gold")
    looked_back = Workspace(tmp_path, later, lenient).build(as_of=day, tests=False)
    for name in (*FEATURES, *(f"{product.name}_examples" for product in PRODUCTS)):
        expected = yesterday.table(name)
        assert len(expected) > 0, name
        assert_frame_equal(looked_back.table(name), expected, check_exact=True, obj=name)
    for product in PRODUCTS:
        # means over many rows: two threads add them up in an order of their own
        name = f"{product.name}_metrics"
        assert_frame_equal(looked_back.table(name), yesterday.table(name), rtol=1e-12, obj=name)
        assert_frame_equal(
            looked_back.table(product.predictions, without=["scored_at"]),
            yesterday.table(product.predictions, without=["scored_at"]),
            check_exact=True,
            obj=product.predictions,
        )
