"""What the features of a new booking are joined to: what is known of its guest, property, host and destination."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

VIEWS = {"cancellation": ("cancellation_made", "cancellation_bookings", "cancellation_described")}
"""Views that make features of a booking's fields, each of those before it, by product."""

SPINE = "cancellation_spine"
"""What the last of the views reads in place of the one before it: which bookings are described, and as of when."""

BOOKINGS = ("cancellation_booked", "stg_bookings")
"""The table of bookings that the first of the views reads; the second is that of earlier snapshots."""

ALIKE = "alike_band"
"""The column of the first of the views that has a history as attributes do, of owner `alike`."""

WHOSE = "property_versions"
"""The table that says whose a property is and where; no view reads it, as gold's bookings say it themselves."""

ATTRIBUTE = "attribute_"
"""How columns of booking attributes begin."""


class History(NamedTuple):
    """A table of which the newest row of each key goes to the store.

    Attributes
    ----------
    key
        Columns and their types; of the table that has no key here all rows are kept together, being few.
    date
        Column that says from when a row is known.
    by
        Columns of which the newest row is kept; those of the key unless told otherwise.
    first
        Whether the oldest row is kept, not the newest one.
    """

    key: Mapping[str, str]
    date: str | None = None
    by: tuple[str, ...] = ()
    first: bool = False


HISTORIES: Mapping[str, History] = {
    "calendar_features": History({"country": "text", "calendar_date": "date"}),
    "cancellation_histories": History({"owner": "text", "whose": "text"}, "label_known_date"),
    "cancellation_rates": History({}, "feature_date", ("lead_band",)),
    "destination_features": History({}, "feature_date", ("destination_id",)),
    "host_features": History({"host_id": "integer"}, "feature_date"),
    "market_prices": History({}, "known_from", ("destination_id", "property_type")),
    "property_features": History({"property_id": "integer"}, "feature_date"),
    WHOSE: History({"property_id": "integer"}, "known_from"),
    "stg_destinations": History({}),
    "user_features": History({"user_id": "integer"}, "feature_date"),
    "user_versions": History({"user_id": "integer"}, "known_from", first=True),
}
"""By table, in the order of their names, as the store has them."""

OWNERS = ("user", "host", "property")
"""Of `cancellation_histories` those with an id; the others are values of `ALIKE` and of attributes."""


class BookingSql(msgspec.Struct, frozen=True):
    """How features of a new booking are made.

    Attributes
    ----------
    views
        Statements of the views that the build made, by name, without the names of catalog and schema.
    tables
        Columns of what they read, and their DuckDB types, by table.
    example
        Fields of a booking that can be asked about.
    """

    views: dict[str, str]
    tables: dict[str, dict[str, str]]
    example: dict[str, Any]

    @property
    def bookings(self) -> str:
        """The table that has the bookings that are asked about."""
        return next(table for table in BOOKINGS if table in self.tables)

    @property
    def knows_alike(self) -> bool:
        """Whether bookings that are made together are told apart, which snapshots of earlier releases do not."""
        return "bookings_alike" in self.tables[self.bookings]

    @property
    def attributes(self) -> dict[str, str]:
        """Columns of booking attributes, and their types."""
        return {name: kind for name, kind in self.tables[self.bookings].items() if name.startswith(ATTRIBUTE)}


def of_value(text: str) -> str:
    """What stands for an attribute's value in a key, which is short."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
