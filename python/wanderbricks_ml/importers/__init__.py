"""Importers: published booking data as a gold folder.

One module per source, each with its rules in its docstring. This file holds what they share:
reading a CSV file with clear errors, the summary of what was kept and why, and the check that
every booking finds its user, host, property and destination.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, fields
from pathlib import Path
from typing import Any

import click
import duckdb
import pyarrow as pa

logger = logging.getLogger(__name__)

DAYS_AHEAD = 400


def labelled(label: str) -> Any:
    """Dataclass field, 0 by default, that `log_summary` prints as `label`."""
    return field(default=0, metadata={"label": label})


def log_summary(title: str, counts: Any) -> None:
    """Log each `labelled` field of the dataclass instance `counts` on a line of its own."""
    logger.info("%s", title)
    for entry in fields(counts):
        if "label" in entry.metadata:
            logger.info("  %-62s %11s", entry.metadata["label"], f"{getattr(counts, entry.name):,}")


def load_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    table: str,
    required: Sequence[str],
    optional: Collection[str] = (),
) -> int:
    """Read columns of a CSV file (plain or ``.gz``) as text into a new table, in file order.

    Parameters
    ----------
    connection
        Where to make the table.
    path
        The file: UTF-8, commas, double quotes, a header line.
    table
        Name of the new table; all its columns are VARCHAR.
    required, optional
        Columns to read. Optional ones that the file lacks are null.

    Returns
    -------
    int
        The number of rows, at least 1.

    Raises
    ------
    click.ClickException
        When the file is missing, empty or no CSV, or lacks required columns; names all of them.
    """
    if not path.is_file():
        raise click.ClickException(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise click.ClickException(f"{path}: the file is empty")
    # Found from a sample, the quote character would depend on where the first quoted value lies.
    source = "read_csv($path, all_varchar=true, header=true, delim=',', quote='\"', escape='\"')"
    parameters = {"path": str(path)}
    try:
        described = connection.execute(f"describe select * from {source}", parameters).fetchall()
        present = {str(row[0]) for row in described}
        missing = [column for column in required if column not in present]
        if missing:
            raise click.ClickException(f"{path}: lacks the columns {', '.join(missing)}")
        columns = [
            f'"{name}"' if name in present else f'cast(null as varchar) as "{name}"' for name in [*required, *optional]
        ]
        connection.execute(f"create table {table} as select {', '.join(columns)} from {source}", parameters)
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise click.ClickException(f"{path}: cannot be read as CSV: {reason}") from error
    rows = int(scalar(connection, f"select count(*) from {table}"))
    if rows == 0:
        raise click.ClickException(f"{path}: has a header but no row")
    return rows


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
