"""Features as the estimators take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


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


def with_attributes(settings: Mapping[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Settings whose features include the columns that begin with the setting `attribute_prefix`, if it is there.

    Their number and types are those of gold: numbers and booleans are numeric, text is categorical.

    Raises
    ------
    ValueError
        When such a column is of another type.
    """
    prefix = settings.get("attribute_prefix")
    numeric, categorical = list(settings["numeric"]), list(settings["categorical"])
    for field in schema if prefix else ():
        if not field.name.startswith(prefix) or field.name in numeric or field.name in categorical:
            continue
        kind = field.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            categorical.append(field.name)
        elif any(test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)) or (
            pa.types.is_boolean(kind)
        ):
            numeric.append(field.name)
        else:
            raise ValueError(
                f"{settings['model_name']}: {field.name} is of type {kind}; an attribute is a number, a boolean or text"
            )
    return {**settings, "numeric": numeric, "categorical": categorical}


def feature_frame(batches: Sequence[pa.Table], settings: Mapping[str, Any]) -> pd.DataFrame:
    """Features of all batches: numeric ones in a single float32 block, categorical ones as categories."""
    import pandas as pd

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


def group_numbers(known: pa.Table, settings: Mapping[str, Any]) -> np.ndarray:
    """Number of the group of each row, shape (rows,), counted in the order of the rows.

    Raises
    ------
    ValueError
        When the setting `group` does not begin the keys, in whose order rows are read.
    """
    names = settings["group"]
    if list(settings["keys"][: len(names)]) != list(names):
        raise ValueError(f"group is {names}, but the keys begin otherwise: {settings['keys']}; correct config.meta")
    begins = np.zeros(known.num_rows, dtype=np.int64)
    for name in names:
        codes = known[name].combine_chunks().dictionary_encode().indices.to_numpy()
        begins[1:] |= np.diff(codes) != 0
    return np.cumsum(begins)
