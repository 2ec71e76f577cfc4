"""Predict a product's rows with registered versions."""

from __future__ import annotations

import logging
from typing import Any

import pyarrow as pa

from wanderbricks_ml import registry
from wanderbricks_ml.frames import constant, example_batches, feature_frame, one_row

logger = logging.getLogger(__name__)


def backtest(session: Any, examples: Any, decision: Any, versions: Any, settings: dict[str, Any]) -> pa.Table:
    """Predict validation and test rows with this run's candidate and with the reigning version.

    Returns
    -------
    pyarrow.Table
        model_version, evaluated_as_of, split, the settings' keys, keep, label and baseline columns, and
        the prediction; no row when no fit was due.

    Raises
    ------
    RuntimeError
        When the reigning version is in no row of the predictor's table.
    """
    row = one_row(decision)
    numbers: list[int] = []
    if row is not None and row["fit_due"]:
        fitted = [
            known["model_version"]
            for known in versions.to_arrow_table().to_pylist()
            if known["as_of_date"] == row["as_of_date"] and known["model_version"] > (row["last_version"] or 0)
        ]
        reigning = [] if row["reigning_version"] is None else [row["reigning_version"]]
        numbers = sorted({*fitted[-1:], *reigning})
    uris = _uris(versions, numbers, settings["model_name"])
    kept = ["split", *settings["keys"], *settings["keep"], settings["label"], settings["baseline"]]
    parts = []
    evaluated: list[int | None] = [*numbers] or [None]
    for number in evaluated:
        splits = ["validation", "test"] if number is not None else ["none"]
        table = _predict(examples, splits, kept, uris.get(number), settings)
        as_of = row["as_of_date"] if row is not None else None
        parts.append(
            table.add_column(0, "model_version", constant(number, pa.int32(), table.num_rows)).add_column(
                1, "evaluated_as_of", constant(as_of, pa.date32(), table.num_rows)
            )
        )
    return pa.concat_tables(parts)


def score(session: Any, examples: Any, champion: Any, versions: Any, settings: dict[str, Any]) -> pa.Table:
    """Predict the score rows with the version that serves, and point the MLflow aliases at it.

    Returns
    -------
    pyarrow.Table
        model_name, model_version, the settings' keys and keep columns, and the prediction; no row when the
        data cannot teach the product.

    Raises
    ------
    RuntimeError
        When no version passes the gate; quotes the verdicts. Earlier predictions stay as they are.
    """
    considered = champion.to_arrow_table().to_pylist()
    serving = [row["model_version"] for row in considered if row["serves"]]
    if not serving and any(row["is_learnable"] for row in considered):
        verdicts = "; ".join(row["verdict"] for row in considered)
        raise RuntimeError(f"no version passes the gate, nothing is scored: {verdicts}")
    number = serving[0] if serving else None
    uri = _uris(versions, serving, settings["model_name"]).get(number)
    kept = [*settings["keys"], *settings["keep"]]
    table = _predict(examples, ["score"] if serving else ["none"], kept, uri, settings)
    if number is not None:
        others = [row["model_version"] for row in considered if row["role"] == "candidate" and not row["serves"]]
        registry.point_aliases(settings["model_name"], number, max(others, default=None))
    return table.add_column(0, "model_name", constant(settings["model_name"], pa.string(), table.num_rows)).add_column(
        1, "model_version", constant(number, pa.int32(), table.num_rows)
    )


def _uris(versions: Any, numbers: list[int], name: str) -> dict[int | None, str]:
    known = {row["model_version"]: row["model_uri"] for row in versions.to_arrow_table().to_pylist()}
    absent = [number for number in numbers if number not in known]
    if absent:
        raise RuntimeError(
            f"{name} v{absent[0]} serves, but the predictor's table does not know it; "
            "restore that table, or drop the predictions to start again"
        )
    return {number: known[number] for number in numbers}


def _predict(examples: Any, splits: list[str], kept: list[str], uri: str | None, settings: dict[str, Any]) -> pa.Table:
    pipeline = registry.load(uri) if uri else None
    parts = []
    for batch in example_batches(examples, splits, kept, settings):
        if pipeline is None or batch.num_rows == 0:
            predicted = pa.array([], type=pa.float64())
        else:
            predicted = pa.array(pipeline.predict(feature_frame([batch], settings)), type=pa.float64())
        parts.append(batch.select(kept).append_column(settings["prediction"], predicted))
    return pa.concat_tables(parts)
