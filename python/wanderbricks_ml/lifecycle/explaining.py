"""Why rows were predicted as they were: the features that moved each of them most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.credentials import hides_credentials
from wanderbricks_ml.estimators.contributions import strongest_features
from wanderbricks_ml.features import encoded_features, feature_matrix
from wanderbricks_ml.lifecycle.engines import TableFunction, engine_of, projection
from wanderbricks_ml.lifecycle.versions import version_uris
from wanderbricks_ml.registry import store
from wanderbricks_ml.settings import RowSettings
from wanderbricks_ml.surroundings import entered

FOUND = (
    pa.field("rank", pa.int32()),
    pa.field("feature", pa.string()),
    pa.field("feature_number", pa.float64()),
    pa.field("feature_text", pa.string()),
    pa.field("contribution", pa.float64()),
    pa.field("base_value", pa.float64()),
    pa.field("margin", pa.float64()),
    pa.field("unit", pa.string()),
)


@hides_credentials
def explain(session: Any, rows: Any, versions: Any, settings: Mapping[str, Any]) -> Any:
    """Name the features that moved the predictions of some rows most, by the versions that served them.

    Parameters
    ----------
    rows
        Relation of the rows: the settings' keys, as_of_date, model_version and the features.
    versions
        Relation of the predictor's table.

    Returns
    -------
    table
        model_version, keys, as_of_date, and for each of a row's `strongest_features`: rank, feature, its value as
        feature_number or feature_text (neither where it is not known), contribution, base_value, margin and unit.

    Raises
    ------
    RuntimeError
        When the files of a version are not those that were logged; names them.
    """
    engine = engine_of(session)
    product = entered(RowSettings.of(settings)).with_attributes(lambda: engine.schema(rows))
    kinds = engine.schema(rows)
    kept = list(dict.fromkeys(["model_version", *product.keys, "as_of_date"]))
    schema = pa.schema([*(pa.field(name, kinds.field(name).type) for name in kept), *FOUND])
    found = engine.rows(rows.select("model_version").distinct())["model_version"].to_pylist()
    uris = version_uris(engine.rows(versions), sorted(found), product.model_name)
    parts = [(f"model_version = {number}", strongest(store.load(uri), product, kept)) for number, uri in uris.items()]
    return engine.mapped(rows, parts, projection(kept, product.features), schema)


def strongest(pipeline: Any, product: RowSettings, kept: list[str]) -> TableFunction:
    """What makes of rows with features those that `explain` returns."""
    names, begins = encoded_features(pipeline["preprocess"])
    texts = frozenset(product.features.categorical)

    def explained(rows: pa.Table) -> pa.Table:
        found = pipeline["estimator"].contributions(feature_matrix(pipeline["preprocess"], rows))
        values, order = strongest_features(found.values, begins)
        ranks = order.shape[1]
        row = np.repeat(np.arange(len(values)), ranks)
        feature = order.ravel()
        return pa.table(
            {name: rows[name].take(pa.array(row)) for name in kept}
            | {
                "rank": pa.array(np.tile(np.arange(1, ranks + 1, dtype=np.int32), len(values))),
                "feature": pa.array(names).take(pa.array(feature)),
                "feature_number": _values(rows, names, texts, row, feature, is_text=False),
                "feature_text": _values(rows, names, texts, row, feature, is_text=True),
                "contribution": pa.array(values[row, feature]),
                "base_value": pa.array(found.base[row]),
                "margin": pa.array(found.margin[row]),
                "unit": pa.array([found.unit] * len(row), pa.string()),
            }
        )

    return explained


def _values(
    rows: pa.Table, names: list[str], texts: frozenset[str], row: np.ndarray, feature: np.ndarray, is_text: bool
) -> pa.Array:
    """Values of the named features; null where one is of the other kind, or not known."""
    kind = pa.string() if is_text else pa.float64()
    places, parts = [np.empty(0, dtype=np.int64)], [pa.array([], kind)]
    for number in np.unique(feature):
        place = np.flatnonzero(feature == number)
        known = rows[names[number]].combine_chunks().take(pa.array(row[place]))
        is_kind = (names[number] in texts) == is_text
        places.append(place)
        parts.append(known.cast(kind) if is_kind else pa.nulls(len(place), kind))
    return pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(places), kind="stable")))
