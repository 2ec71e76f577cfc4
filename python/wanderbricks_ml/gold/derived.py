"""Gold tables that follow from others: the calendar and the daily booking facts."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa


def calendar(first: date, last: date) -> pa.Table:
    """dim_date from `first` to `last`, both included; ISO weekday (Monday 1), holidays unknown."""
    with duckdb.connect() as connection:
        return connection.sql(
            """
            select
                cast(day as date) as date,
                year(day) as year,
                quarter(day) as quarter,
                month(day) as month,
                monthname(day) as month_name,
                weekofyear(day) as week_of_year,
                isodow(day) as day_of_week,
                dayname(day) as day_of_week_name,
                dayofmonth(day) as day_of_month,
                dayofyear(day) as day_of_year,
                isodow(day) in (6, 7) as is_weekend,
                cast(null as boolean) as is_holiday
            from generate_series(cast($1 as date), cast($2 as date), interval 1 day) as days (day)
            order by day
            """,
            params=[first, last],
        ).to_arrow_table()


def booking_daily(detail: pa.Table) -> pa.Table:
    """fact_booking_daily of a fact_booking_detail table: one row per property and check-in date.

    As in the platform's gold, counts and values include cancelled bookings, and the status is the
    latest known, not the one of the day.
    """
    with duckdb.connect() as connection:
        connection.register("detail", detail)
        return connection.sql(
            """
            select
                property_id,
                min(destination_id) as destination_id,
                check_in_date,
                count(*) as booking_count,
                count(*) filter (where not is_cancelled) as confirmed_booking_count,
                count(*) filter (where is_cancelled) as cancellation_count,
                cast(sum(total_amount) as decimal(18, 2)) as total_booking_value,
                cast(avg(total_amount) as decimal(18, 2)) as avg_booking_value,
                cast(sum(guests_count) as bigint) as total_guests,
                cast(avg(nights_booked) as decimal(10, 2)) as avg_nights_booked,
                cast(100 * avg(cast(coalesce(payment_amount, 0) > 0 as int)) as decimal(5, 2))
                    as payment_completion_rate,
                min(record_created_timestamp) as record_created_timestamp,
                max(record_updated_timestamp) as record_updated_timestamp
            from detail
            group by property_id, check_in_date
            order by property_id, check_in_date
            """
        ).to_arrow_table()
