"""The hotel booking demand data set as gold: each row one booking, with its own guest.

Bookings of two Portuguese hotels (Antonio, de Almeida, Nunes 2019, Data in Brief 22). Nobody is
named in them, and neither guests nor rooms have an id:

Bookings
    ``booking_id`` is the row's number in the file, from 1. Exact duplicates are kept, being
    several rooms of one booking as far as is known, unless `drop_duplicates` is set.
Dates
    ``check_in_date`` is the arrival, ``created_at`` that less ``lead_time`` days,
    ``check_out_date`` that plus weekend and week nights. Stays of 0 nights are kept: guests
    arrived and left on one day, at no charge.
Status
    ``is_canceled`` 1 is ``cancelled``, which includes guests who did not show up; 0 is
    ``completed``. ``updated_at`` is ``reservation_status_date`` (of the cancellation, the missed
    arrival or the departure), or ``created_at`` where that is later.
Money
    ``total_amount`` is ``adr``, the average rate per night, times nights. A negative rate (a
    correction) counts as 0; rows with a rate above 5,000 are dropped as slips of the pen.
    Payments are not published: ``payment_amount`` is all of it for a stay and for a cancelled
    booking with a ``Non Refund`` deposit, which is paid in full beforehand, else 0. It is therefore
    known only afterwards.
Guests
    Adults, children and babies; rows without any are dropped. Each row has a user of its own,
    since guests cannot be recognised, so nothing can be learned from a user's history. Their
    ``country`` is the published code, mostly of ISO 3166 (``CN`` occurs beside ``CHN``), else
    ``unknown``. Users and bookings of the market segment ``Corporate`` are business.
Properties
    A hotel's reserved room type. ``base_price`` is the median positive ``adr`` of its bookings
    made within 90 days of the first one, else the first positive one, else 0: later ones would
    tell of the future. Rates move with the season and rare rooms have few early bookings, so it
    is rough, and there is one version only. ``max_guests`` is the number that 99 % of the bookings
    do not exceed: a few cancelled ones are for up to 55 adults in a room. Bedrooms and bathrooms
    are 1, and it exists from the first booking made.
Destinations and hosts
    One per hotel: Resort Hotel in the Algarve, City Hotel in Lisbon; any other hotel is a
    destination by its own name in country ``unknown``.
Missing values
    ``NULL`` and ``NA``, with or without spaces around them, and blanks.
Dropped, and counted
    Rows without a readable hotel, room type, arrival, lead time, nights, rate, cancellation or
    status date (lead times and stays of more than ten years count as unreadable); the two rules
    above.
Further booking columns
    Those of `BOOKING_ATTRIBUTES` go along on fact_booking_detail, for the dbt var
    ``booking_attributes``; all of them at once are the value

    ``{booking_attributes: [market_segment, distribution_channel, deposit_type, customer_type, meal,
    agent, company, reserved_room_type, total_of_special_requests, required_car_parking_spaces,
    is_repeated_guest, previous_cancellations, previous_bookings_not_canceled, adults, children,
    babies]}``

    Left out because they are known only later: ``booking_changes`` and ``days_in_waiting_list``
    (counted until arrival or cancellation), ``assigned_room_type`` (given at arrival) and
    ``reservation_status``. The publishers do not say when the ones that are kept were last written:
    special requests and parking spaces may have grown until the arrival, and the guest's country,
    the strongest single feature of a cancellation here, may have been put right only at check-in,
    so that who never came stayed ``PRT``.
Deposits
    ``deposit_type`` "Non Refund" is kept though 99 % of these bookings are cancelled, mostly those of
    groups and of agents: hardly guests who gave up a deposit. It counts as known when the booking is
    made; ``benchmarks/cancellation.py`` prints the metrics with and without these rows.

Engagement is not published: fact_property_engagement is empty.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
import duckdb
import pyarrow as pa

from wanderbricks_ml import gold, gold_derived
from wanderbricks_ml.importers import (
    DAYS_AHEAD,
    labelled,
    load_csv,
    log_summary,
    scalar,
    verify_keys,
)

logger = logging.getLogger(__name__)

MAX_ADR = 5000

_USED = [
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
_UNUSED = [
    "arrival_date_week_number",
    "assigned_room_type",
    "booking_changes",
    "days_in_waiting_list",
]

_MACROS = """
create macro filled(value) as
    case when upper(trim(value)) not in ('', 'NULL', 'NA') then trim(value) end;
