"""Importers: published booking data as a gold folder.

One package per source, each with its rules in its docstring. What they share: `files` unpacks and decodes, `columns`
finds out how values are written, `reading` makes typed tables of both, `summary` says what was kept and what looks odd,
and here is the check that every booking finds its user, host, property and destination.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

DAYS_AHEAD = 400


def scalar(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    """The one value that `query` yields."""
    # Not fetchone: it leaves the result open, and DuckDB 2 then refuses the next relation.
    ((value,),) = connection.execute(query).fetchall()
    return value


def verify_keys(tables: Mapping[str, pa.Table]) -> None:
    """Check the keys of gold tables before they are written.

    Raises
    ------
    ValueError
        When a key occurs twice or a booking refers to a row that is not there. That is a fault of
        the importer, not of its input.
    """
    unique = {
        "fact_booking_detail": "booking_id",
        "fact_booking_daily": "property_id, check_in_date",
        "dim_user": "user_id, effective_from",
        "dim_host": "host_id, effective_from",
        "dim_property": "property_id, effective_from",
        "dim_destination": "destination_id",
    }
    with duckdb.connect() as connection:
        for name in [*unique, "dim_date"]:
            connection.register(name, tables[name])
        for name, key in unique.items():
            twice = scalar(
                connection,
                f"select count(*) from (select {key} from {name} group by all having count(*) > 1)",
            )
            if twice:
                raise ValueError(f"{name}: {twice} values of ({key}) occur more than once")
        for entity in ["user", "host", "property", "destination"]:
            lost = scalar(
                connection,
                f"select count(*) from fact_booking_detail anti join dim_{entity} using ({entity}_id)",
            )
            if lost:
                raise ValueError(f"fact_booking_detail: {lost} bookings of no known {entity}")
