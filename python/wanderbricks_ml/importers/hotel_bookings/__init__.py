"""The hotel booking demand data set as gold: each row one booking, with its own guest.

Bookings of two Portuguese hotels (Antonio, de Almeida, Nunes 2019, Data in Brief 22). Nobody is
named in them, and neither guests nor rooms have an id:

Bookings
    ``booking_id`` is the row's number in the file, from 1. Exact duplicates are kept, being
    several rooms of one booking as far as is known, unless `drop_duplicates` is set. Rows that differ in
    any column, also one that is not used, are none.
Dates
    ``check_in_date`` is the arrival, ``created_at`` that less ``lead_time`` days,
    ``check_out_date`` that plus weekend and week nights. Stays of 0 nights are dropped: who left on the day of arrival,
    at no charge, booked no night.
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
    made within 90 days of the first one, else the first positive one, else the median of the
    hotel's room types, else of all: later ones would tell of the future. Rates move with the season
    and rare rooms have few early bookings, so it is rough, and there is one version only.
    ``max_guests`` is the number that 99 % of the bookings do not exceed: a few cancelled ones are
    for up to 55 adults in a room. Bedrooms and bathrooms are 1, and it exists from the first
    booking made.
Destinations and hosts
    One per hotel: Resort Hotel in the Algarve, City Hotel in Lisbon; any other hotel is a
    destination by its own name in country ``unknown``.
Dropped, and counted
    Rows without a readable hotel, room type, arrival, lead time, nights, rate, cancellation or
    status date (negative numbers, lead times of more than ten years, stays of more than one and parties of
    more than 500 count as unreadable); stays of 0 nights; the two rules above.
Columns
    Needed are those without which no booking is left; the others are null where the file lacks them, and the import
    names them. Without ``market_segment`` nobody is business, without ``deposit_type`` no cancelled booking paid.
Further booking columns
    Those of `BOOKING_ATTRIBUTES` go along on fact_booking_detail, for the dbt var
    ``booking_attributes``; all of them at once are the value

    ``{booking_attributes: [market_segment, distribution_channel, deposit_type, customer_type, meal,
    agent, company, reserved_room_type, total_of_special_requests, is_repeated_guest,
    previous_cancellations, previous_bookings_not_canceled, adults, children, babies]}``

    Left out because they are known only later: ``booking_changes`` and ``days_in_waiting_list``
    (counted until arrival or cancellation), ``assigned_room_type`` (given at arrival) and
    ``reservation_status``. ``required_car_parking_spaces`` is hindsight, too: of 5,728 bookings with a
    space none was cancelled. It goes along for versions that were fitted on it, and is not to be named.

    The publishers do not say when the ones above were last written. Special requests are dated neither: the
    count is the one at the end, so that a request made between booking and arrival counts as if it had been
    there when the booking was made. Of bookings without a deposit that were cancelled on the day they were
    made 10 % have one, of those cancelled within a week of that 36 %, later not more: most come with the
    booking, some after it. The guest's country, the strongest single feature of a cancellation here, may have
    been put right only at check-in, so that who never came stayed ``PRT``.
Deposits
    ``deposit_type`` "Non Refund" is kept though 99 % of these bookings are cancelled, mostly those of
    groups and of agents: hardly guests who gave up a deposit. It counts as known when the booking is
    made; ``benchmarks/cancellation.py`` prints the metrics with and without these rows.

Engagement is not published: fact_property_engagement is empty.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb

from wanderbricks_ml.gold.contract import write_gold
from wanderbricks_ml.gold.countries import without_holidays
from wanderbricks_ml.importers import scalar, verify_keys
from wanderbricks_ml.importers.hotel_bookings.parsed import COLUMNS, ROW_PARSED
from wanderbricks_ml.importers.hotel_bookings.tables import BOOKING, gold_tables
from wanderbricks_ml.importers.reading import ReadOptions, load_csv
from wanderbricks_ml.importers.summary import MAX_SHARE, labelled, log_summary

logger = logging.getLogger(__name__)

MAX_ADR = 5000

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
    rows_unreadable: int = labelled("dropped: a date, number, hotel or room type is unreadable", of="rows_read")
    rows_duplicate: int = labelled("dropped: exact duplicate", of="rows_read", may_be_all=True)
    rows_without_guests: int = labelled("dropped: no guests", of="rows_read")
    rows_without_nights: int = labelled("dropped: stay of 0 nights", of="rows_read")
    rows_with_absurd_rate: int = labelled(f"dropped: rate above {MAX_ADR:,}", of="rows_read")
    bookings: int = labelled("bookings kept")
    bookings_cancelled: int = labelled("of these cancelled, no-shows included")
    bookings_no_show: int = labelled("of these no-shows")
    rates_negative: int = labelled("negative rate: taken as 0", of="bookings")
    countries_unknown: int = labelled("country of the guest missing: unknown", of="bookings", may_be_all=True)
    updates_moved: int = labelled("status date before the booking's: moved to it", of="bookings")
    properties: int = labelled("properties")
    properties_priced_late: int = labelled("properties without a rate in their first 90 days")
    destinations: int = labelled("destinations, each with a host")


def import_hotel_bookings(
    csv: Path,
    out: Path,
    drop_duplicates: bool = False,
    max_odd: float = MAX_SHARE,
    options: ReadOptions | None = None,
) -> HotelBookingsCounts:
    """Write gold from the hotel booking demand data set, by the rules of this module.

    Parameters
    ----------
    csv
        ``hotel_bookings.csv`` or ``.csv.gz`` with the published columns.
    out
        Folder for the gold tables.
    drop_duplicates
        Keep only the first of rows that are equal in every column of the file, those that are not used included.
    max_odd
        Largest share of rows that one rule may drop or adjust.
    options
        How to read what the file does not say itself.

    Returns
    -------
    HotelBookingsCounts
        Rows read, kept, and dropped or adjusted by each rule.

    Raises
    ------
    click.ClickException
        When the file cannot be used, or a rule applies to more rows than `max_odd`; names it and the columns. Nothing
        is written then.
    """
    with duckdb.connect() as connection:
        reading = load_csv(connection, csv, "row_read", COLUMNS, options)
        connection.execute(ROW_PARSED, {"drop_duplicates": drop_duplicates, "max_adr": MAX_ADR})
        verdicts = {
            str(verdict): int(rows)
            for verdict, rows in connection.execute("select verdict, count(*) from row_parsed group by all").fetchall()
        }
        if not verdicts.get("kept"):
            dropped = ", ".join(f"{rows:,} {verdict}" for verdict, rows in sorted(verdicts.items()))
            columns = ", ".join(_columns_at_fault(connection))
            raise click.ClickException(
                f"{csv}: no row is left ({dropped}); see the columns {columns}"
                + "".join(f". {column}" for column in reading.unreadable)
            )
        connection.execute(BOOKING)
        if not scalar(connection, "select count(*) from booking where adr > 0"):
            raise click.ClickException(f"{csv}: no row has a rate above 0 in the column adr")
        tables = gold_tables(connection)

        def bookings_where(condition: str) -> int:
            return int(scalar(connection, f"select count(*) from booking where {condition}"))

        counts = HotelBookingsCounts(
            rows_read=reading.rows,
            duplicates_read=scalar(connection, "select count(*) from row_parsed where is_duplicate"),
            rows_unreadable=verdicts.get("unreadable", 0),
            rows_duplicate=verdicts.get("duplicate", 0),
            rows_without_guests=verdicts.get("no guests", 0),
            rows_without_nights=verdicts.get("no night", 0),
            rows_with_absurd_rate=verdicts.get("absurd rate", 0),
            bookings=verdicts["kept"],
            bookings_cancelled=bookings_where("is_cancelled"),
            bookings_no_show=bookings_where("reservation_status = 'No-Show'"),
            rates_negative=bookings_where("published_adr < 0"),
            countries_unknown=bookings_where("country is null"),
            updates_moved=bookings_where("status_date < created_on"),
            properties=tables["dim_property"].num_rows,
            properties_priced_late=scalar(connection, _PRICED_LATE),
            destinations=tables["dim_destination"].num_rows,
        )
    countries = tables["dim_destination"].column("country").to_pylist()
    log_summary("Hotel bookings", counts, [reading], max_odd, without_holidays(countries))
    verify_keys(tables)
    write_gold(tables, out)
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
        "is_canceled": "is_canceled is null",
        "lead_time": "coalesce(lead_time not between 0 and 3650, true)",
        "stays_in_weekend_nights, stays_in_week_nights": "coalesce(nights not between 1 and 365, true)",
        "adults, children, babies": "coalesce(guests not between 1 and 500, true)",
    }
    return [
        columns
        for columns, condition in causes.items()
        if scalar(connection, f"select count(*) from row_parsed where {condition}")
    ]
