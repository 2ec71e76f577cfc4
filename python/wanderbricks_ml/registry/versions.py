"""How a fitted model becomes a version: logged, registered, signed."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.libraries import import_first
from wanderbricks_ml.registry import carried, integrity, lineage, store
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
        ("recipe", pa.string()),
        ("train_labels_until", pa.date32()),
        ("refit_rows", pa.int64()),
        ("refit_last_date", pa.date32()),
        ("refit_labels_until", pa.date32()),
        ("refit_data_digest", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What a fit learned from.

    Attributes
    ----------
    digest
        Of its rows, those that it was stopped or calibrated by included.
    first_date, last_date, rows
        Of the rows that it learned from.
    labels_until
        The day on which the newest label was known, one that stopped or calibrated it included.
    """

    digest: str
    first_date: date
    last_date: date
    labels_until: date
    rows: int


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A recipe and its two fits, to be logged.

    Attributes
    ----------
    first_fit
        What is judged: it saw none of the test rows.
    refit
        What serves: the same with every label that is known. Anything with ``predict(frame)`` that scikit-learn's
        flavour of MLflow takes.
    example
        A few rows of raw features, the input of the signature.
    learnt, relearnt
        What the first fit and the refit learned from.
    validation_rows
        Rows that the first fit was stopped or calibrated by.
    seconds
        That both took.
    report
        Metrics and tables of the first fit to log.
    """

    first_fit: Any
    refit: Any
    example: pd.DataFrame
    learnt: Learnt
    relearnt: Learnt
    validation_rows: int
    seconds: float
    report: Report


def recipe(tuned: Tuned, product: ProductSettings) -> str:
    """Digest of what two versions of the same recipe have in common: estimator, parameters, features, roles, label."""
    found = {name: getattr(product, name, None) for name in ("numeric", "categorical", "roles", "label")}
    found |= {"estimator": tuned.estimator}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


def signature_of(example: pd.DataFrame, predicted: np.ndarray, texts: Sequence[str]) -> Any:
    """MLflow's signature of a model: a text is one, and may be missing, also where the example has none of it.

    Parameters
    ----------
    example
        A few rows of raw features.
    predicted
        What the model predicts of them.
    texts
        Features that are text: a column without any would be taken for numbers, and one without gaps for complete.
    """
    from mlflow.models import infer_signature
    from mlflow.types import ColSpec, DataType, Schema

    signature = infer_signature(example, np.asarray(predicted, dtype=np.float64))
    signature.inputs = Schema(
        [
            ColSpec(DataType.string, column.name, required=False) if column.name in texts else column
            for column in signature.inputs
        ]
    )
    return signature


def log_version(fitted: Fitted, decision: Mapping[str, Any], tuned: Tuned, product: ProductSettings) -> dict[str, Any]:
    """Log and register both fits of a model, as one logged model: a run that is killed leaves both or none.

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
    from mlflow.tracking.context.registry import resolve_tags

    name, registered = product.model_name, product.registered_name
    learnt, relearnt = fitted.learnt, fitted.relearnt
    as_of, estimator, requirements = decision["as_of_date"], tuned.estimator, store.requirements(product.packages)
    example = fitted.example.astype(
        {column: "float64" for column in product.numeric} | {column: "object" for column in product.categorical}
    )
    # the run lasts as long as the fit, not as long as it takes to log it
    began = int(1000 * (time.time() - fitted.seconds))
    opened = store.connect().create_run(
        store.experiment_id(name, product.purpose),
        start_time=began,
        tags=resolve_tags(),
        run_name=f"{name} {as_of.isoformat()}",
    )
    with mlflow.start_run(run_id=opened.info.run_id) as run:
        source = CodeDatasetSource(tags={"dbt_model": product.examples})
        for context, rows in {"training": learnt, "refit": relearnt}.items():
            mlflow.log_input(MetaDataset(source, name=product.examples, digest=rows.digest), context=context)
        mlflow.log_params(
            {
                "reason": decision["reason"],
                "train_rows": learnt.rows,
                "validation_rows": fitted.validation_rows,
                "refit_rows": relearnt.rows,
                "as_of_date": as_of.isoformat(),
                "train_first_date": learnt.first_date.isoformat(),
                "train_last_date": learnt.last_date.isoformat(),
                "refit_last_date": relearnt.last_date.isoformat(),
            }
            | {key: value for key, value in estimator.items() if key != "params"}
            | estimator.get("params", {})
        )
        mlflow.log_metrics(fitted.report.metrics | {"fit_seconds": fitted.seconds})
        mlflow.set_tags(
            {
                "product": product.product,
                "as_of_date": as_of.isoformat(),
                "recipe": recipe(tuned, product),
                "train_labels_until": learnt.labels_until.isoformat(),
                "refit_labels_until": relearnt.labels_until.isoformat(),
            }
        )
        log_trials(tuned, run)
        for file, table in fitted.report.tables.items():
            mlflow.log_text(table.to_csv(index=False), file)
        with tempfile.TemporaryDirectory() as folder, carried.without_carried_code():
            logged = mlflow.sklearn.log_model(
                fitted.refit,
                name="model",
                signature=signature_of(example, fitted.refit.predict(example), product.categorical),
                input_example=example,
                pip_requirements=requirements,
                serialization_format="cloudpickle",
                code_paths=[carried.write_code(folder)],
                extra_files=[store.write_first_fit(fitted.first_fit, folder)],
            )
        model_version = store.register(
            registered, logged.model_uri, run.info.run_id, decision["last_version"], logged.model_id
        )
    store.connect().set_terminated(run.info.run_id, end_time=began + int(1000 * fitted.seconds))
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
        "train_first_date": learnt.first_date,
        "train_last_date": learnt.last_date,
        "train_rows": learnt.rows,
        "validation_rows": fitted.validation_rows,
        "fit_seconds": fitted.seconds,
        "artifact_digest": integrity.overall_digest(files),
        "fitted_at": fitted_at,
        "artifact_files": json.dumps(files, sort_keys=True),
        "parent_version": decision["reigning_version"],
        "training_data_digest": learnt.digest,
        "code_revision": lineage.code_revision(),
        "package_versions": lineage.package_versions(requirements),
        "recipe": recipe(tuned, product),
        "train_labels_until": learnt.labels_until,
        "refit_rows": relearnt.rows,
        "refit_last_date": relearnt.last_date,
        "refit_labels_until": relearnt.labels_until,
        "refit_data_digest": relearnt.digest,
    }
