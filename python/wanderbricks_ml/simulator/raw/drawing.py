"""Counts of the original's tables, and draws that keep to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Bools, Ints

ORIGINAL_ROWS: Mapping[str, int] = {
    "bookings": 72_247, "booking_updates": 83_068, "payments": 49_638, "reviews": 99_793,
    "page_views": 500_000, "clickstream": 100_000, "customer_support_logs": 1_900,
    "properties": 18_163, "property_amenities": 118_108, "property_images": 54_186,
    "hosts": 19_384, "employees": 73_006,
}  # fmt: skip
"""Rows of the original's tables, by which those made here are scaled."""

DISTINCT_IDS = {"booking_updates": 75_125, "payments": 45_173, "reviews": 1_000, "page_views": 5_000}
DAY_MICROS = 86_400_000_000  # microseconds, as all moments here


def current(dimension: pa.Table, columns: str) -> pa.Table:
    """Current version of each member."""
    return dimension.filter(dimension["is_current"]).select(columns.split())


def scaled(table: str, base: str, rows: int) -> int:
    """Rows of `table` where `base` has `rows`."""
    return round(rows * ORIGINAL_ROWS[table] / ORIGINAL_ROWS[base])


def ids(table: str, count: int) -> pa.Array:
    """Ids in order of rows, repeated as often as the original's."""
    return pa.array(1 + np.arange(count) * DISTINCT_IDS[table] // ORIGINAL_ROWS[table])


def some(rng: np.random.Generator, where: Bools, count: int) -> Ints:
    """At most `count` rows out of those `where`."""
    return rng.permutation(np.flatnonzero(where))[: max(count, 0)]


def drawn(rng: np.random.Generator, values: Sequence[str] | pa.ChunkedArray, count: int) -> pa.Array:
    """Draw `count` of the values, with replacement."""
    pool = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)
    return pool.take(rng.integers(0, len(pool), count))


def micros(moments: pa.ChunkedArray) -> Ints:
    return moments.cast(pa.int64()).to_numpy()


def moments(micros: Ints) -> pa.Array:
    return pa.array(micros).view(pa.timestamp("us"))
