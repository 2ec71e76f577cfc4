"""Fit a product's model when its retraining decision says so."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml import tuning
from wanderbricks_ml.engines import Engine, engine_of
from wanderbricks_ml.frames import feature_frame, group_numbers, iso, one_row, with_attributes
from wanderbricks_ml.libraries import LEARNERS, import_first
from wanderbricks_ml.tuning import Tuned

if TYPE_CHECKING:
    import pandas as pd

    from wanderbricks_ml.reports import Report

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
        ("artifact_files", pa.string()),
        ("parent_version", pa.int32()),
        ("training_data_digest", pa.string()),
        ("code_revision", pa.string()),
        ("package_versions", pa.string()),
    ]
)


def fit_when_due(session: Any, examples: Any, decision: Any, settings: dict[str, Any], versions: Any = None) -> Any:
    """Fit, log and register a candidate, or do nothing when no fit is due.

    Parameters
    ----------
    session
        dbt's session, which tells the engine.
    examples, decision
        The product's examples and its retraining decision, one row.
    settings
        ``config.meta`` of the product's predictor: model_name, label, date, keys, numeric, categorical,
        estimator (its class, and what it is made with); group, if rows belong together: the first keys, whose
        values tell the groups apart; perhaps tuning (docs/tuning.md).
    versions
        This table as the last run left it, whose newest tuned parameters are taken up again; None on the first one.

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
    import_first(*LEARNERS)
    settings = with_attributes(settings, engine.schema(examples))
    wanted = [settings["date"], *tuning.columns(settings, row), settings["label"], *settings.get("group", [])]
    kept = list(dict.fromkeys(wanted))
    splits = {split: _read(engine, examples, split, kept, settings) for split in ("train", "validation")}
    for split, (frame, _) in splits.items():
        if frame.empty:
            raise ValueError(
                f"{settings['model_name']}: a fit is due ({row['reason']}), but its examples hold no "
                f"{split} rows; look at the product's splits and features for {iso(row['as_of_date'])}"
            )
    found = tuning.in_use(settings, row, None if versions is None else engine.rows(versions))
    if tuning.budget(settings, row)["trials"] >= 1:
        found = _searched(splits, row, found, settings)
    on_cluster = examples if engine.is_beyond_driver(examples, settings) else None
    from wanderbricks_ml import progress

    with progress.of_model(settings["model_name"]):
        version = _fit(splits, on_cluster, row, found, settings)
    return engine.result(pa.Table.from_pylist([version], schema=VERSION_SCHEMA))


def _searched(
    splits: dict[str, tuple[pd.DataFrame, pa.Table]], row: dict[str, Any], current: Tuned, settings: dict[str, Any]
) -> Tuned:
    from wanderbricks_ml.estimators import ESTIMATORS

    rows = int(tuning.budget(settings, row)["rows"])
    folds = tuning.folds_of(splits, settings, rows, lambda: preprocessing(settings))
    if not folds:
        return current

    def on_all_rows() -> tuning.Evaluate | None:
        whole = tuning.halves_of_validation(splits, settings, None, lambda: preprocessing(settings))
        return tuning.losses_on(whole) if whole else None

    return tuning.tuned(
        settings,
        row,
        current,
        tuning.losses_on(folds),
        tuning.data_digest(folds),
        loss_name=tuning.LOSSES[ESTIMATORS[settings["estimator"]["class"]].task][0],
        final=on_all_rows,
    )


def _read(
    engine: Engine, examples: Any, split: str, kept: list[str], settings: dict[str, Any]
) -> tuple[pd.DataFrame, pa.Table]:
    batches = list(engine.examples(examples, [split], kept, settings))
    return feature_frame(batches, settings), pa.concat_tables(batches).select(kept)


