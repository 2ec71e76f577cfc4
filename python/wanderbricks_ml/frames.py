"""Features as the estimators take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa


def one_row(table: pa.Table) -> dict[str, Any] | None:
    """The only row of a decision, or None when it is empty.

    Raises
    ------
    ValueError
        When there is more than one row.
    """
    rows: list[dict[str, Any]] = table.to_pylist()
    if len(rows) > 1:
        raise ValueError(f"a decision has one row, this one has {len(rows)}")
    return rows[0] if rows else None


def feature_frame(batches: Sequence[pa.Table], settings: Mapping[str, Any]) -> pd.DataFrame:
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


def iso(day: date) -> str:
    """A date as text for parameters and tags."""
    return day.isoformat()
