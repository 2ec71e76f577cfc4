"""Fit a product's model when its retraining decision says so."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from wanderbricks_ml.engines import Engine, engine_of
from wanderbricks_ml.frames import feature_frame, iso, one_row

logger = logging.getLogger(__name__)

VERSION_SCHEMA = pa.schema(
    [
        ("model_name", pa.string()),
        ("model_version", pa.int32()),
        ("as_of_date", pa.date32()),
        ("reason", pa.string()),
        ("run_id", pa.string()),
        ("model_uri", pa.string()),
        ("parameters", pa.string()),
        ("train_first_date", pa.date32()),
        ("train_last_date", pa.date32()),
        ("train_rows", pa.int64()),
        ("validation_rows", pa.int64()),
        ("fit_seconds", pa.float64()),
        ("artifact_digest", pa.string()),
        ("fitted_at", pa.timestamp("us")),
    ]
)


def fit_when_due(session: Any, examples: Any, decision: Any, settings: dict[str, Any]) -> Any:
    """Fit, log and register a candidate, or do nothing when no fit is due.

    Parameters
    ----------
    session
        dbt's session, which tells the engine.
    examples, decision
        The product's examples and its retraining decision, one row.
    settings
        ``config.meta`` of the product's predictor: model_name, label, date, keys, numeric, categorical,
        estimator (rounds, patience, params).

    Returns
    -------
    table
        One row of `VERSION_SCHEMA`, none when no fit is due, as the engine takes it.

    Raises
    ------
    ValueError
        When the train or validation split is empty although a fit is due.
    """
    engine = engine_of(session)
    row = one_row(engine.rows(decision))
    if row is None or not row["fit_due"]:
        return engine.result(VERSION_SCHEMA.empty_table())
    kept = [settings["date"], settings["label"]]
    splits = {split: _read(engine, examples, split, kept, settings) for split in ("train", "validation")}
    for split, (frame, _) in splits.items():
        if frame.empty:
            raise ValueError(
                f"{settings['model_name']}: a fit is due ({row['reason']}), but its examples hold no "
                f"{split} rows; look at the product's splits and features for {iso(row['as_of_date'])}"
            )
    return engine.result(pa.Table.from_pylist([_fit(splits, row, settings)], schema=VERSION_SCHEMA))


def _read(
    engine: Engine, examples: Any, split: str, kept: list[str], settings: dict[str, Any]
) -> tuple[pd.DataFrame, pa.Table]:
    batches = list(engine.examples(examples, [split], kept, settings))
    return feature_frame(batches, settings), pa.concat_tables(batches).select(kept)


def _fit(
    splits: dict[str, tuple[pd.DataFrame, pa.Table]], row: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    from wanderbricks_ml.estimators import PickUpRegressor

    started = time.perf_counter()
    labels = {split: known[settings["label"]].to_numpy() for split, (_, known) in splits.items()}
    dates = splits["train"][1][settings["date"]]
    preprocess = ColumnTransformer(
        [
            # no feature is negative, so -1 keeps missing apart; XGBoost stores a matrix without gaps in a quarter
            # of the memory and trains faster on it
            (
                "numeric",
                SimpleImputer(strategy="constant", fill_value=-1, keep_empty_features=True),
                settings["numeric"],
            ),
            (
                "categorical",
                OneHotEncoder(
                    handle_unknown="infrequent_if_exist",
                    max_categories=50,
                    sparse_output=False,
                    dtype=np.float32,
                ),
                settings["categorical"],
            ),
        ],
        verbose_feature_names_out=False,
    )
    digest = hashlib.sha256()
    for split, (frame, _) in splits.items():
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        digest.update(labels[split].tobytes())
    example = splits["train"][0].head(5)
    train = preprocess.fit_transform(splits["train"][0])
    validation = preprocess.transform(splits["validation"][0])
    # the frames are the largest things here, and the booster makes its own copy
    splits.clear()
    estimator = PickUpRegressor(**settings["estimator"])
    estimator.fit(train, labels["train"], validation=(validation, labels["validation"]))
    pipeline = Pipeline([("preprocess", preprocess), ("estimator", estimator)])
    seconds = time.perf_counter() - started
    logger.info("%s fitted on %s rows in %.1f s", settings["model_name"], f"{len(train):,}", seconds)
    facts = {
        "model_name": settings["model_name"],
        "as_of_date": row["as_of_date"],
        "reason": row["reason"],
        "parameters": json.dumps(settings["estimator"], sort_keys=True),
        "train_first_date": pa.compute.min(dates).as_py(),
        "train_last_date": pa.compute.max(dates).as_py(),
        "train_rows": len(train),
        "validation_rows": len(validation),
        "fit_seconds": seconds,
        "fitted_at": datetime.now(UTC).replace(tzinfo=None),
    }
    actual, predicted = labels["validation"], estimator.predict(validation)
    return facts | _log(
        pipeline, example, digest.hexdigest()[:32], actual, predicted, facts, row["last_version"], settings
    )


def _log(
    pipeline: Any,
    example: pd.DataFrame,
    digest: str,
    actual: np.ndarray,
    predicted: np.ndarray,
    facts: dict[str, Any],
    last_version: int | None,
    settings: dict[str, Any],
) -> dict[str, Any]:
    from wanderbricks_ml import plots, registry

    registry.connect()
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.models import infer_signature

    name, registered = settings["model_name"], registry.registered_name(settings)
    example = example.astype(
        {column: "float64" for column in settings["numeric"]} | {column: "object" for column in settings["categorical"]}
    )
    with mlflow.start_run(
        experiment_id=registry.experiment_id(name), run_name=f"{name} {iso(facts['as_of_date'])}"
    ) as run:
        mlflow.log_input(
            MetaDataset(
                CodeDatasetSource(tags={"dbt_model": settings["examples"]}),
                name=settings["examples"],
                digest=digest,
            ),
            context="training",
        )
        mlflow.log_params(
            {key: facts[key] for key in ("reason", "train_rows", "validation_rows")}
            | {key: iso(facts[key]) for key in ("as_of_date", "train_first_date", "train_last_date")}
            | {key: value for key, value in settings["estimator"].items() if key != "params"}
            | settings["estimator"].get("params", {})
        )
        error = predicted - actual
        mlflow.log_metrics(
            {
                "validation_rmse": float(np.sqrt(np.mean(error**2))),
                "validation_mae": float(np.mean(np.abs(error))),
                "validation_bias": float(np.mean(error)),
                "fit_seconds": facts["fit_seconds"],
            }
        )
        mlflow.set_tags({"product": settings["product"], "as_of_date": iso(facts["as_of_date"])})
        names = [str(feature) for feature in pipeline[0].get_feature_names_out()]
        importance = plots.importance(pipeline[-1].booster_, names)
        mlflow.log_text(importance.to_csv(index=False), "feature_importance.csv")
        mlflow.log_figure(plots.importance_figure(importance), "feature_importance.png")
        mlflow.log_figure(plots.calibration_figure(actual, predicted), "predicted_against_actual.png")
        logged = mlflow.sklearn.log_model(
            pipeline,
            name="model",
            signature=infer_signature(example, np.asarray(pipeline.predict(example), dtype=np.float64)),
            input_example=example,
            pip_requirements=registry.requirements(),
            serialization_format="cloudpickle",
        )
        model_version = registry.register(registered, logged.model_uri, run.info.run_id, last_version)
    model_uri = f"models:/{registered}/{model_version}"
    return {
        "model_version": model_version,
        "run_id": run.info.run_id,
        "model_uri": model_uri,
        "artifact_digest": registry.artifact_digest(model_uri),
    }
