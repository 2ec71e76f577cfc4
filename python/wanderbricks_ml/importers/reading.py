"""A published CSV as a typed table, with what could not be read."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb

from wanderbricks_ml.importers import files
from wanderbricks_ml.importers.columns import MACROS, Column, typed

_TYPES = {
    "text": "varchar",
    "id": "bigint",
    "date": "date",
    "money": "decimal(18, 2)",
    "number": "double",
    "whole": "int",
    "flag": "boolean",
}
_SCIENTIFIC = "[0-9]+([.,][0-9]+)?[eE][+]?[0-9]+"


@dataclass(frozen=True)
class ReadOptions:
    """How to read files that do not say it themselves.

    Parameters
    ----------
    encoding
        Of text without a byte order mark; by default UTF-8.
    date_order
        ``day-first``, ``month-first`` or ``short-year-first``: of a column of dates that can be read in several orders.
    """

    encoding: str | None = None
    date_order: str | None = None


@dataclass(frozen=True)
class Unreadable:
    """Values of a column that are neither missing nor readable, and were taken as missing."""

    column: str
    rows: int
    of: int
    in_scientific_notation: int = 0

    def __str__(self) -> str:
        lost = (
            f", {self.in_scientific_notation:,} of them in scientific notation, which has lost digits"
            if self.in_scientific_notation
            else ""
        )
        return f"{self.column}: {self.rows:,} of {self.of:,} values are unreadable and count as missing{lost}"


@dataclass(frozen=True)
class Reading:
    """What came of a file: its rows, the columns it lacks, and the values that could not be read."""

    rows: int
    absent: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]


def load_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    table: str,
    columns: Sequence[Column],
    options: ReadOptions | None = None,
) -> Reading:
    """Read columns of a published file into a new table, in file order.

    Parameters
    ----------
    connection
        Where to make the table.
    path
        The file, with a header line; see `files.plain_csv` for what it may be packed and encoded in. Commas,
        semicolons, tabs or bars part its values, double quotes enclose them.
    table
        Name of the new table: `columns`, typed, null where missing or unreadable, and `record`, equal for rows that are
        equal in every column of the file, those that nobody asked for included.
    columns
        What to read. Columns that the file lacks are null, unless they are required.
    options
        What the file does not say itself.

    Raises
    ------
    click.ClickException
        When the file cannot be used: names it, the cause, and the columns where some are at fault.
    """
    options = options or ReadOptions()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "plain.csv"
        files.plain_csv(path, copy, options.encoding)
        header = files.header(path, copy, [column.name for column in columns])
        missing = [column.name for column in columns if column.is_required and column.name not in header.names]
        if missing:
            raise click.ClickException(f"{path}: lacks the columns {', '.join(missing)}{_seen(header)}")
        present = [column for column in columns if column.name in header.names]
        _load_texts(connection, path, copy, f"{table}_text", header, present)
    chosen = typed(connection, f"{table}_text", present, str(path), options.date_order)
    values = [
        f'{chosen[column.name]} as "{column.name}"'
        if column in present
        else f'cast(null as {_TYPES[column.kind]}) as "{column.name}"'
        for column in columns
    ]
    connection.execute(f"create table {table} as select {', '.join(values)}, record from {table}_text order by rowid")
    ((rows,),) = connection.execute(f"select count(*) from {table}").fetchall()
    if rows == 0:
        raise click.ClickException(f"{path}: has a header but no row")
    unreadable = _unreadable(connection, path, table, present)
    connection.execute(f"drop table {table}_text")
    absent = tuple(column.name for column in columns if column not in present)
    return Reading(rows, absent, unreadable)


def _seen(header: files.Header) -> str:
    return f"; its header has the columns {', '.join(header.names[:12])}" + ("…" if len(header.names) > 12 else "")


def _load_texts(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    copy: Path,
    table: str,
    header: files.Header,
    columns: Sequence[Column],
) -> None:
    # By position, so that names which occur twice, or not at all, are no matter.
    positions = {f"c{number}": "varchar" for number in range(len(header.names))}
    texts = ", ".join(f'filled(c{header.names.index(column.name)}) as "{column.name}"' for column in columns)
    connection.execute(MACROS)
    try:
        connection.execute(
            f"""
            create table {table} as
            select {texts}, md5(cast(file as varchar)) as record
            from read_csv(
                $path, columns = {positions}, auto_detect = false, header = true, skip = {header.lines_before},
                delim = $delimiter, quote = '"', escape = '"'
            ) as file
            """,
            {"path": str(copy), "delimiter": header.delimiter},
        )
    except duckdb.Error as error:
        raise click.ClickException(f"{path}: cannot be read as CSV: {_cause(error)}") from error


def _cause(error: duckdb.Error) -> str:
    """DuckDB's message but for the row itself, which may name people, and for its own settings."""
    told = str(error).split("Possible fixes")[0].strip().splitlines()
    return "; ".join(line.strip() for line in told if line.strip() and not line.startswith("Original Line"))


def _unreadable(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, columns: Sequence[Column]
) -> tuple[Unreadable, ...]:
    judged = [column for column in columns if column.kind != "text"]
    counts = [
        count
        for column in judged
        for count in (
            f'count(texts."{column.name}")',
            f'count("values"."{column.name}")',
            f"count(*) filter (regexp_full_match(texts.\"{column.name}\", '{_SCIENTIFIC}'))"
            if column.kind == "id"
            else "0",
        )
    ]
    if not judged:
        return ()
    (found,) = connection.execute(
        f'select {", ".join(counts)} from {table}_text as texts positional join {table} as "values"'
    ).fetchall()
    return tuple(
        Unreadable(f"{path.name} {column.name}", filled - read, filled, scientific)
        for column, filled, read, scientific in zip(judged, found[::3], found[1::3], found[2::3], strict=True)
        if filled > read
    )
