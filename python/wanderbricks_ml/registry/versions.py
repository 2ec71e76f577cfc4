"""How a fitted model becomes a version: logged, registered, signed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.libraries import import_first
from wanderbricks_ml.registry import integrity, lineage, store
from wanderbricks_ml.registry.trials import log_trials
from wanderbricks_ml.settings import ProductSettings
from wanderbricks_ml.tuning.space import Tuned

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from wanderbricks_ml.reports.report import Report


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


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model as it was fitted, to be logged.

    Attributes
    ----------
    model
        Anything with ``predict(frame)`` that scikit-learn's flavour of MLflow takes.
    example
        A few rows of raw features, the input of the signature.
    digest
        Of the training rows.
    first_date, last_date, train_rows, validation_rows
        What it learned from and was stopped or calibrated by.
    seconds
        That the fit took.
    report
        Metrics and tables to log.
    """

    model: Any
    example: pd.DataFrame
    digest: str
    first_date: date
    last_date: date
    train_rows: int
    validation_rows: int
    seconds: float
    report: Report


def log_version(fitted: Fitted, decision: Mapping[str, Any], tuned: Tuned, product: ProductSettings) -> dict[str, Any]:
    """Log and register a fitted model.

    Parameters
    ----------
    decision
        Row of the retraining decision by which it was fitted.
    tuned
        What the model was made with, and the trials that this run searched.
    product
        Its settings.

    Returns
    -------
    dict
        A row of `VERSION_SCHEMA`.
    """
    fitted_at = datetime.now(UTC).replace(tzinfo=None)
    store.connect()
    import_first("mlflow.sklearn")
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.models import infer_signature

    name, registered = product.model_name, product.registered_name
    as_of, estimator, requirements = decision["as_of_date"], tuned.estimator, store.requirements(product.packages)
    example = fitted.example.astype(
        {column: "float64" for column in product.numeric} | {column: "object" for column in product.categorical}
    )
    with mlflow.start_run(experiment_id=store.experiment_id(name), run_name=f"{name} {as_of.isoformat()}") as run:
        source = CodeDatasetSource(tags={"dbt_model": product.examples})
        mlflow.log_input(MetaDataset(source, name=product.examples, digest=fitted.digest), context="training")
        mlflow.log_params(
            {
                "reason": decision["reason"],
                "train_rows": fitted.train_rows,
                "validation_rows": fitted.validation_rows,
                "as_of_date": as_of.isoformat(),
                "train_first_date": fitted.first_date.isoformat(),
                "train_last_date": fitted.last_date.isoformat(),
            }
            | {key: value for key, value in estimator.items() if key != "params"}
            | estimator.get("params", {})
        )
        mlflow.log_metrics(fitted.report.metrics | {"fit_seconds": fitted.seconds})
        mlflow.set_tags({"product": product.product, "as_of_date": as_of.isoformat()})
        log_trials(tuned, run)
        for file, table in fitted.report.tables.items():
            mlflow.log_text(table.to_csv(index=False), file)
        logged = mlflow.sklearn.log_model(
            fitted.model,
            name="model",
            signature=infer_signature(example, np.asarray(fitted.model.predict(example), dtype=np.float64)),
            input_example=example,
            pip_requirements=requirements,
            serialization_format="cloudpickle",
        )
        model_version = store.register(registered, logged.model_uri, run.info.run_id, decision["last_version"])
    model_uri = f"models:/{registered}/{model_version}"
    store.sign(model_uri, run.info.run_id)
    files = store.artifact_files(model_uri)
    return {
        "model_name": name,
        "model_version": model_version,
        "as_of_date": as_of,
        "reason": decision["reason"],
        "run_id": run.info.run_id,
        "model_uri": model_uri,
        "parameters": tuned.parameters,
        "train_first_date": fitted.first_date,
        "train_last_date": fitted.last_date,
        "train_rows": fitted.train_rows,
        "validation_rows": fitted.validation_rows,
        "fit_seconds": fitted.seconds,
        "artifact_digest": integrity.overall_digest(files),
        "fitted_at": fitted_at,
        "artifact_files": json.dumps(files, sort_keys=True),
        "parent_version": decision["reigning_version"],
        "training_data_digest": fitted.digest,
        "code_revision": lineage.code_revision(),
        "package_versions": lineage.package_versions(requirements),
    }
