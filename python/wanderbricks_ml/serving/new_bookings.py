"""A booking that does not exist yet: its fields, and its features by the SQL of the examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from wanderbricks_ml.serving.histories import (
    ALIKE,
    ATTRIBUTE,
    HISTORIES,
    OWNERS,
    SPINE,
    WHOSE,
    BookingSql,
    of_value,
)
from wanderbricks_ml.serving.problems import Problem
from wanderbricks_ml.serving.snapshot import Snapshot

Fields = Mapping[str, Any]
Errors = list[tuple[str, str]]
Rows = dict[str, dict[tuple[Any, ...], bytes]]
"""JSON rows by table and key."""

MOST_NAMED = 20
"""Fields that an error names."""

LONGEST_LEAD = 799
"""Days from a booking to its arrival that gold takes for one."""

NOBODY = -1
"""The user_id that stands for a guest who is not known; each booking of a request has the next lower one."""

ANSWERED = ("property_id", "destination_id", "check_in_date", "created_date")
"""What an answer has of the booking itself."""


def _whole(least: int, most: int) -> Any:
    """A whole number, also as tools write it that know nothing but floats."""
    return Annotated[int, msgspec.Meta(ge=least, le=most)] | Annotated[float, msgspec.Meta(ge=least, le=most)]


TEXT = Annotated[str, msgspec.Meta(max_length=400)]
NUMBER = Annotated[float, msgspec.Meta(ge=-3e38, le=3e38)]
FIELDS: dict[str, Any] = {
    "property_id": _whole(-(2**53), 2**53),
    "check_in_date": date,
    "guests": _whole(1, 10_000),
    "total_amount": Annotated[float, msgspec.Meta(ge=0, le=1e12)],
    "nights": _whole(1, 365) | msgspec.UnsetType,
    "check_out_date": date | msgspec.UnsetType,
    "user_id": _whole(-(2**53), 2**53) | msgspec.UnsetType,
    "country": TEXT | msgspec.UnsetType,
    "user_type": TEXT | msgspec.UnsetType,
    "is_business_booking": bool | msgspec.UnsetType,
    "bookings_alike": _whole(1, 10_000) | msgspec.UnsetType,
    "created_date": date | msgspec.UnsetType,
}
"""Of a booking, and their types; those that may be left out can be unset."""

NEEDED = ("property_id", "check_in_date", "guests", "total_amount")

WHOLE = ("property_id", "guests", "nights", "user_id", "bookings_alike")
"""Fields that are whole numbers."""


def kind_of(duckdb_type: str) -> str:
    """`boolean`, `text` or `number` of a booking attribute."""
    return {"BOOLEAN": "boolean", "VARCHAR": "text"}.get(duckdb_type, "number")


def booking_struct(name: str, attributes: Mapping[str, str]) -> Any:
    """The struct of a booking with its attributes, whose types are as DuckDB has them."""
    kinds: dict[str, Any] = {"boolean": bool, "text": str, "number": NUMBER}
    fields: list[Any] = [
        *((field, FIELDS[field]) for field in NEEDED),
        *((field, kind, msgspec.UNSET) for field, kind in FIELDS.items() if field not in NEEDED),
        *((field, kinds[kind_of(of)] | None | msgspec.UnsetType, msgspec.UNSET) for field, of in attributes.items()),
    ]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True)


def fields_of(record: msgspec.Struct) -> dict[str, Any]:
    """The fields that a booking was given, whole numbers as such where they are."""
    return {
        name: int(value) if name in WHOLE and isinstance(value, float) and value.is_integer() else value
        for name, value in msgspec.structs.asdict(record).items()
        if value is not msgspec.UNSET
    }


class NewBookings:
    """Features of bookings that do not exist yet.

    Parameters
    ----------
    snapshot
        With histories.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        if snapshot.about.booking is None:
            raise ValueError(f"{snapshot.path} has no histories")
        self._snapshot = snapshot
        self._sql: BookingSql = snapshot.about.booking
        self._today = snapshot.about.scoring_date
        # now, as a snapshot is not read by two threads
        self._together = {table: self._found(table) or b"[]" for table, one in HISTORIES.items() if not one.key}
        destinations = msgspec.json.decode(self._together["stg_destinations"])
        self._countries = {row["destination_id"]: row["country"] for row in destinations}
        self._connection: Any = None
        self._inserts: dict[str, str] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether it can answer."""
        return self._connection is not None

    def adopt(self, before: NewBookings) -> None:
        """Take the statements of the snapshot before, where they are the same, with what is known now."""
        if before._connection is not None and (before._sql.views, before._sql.tables) == (
            self._sql.views,
            self._sql.tables,
        ):
            self._connection, self._inserts = before._connection, before._inserts
            self._know()

    def load(self) -> None:
        """Have DuckDB ready, which takes some tenths of a second."""
        # late, as who answers by key alone needs no DuckDB
        import duckdb

        connection = duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})
        for table, columns in self._sql.tables.items():
            if table == WHOSE:
                continue
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            connection.execute(f"create table {table} ({listed})")
            structure = msgspec.json.encode([columns]).decode().replace("'", "''")
            self._inserts[table] = (
                f"insert into {table} select unnest(from_json($rows, '{structure}'), recursive := true)"
            )
        *views, last = self._sql.views
        for view in views:
            connection.execute(self._sql.views[view])
        spine = f"select *, 'score' as split, created_date as as_of_date, created_date as split_begins from {views[-1]}"
        connection.execute(f"create table {SPINE} as {spine} limit 0")
        connection.execute(self._sql.views[last])
        # a handful of rows: to look for a better plan takes longer than any plan
        connection.execute("pragma disable_optimizer")
        connection.execute(f"prepare spine as insert into {SPINE} {spine}")
        connection.execute(f"prepare described as select * from {last} order by booking_id")
        self._connection = connection
        self._know()

    def _know(self) -> None:
        """Take over what is known of all bookings."""
        for table, rows in self._together.items():
            self._replace(table, rows)
        # a booking counts from the day after it was made
        self._replace("cancellation_retraining", b'[{"as_of_date": "9999-12-31", "score_due": true}]')

    def _replace(self, table: str, rows: bytes) -> None:
        self._connection.execute(f"truncate {table}")
        self._connection.execute(self._inserts[table], {"rows": rows.decode()})

    def features(self, bookings: Sequence[Fields], pointers: Sequence[Any]) -> list[dict[str, Any]]:
        """The row of the examples that each booking would have.

        Parameters
        ----------
        bookings
            Their fields.
        pointers
            Functions that say where a field of each stands in the body.

        Raises
        ------
        Problem
            When a field cannot be, or names what is not known.
        """
        problems: Errors = []
        for booking, pointer in zip(bookings, pointers, strict=True):
            problems += [(pointer(name), detail) for name, detail in self._wrong(booking)]
        _raise(HTTPStatus.UNPROCESSABLE_ENTITY, problems)
        rows: Rows = {}
        made, unknown = [], []
        for place, (booking, pointer) in enumerate(zip(bookings, pointers, strict=True)):
            row, missing = self._row(place, booking, rows)
            unknown += [(pointer(name), detail) for name, detail in missing]
            made.append(row)
        _raise(HTTPStatus.NOT_FOUND, unknown)
        return self._described(made, rows)

    def _wrong(self, booking: Fields) -> Errors:
        """What of a booking cannot be, whoever makes it."""
        found: Errors = [
            (name, "expected `int`, got `float`") for name in WHOLE if isinstance(booking.get(name), float)
        ]
        made, arrival = booking.get("created_date", self._today), booking["check_in_date"]
        if made < self._today:
            found.append(("created_date", f"before {self._today}, the day as of which features are known"))
        elif not made <= arrival <= made + timedelta(days=LONGEST_LEAD):
            found.append(("check_in_date", f"not within {LONGEST_LEAD} days from {made}, when the booking is made"))
        if ("nights" in booking) == ("check_out_date" in booking):
            said = "one too many: nights or check_out_date" if "nights" in booking else "missing; or check_out_date"
            found.append(("nights", said))
        elif "nights" not in booking and not 1 <= (booking["check_out_date"] - arrival).days <= 365:
            found.append(("check_out_date", "not 1 to 365 days after check_in_date"))
        if "user_id" not in booking and "country" not in booking:
            found.append(("user_id", "missing; or country, of a guest who is new"))
        found += [
            (name, "one too many: of a user_id it is known")
            for name in ("country", "user_type")
            if "user_id" in booking and name in booking
        ]
        return found

    def _row(self, place: int, booking: Fields, rows: Rows) -> tuple[dict[str, Any], Errors]:
        """A booking as gold has it, what it is joined to among `rows`, and which of its fields are not known."""
        home = self._found(WHOSE, booking["property_id"])
        missing: Errors = [] if home else [("property_id", f"not known on {self._today}")]
        whose = msgspec.json.decode(home) if home else {"host_id": None, "destination_id": None}
        user = booking.get("user_id", NOBODY - place)
        made = booking.get("created_date", self._today)
        if "user_id" in booking and not self._take(rows, "user_versions", user):
            missing.append(("user_id", f"not known on {self._today}; leave it out, and give country"))
        if "user_id" not in booking:
            # as one who signs up to book is known on the morning after
            newcomer = {"country": booking["country"], "user_type": booking.get("user_type")}
            known = {"user_id": user, "known_from": made + timedelta(days=1), **newcomer}
            rows.setdefault("user_versions", {})[(user,)] = msgspec.json.encode(known)
        self._take(rows, "user_features", user)
        self._take(rows, "property_features", booking["property_id"])
        owners = {"user": user, "property": booking["property_id"]}
        if home:
            owners["host"] = whose["host_id"]
            self._take(rows, "host_features", whose["host_id"])
            country = self._countries.get(whose["destination_id"])
            if country is not None:
                self._take(rows, "calendar_features", country, booking["check_in_date"])
        for owner in OWNERS:
            if owner in owners:
                self._take(rows, "cancellation_histories", owner, str(owners[owner]))
        nights = booking.get("nights")
        return {
            "booking_id": place,
            "user_id": user,
            "property_id": booking["property_id"],
            **{name: whose[name] for name in ("host_id", "destination_id")},
            "created_date": made,
            "check_in_date": booking["check_in_date"],
            "nights": nights if nights is not None else (booking["check_out_date"] - booking["check_in_date"]).days,
            "guests": booking["guests"],
            "amount": booking["total_amount"],
            "is_business_booking": booking.get("is_business_booking", False),
            "bookings_alike": booking.get("bookings_alike", 1),
            **{name: booking.get(name) for name in self._sql.attributes},
        }, missing

    def _take(self, rows: Rows, table: str, *key: Any) -> bool:
        """Have a row of a table among those that are joined; whether there is one."""
        of_table = rows.setdefault(table, {})
        if key not in of_table:
            found = self._found(table, *key)
            if found is None:
                return False
            of_table[key] = found
        return True

    def _found(self, table: str, *key: Any) -> bytes | None:
        return self._snapshot.history(table, key, HISTORIES[table].key.values())

    def _described(self, bookings: Sequence[Mapping[str, Any]], rows: Rows) -> list[dict[str, Any]]:
        execute = self._connection.execute
        self._replace(self._sql.bookings, msgspec.json.encode(bookings))
        owners = {name: name.replace(ATTRIBUTE, "text_", 1) for name in self._sql.attributes}
        if self._sql.knows_alike:
            owners["alike"] = ALIKE
        if owners:
            texts = ", ".join(owners.values())
            for of_booking in execute(f"select {texts} from {next(iter(self._sql.views))}").fetchall():
                for name, text in zip(owners, of_booking, strict=True):
                    if text is not None:
                        self._take(rows, "cancellation_histories", name, of_value(text))
        for table, one in HISTORIES.items():
            if one.key and table != WHOSE:
                self._replace(table, b"[" + b",".join(rows.get(table, {}).values()) + b"]")
        execute(f"truncate {SPINE}")
        execute("execute spine")
        result = execute("execute described")
        names = [column[0] for column in result.description]
        return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def _raise(status: HTTPStatus, problems: Errors) -> None:
    if problems:
        (field, detail), *more = problems
        said = f"{field}: {detail}" + (f", and {len(more)} more" if more else "")
        raise Problem(status, said, problems[:MOST_NAMED])
