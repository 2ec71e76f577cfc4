"""Slowly changing dimensions as they were known at a moment."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def as_known(table: pa.Table, end: int) -> pa.Table:
    """Versions begun before second `end`; those that ended later are still in force."""
    moment = pa.scalar(end * 1_000_000, pa.int64()).cast(pa.timestamp("us"))
    table = table.filter(pc.less(table["effective_from"], moment))
    ended = pc.fill_null(pc.less(table["effective_to"], moment), False)
    columns = {
        "effective_to": pc.if_else(ended, table["effective_to"], pa.scalar(None, pa.timestamp("us"))),
        "is_current": pc.invert(ended),
        "record_updated_timestamp": pc.if_else(ended, table["effective_to"], table["effective_from"]),
    }
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return table
