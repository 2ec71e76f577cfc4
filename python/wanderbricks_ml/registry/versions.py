"""How a fitted model becomes a version: logged, registered, signed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.libraries import import_first
from wanderbricks_ml.registry import integrity, lineage, store
from wanderbricks_ml.registry.trials import log_trials
from wanderbricks_ml.settings import ProductSettings
from wanderbricks_ml.tuning.space import Tuned

if TYPE_CHECKING:
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


def log_version(
    model: Any,
    example: pd.DataFrame,
    digest: str,
    found: Report,
    facts: dict[str, Any],
    last_version: int | None,
    tuned: Tuned,
    product: ProductSettings,
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
    product
        Its settings.

    Returns
    -------
    dict
        model_version, run_id, model_uri, artifact_digest, artifact_files, training_data_digest, code_revision,
        package_versions.
    """
    store.connect()
    import_first("mlflow.sklearn")
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.models import infer_signature

    name, registered = product.model_name, product.registered_name
    estimator = tuned.estimator
    example = example.astype(
        {column: "float64" for column in product.numeric} | {column: "object" for column in product.categorical}
    )
    with mlflow.start_run(
        experiment_id=store.experiment_id(name), run_name=f"{name} {facts['as_of_date'].isoformat()}"
    ) as run:
        source = CodeDatasetSource(tags={"dbt_model": product.examples})
        mlflow.log_input(MetaDataset(source, name=product.examples, digest=digest), context="training")
        mlflow.log_params(
            {key: facts[key] for key in ("reason", "train_rows", "validation_rows")}
            | {key: facts[key].isoformat() for key in ("as_of_date", "train_first_date", "train_last_date")}
            | {key: value for key, value in estimator.items() if key != "params"}
            | estimator.get("params", {})
        )
        mlflow.log_metrics(found.metrics | {"fit_seconds": facts["fit_seconds"]})
        mlflow.set_tags({"product": product.product, "as_of_date": facts["as_of_date"].isoformat()})
        log_trials(tuned, run)
        for file, table in found.tables.items():
            mlflow.log_text(table.to_csv(index=False), file)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(example, np.asarray(model.predict(example), dtype=np.float64)),
            input_example=example,
            pip_requirements=store.requirements(product.packages),
            serialization_format="cloudpickle",
        )
        model_version = store.register(registered, logged.model_uri, run.info.run_id, last_version)
    model_uri = f"models:/{registered}/{model_version}"
    store.sign(model_uri, run.info.run_id)
    files = store.artifact_files(model_uri)
    return {
        "model_version": model_version,
        "run_id": run.info.run_id,
        "model_uri": model_uri,
        "artifact_digest": integrity.overall_digest(files),
        "artifact_files": json.dumps(files, sort_keys=True),
        "training_data_digest": digest,
        "code_revision": lineage.code_revision(),
        "package_versions": lineage.package_versions(store.requirements(product.packages)),
    }
