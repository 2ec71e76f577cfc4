"""Random streams and the small steps from numpy arrays to Arrow columns."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wanderbricks_ml.arrays import Bools, Ints

DAY = 86_400
"""Seconds in a day; moments are whole seconds since 1970, days are days since 1970."""

OPEN = np.iinfo(np.int64).max
"""The moment at which a version ends that is still in force."""

_EPOCH = date(1970, 1, 1)


def stream(seed: int, name: str, shard: int = 0) -> np.random.Generator:
    """Start the generator of component `name` of a shard, independent of what other components draw."""
    sequence = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()), shard))
    return np.random.Generator(np.random.PCG64(sequence))


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return (day - _EPOCH).days


def ragged_arange(starts: Ints, lengths: Ints) -> tuple[Ints, Ints]:
    """Rows of ``starts[i] .. starts[i] + lengths[i] - 1`` for all i, and the i of each."""
    owner = np.repeat(np.arange(len(starts)), lengths)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return starts[owner] + offset, owner


def dates(days: Ints) -> pa.Array:
    """Arrow date32 of days since 1970."""
    return pa.array(days.astype(np.int32)).view(pa.date32())


def moments(seconds: Ints, micros: Ints | int = 0) -> pa.Array:
    """Arrow timestamps of seconds since 1970; `OPEN` becomes null."""
    still_open = seconds == OPEN
    values = np.where(still_open, 0, seconds) * 1_000_000 + micros
    return pa.array(values, mask=still_open).view(pa.timestamp("us"))


def decimals(hundredths: Ints, precision: int, mask: Bools | None = None) -> pa.Array:
    """Arrow decimal(precision, 2) of whole hundredths; null where `mask`."""
    words = np.stack([hundredths, hundredths >> 63], axis=1)
    kind = pa.decimal128(precision, 2)
    exact = pa.Array.from_buffers(kind, len(words), [None, pa.py_buffer(words.tobytes())])
    return exact if mask is None else pc.if_else(pa.array(mask), pa.scalar(None, kind), exact)


def picked(words: Sequence[str | None], index: Ints, mask: Bools | None = None) -> pa.Array:
    """Arrow strings ``words[index]``; null where `mask`."""
    return pa.array(words, pa.string()).take(pa.array(index, mask=mask))


def joined(*parts: str | pa.Array) -> pa.Array:
    """Arrow strings of `parts` put together row by row; numbers become text."""
    texts = [part if isinstance(part, str) else part.cast(pa.string()) for part in parts]
    return pc.binary_join_element_wise(*texts, "")


def version_columns(starts: Ints, ends: Ints) -> dict[str, Any]:
    """Make the SCD2 and record columns of versions in force from `starts` until `ends`."""
    return {
        "effective_from": moments(starts),
        "effective_to": moments(ends),
        "is_current": pa.array(ends == OPEN),
        "record_created_timestamp": moments(starts),
        "record_updated_timestamp": moments(np.where(ends == OPEN, starts, ends)),
    }
