"""Gold tables of what was read from the hotel booking demand data set."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pyarrow as pa

from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.gold.derived import booking_daily, calendar
from wanderbricks_ml.importers import (
    DAYS_AHEAD,
)
from wanderbricks_ml.importers.hotel_bookings.parsed import BOOKING_ATTRIBUTES, HINDSIGHT_ATTRIBUTES

BOOKING = """
create table booking as
with region (hotel, destination, country, state_or_province) as (
    values
        ('Resort Hotel', 'Algarve', 'Portugal', 'Algarve'),
        ('City Hotel', 'Lisbon', 'Portugal', 'Lisbon')
),

final as (
    select
        row_parsed.*,
        coalesce(region.destination, row_parsed.hotel) as destination,
        coalesce(region.country, 'unknown') as destination_country,
        region.state_or_province,
        is_canceled as is_cancelled,
        coalesce(market_segment = 'Corporate', false) as is_business,
        cast(adr * nights as decimal(18, 2)) as amount,
        greatest(status_date, created_on) as updated_on,
        cast(dense_rank() over (order by row_parsed.hotel) as bigint) as host_id,
        cast(dense_rank() over (order by coalesce(region.destination, row_parsed.hotel)) as bigint)
            as destination_id,
        cast(dense_rank() over (order by row_parsed.hotel, reserved_room_type) as bigint)
            as property_id
    from row_parsed
    left join region on row_parsed.hotel = region.hotel
    where verdict = 'kept'
)

select * from final order by booking_id
"""

_GOLD = {
    "dim_user": """
        select
            'user-' || booking_id || '-1' as user_key,
            booking_id as user_id,
            'unknown' as email,
            'unknown' as name,
            coalesce(country, 'unknown') as country,
            case when is_business then 'business' else 'individual' end as user_type,
            is_business,
            cast(null as varchar) as company_name,
            created_on as created_at,
            cast(created_on as timestamp) as effective_from,
            cast(null as timestamp) as effective_to,
            true as is_current,
            cast(created_on as timestamp) as record_created_timestamp,
            cast(created_on as timestamp) as record_updated_timestamp
        from booking
        order by user_id
    """,
    "dim_host": """
        select
            'host-' || host_id || '-1' as host_key,
            host_id,
            hotel as name,
            'unknown' as email,
            'unknown' as phone,
            true as is_verified,
            true as is_active,
            cast(null as float) as rating,
            destination_country as country,
            min(created_on) as joined_at,
            cast(min(created_on) as timestamp) as effective_from,
            cast(null as timestamp) as effective_to,
            true as is_current,
            cast(min(created_on) as timestamp) as record_created_timestamp,
            cast(min(created_on) as timestamp) as record_updated_timestamp
        from booking
        group by host_id, hotel, destination_country
        order by host_id
    """,
    "dim_property": """
        with origin as (
            select property_id, min(created_on) as created_at
            from booking
            group by property_id
        ),

        rates as (
            select
                booking.property_id,
                median(adr) filter (created_on < origin.created_at + 90) as early_rate,
                arg_min(adr, row(created_on, booking_id)) as first_rate
            from booking
            inner join origin on booking.property_id = origin.property_id
            where adr > 0
            group by booking.property_id
        ),

        properties as (
            select
                property_id,
                host_id,
                destination_id,
                reserved_room_type,
                min(created_on) as created_at,
                quantile_disc(guests, 0.99) as max_guests
            from booking
            group by property_id, host_id, destination_id, reserved_room_type
        )

        select
            'property-' || properties.property_id || '-1' as property_key,
            properties.property_id,
            host_id,
            destination_id,
            'Room type ' || reserved_room_type || ' ' || properties.property_id as title,
            cast(null as varchar) as description,
            coalesce(
                early_rate,
                first_rate,
                median(coalesce(early_rate, first_rate)) over (partition by host_id),
                median(coalesce(early_rate, first_rate)) over ()
            ) as base_price,
            'Room type ' || reserved_room_type as property_type,
            max_guests,
            1 as bedrooms,
            1 as bathrooms,
            cast(null as float) as property_latitude,
            cast(null as float) as property_longitude,
            created_at,
            cast(created_at as timestamp) as effective_from,
            cast(null as timestamp) as effective_to,
            true as is_current,
            cast(created_at as timestamp) as record_created_timestamp,
            cast(created_at as timestamp) as record_updated_timestamp
        from properties
        left join rates on properties.property_id = rates.property_id
        order by properties.property_id
    """,
    "dim_destination": """
        select
            destination_id,
            destination,
            destination_country as country,
            state_or_province,
            cast(null as varchar) as state_or_province_code,
            cast(null as varchar) as description,
            cast(min(created_on) as timestamp) as record_created_timestamp,
            cast(min(created_on) as timestamp) as record_updated_timestamp
        from booking
        group by destination_id, destination, destination_country, state_or_province
        order by destination_id
    """,
    "fact_booking_detail": f"""
        select
            booking_id,
            booking_id as user_id,
            host_id,
            property_id,
            destination_id,
            check_in_date,
            cast(check_in_date + nights as date) as check_out_date,
            guests as guests_count,
            nights as nights_booked,
            amount as total_amount,
            case
                when is_cancelled and deposit_type is distinct from 'Non Refund' then 0
                else amount
            end as payment_amount,
            cast(null as varchar) as payment_method,
            case when is_cancelled then 'cancelled' else 'completed' end as status,
            cast(created_on as timestamp) as created_at,
            cast(updated_on as timestamp) as updated_at,
            lead_time as days_between_booking_and_checkin,
            is_cancelled,
            is_business as is_business_booking,
            cast(created_on as timestamp) as record_created_timestamp,
            cast(updated_on as timestamp) as record_updated_timestamp,
            {", ".join((*BOOKING_ATTRIBUTES, *HINDSIGHT_ATTRIBUTES))}
        from booking
        order by booking_id
    """,
}


def gold_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    tables = {name: connection.sql(query).to_arrow_table() for name, query in _GOLD.items()}
    ((first, last),) = connection.execute(
        """
        select min(created_on), max(greatest(check_in_date + nights, updated_on)) from booking
        """
    ).fetchall()
    return tables | {
        "dim_date": calendar(first, last + timedelta(days=DAYS_AHEAD)),
        "fact_booking_daily": booking_daily(tables["fact_booking_detail"]),
        "fact_property_engagement": GOLD_SCHEMAS["fact_property_engagement"].empty_table(),
    }
