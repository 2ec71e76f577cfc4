"""MLflow follows SQL: what the gate found of a version stands in its run, its version and its registered model.

Written once for each verdict: a tag of the version holds the digest of what was written, and the same again writes
nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from wanderbricks_ml.registry.model_card import Judged, model_card
from wanderbricks_ml.registry.store import ABSENT, connect
from wanderbricks_ml.settings import ProductSettings

logger = logging.getLogger(__name__)

WRITTEN = "written_digest"
"""Tag of a version: digest of what was written of it last."""

MOST_LETTERS = 4_900
"""Of a description, which the registry cuts at 5,000."""

MOST_OF_A_TAG = 250
"""Letters of a version's tag, of which Unity Catalog takes 256; the run's has all."""

SEGMENTS = "test_metrics.csv"
CARD = "model_card.md"

COLUMNS = ("segment", "metric_name", "metric_value", "baseline_value", "row_count")


def describe(product: ProductSettings, judged: Judged) -> bool:
    """Write what the gate found of a version to MLflow, unless it stands there; whether anything was written.

    A version or run that the store no longer has, as after `wanderbricks registry rebuild` or a deletion, is left out
    and said: a candidate that is gone must not keep the champion from scoring.
    """
    client = connect()
    name, number = product.registered_name, str(judged.version["model_version"])
    card = model_card(judged, product)
    metrics, tags = _metrics(judged), _tags(product, judged)
    told = json.dumps([card, metrics, tags], sort_keys=True, default=str)
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    found = _known(client.get_model_version, name, number)
    if found is None:
        logger.warning("%s v%s: MLflow has this version no longer, so that nothing is told of it", name, number)
        return False
    if found.tags.get(WRITTEN) == digest:
        return False
    short = card if len(card) <= MOST_LETTERS else model_card(judged, product, whole=False)[:MOST_LETTERS]
    if found.description != short:
        client.update_model_version(name, number, description=short)
    for key, value in tags.items():
        if found.tags.get(key) != value[:MOST_OF_A_TAG]:
            client.set_model_version_tag(name, number, key, value[:MOST_OF_A_TAG])
    _describe_run(client, judged, card, metrics, tags)
    _describe_model(client, product, judged)
    # last, so that a run that is killed is followed by one that writes
    client.set_model_version_tag(name, number, WRITTEN, digest)
    return True


def _describe_run(client: Any, judged: Judged, card: str, metrics: dict[str, float], tags: dict[str, str]) -> None:
    from mlflow.entities import Metric, RunTag

    run_id = judged.version["run_id"]
    run = _known(client.get_run, run_id)
    if run is None or run.info.lifecycle_stage == "deleted":
        logger.warning(
            "%s v%d: MLflow has its run %s no longer, so that its metrics stand in our tables alone",
            judged.version["model_name"],
            judged.version["model_version"],
            run_id,
        )
        return
    # evaluations of later days are further points of the same metric
    step = (judged.judged_on - judged.version["as_of_date"]).days
    now = int(1000 * time.time())
    client.log_batch(
        run_id,
        [Metric(key, value, now, step) for key, value in metrics.items()],
        [],
        [RunTag(key, value) for key, value in (tags | {"mlflow.note.content": card[:MOST_LETTERS]}).items()],
    )
    client.log_text(run_id, _segments(judged), SEGMENTS)
    client.log_text(run_id, card, CARD)


def _known(get: Callable[..., Any], *names: str) -> Any:
    """What the store has of these names, None where it has nothing."""
    from mlflow.exceptions import MlflowException

    try:
        return get(*names)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None


def _describe_model(client: Any, product: ProductSettings, judged: Judged) -> None:
    """What holds of the model, whichever version serves."""
    name = product.registered_name
    registered = client.get_registered_model(name)
    said = f"{product.purpose} Answered for by {judged.owner}; limits and quality stand in the cards of its versions."
    if registered.description != said.strip():
        client.update_registered_model(name, description=said.strip())
    for key, value in {"product": product.product, "owner": judged.owner}.items():
        if registered.tags.get(key) != value:
            client.set_registered_model_tag(name, key, value)


def _metrics(judged: Judged) -> dict[str, float]:
    """Metrics of all test rows, the baseline's, targets, and the interval by which the baseline is beaten."""
    found: dict[str, Any] = {}
    for row in judged.of_all_rows():
        found[f"test_{row['metric_name']}"] = row["metric_value"]
        found[f"test_{row['metric_name']}_baseline"] = row["baseline_value"]
    for target in judged.targets:
        found[f"target_{target['metric_name']}"] = target["target"]
    for column in ("improvement", "improvement_lower", "improvement_upper", "decision_threshold"):
        found[column] = judged.verdict[column]
    return {key: float(value) for key, value in found.items() if value is not None and math.isfinite(value)}


def _tags(product: ProductSettings, judged: Judged) -> dict[str, str]:
    verdict = judged.verdict
    return {
        "product": product.product,
        "owner": judged.owner,
        "stage": "production" if verdict["serves"] else "deprecated" if verdict["role"] == "reigning" else "staging",
        "gate": judged.state,
        "verdict": verdict["verdict"],
        "as_of": judged.version["as_of_date"].isoformat(),
        "judged_as_of": judged.judged_on.isoformat(),
        "data_digest": judged.version["training_data_digest"] or "unknown",
    }


def _segments(judged: Judged) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row[column] for column in COLUMNS] for row in judged.metrics)
    return text.getvalue()
