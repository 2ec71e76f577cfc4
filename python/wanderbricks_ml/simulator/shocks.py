"""Planted shocks: what monitoring has to find, on a day that is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.simulator.columns import stream

DATED_BY: Mapping[str, str] = {
    "fact_booking_detail": "created_at",
    "fact_property_engagement": "engagement_date",
    "dim_property": "effective_from",
    "dim_host": "effective_from",
    "dim_user": "effective_from",
}
"""The tables that a shock can hit, and the column that its day is compared with."""

_FORMS = """a shock is one of
  demand:DATE:FACTOR                     all attempts to book from DATE on, times FACTOR
  drift:TABLE.COLUMN:DATE:SHIFT          SHIFT added to a number from DATE on, but not below 0
  quality:nulls:TABLE.COLUMN:DATE:SHARE  a SHARE of the values from DATE on is null
  quality:duplicates:TABLE:DATE:SHARE    a SHARE of the rows from DATE on comes twice
  quality:late:TABLE:DATE:DAYS           rows from DATE on come DAYS late"""


@dataclass(frozen=True)
class Shock:
    """One planted shock.

    Attributes
    ----------
    kind
        demand, drift, nulls, duplicates or late.
    table, column
        What it hits; empty where the kind has none.
    day
        First day.
    amount
        Factor, shift, share or days.
    text
        As it was given.
    """

    kind: str
    table: str
    column: str
    day: date
    amount: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Shock:
        """Read a shock from the command line.

        Raises
        ------
        ValueError
            When the text has none of the forms, or names an unknown table or column, or an amount makes no sense.
        """
        parts = text.split(":")
        kinds: tuple[str, ...] = ("demand", "drift")
        if parts[0] == "quality":
            parts = parts[1:]
            kinds = ("nulls", "duplicates", "late")
        if parts[0] == "demand":
            parts.insert(1, "")
        if parts[0] not in kinds or len(parts) != 4:
            raise ValueError(f"{text!r} is no shock; {_FORMS}")
        kind, target, day, amount = parts
        table, _, column = target.partition(".")
        try:
            shock = cls(kind, table, column, date.fromisoformat(day), float(amount), text)
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}; {_FORMS}") from error
        shock._check()
        return shock

    def _check(self) -> None:
        if not math.isfinite(self.amount):
            raise ValueError(f"{self.text!r}: the last part is no finite number")
        if self.kind != "demand":
            if self.table not in DATED_BY:
                raise ValueError(f"{self.text!r} names no table that a shock can hit: {', '.join(DATED_BY)}")
            if self.kind in ("drift", "nulls"):
                schema = GOLD_SCHEMAS[self.table]
                if self.column not in schema.names:
                    raise ValueError(f"{self.text!r}: {self.table} has no column {self.column!r}")
                kind = schema.field(self.column).type
                number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
                if self.kind == "drift" and not number:
                    raise ValueError(f"{self.text!r}: {self.column} is {kind}, which cannot shift")
        if self.kind in ("nulls", "duplicates") and not 0 < self.amount <= 1:
            raise ValueError(f"{self.text!r}: a share lies above 0 and is at most 1")
        if self.kind in ("demand", "late") and self.amount < 0:
            raise ValueError(f"{self.text!r}: the last part must not be negative")

    def apply(self, tables: Mapping[str, pa.Table], seed: int, shard: int, until: date) -> dict[str, pa.Table]:
        """Hit the gold tables of a shard as known at the end of `until`; demand shocks are in its world already."""
        shocked = dict(tables)
        if self.kind == "demand":
            return shocked
        table = tables[self.table]
        stamp = table[DATED_BY[self.table]].cast(pa.date32())
        hit = pc.greater_equal(stamp, pa.scalar(self.day))
        if self.kind in ("nulls", "duplicates"):
            chosen = stream(seed, f"shock {self.text}", shard).random(table.num_rows) < self.amount
            hit = pc.and_(hit, pa.array(chosen))
        if self.kind == "drift":
            values = table[self.column]
            shifted = np.maximum(values.cast(pa.float64()).to_numpy(zero_copy_only=False) + self.amount, 0)
            if pa.types.is_integer(values.type):
                shifted = np.round(shifted)
            changed = pa.array(shifted, mask=values.is_null().to_numpy()).cast(values.type, safe=False)
            table = table.set_column(
                table.column_names.index(self.column), self.column, pc.if_else(hit, changed, values)
            )
        elif self.kind == "nulls":
            values = table[self.column]
            table = table.set_column(
                table.column_names.index(self.column),
                self.column,
                pc.if_else(hit, pa.scalar(None, values.type), values),
            )
        elif self.kind == "duplicates":
            table = pa.concat_tables([table, table.filter(hit)])
        else:
            newest = np.datetime64(until) - np.timedelta64(round(self.amount), "D")
            recent = pc.greater(stamp, pa.scalar(newest.astype(date)))
            table = table.filter(pc.invert(pc.and_(hit, recent)))
        shocked[self.table] = table
        return shocked
