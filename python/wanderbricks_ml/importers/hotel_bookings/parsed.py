"""Rows of the hotel booking demand data set, read: typed, and dropped rows marked."""

from __future__ import annotations

USED = [
    "hotel",
    "is_canceled",
    "lead_time",
    "arrival_date_year",
    "arrival_date_month",
    "arrival_date_day_of_month",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adr",
    "country",
    "reservation_status",
    "reservation_status_date",
]
_TEXT_ATTRIBUTES = [
    "market_segment",
    "distribution_channel",
    "deposit_type",
    "customer_type",
    "meal",
    "agent",
    "company",
    "reserved_room_type",
]
_WHOLE_NUMBER_ATTRIBUTES = [
    "total_of_special_requests",
    "required_car_parking_spaces",
    "is_repeated_guest",
    "previous_cancellations",
    "previous_bookings_not_canceled",
    "adults",
    "children",
    "babies",
]
BOOKING_ATTRIBUTES = (*_TEXT_ATTRIBUTES, *_WHOLE_NUMBER_ATTRIBUTES)
# Not used, but rows that differ in them are no duplicates.
UNUSED = [
    "arrival_date_week_number",
    "assigned_room_type",
    "booking_changes",
    "days_in_waiting_list",
]

MACROS = """
create macro filled(value) as
    case when upper(trim(value)) not in ('', 'NULL', 'NA') then trim(value) end;
-- Some editions write whole numbers as "2.0" or "2.0000000000".
create macro whole_number(value) as try_cast(try_cast(filled(value) as double) as int);
"""

ROW_PARSED = f"""
create table row_parsed as
with cleaned as (
    select
        rowid + 1 as booking_id,
        row_number() over (
            partition by {", ".join([*USED, *BOOKING_ATTRIBUTES, *UNUSED])} order by rowid
        ) > 1 as is_duplicate,
        filled(hotel) as hotel,
        filled(reservation_status) as reservation_status,
        filled(country) as country,
        whole_number(is_canceled) as is_canceled,
        whole_number(lead_time) as lead_time,
        whole_number(stays_in_weekend_nights) + whole_number(stays_in_week_nights) as nights,
        try_cast(filled(adr) as decimal(18, 2)) as published_adr,
        cast(
            try_strptime(
                concat_ws(
                    ' ',
                    whole_number(arrival_date_year),
                    filled(arrival_date_month),
                    whole_number(arrival_date_day_of_month)
                ),
                '%Y %B %-d'
            ) as date
        ) as check_in_date,
        try_cast(filled(reservation_status_date) as date) as status_date,
        {", ".join(f"filled({name}) as {name}" for name in _TEXT_ATTRIBUTES)},
        {", ".join(f"whole_number({name}) as {name}" for name in _WHOLE_NUMBER_ATTRIBUTES)}
    from row_read
),

measured as (
    select
        *,
        coalesce(adults, 0) + coalesce(children, 0) + coalesce(babies, 0) as guests,
        greatest(published_adr, 0) as adr,
        cast(check_in_date - lead_time as date) as created_on
    from cleaned
),

final as (
    select
        *,
        case
            when
                hotel is null
                or reserved_room_type is null
                or check_in_date is null
                or status_date is null
                or published_adr is null
                or coalesce(is_canceled not in (0, 1), true)
                or coalesce(lead_time not between 0 and 3650, true)
                or coalesce(nights not between 0 and 3650, true)
                then 'unreadable'
            when is_duplicate and $drop_duplicates then 'duplicate'
            when guests <= 0 then 'no guests'
            when adr > $max_adr then 'absurd rate'
            else 'kept'
        end as verdict
    from measured
)

select * from final order by booking_id
"""
