"""The features of the newest scoring, as the online store keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from wanderbricks_ml.serving.declared import ServedProduct
from wanderbricks_ml.serving.explanations import Words
from wanderbricks_ml.serving.snapshot import KeyFormat

FURTHER = {"cancellation": ("later_share", "total_amount")}
"""Columns of the examples that an answer needs beside features and predictions, by product."""

BATCH = 20_000


@dataclass(frozen=True)
class FeatureColumns:
    """Which columns of a product's examples go to the store; nothing where it has none to go."""

    numeric: list[str] = field(default_factory=list)
    categorical: dict[str, list[str]] = field(default_factory=dict)
    further: list[str] = field(default_factory=list)


def feature_columns(
    connection: duckdb.DuckDBPyConnection, product: ServedProduct, scoring_date: date, keys: int
) -> FeatureColumns:
    """What the store keeps of a scoring's features.

    Nothing, where the examples have not exactly one row of it for each key: those of a ranking or of several prices, or
    where the last build had nothing to score and so made no examples.
    """
    if not product.numeric:
        return FeatureColumns()
    examples = f"{product.product}_examples"
    try:
        types = {name: kind for name, kind, *_ in connection.execute(f"describe {examples}").fetchall()}
    except duckdb.CatalogException:
        return FeatureColumns()
    prefix = product.attribute_prefix
    added = [name for name in types if prefix and name.startswith(prefix)]
    numeric = [*product.numeric, *(name for name in added if types[name] != "VARCHAR")]
    texts = [*product.categorical, *(name for name in added if types[name] == "VARCHAR")]
    further = [name for name in FURTHER.get(product.product, ()) if name in types]
    if not {*numeric, *texts, *product.key, "split", "as_of_date"} <= set(types):
        return FeatureColumns()
    key = ", ".join(f'"{name}"' for name in product.key)
    of_scoring = f"from {examples} where split = 'score' and as_of_date = ?"
    counted = f"select count(*), count(distinct ({key})) {of_scoring}"
    if connection.execute(counted, [scoring_date]).fetchall() != [(keys, keys)]:
        return FeatureColumns()
    categorical = {
        name: [
            text
            for (text,) in connection.execute(
                f'select distinct "{name}" {of_scoring} and "{name}" is not null order by 1', [scoring_date]
            ).fetchall()
        ]
        for name in texts
    }
    return FeatureColumns(numeric, categorical, further)


def feature_words(connection: duckdb.DuckDBPyConnection, product: ServedProduct) -> dict[str, Words]:
    """How values of a product's features are said; nothing where the build has not read the seed."""
    if not product.moved:
        return {}
    try:
        found = connection.execute(
            "select feature, form, says, says_of_none, says_of_one from feature_words order by 1"
        )
    except duckdb.CatalogException:
        return {}
    wanted = {*product.numeric, *product.categorical}
    return {name: Words(*row) for name, *row in found.fetchall() if name in wanted}


def features_query(product: ServedProduct, columns: FeatureColumns, scoring_date: date) -> str:
    """Keys and features of a scoring, in order of the keys."""
    key = ", ".join(f'"{name}" as key_{place}' for place, name in enumerate(product.key))
    numbers = [f'cast("{name}" as double) as "{name}"' for name in (*columns.numeric, *columns.further)]
    texts = [f'"{name}"' for name in columns.categorical]
    values = ", ".join([*numbers, *texts])
    order = ", ".join(str(place + 1) for place in range(len(product.key)))
    return f"""
        select {key}, {values}
        from {product.product}_examples
        where split = 'score' and as_of_date = date '{scoring_date}'
        order by {order}
    """


def keyed_features(file: Path, key_types: list[str], columns: FeatureColumns) -> Iterator[tuple[bytes, bytes]]:
    """Keys and features of a Parquet file that `features_query` made, as the store keeps them."""
    import pyarrow.parquet as pq

    encoded = KeyFormat(key_types).encoded
    places = {name: {text: place for place, text in enumerate(texts)} for name, texts in columns.categorical.items()}
    for batch in pq.ParquetFile(file).iter_batches(BATCH):
        rows = batch.num_rows
        features = np.full((rows, len(columns.numeric) + len(places)), np.nan, dtype=np.float32)
        for place, name in enumerate(columns.numeric):
            features[:, place] = _numbers(batch, name)
        for place, (name, of_text) in enumerate(places.items()):
            codes = [np.nan if text is None else of_text[text] for text in batch.column(name).to_pylist()]
            features[:, len(columns.numeric) + place] = codes
        further = np.empty((rows, len(columns.further)), dtype=np.float64)
        for place, name in enumerate(columns.further):
            further[:, place] = _numbers(batch, name)
        keys = zip(*(batch.column(f"key_{place}").to_pylist() for place in range(len(key_types))), strict=True)
        for key, row, more in zip(keys, features, further, strict=True):
            yield encoded(key), row.tobytes() + more.tobytes()


def _numbers(batch: Any, name: str) -> Any:
    return batch.column(name).to_numpy(zero_copy_only=False)
