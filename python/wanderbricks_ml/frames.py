"""Rows out of a dbt relation, as Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa


def one_row(relation: Any) -> dict[str, Any] | None:
    """The only row of a decision relation, or None when it is empty.

    Raises
    ------
    ValueError
        When there is more than one row.
    """
    rows = relation.to_arrow_table().to_pylist()
    if len(rows) > 1:
        raise ValueError(f"a decision has one row, this one has {len(rows)}")
    return rows[0] if rows else None


def example_batches(
    relation: Any, splits: Sequence[str], columns: Sequence[str], keys: Sequence[str], rows: int = 200_000
) -> Iterator[pa.Table]:
    """Rows of the named splits in the order of their keys, in batches; always one, even if empty."""
    chosen = ", ".join(f"'{split}'" for split in splits)
    table = relation.filter(f"split in ({chosen})").project(", ".join(columns)).order(", ".join(keys)).to_arrow_table()
    for start in range(0, max(table.num_rows, 1), rows):
        yield table.slice(start, rows)


def feature_frame(table: pa.Table, numeric: Sequence[str], categorical: Sequence[str]) -> pd.DataFrame:
    """Features as float32 and categories: half the memory of doubles, and what the boosters use."""
    columns = {name: table[name].cast(pa.float32()) for name in numeric}
    columns |= {name: table[name].dictionary_encode() for name in categorical}
    return pa.table(columns).to_pandas()


def constant(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    """An Arrow column that repeats one value."""
    return pa.array([value], type=kind).take(pa.array([0] * rows, type=pa.int32()))


def iso(day: date) -> str:
    """A date as text for parameters and tags."""
    return day.isoformat()
