"""Rows out of a dbt relation, as Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
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
    relation: Any, splits: Sequence[str], kept: Sequence[str], settings: dict[str, Any], rows: int = 100_000
) -> Iterator[pa.Table]:
    """Rows of the named splits in the order of their keys, streamed; always one batch, even if empty.

    Columns: `kept` as they are, then the features that are not kept, numeric ones as float32: half the
    memory of doubles, and what the boosters use.
    """
    chosen = ", ".join(f"'{split}'" for split in splits)
    names = [
        *kept,
        *(f"cast({name} as float) as {name}" for name in settings["numeric"] if name not in kept),
        *(name for name in settings["categorical"] if name not in kept),
    ]
    reader = (
        relation.filter(f"split in ({chosen})")
        .order(", ".join(settings["keys"]))
        .project(", ".join(names))
        .to_arrow_reader(rows)
    )
    empty = True
    for batch in reader:
        empty = False
        yield pa.Table.from_batches([batch])
    if empty:
        yield reader.schema.empty_table()


def feature_frame(batches: Sequence[pa.Table], settings: dict[str, Any]) -> pd.DataFrame:
    """Features of all batches: numeric ones in a single float32 block, categorical ones as categories."""
    numeric, categorical = settings["numeric"], settings["categorical"]
    block = np.empty((sum(batch.num_rows for batch in batches), len(numeric)), dtype=np.float32)
    categories = {name: pa.chunked_array([batch[name].combine_chunks() for batch in batches]) for name in categorical}
    start = 0
    for batch in batches:
        stop = start + batch.num_rows
        for position, name in enumerate(numeric):
            block[start:stop, position] = batch[name].to_numpy()
        start = stop
    frame = pd.DataFrame(block, columns=numeric, copy=False)
    for name, values in categories.items():
        frame[name] = values.dictionary_encode().combine_chunks().to_pandas()
    return frame


def constant(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    """An Arrow column that repeats one value."""
    return pa.array([value], type=kind).take(pa.array([0] * rows, type=pa.int32()))


def iso(day: date) -> str:
    """A date as text for parameters and tags."""
    return day.isoformat()
