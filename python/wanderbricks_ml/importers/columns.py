"""Values of a text column, read by one convention for the whole column: dates, numbers, ids.

Which order of day, month and year a file is written in, and whether its decimals have a point or a comma, no single
value tells. So each convention is tried on the column, and the one that reads most values is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Literal

import click
import duckdb

Kind = Literal["text", "id", "date", "money", "number", "whole", "flag"]

# As written by R, pandas, spreadsheets and databases. Spelt out, for there are hosts called Nan and Na.
MISSING = (
    *("", "NA", "na", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-nan", "NaT"),
    *("NULL", "Null", "null", "(null)", "<null>", "None", "none", "NONE", "nil", "\\N"),
    *("-", "--", "?", "n.a.", "N.A.", "#REF!", "#VALUE!", "#NAME?", "#NULL!", "#DIV/0!", "missing", "Missing"),
)

DATE_ORDERS: Mapping[str, Sequence[str]] = {
    "year-first": ("%Y-%m-%d", "%Y%m%d"),
    "day-first": ("%d-%m-%y", "%d-%m-%Y"),
    "month-first": ("%m-%d-%y", "%m-%d-%Y"),
    "short-year-first": ("%y-%m-%d",),
    "named-month": tuple(
        pattern.format(month=month, year=year)
        for month in ("%b", "%B")
        for year in ("%y", "%Y")
        for pattern in ("%d-{month}-{year}", "{month}-%d-{year}")
    ),
}
# Nothing that happened to a booking or a listing lies beyond; a slip of the pen does.
EARLIEST = date(1990, 1, 1)
LATEST = date(date.today().year + 2, 12, 31)

_SEPARATOR_IS_DECIMAL = {
    "point": ("-?[0-9]*([.][0-9]+)?([eE][+-]?[0-9]+)?", "value"),
    "comma": ("-?[0-9]*(,[0-9]+)?", "replace(value, ',', '.')"),
}
_GROUPED = {
    "point": ("-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)?([.][0-9]+)?([eE][+-]?[0-9]+)?", "replace(value, ',', '')"),
    "comma": (
        "-?([0-9]+|[0-9]{1,3}([.][0-9]{3})+)?(,[0-9]+)?",
        "replace(replace(value, '.', ''), ',', '.')",
    ),
}
_NUMBER_TYPES = {"money": "decimal(18, 2)", "number": "double", "whole": "double"}

MACROS = f"""
create or replace macro filled(value) as
    case
        when trim(value, chr(32) || chr(9) || chr(160)) not in ({", ".join(f"'{text}'" for text in MISSING)})
            then trim(value, chr(32) || chr(9) || chr(160))
    end;
-- A date without its time of day, its parts joined by hyphens.
create or replace macro day_of(value) as
    regexp_replace(
        regexp_replace(
            regexp_replace(value, '[T ]+[0-9]{{1,2}}:[0-9]{{2}}.*$', ''), '[-/., ]+', '-', 'g'
        ),
        '-$',
        ''
    );
-- The digits and separators of an amount: no currency, no spaces or apostrophes that group thousands. Its minus may
-- stand behind, or be brackets as accountants write them. "1.2k" is none.
create or replace macro digits_of(value) as
    case
        when regexp_full_match(value, '-?[0-9]*[.]?[0-9]+[eE][+-]?[0-9]+') then value
        when not regexp_matches(value, '[0-9]\\s?[kKmM]([^\\pL]|$)') then
            case
                when regexp_matches(value, '^[^0-9(]*[(][^0-9()]*[0-9., ]+[^0-9()]*[)]') then '-'
                when regexp_matches(value, '[0-9]\\s?[-\\x{{2212}}]$') then '-'
                else ''
            end
            || nullif(
                regexp_extract(
                    replace(
                        regexp_replace(value, '[\\s''\\x{{a0}}\\x{{202f}}\\x{{2019}}]', '', 'g'), chr(8722), '-'
                    ),
                    '^(?:[^0-9-]*[^0-9.,-][.]?)?(-?[0-9.,]*[0-9])(?:-|[.,]-{{0,2}})?[^0-9.,-]*[.]?$',
                    1
                ),
                ''
            )
    end;
