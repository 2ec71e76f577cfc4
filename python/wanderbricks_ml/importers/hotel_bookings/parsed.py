"""Rows of the hotel booking demand data set, read: typed, and dropped rows marked."""

from __future__ import annotations

from wanderbricks_ml.importers.columns import EARLIEST, LATEST, Column

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
    "is_repeated_guest",
    "previous_cancellations",
    "previous_bookings_not_canceled",
    "adults",
    "children",
    "babies",
]
BOOKING_ATTRIBUTES = (*_TEXT_ATTRIBUTES, *_WHOLE_NUMBER_ATTRIBUTES)
"""What models may use: known when a booking is made, as far as can be told."""

HINDSIGHT_ATTRIBUTES = ("required_car_parking_spaces",)
"""Kept in gold for versions that were fitted on it: a space was written down at the arrival, or only of who came."""

_REQUIRED_ATTRIBUTES = ("reserved_room_type", "adults")

COLUMNS = [
    Column("hotel", is_required=True),
    Column("is_canceled", "flag", is_required=True),
    Column("lead_time", "whole", is_required=True),
    Column("arrival_date_year", "whole", is_required=True),
    Column("arrival_date_month", is_required=True),
    Column("arrival_date_day_of_month", "whole", is_required=True),
    Column("stays_in_weekend_nights", "whole", is_required=True),
    Column("stays_in_week_nights", "whole", is_required=True),
    Column("adr", "money", is_required=True),
    Column("reservation_status_date", "date", is_required=True),
    Column("country"),
    Column("reservation_status"),
    *(Column(name, "text", name in _REQUIRED_ATTRIBUTES) for name in _TEXT_ATTRIBUTES),
    *(
        Column(name, "whole", name in _REQUIRED_ATTRIBUTES)
        for name in (*_WHOLE_NUMBER_ATTRIBUTES, *HINDSIGHT_ATTRIBUTES)
    ),
]

ROW_PARSED = f"""
create table row_parsed as
with cleaned as (
    select
        rowid + 1 as booking_id,
        row_number() over (partition by record order by rowid) > 1 as is_duplicate,
        hotel,
        reservation_status,
        country,
        is_canceled,
        lead_time,
        case
            when least(stays_in_weekend_nights, stays_in_week_nights) >= 0
                then stays_in_weekend_nights + stays_in_week_nights
        end as nights,
        adr as published_adr,
        -- A year of two digits is none: nobody says of which century.
        case
            when arrival_date_year between {EARLIEST.year} and {LATEST.year}
                then cast(
                    try_strptime(
                        concat_ws(' ', arrival_date_year, arrival_date_month, arrival_date_day_of_month),
                        ['%Y %B %-d', '%Y %b %-d', '%Y %-m %-d']
                    ) as date
                )
        end as check_in_date,
        reservation_status_date as status_date,
        {", ".join((*BOOKING_ATTRIBUTES, *HINDSIGHT_ATTRIBUTES))}
    from row_read
),

measured as (
    select
        *,
        -- of -1 adults and 3 children nothing is known
        case
            when coalesce(least(adults, children, babies), 0) >= 0
                then coalesce(adults, 0) + coalesce(children, 0) + coalesce(babies, 0)
        end as guests,
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
                or is_canceled is null
                or coalesce(lead_time not between 0 and 3650, true)
                or coalesce(nights not between 0 and 365, true)
                or coalesce(guests > 500, true)
                then 'unreadable'
            when is_duplicate and $drop_duplicates then 'duplicate'
            when guests <= 0 then 'no guests'
            when nights = 0 then 'no night'
            when adr > $max_adr then 'absurd rate'
            else 'kept'
        end as verdict
    from measured
)

select * from final order by booking_id
"""
