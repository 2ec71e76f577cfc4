"""From the database of a build to what a new booking's features are joined to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb

from wanderbricks_ml.gold.files import parquet, quoted_path
from wanderbricks_ml.serving.histories import (
    BOOKINGS,
    HISTORIES,
    OWNERS,
    SPINE,
    VIEWS,
    WHOSE,
    BookingSql,
)
from wanderbricks_ml.serving.snapshot import KeyFormat, Pairs

USERS = "user_versions"
"""The table that has every user whom the build knows."""

BATCH = 20_000


def booking_sql(connection: duckdb.DuckDBPyConnection, product: str, schema: str, day: date) -> BookingSql | None:
    """How features of a new booking are made; None where the product, or the build, has nothing of it."""
    names = VIEWS.get(product)
    if names is None:
        return None
    # of views DuckDB keeps the statement as it was compiled, and types without reading what they read
    statements = dict(
        connection.execute(
            "select view_name, sql from duckdb_views() where schema_name = ? and list_contains(?, view_name)",
            [schema, list(names)],
        ).fetchall()
    )
    if statements.keys() != set(names):
        return None
    of_schema = re.compile(rf'(?:(?:"[^"]+"|\w+)\.)?"?{schema}"?\.')
    views = {name: of_schema.sub("", statements[name]) for name in names}
    text = " ".join(views.values())
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = ? order by column_index",
        [schema],
    ).fetchall():
        # a column that is never named is not read
        if table not in (*names, SPINE) and _is_named(table, text) and _is_named(column, text):
            tables.setdefault(table, {})[column] = kind
    tables[WHOSE] = {"property_id": "BIGINT", "host_id": "BIGINT", "destination_id": "BIGINT"}
    if not {BOOKINGS[0], *HISTORIES} <= tables.keys():
        return None
    found = connection.execute(
        f"""
        select property_id, base_price from {WHOSE}
        where known_from <= ? and base_price is not null
        order by property_id, known_from desc limit 1
        """,
        [day],
    ).fetchall()
    if not found:
        return None
    ((property_id, price),) = found
    arrival = day + timedelta(days=30)
    example = {
        "property_id": property_id,
        "country": "Spain",
        "check_in_date": arrival.isoformat(),
        "nights": 3,
        "guests": 2,
        "total_amount": round(3 * price, 2),
    }
    return BookingSql(views, tables, example)


def _is_named(name: str, text: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def copy_histories(connection: duckdb.DuckDBPyConnection, booking: BookingSql, day: date, folder: Path) -> None:
    """Parquet files of the newest rows that are known on a day, one a table, in order of their keys."""
    for table, history in HISTORIES.items():
        columns = booking.tables[table]
        fields = ", ".join(f"'{name}': {_plain(name, kind)}" for name, kind in columns.items())
        if table == "cancellation_histories":
            whose = f"coalesce({', '.join(f'cast({owner}_id as varchar)' for owner in OWNERS)}, md5(attribute_value))"
            key = {"owner": "owner", "whose": whose}
        else:
            key = {name: name for name in history.key}
        keys = [f"{expression} as key_{place}" for place, expression in enumerate(key.values())]
        by = history.by or tuple(key.values())
        known = f"where {history.date} <= date '{day}'" if history.date and not history.first else ""
        newest = (
            f"qualify row_number() over (partition by {', '.join(by)} "
            f"order by {history.date}{'' if history.first else ' desc'}) = 1"
            if history.date
            else ""
        )
        order = f"order by {', '.join(str(place + 1) for place in range(len(keys)))}" if keys else "order by all"
        listed = ", ".join([*keys, f"to_json({{{fields}}}) as answer"])
        connection.execute(
            f"copy (select {listed} from {table} {known} {newest} {order}) to {parquet(folder, f'{table}-history')}"
        )


def copy_users(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """A Parquet file of the users whom the build knows."""
    connection.execute(f"copy (select distinct user_id from {USERS}) to {parquet(folder, USERS)}")


def known_users(folder: Path) -> set[int]:
    """The users of that file."""
    with duckdb.connect() as connection:
        return {user for (user,) in connection.execute(f"from {quoted_path(folder / f'{USERS}.parquet')}").fetchall()}


def users_state(connection: duckdb.DuckDBPyConnection) -> list[object]:
    """What changes where a user comes or is forgotten."""
    try:
        found = connection.execute(f"select count(distinct user_id), bit_xor(hash(user_id)) from {USERS}").fetchall()
    except duckdb.CatalogException:
        return []
    return [*found[0]]


def keyed_histories(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """Keys and rows of the Parquet files, as the store keeps them."""
    with duckdb.connect() as connection:
        for table, history in HISTORIES.items():
            encoded = KeyFormat(["text", *history.key.values()]).encoded
            result = connection.execute(f"from read_parquet({quoted_path(folder / f'{table}-history.parquet')})")
            together = []
            while batch := result.fetchmany(BATCH):
                for *key, row in batch:
                    if history.key:
                        yield encoded([table, *key]), row.encode()
                    else:
                        together.append(row)
            if not history.key:
                yield encoded([table]), f"[{','.join(together)}]".encode()


def of_users(histories: Pairs, users: set[int]) -> Pairs:
    """Histories without those of other users, who were forgotten since."""
    whole_number = KeyFormat(["text", "integer"])
    owned = KeyFormat(["text", "text"]).encoded(["cancellation_histories", "user"])
    tables = [KeyFormat(["text"]).encoded([table]) for table, one in HISTORIES.items() if [*one.key] == ["user_id"]]
    wanted = {whole_number.encoded([table, user]) for table in ("user_features", USERS) for user in users}
    names = {owned + str(user).encode() + b"\0" for user in users}
    return [
        (key, row)
        for key, row in histories
        if (not key.startswith(owned) or key in names)
        and (not any(key.startswith(table) for table in tables) or key in wanted)
    ]


def _plain(name: str, kind: str) -> str:
    """A column as JSON can say it."""
    return f'case when isfinite("{name}") then "{name}" end' if kind in ("DOUBLE", "FLOAT") else f'"{name}"'