"""


@dataclass(frozen=True)
class Column:
    """A column of a published file, by its name in lower case."""

    name: str
    kind: Kind = "text"
    is_required: bool = False


def typed(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Collection[Column], source: str, date_order: str | None
) -> dict[str, str]:
    """Choose how to read each column of a table of filled texts.

    Parameters
    ----------
    connection, table
        Where the texts are.
    columns
        Those of them to read.
    source
        The file, for messages.
    date_order
        A key of `DATE_ORDERS`, for columns of dates that can be read in several orders, or None.

    Returns
    -------
    dict[str, str]
        SQL of each column's values, by name; null where one is unreadable.

    Raises
    ------
    click.ClickException
        When a column of dates can be read in several orders or hardly in any, or ids have lost digits; names it.
    """
    chosen = {}
    for column in columns:
        match column.kind:
            case "text":
                chosen[column.name] = f'"{column.name}"'
            case "id":
                _refuse_rounded(connection, table, column.name, source)
                chosen[column.name] = _id(column.name)
            case "flag":
                chosen[column.name] = _flag(column.name)
            case "money" | "number" | "whole":
                style = _number_style(connection, table, column)
                chosen[column.name] = _number(column, style)
    days = [column.name for column in columns if column.kind == "date"]
    orders = _date_orders(connection, table, days, source, date_order)
    return chosen | {name: _date(name, order) for name, order in orders.items()}


def _id(name: str) -> str:
    # Of "123.0", as pandas writes ids beside missing ones, no digit is lost below 16 of them.
    return f"""
        case
            when regexp_full_match("{name}", '-?[0-9]+') then try_cast("{name}" as bigint)
            when regexp_full_match("{name}", '-?[0-9]{{1,15}}[.]0+')
                then try_cast(split_part("{name}", '.', 1) as bigint)
        end"""


def _refuse_rounded(connection: duckdb.DuckDBPyConnection, table: str, name: str, source: str) -> None:
    ((long, rounded),) = connection.execute(
        f"""
        select count(*), count(*) filter (regexp_full_match("{name}", '[0-9]{{15}}0+'))
        from {table}
        where regexp_full_match("{name}", '[0-9]{{16,}}')
        """
    ).fetchall()
    if rounded > 1 and rounded > long / 2:
        raise click.ClickException(
            f"{source}: {rounded:,} of {long:,} long ids in the column {name} end in zeros after 15 digits, as a "
            "spreadsheet leaves them; their last digits are lost: take the file as it was published"
        )


def _flag(name: str) -> str:
    return f"""
        case
            when lower("{name}") in ('t', 'true', 'y', 'yes', '1', '1.0') then true
            when lower("{name}") in ('f', 'false', 'n', 'no', '0', '0.0') then false
        end"""


def _number_style(connection: duckdb.DuckDBPyConnection, table: str, column: Column) -> str:
    patterns = _SEPARATOR_IS_DECIMAL if column.kind == "number" else _GROUPED
    ((point, comma, grouped_by_points),) = connection.execute(
        f"""
        select
            count(*) filter (is_point and not is_comma),
            count(*) filter (is_comma and not is_point),
            count(*) filter (is_comma and is_point and contains(value, '.'))
        from (
            select
                value,
                regexp_full_match(value, $point) as is_point,
                regexp_full_match(value, $comma) as is_comma
            from (select digits_of("{column.name}") as value from {table})
        )
        """,
        {style: pattern for style, (pattern, _) in patterns.items()},
    ).fetchall()
    if point == comma == 0:
        # Three digits behind every separator: no price has so many decimals, a count may ("2.000").
        return "comma" if grouped_by_points and column.kind == "money" else "point"
    return "comma" if comma > point else "point"


def _number(column: Column, style: str) -> str:
    pattern, plain = (_SEPARATOR_IS_DECIMAL if column.kind == "number" else _GROUPED)[style]
    value = f'digits_of("{column.name}")'
    read = f"try_cast({plain.replace('value', value)} as {_NUMBER_TYPES[column.kind]})"
    read = f"case when {read} = floor({read}) then try_cast({read} as int) end" if column.kind == "whole" else read
    return f"case when regexp_full_match({value}, '{pattern}') then {read} end"


def _date(name: str, order: str) -> str:
    formats = ", ".join(f"'{pattern}'" for pattern in DATE_ORDERS[order])
    day = f'cast(try_strptime(day_of("{name}"), [{formats}]) as date)'
    return f"case when {day} between date '{EARLIEST}' and date '{LATEST}' then {day} end"


def _date_orders(
    connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], source: str, preferred: str | None
) -> dict[str, str]:
    """Order of each column: what reads most; where several do, `preferred` or that of the file's other columns."""
    best = {name: _best_orders(connection, table, name, source) for name in names}
    settled = {orders[0] for orders, _ in best.values() if len(orders) == 1} - {"year-first"}
    chosen = {}
    for name, (orders, agree) in best.items():
        like_others = [order for order in orders if order in settled]
        if agree:
            chosen[name] = orders[0]
        elif preferred in orders:
            chosen[name] = preferred
        elif len(like_others) == 1:
            chosen[name] = like_others[0]
        else:
            raise click.ClickException(
                f"{source}: dates in the column {name}, such as {_examples(connection, table, name)}, can be read as "
                f"{' or '.join(orders)}, to different days; say which by --date-order"
            )
    return chosen


def _best_orders(connection: duckdb.DuckDBPyConnection, table: str, name: str, source: str) -> tuple[list[str], bool]:
    """Orders that read most values of a column, and whether they give the same days."""
    pairs = list(combinations(DATE_ORDERS, 2))
    days = [f'{_date(name, order)} as "{order}"' for order in DATE_ORDERS]
    counts = [
        "count(value)",
        *(f'count("{order}")' for order in DATE_ORDERS),
        *(f'count(*) filter ("{one}" <> "{other}")' for one, other in pairs),
    ]
    ((filled, *found),) = connection.execute(
        f'select {", ".join(counts)} from (select "{name}" as value, {", ".join(days)} from {table})'
    ).fetchall()
    read = dict(zip(DATE_ORDERS, found, strict=False))
    differ = dict(zip(pairs, found[len(read) :], strict=True))
    most = max(read.values())
    if filled and most < filled / 2:
        raise click.ClickException(
            f"{source}: no order of day, month and year reads half of the dates in the column {name}, such as "
            f"{_examples(connection, table, name)}; write them as 2019-12-31"
        )
    if read["year-first"] == most:
        return ["year-first"], True
    orders = [order for order in DATE_ORDERS if read[order] == most]
    return orders, not any(differ[pair] for pair in combinations(orders, 2))


def _examples(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> str:
    rows = connection.execute(f'select distinct "{name}" from {table} where "{name}" is not null order by 1 limit 3')
    return ", ".join(str(value) for (value,) in rows.fetchall())
