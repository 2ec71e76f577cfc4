"""The tables of a build, read and never written, some of which may not be there."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

SCHEMA = "wanderbricks_ml"

Row = dict[str, Any]


class Database:
    """A DuckDB file of which nothing but the schema's name is taken for granted.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    FileNotFoundError
        When there is none.
    duckdb.IOException
        When another process writes to it.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} does not exist; dbt build makes it, WANDERBRICKS_DB or --database names another"
            )
        self._connection = duckdb.connect(str(path), read_only=True)
        found = self._connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = ?", [SCHEMA]
        ).fetchall()
        self._columns: dict[str, set[str]] = {}
        for table, column in found:
            self._columns.setdefault(table, set()).add(column)
        if self._columns:
            self._connection.execute(f"use {SCHEMA}")

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def has(self, *tables: str) -> bool:
        """Whether all of these tables are there."""
        return all(table in self._columns for table in tables)

    def columns(self, table: str) -> set[str]:
        """Names of a table's columns; none where it is not there."""
        return self._columns.get(table, set())

    def rows(self, query: str, *tables: str) -> list[Row]:
        """Rows of a query, or none where one of the tables that it needs is not there.

        Dates are ISO texts, and numbers that are none are null, as JSON wants them.
        """
        if not self.has(*tables):
            return []
        found = self._connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, map(plain, row), strict=True)) for row in found.fetchall()]

    def row(self, query: str, *tables: str) -> Row:
        """The first row of a query; empty where there is none."""
        return next(iter(self.rows(query, *tables)), {})


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value