-- Some editions write whole numbers as "2.0" or "2.0000000000".
create macro whole_number(value) as try_cast(try_cast(filled(value) as double) as int);
"""

_ROW_PARSED = f"""
create table row_parsed as
with cleaned as (
    select
        rowid + 1 as booking_id,
        row_number() over (
            partition by {", ".join([*_USED, *BOOKING_ATTRIBUTES, *_UNUSED])} order by rowid
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

_BOOKING = """
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
        is_canceled = 1 as is_cancelled,
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
            coalesce(early_rate, first_rate, 0) as base_price,
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
            {", ".join(BOOKING_ATTRIBUTES)}
        from booking
        order by booking_id
    """,
}

_PRICED_LATE = """
select count(*)
from (
    select property_id
    from (select *, min(created_on) over (partition by property_id) as first_on from booking)
    group by property_id
    having count(*) filter (adr > 0 and created_on < first_on + 90) = 0
)
"""


@dataclass(frozen=True)
class HotelBookingsCounts:
    """What an import read, kept, adjusted and dropped: numbers of rows."""

    rows_read: int = labelled("rows read")
    duplicates_read: int = labelled("exact duplicates of an earlier row")
    rows_unreadable: int = labelled("dropped: a date, number, hotel or room type is unreadable")
    rows_duplicate: int = labelled("dropped: exact duplicate")
    rows_without_guests: int = labelled("dropped: no guests")
    rows_with_absurd_rate: int = labelled(f"dropped: rate above {MAX_ADR:,}")
    bookings: int = labelled("bookings kept")
    bookings_cancelled: int = labelled("of these cancelled, no-shows included")
    bookings_no_show: int = labelled("of these no-shows")
    bookings_of_no_night: int = labelled("stay of 0 nights: kept, amount 0")
    rates_negative: int = labelled("negative rate: taken as 0")
    countries_unknown: int = labelled("country of the guest missing: unknown")
    updates_moved: int = labelled("status date before the booking's: moved to it")
    properties: int = labelled("properties")
    properties_priced_late: int = labelled("properties without a rate in their first 90 days")
    destinations: int = labelled("destinations, each with a host")


def import_hotel_bookings(csv: Path, out: Path, drop_duplicates: bool = False) -> HotelBookingsCounts:
    """Write gold from the hotel booking demand data set, by the rules of this module.

    Parameters
    ----------
    csv
        ``hotel_bookings.csv`` or ``.csv.gz`` with the published columns.
    out
        Folder for the gold tables.
    drop_duplicates
        Keep only the first of rows that are equal in every column.

    Returns
    -------
    HotelBookingsCounts
        Rows read, kept, and dropped or adjusted by each rule.

    Raises
    ------
    click.ClickException
        When the file cannot be used; names it and the columns.
    """
    with duckdb.connect() as connection:
        connection.execute(_MACROS)
        rows_read = load_csv(connection, csv, "row_read", [*_USED, *BOOKING_ATTRIBUTES], optional=_UNUSED)
        connection.execute(_ROW_PARSED, {"drop_duplicates": drop_duplicates, "max_adr": MAX_ADR})
        verdicts = {
            str(verdict): int(rows)
            for verdict, rows in connection.execute("select verdict, count(*) from row_parsed group by all").fetchall()
        }
        if not verdicts.get("kept"):
            dropped = ", ".join(f"{rows:,} {verdict}" for verdict, rows in sorted(verdicts.items()))
            columns = ", ".join(_columns_at_fault(connection))
            raise click.ClickException(f"{csv}: no row is left ({dropped}); see the columns {columns}")
        connection.execute(_BOOKING)
        tables = _gold_tables(connection)

        def bookings_where(condition: str) -> int:
            return int(scalar(connection, f"select count(*) from booking where {condition}"))

        counts = HotelBookingsCounts(
            rows_read=rows_read,
            duplicates_read=scalar(connection, "select count(*) from row_parsed where is_duplicate"),
            rows_unreadable=verdicts.get("unreadable", 0),
            rows_duplicate=verdicts.get("duplicate", 0),
            rows_without_guests=verdicts.get("no guests", 0),
            rows_with_absurd_rate=verdicts.get("absurd rate", 0),
            bookings=verdicts["kept"],
            bookings_cancelled=bookings_where("is_cancelled"),
            bookings_no_show=bookings_where("reservation_status = 'No-Show'"),
            bookings_of_no_night=bookings_where("nights = 0"),
            rates_negative=bookings_where("published_adr < 0"),
            countries_unknown=bookings_where("country is null"),
            updates_moved=bookings_where("status_date < created_on"),
            properties=tables["dim_property"].num_rows,
            properties_priced_late=scalar(connection, _PRICED_LATE),
            destinations=tables["dim_destination"].num_rows,
        )
    verify_keys(tables)
    gold.write_gold(tables, out)
    log_summary("Hotel bookings", counts)
    if counts.duplicates_read and not drop_duplicates:
        logger.info(
            "Exact duplicates are kept, being several rooms of one booking as far as is known; "
            "--drop-duplicates drops them."
        )
    return counts


def _columns_at_fault(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The published columns that explain why every row was dropped."""
    causes = {
        "hotel": "hotel is null",
        "reserved_room_type": "reserved_room_type is null",
        "arrival_date_year, arrival_date_month, arrival_date_day_of_month": "check_in_date is null",
        "reservation_status_date": "status_date is null",
        "adr": f"published_adr is null or adr > {MAX_ADR}",
        "is_canceled": "coalesce(is_canceled not in (0, 1), true)",
        "lead_time": "coalesce(lead_time not between 0 and 3650, true)",
        "stays_in_weekend_nights, stays_in_week_nights": ("coalesce(nights not between 0 and 3650, true)"),
        "adults, children, babies": "guests <= 0",
    }
    return [
        columns
        for columns, condition in causes.items()
        if scalar(connection, f"select count(*) from row_parsed where {condition}")
    ]


def _gold_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    tables = {name: connection.sql(query).to_arrow_table() for name, query in _GOLD.items()}
    ((first, last),) = connection.execute(
        """
        select min(created_on), max(greatest(check_in_date + nights, updated_on)) from booking
        """
    ).fetchall()
    return tables | {
        "dim_date": gold_derived.calendar(first, last + timedelta(days=DAYS_AHEAD)),
        "fact_booking_daily": gold_derived.booking_daily(tables["fact_booking_detail"]),
        "fact_property_engagement": gold.GOLD_SCHEMAS["fact_property_engagement"].empty_table(),
    }
