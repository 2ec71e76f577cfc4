"""Predict a product's rows with registered versions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml import registry
from wanderbricks_ml.engines import Engine, Predictor, engine_of, prediction_columns
from wanderbricks_ml.frames import feature_matrix, one_row, with_attributes

logger = logging.getLogger(__name__)


def backtest(
    session: Any, examples: Any, decision: Any, versions: Any, settings: dict[str, Any], experiments: Any = None
) -> Any:
    """Predict validation and test rows with this run's candidate, the reigning version and one under treatment.

    Returns
    -------
    table
        model_version, evaluated_as_of, split, the settings' keys, keep, label and baseline (if any) columns,
        and the predictions; no row when no fit was due.

    Raises
    ------
    RuntimeError
        When a version is in no row of the predictor's table, or its files are not those that were logged.
    """
    engine = engine_of(session)
    settings = with_attributes(settings, engine.schema(examples))
    row = one_row(engine.rows(decision))
    known = engine.rows(versions)
    numbers = considered_versions(row, known, [] if experiments is None else treatments(engine, experiments, settings))
    uris = version_uris(known, numbers, settings["model_name"])
    as_of = pa.scalar(row["as_of_date"] if row is not None else None, pa.date32())
    evaluated: list[int | None] = [*numbers] or [None]
    baseline = [settings["baseline"]] if "baseline" in settings else []
    return engine.predicted(
        examples,
        [
            (
                [] if number is None else ["validation", "test"],
                _predictor(uris.get(number), settings),
                {"model_version": pa.scalar(number, pa.int32()), "evaluated_as_of": as_of},
            )
            for number in evaluated
        ],
        ["split", *settings["keys"], *settings["keep"], settings["label"], *baseline],
        settings,
    )


def score(session: Any, examples: Any, champion: Any, versions: Any, settings: dict[str, Any]) -> Any:
    """Predict the score rows with the version that serves, and point the MLflow aliases at it.

    While an experiment runs, with the version under treatment too: rows of both, told apart by model_version.

    Returns
    -------
    table
        model_name, model_version, the settings' keys, keep and baseline columns, and the predictions; no row when the
        data cannot teach the product or the day is scored already.

    Raises
    ------
    RuntimeError
        When no version passes the gate; quotes the verdicts. When the files of the one that serves are not those that
        were logged; names them. Earlier predictions stay as they are.
    """
    engine = engine_of(session)
    settings = with_attributes(settings, engine.schema(examples))
    considered = engine.rows(champion)
    number = version_to_score(engine, examples, considered, settings)
    serving = [] if number is None else [number, *treated_versions(considered)]
    name = settings["model_name"]
    uris = version_uris(engine.rows(versions), serving, name)
    scoring: list[int | None] = [*serving] or [None]
    return engine.predicted(
        examples,
        [
            (
                [] if number is None else ["score"],
                _predictor(uris.get(number), settings),
                {"model_name": pa.scalar(name, pa.string()), "model_version": pa.scalar(number, pa.int32())},
            )
            for number in scoring
        ],
        [*settings["keys"], *settings["keep"], *([settings["baseline"]] if "baseline" in settings else [])],
        settings,
    )


def treatments(engine: Engine, experiments: Any, settings: dict[str, Any]) -> list[int]:
    """The version under treatment in the product's running experiment, by the table experiment_state."""
    running = f"status = 'running' and model_name = '{settings['model_name']}'"
    return [row["treatment_version"] for row in engine.rows(experiments.filter(running)).to_pylist()]


def treated_versions(champion: pa.Table) -> list[int]:
    """The version that scores the treatment arm of an experiment by the champion table, if there is one."""
    return [row["model_version"] for row in champion.to_pylist() if row["experiment_name"] is not None]


def considered_versions(row: dict[str, Any] | None, versions: pa.Table, treated: Sequence[int] = ()) -> list[int]:
    """Versions to judge in the run of a retraining decision; none without a fit.

    They are its candidate, the version that reigns, the one that is pinned and those under treatment.

    Parameters
    ----------
    row
        The decision.
    versions
        Rows of the predictor's table.
    treated
        Versions under treatment in a running experiment.
    """
    if row is None or not row["fit_due"]:
        return []
    fitted = [
        version["model_version"]
        for version in versions.to_pylist()
        if version["as_of_date"] == row["as_of_date"] and version["model_version"] > (row["last_version"] or 0)
    ]
    kept = [row[name] for name in ("reigning_version", "pinned_version") if row[name] is not None]
    return sorted({*fitted[-1:], *kept, *treated})


def version_to_score(engine: Engine, examples: Any, champion: pa.Table, settings: dict[str, Any]) -> int | None:
    """The version that serves by the champion table's rows; where there are rows to score, MLflow's aliases follow it.

    Returns
    -------
    int or None
        None when there is nothing to score: the data cannot teach the product, or the day is scored already.

    Raises
    ------
    RuntimeError
        When no version passes the gate; quotes the verdicts.
    """
    considered = champion.to_pylist()
    serving = [row["model_version"] for row in considered if row["serves"]]
    if not serving and any(row["is_learnable"] for row in considered):
        verdicts = "; ".join(row["verdict"] for row in considered)
        raise RuntimeError(f"no version passes the gate, nothing is scored: {verdicts}")
    if not serving or not engine.rows(examples.filter("split = 'score'").limit(1)).num_rows:
        return None
    number: int = serving[0]
    others = treated_versions(champion) or [
        row["model_version"] for row in considered if row["role"] == "candidate" and not row["serves"]
    ]
    registry.point_aliases(registry.registered_name(settings), number, max(others, default=None))
    return number


def version_uris(versions: pa.Table, numbers: list[int], name: str) -> dict[int | None, str]:
    """Where to load each version from: the folder of its files, proven to be those that were logged.

    Raises
    ------
    RuntimeError
        When the predictor's table does not know a version, MLflow has it no longer, or a file of it was changed.
    """
    known = {row["model_version"]: row for row in versions.to_pylist()}
    absent = [number for number in numbers if number not in known]
    if absent:
        raise RuntimeError(
            f"{name} v{absent[0]} serves, but the predictor's table does not know it; "
            "restore that table, or drop the predictions to start again"
        )
    return {number: str(registry.verified(name, known[number])) for number in numbers}


def _predictor(uri: str | None, settings: dict[str, Any]) -> Predictor:
    """Predictions of the version at `uri`; without one there are no rows to predict.

    Raises
    ------
    RuntimeError
        When the version was fitted on a feature that the product no longer has.
    """
    pipeline = registry.load(uri) if uri else None
    features = {*settings["numeric"], *settings["categorical"]}
    gone = [name for name in getattr(pipeline, "feature_names_in_", ()) if name not in features]
    if gone:
        raise RuntimeError(
            f"{settings['model_name']}: a version that is to predict was fitted on {', '.join(gone)}, which is no "
            "feature any longer; bring it back (config.meta, var booking_attributes), or archive the version "
            "(wanderbricks registry archive), and the next build fits anew"
        )

    def predict(batch: pa.Table) -> dict[str, pa.Array]:
        if pipeline is None:
            raise RuntimeError("rows were to be predicted without a version")
        features = feature_matrix(pipeline["preprocess"], batch)
        values = np.asarray(pipeline["estimator"].predict(features), dtype=np.float64)
        columns = values.reshape(len(values), -1).T
        return {name: pa.array(column) for name, column in zip(prediction_columns(settings), columns, strict=True)}

    return predict
