"""What MLflow and a model card say of a version is what the tables say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import mlflow
import pytest

from wanderbricks_ml.registry import describing, store
from wanderbricks_ml.registry.model_card import Judged, model_card
from wanderbricks_ml.settings import ProductSettings

PRODUCT = ProductSettings(
    product="planted",
    model_name="planted_predictor",
    examples="planted_examples",
    numeric=("one", "two"),
    estimator={"class": "Planted"},
    purpose="Who plants what.",
    limits="Not for trees.",
)


def metric(segment: str, name: str, value: float | None, baseline: float | None = None) -> dict[str, Any]:
    return {
        "segment": segment,
        "metric_name": name,
        "metric_value": value,
        "baseline_value": baseline,
        "row_count": 1500,
    }


def judged(run_id: str = "run", **differences: Any) -> Judged:
    verdict: Mapping[str, Any] = {
        "model_version": 1,
        "role": "candidate",
        "as_of_date": date(2025, 8, 1),
        "is_learnable": True,
        "passes": True,
        "serves": True,
        "beats_baseline": True,
        "metric_name": "log_loss",
        "improvement": 0.01,
        "improvement_lower": 0.002,
        "improvement_upper": 0.018,
        "missed_targets": "f1 0.457 is below the target of 0.75",
        "decision_threshold": 0.4,
        "verdict": "planted_predictor v1 (candidate): log_loss 0.41, baseline 0.42; serves",
        **differences,
    }
    version = {
        "model_name": "planted_predictor",
        "model_version": 1,
        "run_id": run_id,
        "as_of_date": date(2025, 7, 28),
        "reason": "schedule",
        "train_first_date": date(2023, 1, 1),
        "train_last_date": date(2025, 4, 1),
        "train_labels_until": date(2025, 5, 1),
        "train_rows": 12000,
        "refit_rows": 14000,
        "refit_last_date": date(2025, 7, 1),
        "refit_labels_until": date(2025, 7, 28),
        "training_data_digest": "abc",
        "refit_data_digest": "def",
        "code_revision": "1234",
    }
    metrics = [
        metric("all", "f1", 0.457, 0.4),
        metric("all", "log_loss", 0.41, 0.42),
        metric("all", "empty", float("nan")),
        metric("user_type=business", "log_loss", 0.5, 0.6),
        metric("lead=10-19", "log_loss", 0.3, 0.6),
        metric("lead=02-09", "log_loss", 0.2, 0.6),
        *(metric(f"check_in_date=2025-07-{day:02d}", "log_loss", 0.1, 0.2) for day in range(1, 29)),
        metric("probability_bin=01", "mean_predicted", 0.1),
        metric("probability_bin=01", "observed_rate", 0.12),
    ]
    targets = [{"metric_name": "f1", "comparison": "at_least", "target": 0.75}]
    return Judged(
        verdict=verdict, version=version, metrics=metrics, targets=targets, owner="Growth", judged_on=date(2025, 7, 28)
    )


def test_a_card_says_what_the_gate_found() -> None:
    card = model_card(judged(), PRODUCT)
    assert card.startswith("# planted_predictor v1\n\n**amber** as judged on 2025-07-28, answered for by Growth.")
    # the primary metric comes first, beside its baseline; targets stand where there are any
    assert "| log_loss | 0.41 | 0.42 |  |\n| empty |  |  |  |\n| f1 | 0.457 | 0.4 | at least 0.75 |" in card
    assert "## Fairness: log_loss" in card and "| user_type=business | 1,500 | 0.5 | 0.6 |" in card
    assert card.index("lead=02-09") < card.index("lead=10-19")
    assert "check_in_date" not in card, "28 dates are for the table"
    assert "| probability_bin=01 | 1,500 | 0.1 | 0.12 |" in card
    assert "* Not for trees." in card and "* It misses: f1 0.457 is below the target of 0.75." in card
    assert "lead=02-09" not in model_card(judged(), PRODUCT, whole=False)


@pytest.mark.parametrize(
    ("differences", "state"),
    [
        ({"missed_targets": None}, "serves"),
        ({"is_learnable": False, "missed_targets": None}, "amber"),
        ({"serves": False}, "passes, but another serves"),
        ({"serves": False, "passes": False}, "red"),
    ],
)
def test_a_card_has_the_state_of_the_summary(differences: dict[str, Any], state: str) -> None:
    assert judged(**differences).state == state


def test_mlflow_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(variable, uri)
    store.connect.cache_clear()
    try:
        client = store.connect()
        experiment = store.experiment_id("planted_predictor", PRODUCT.purpose)
        run = client.create_run(experiment).info.run_id
        client.create_registered_model("planted_predictor")
        client.create_model_version("planted_predictor", f"runs:/{run}/model", run_id=run)

        assert describing.describe(PRODUCT, judged(run))
        assert not describing.describe(PRODUCT, judged(run)), "nothing is new"
        later = judged(run, verdict="planted_predictor v1 (reigning): log_loss 0.41, baseline 0.42; serves")
        assert describing.describe(PRODUCT, later)

        found = client.get_run(run).data
        assert found.metrics["test_log_loss"] == 0.41 and found.metrics["test_log_loss_baseline"] == 0.42
        assert found.metrics["target_f1"] == 0.75 and found.metrics["improvement_lower"] == 0.002
        assert "test_empty" not in found.metrics
        assert {file.path for file in client.list_artifacts(run)} == {describing.CARD, describing.SEGMENTS}
        version = client.get_model_version("planted_predictor", "1")
        assert version.description.startswith("# planted_predictor v1")
        assert version.tags["stage"] == "production" and version.tags["gate"] == "amber"
        assert version.tags["owner"] == "Growth" and version.tags["data_digest"] == "abc"
        assert client.get_registered_model("planted_predictor").description.startswith("Who plants what.")
        kept = client.get_experiment(experiment).tags
        assert kept["mlflow.experimentKind"] == "custom_model_development"
        assert kept["mlflow.note.content"] == "Who plants what."

        # a store that was rebuilt has versions, but no runs
        gone = replace(later, version={**later.version, "run_id": "0" * 32}, owner="Finance")
        assert describing.describe(PRODUCT, gone)
        assert client.get_model_version("planted_predictor", "1").tags["owner"] == "Finance"

        # nor does what somebody deleted keep the others from being told of
        client.delete_run(run)
        assert describing.describe(PRODUCT, replace(later, owner="Sales"))
        assert client.get_run(run).data.tags["owner"] == "Growth"
        client.delete_model_version("planted_predictor", "1")
        assert not describing.describe(PRODUCT, later)
    finally:
        store.connect.cache_clear()
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
