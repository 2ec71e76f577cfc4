"""The raw sample schema, ``samples.wanderbricks``, that simulated gold could have been made from.

Counts and shares are those of the original: per booking, per property (amenities, images) or per
host (employees). The dimensions are gold's current versions. These quirks of the original are kept:

* ``bookings.status`` is stale: pending 44 %, confirmed 25 %, cancelled 21 %, completed 10 %. The
  latest state, which is gold's, is the row of ``booking_updates`` with the greatest ``updated_at``
  and then ``booking_update_id``, or else the row of ``bookings``. 66 % of the bookings have an
  update, and these are the stale ones. Nothing is un-cancelled: where gold has less than 21 %
  cancelled, all of it shows, and more shows as confirmed.
* 486 of 83,068 updates tie on time with the final one, with an earlier status: only the id tells.
  Ids do not fall within a booking, but 7,943 of 83,068 repeat another.
* Updates may change dates, guests and amount as well: of 15 % of the stale bookings ``bookings`` has
  what was booked first. 30 % of the updates lack ``created_at``; all else is whole.
* ``total_amount`` is a float; rounded to cents it is gold's.
* 64 % of the bookings have a payment, in gold nearly all are paid: the completed and refunded payments
  of a booking sum up to gold's ``payment_amount``, the others' are lost. 3 % of the charges failed and
  5 % are pending, of bookings that have no other. Of 49,638 payments 45,173 ids are distinct. Refunds,
  7 % of the rows, are the exact negatives of what was paid.
* ``users.created_at`` is a moment, in gold a day.
* Reviews have 1,000 distinct ids of 99,793, page views 5,000 of 500,000. 0.5 % of the reviews are
  deleted and have no rating. Ratings, devices and referrers mean nothing.
* Page views and clicks lie in the second month after the last booking (September after July), so
  that gold's engagement cannot be made from them.
* ``customer_support_logs`` has its times as text.

Not known, and chosen: the columns of amenities, property_amenities, property_images,
customer_support_logs and employees, after what is published about the original; a host's rating as
float, ``payment_date`` as timestamp; the shares of amended bookings, of updates without ``created_at``
and of failed and pending payments; which 168 countries (these leave out small ones). Emails are made
up; names and phone numbers are those of gold's hosts, who are made up too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wanderbricks_ml.simulator.raw.bookings import booking_tables, payment_table, review_table
from wanderbricks_ml.simulator.raw.drawing import DAY_MICROS, current, micros
from wanderbricks_ml.simulator.raw.furnishings import furnishing_tables
from wanderbricks_ml.simulator.raw.people import (
    country_table,
    employee_table,
    signed_up,
    support_log_table,
    visit_tables,
)

_GOLD = ("dim_user", "dim_host", "dim_property", "dim_destination", "fact_booking_detail")


def raw_tables(gold: Mapping[str, pa.Table], seed: int) -> dict[str, pa.Table]:
    """Make the raw tables of a simulated gold; same arguments, same tables.

    Parameters
    ----------
    gold
        dim_user, dim_host, dim_property, dim_destination and fact_booking_detail.
    seed
        Not negative. Each group of tables draws from a stream of its own.

    Returns
    -------
    dict
        The 16 tables by name. Moments are in microseconds without a zone, amounts in the currency
        of gold.

    Raises
    ------
    KeyError
        When a gold table or column is missing.
    ValueError
        When gold has a country that has no code here, or no completed booking to review.
    """
    detail = gold["fact_booking_detail"]
    users = signed_up(
        current(gold["dim_user"], "user_id email name country user_type created_at is_business company_name"), seed
    )
    hosts = current(gold["dim_host"], "host_id name email phone is_verified is_active rating country joined_at")
    properties = current(
        gold["dim_property"],
        "property_id host_id destination_id title description base_price property_type max_guests bedrooms"
        " bathrooms property_latitude property_longitude created_at",
    )
    destinations = gold["dim_destination"].select(
        ["destination_id", "destination", "country", "state_or_province", "state_or_province_code", "description"]
    )
    bookings, updates = booking_tables(detail, seed)
    employees = employee_table(hosts, micros(detail["created_at"]).max() // DAY_MICROS, seed)
    return {
        "bookings": bookings,
        "booking_updates": updates,
        "payments": payment_table(detail, seed),
        "reviews": review_table(detail, seed),
        **visit_tables(users, properties, detail, seed),
        "properties": properties,
        "users": users,
        "hosts": hosts,
        "destinations": destinations,
        "countries": country_table([users, hosts, destinations]),
        **furnishing_tables(properties, seed),
        "customer_support_logs": support_log_table(detail, employees, seed),
        "employees": employees,
    }


def write_raw(gold_folder: Path, seed: int, out: Path) -> None:
    """Write the raw tables of the gold in `gold_folder`; same gold and seed, same bytes.

    Parameters
    ----------
    gold_folder
        Folder with the ``<table>.parquet`` files of simulated gold.
    seed
        Not negative.
    out
        Folder to make or to replace the ``<table>.parquet`` files of.

    Raises
    ------
    FileNotFoundError
        When a gold file is missing.
    KeyError, ValueError
        As `raw_tables`; nothing is written then.
    """
    tables = raw_tables({name: pq.read_table(gold_folder / f"{name}.parquet") for name in _GOLD}, seed)
    out.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, out / f"{name}.parquet", compression="zstd")
