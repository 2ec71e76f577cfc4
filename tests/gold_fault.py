"""Gold with one thing wrong, and what changes a share of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

KEYS = {
    "dim_user": "user_key",
    "dim_host": "host_key",
    "dim_property": "property_key",
    "dim_destination": "destination_id",
    "dim_date": "date",
    "fact_booking_detail": "booking_id",
    "fact_booking_daily": "property_id * 100000 + date_diff('day', date '2000-01-01', check_in_date)",
    "fact_property_engagement": "property_id * 100000 + date_diff('day', date '2000-01-01', engagement_date)",
}
"""What tells the rows of a table apart: a share of them is taken by its hash, so that it is the same in every run."""

ALL = ("demand", "revenue", "conversion", "pricing", "customer_ltv", "churn", "cancellation", "recommendations")


@dataclass(frozen=True)
class Fault:
    """Gold with one thing wrong.

    Attributes
    ----------
    name
        What is wrong, in few words.
    queries
        ``{table: query}``; in a query a table's name means the good table.
    says
        Words that the output has to hold, in one line.
    stops
        Whether nothing may be built from it; else it is a warning, and the build goes on.
    after
        Whether it is wrong only beside what an earlier build had.
    products
        Products that it would harm.
    """

    name: str
    queries: Mapping[str, str]
    says: tuple[str, ...]
    stops: bool = True
    after: bool = False
    products: tuple[str, ...] = ALL

    def write(self, gold: Path, folder: Path) -> Path:
        """Write `gold` with this fault to `folder`, tables without a change as links."""
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute("set threads = 1")
            files = sorted(gold.glob("*.parquet"))
            for file in files:
                connection.execute(f"create view {file.stem} as from '{file}'")
            for file in files:
                written = folder / file.name
                if file.stem in self.queries:
                    connection.execute(f"copy ({self.queries[file.stem]}) to '{written}' (format parquet)")
                else:
                    written.symlink_to(file)
        return folder


def some(table: str, percent: float) -> str:
    """A condition that holds for a share of the rows of `table`."""
    return f"hash({KEYS[table]}) % 10000 < {100 * percent}"


def replaced(table: str, column: str, value: str, percent: float = 10) -> dict[str, str]:
    """Give a share of the rows another value in one column."""
    changed = f"case when {some(table, percent)} then {value} else {column} end as {column}"
    return {table: f"select * replace ({changed}) from {table}"}


def kept(table: str, condition: str) -> dict[str, str]:
    return {table: f"select * from {table} where {condition}"}