def preprocessing(settings: dict[str, Any]) -> Any:
    """Encoding and imputing, part of every logged model.

    No feature is negative, so -1 keeps missing apart; XGBoost stores a matrix without gaps in a quarter of the
    memory and trains faster on it.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    numeric = SimpleImputer(strategy="constant", fill_value=-1, keep_empty_features=True)
    categorical = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=50, sparse_output=False, dtype=np.float32
    )
    return ColumnTransformer(
        [("numeric", numeric, settings["numeric"]), ("categorical", categorical, settings["categorical"])],
        verbose_feature_names_out=False,
    )


def _fit(
    splits: dict[str, tuple[pd.DataFrame, pa.Table]],
    on_cluster: Any,
    row: dict[str, Any],
    found: Tuned,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Fit on the splits, or on the data frame `on_cluster`, of which the splits are then a sample."""
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from wanderbricks_ml import progress
    from wanderbricks_ml.estimators import made_from
    from wanderbricks_ml.reports import report

    started = time.perf_counter()
    labels = {split: known[settings["label"]].to_numpy() for split, (_, known) in splits.items()}
    dates = splits["train"][1][settings["date"]]
    together = {}
    if "group" in settings:
        together["groups"] = tuple(group_numbers(known, settings) for _, known in splits.values())
    digest = hashlib.sha256()
    for split, (frame, _) in splits.items():
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        digest.update(labels[split].tobytes())
    example = splits["train"][0].head(5)
    preprocess = preprocessing(settings)
    train = preprocess.fit_transform(splits["train"][0])
    validation = preprocess.transform(splits["validation"][0])
    # the frames are the largest things here, and a booster makes its own copy
    splits.clear()
    progress.say("fitting %s rows of %d columns", f"{len(train):,}", train.shape[1])
    estimator = made_from(found.estimator)
    if on_cluster is None:
        estimator.fit(train, labels["train"], validation=(validation, labels["validation"]), **together)
    else:
        from wanderbricks_ml.cluster_boosting import boost_on_cluster

        estimator.start(train, labels["train"])
        boost_on_cluster(on_cluster, estimator, preprocess, settings)
    seconds = time.perf_counter() - started
    progress.say("fitted on %s rows in %.1f s", f"{len(train):,}", seconds)
    facts = {
        "model_name": settings["model_name"],
        "as_of_date": row["as_of_date"],
        "reason": row["reason"],
        "parent_version": row["reigning_version"],
        "parameters": found.parameters,
        "train_first_date": pa.compute.min(dates).as_py(),
        "train_last_date": pa.compute.max(dates).as_py(),
        "train_rows": len(train),
        "validation_rows": len(validation),
        "fit_seconds": seconds,
        "fitted_at": datetime.now(UTC).replace(tzinfo=None),
    }
    names = [str(feature) for feature in preprocess.get_feature_names_out()]
    shown = report(estimator, validation, labels["validation"], names)
    pipeline = Pipeline([("preprocess", preprocess), ("estimator", estimator)])
    last_version = row["last_version"]
    return facts | log_version(pipeline, example, digest.hexdigest()[:32], shown, facts, last_version, found, settings)


def log_version(
    model: Any,
    example: pd.DataFrame,
    digest: str,
    found: Report,
    facts: dict[str, Any],
    last_version: int | None,
    tuned: Tuned,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Log and register a fitted model.

    Parameters
    ----------
    model
        Anything with ``predict(frame)`` that scikit-learn's flavour of MLflow takes.
    example
        A few rows of raw features, the input of the signature.
    digest
        Of the training rows.
    found
        Metrics and tables to log.
    facts
        What `VERSION_SCHEMA` holds and is known before the version is registered.
    last_version
        Newest version that the database knows.
    tuned
        What the model was made with, and the trials that this run searched.
    settings
        The product's settings.

    Returns
    -------
    dict
        model_version, run_id, model_uri, artifact_digest, artifact_files, training_data_digest, code_revision,
        package_versions.
    """
    from wanderbricks_ml import integrity, lineage, registry

    registry.connect()
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.models import infer_signature

    name, registered = settings["model_name"], registry.registered_name(settings)
    estimator = tuned.estimator
    example = example.astype(
        {column: "float64" for column in settings["numeric"]} | {column: "object" for column in settings["categorical"]}
    )
    with mlflow.start_run(
        experiment_id=registry.experiment_id(name), run_name=f"{name} {iso(facts['as_of_date'])}"
    ) as run:
        source = CodeDatasetSource(tags={"dbt_model": settings["examples"]})
        mlflow.log_input(MetaDataset(source, name=settings["examples"], digest=digest), context="training")
        mlflow.log_params(
            {key: facts[key] for key in ("reason", "train_rows", "validation_rows")}
            | {key: iso(facts[key]) for key in ("as_of_date", "train_first_date", "train_last_date")}
            | {key: value for key, value in estimator.items() if key != "params"}
            | estimator.get("params", {})
        )
        mlflow.log_metrics(found.metrics | {"fit_seconds": facts["fit_seconds"]})
        mlflow.set_tags({"product": settings["product"], "as_of_date": iso(facts["as_of_date"])})
        tuning.log_trials(tuned, run)
        for file, table in found.tables.items():
            mlflow.log_text(table.to_csv(index=False), file)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(example, np.asarray(model.predict(example), dtype=np.float64)),
            input_example=example,
            pip_requirements=registry.requirements(settings),
            serialization_format="cloudpickle",
        )
        model_version = registry.register(registered, logged.model_uri, run.info.run_id, last_version)
    model_uri = f"models:/{registered}/{model_version}"
    registry.sign(model_uri, run.info.run_id)
    files = registry.artifact_files(model_uri)
    return {
        "model_version": model_version,
        "run_id": run.info.run_id,
        "model_uri": model_uri,
        "artifact_digest": integrity.overall_digest(files),
        "artifact_files": json.dumps(files, sort_keys=True),
        "training_data_digest": digest,
        "code_revision": lineage.code_revision(),
        "package_versions": lineage.package_versions(registry.requirements(settings)),
    }
