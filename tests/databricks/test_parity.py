"""The same project on both engines: every table that dbt builds holds the same rows."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from local_workspace import Workspace
from workspace import Emulator

BY_CHANCE = {"run_id", "fit_seconds", "fitted_at", "decided_at", "scored_at", "artifact_digest", "artifact_files"}
BY_CHANCE |= {"code_revision", "package_versions", "training_data_digest", "refit_data_digest"}
"""What differs between any two runs: clocks, ids, pickles that name their engine's paths, hashes of last bits."""

SCORES = {"predicted_bookings", "conversion_probability", "churn_probability", "cancellation_probability"}
SCORES |= {"remaining_probability", "revenue_at_risk", "score"}
"""What a model predicts: two fits on the same rows; elsewhere nine digits agree."""

SUMMANDS = {"contribution", "base_value", "margin", "feature_number"}
"""What XGBoost computes and our reasons read in single precision."""

STOPS_EARLY = {"revenue_backtest", "revenue_metrics", "revenue_champion", "revenue_scores"}
STOPS_EARLY |= {"revenue_forecasts", "revenue_outlook", "revenue_forecasts_current", "revenue_outlook_current"}
"""Tables of what Prophet forecasts: its optimiser stops where little is to be gained, and the last bits of its input
move a forecast by up to a few percent. Their keys and other columns are equal."""

OF_A_HOOK = {"model_versions"}
"""Views that a hook leaves on DuckDB, whatever was selected."""

TOLD = ["verdict", "missed_targets", "evidence"]
"""Columns that say numbers in words: those of the revenue forecaster say Prophet's."""

TOLD_OF = {"model_versions": ["metric_value"]}
"""Further columns of tables of all models that hold Prophet's numbers in the row of the revenue forecaster."""


def nodes(emulator: Emulator) -> dict[str, dict[str, Any]]:
    """Every model and seed that dbt built, by name, from the manifest.

    Not the parts of a query that are nowhere by themselves, nor views on gold, which on DuckDB only dbt has open.
    """
    manifest = json.loads((emulator.folder / "target/manifest.json").read_text())
    found = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    on_gold: set[str] = set()
    parts = [key for key, node in found.items() if node["config"]["materialized"] in ("view", "ephemeral")]
    for _ in parts:
        on_gold |= {
            key for key in parts if found[key].get("sources") or on_gold & set(found[key]["depends_on"]["nodes"])
        }
    return {
        node["name"]: node
        for key, node in found.items()
        if node["config"]["materialized"] != "ephemeral" and key not in on_gold
    }


def feature_tables(emulator: Emulator) -> dict[str, dict[str, Any]]:
    """The tables that models are trained on: those of folder features with a contract."""
    return {
        name: node
        for name, node in nodes(emulator).items()
        if node["fqn"][1] == "features" and node["config"]["contract"]["enforced"]
    }


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns and rows in one order: by all that is no fraction, then by the fractions as far as both have them."""
    frame = frame[sorted(set(frame.columns) - BY_CHANCE)]
    fractions = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]
    order = frame.drop(columns=fractions).astype(str)
    if order.duplicated().any() or not len(order.columns):
        rounded = {name: frame[name].map("{:.7g}".format) for name in fractions}
        order = order.assign(**rounded)
    return frame.loc[order.sort_values(list(order.columns)).index].reset_index(drop=True)


def without_words(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Nothing of what a table says about Prophet's numbers."""
    if "model_name" in frame.columns:
        words = frame.columns.intersection([*TOLD, *TOLD_OF.get(name, [])])
        frame.loc[frame["model_name"] == "revenue_forecaster", words] = None
    return frame


def assert_same(name: str, spark: pd.DataFrame, local: pd.DataFrame) -> None:
    assert sorted(spark.columns) == sorted(local.columns), name
    assert len(spark) == len(local), name
    if "model_uri" in spark.columns:
        # Unity Catalog has three levels
        spark["model_uri"] = spark["model_uri"].str.replace("models:/main.wanderbricks_ml.", "models:/", regex=False)
    spark, local = comparable(without_words(name, spark)), comparable(without_words(name, local))
    for column in spark.columns:
        left, right = spark[column], local[column]
        if name in STOPS_EARLY and pd.api.types.is_float_dtype(right):
            left, right = left.fillna(0), right.fillna(0)
            # a gain is the difference of two such numbers
            size = local["baseline_value"] if column.startswith("improvement") else right
            assert (left - right).abs().mean() <= 0.02 * size.abs().mean(), f"{name}.{column}"
            continue
        where = f"{name}.{column}"
        if pd.api.types.is_float_dtype(left) or pd.api.types.is_float_dtype(right):
            tolerance = 1e-6 if column in SCORES | SUMMANDS else 1e-9
            smallest = 1e-5 if column in SUMMANDS else 1e-12
            np.testing.assert_allclose(
                left.astype(float), right.astype(float), rtol=tolerance, atol=smallest, err_msg=where
            )
        else:
            assert [str(value) for value in left.where(left.notna(), None)] == [
                str(value) for value in right.where(right.notna(), None)
            ], where


def built_tables(local: Workspace) -> set[str]:
    tables = "select table_name from duckdb_tables() union select view_name from duckdb_views()"
    return {name for (name,) in local.query(tables)}


def published(local: Workspace) -> set[str]:
    """The public tables of those products that were built: all of them, or what is selected."""
    with (local.project / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        return {row["predictions_table"] for row in csv.DictReader(file)} & built_tables(local)


def assert_all_same(emulator: Emulator, local: Workspace, selected: list[str]) -> None:
    names = set(nodes(emulator))
    built = names & built_tables(local)
    assert built == names or (selected and published(local))
    built -= OF_A_HOOK if selected else set()
    differences = []
    with duckdb.connect(str(local.path / "wanderbricks.duckdb"), read_only=True) as connection:
        for name in built:
            spark = emulator.table(f"select * from wanderbricks_ml.{name}").to_pandas()
            duck = connection.sql(f"select * from wanderbricks_ml.{name}").to_arrow_table().to_pandas()
            try:
                assert_same(name, spark, duck)
            except AssertionError as error:
                differences.append(f"{name}: {error}")
    assert not differences, "\n\n".join(differences)


def test_a_python_model_on_a_job_cluster(emulator: Emulator, both: Workspace) -> None:
    chosen = {"DATABRICKS_SUBMISSION_METHOD": "job_cluster"}
    assert emulator.dbt("run", "--select", "demand_scores", environment=chosen) == 0, emulator.log


def test_a_first_build_agrees(emulator: Emulator, both: Workspace, selected: list[str]) -> None:
    assert_all_same(emulator, both, selected)


def test_feature_tables_are_unity_catalogs(emulator: Emulator, both: Workspace) -> None:
    features = feature_tables(emulator)
    assert len(features) == 6
    # the jobs have tables of the same names in a schema of their own
    asked = "from system.information_schema.{} where table_name = '{}' and table_schema = 'wanderbricks_ml' order by 1"
    for name, node in features.items():
        keys = node["config"]["liquid_clustered_by"]
        usage = asked.format("key_column_usage", name).replace("order by 1", "order by ordinal_position")
        found = emulator.table(f"select constraint_name, column_name {usage}").to_pylist()
        assert found == [{"constraint_name": f"{name}_key", "column_name": key} for key in keys], name
        tagged = asked.format("table_tags", name).replace("table_schema", "schema_name")
        tags = emulator.table(f"select tag_name, tag_value {tagged}").to_pylist()
        assert {tag["tag_name"]: tag["tag_value"] for tag in tags} == node["config"]["databricks_tags"], name
        columns = emulator.table("select column_name, comment, is_nullable " + asked.format("columns", name))
        described = {row["column_name"]: row for row in columns.to_pylist()}
        assert {key for key, row in described.items() if row["is_nullable"] == "NO"} == set(keys), name
        assert {key: row["comment"] for key, row in described.items()} == {
            key: column["description"] for key, column in node["columns"].items()
        }, name


CHANGE = re.compile(
    r"alter table .*(constraint|not null|set tags|cluster by|set tblproperties)|comment on", flags=re.IGNORECASE
)


@pytest.fixture(scope="module")
def next_day(emulator: Emulator, both: Workspace, selected: list[str], gold: dict[str, Path]) -> list[str]:
    """The statements of one more day's run, with a decision and rows to forget in between."""
    if "demand_predictions" in published(both):
        forget_and_decide(emulator, both)
    both.gold = gold["second"]
    assert both.dbt("build", *selected) == 0, both.log
    emulator.control(gold=str(gold["second"]))
    began = emulator.control()["statements"]
    emulator.as_of = "newest"
    # the tests of the same SQL ran in the first build
    assert emulator.dbt("run", *selected) == 0, emulator.log
    emulator.is_of_newest_day()
    history: list[str] = emulator.control(history_from=began)["history"]
    return history


def forget_and_decide(emulator: Emulator, both: Workspace) -> None:
    """Write predictions that are too old to be kept, and a decision on demand's model, on both engines."""
    too_old = (
        "insert into wanderbricks_ml.demand_predictions select property_id, check_in_date, destination_id, "
        "predicted_bookings, model_name, model_version, as_of_date - 100, scoring_date - 100, scored_at, "
        "baseline_bookings from wanderbricks_ml.demand_predictions"
    )
    with duckdb.connect(str(both.path / "wanderbricks.duckdb")) as connection:
        connection.execute(too_old)
    emulator.table(too_old)
    # a decision with all that a literal can trip over, which the verdict quotes
    decision = {"model_name": "demand_predictor", "action": "promote", "model_version": 1, "decided_by": "ann"}
    decided = ("record_registry_decision", "--args", json.dumps(decision | {"reason": 'it\'s \\n "best"'}))
    assert both.dbt("run-operation", *decided) == 0, both.log
    assert emulator.dbt("run-operation", *decided) == 0, emulator.log


def test_one_more_day_agrees(emulator: Emulator, both: Workspace, selected: list[str], next_day: list[str]) -> None:
    assert_all_same(emulator, both, selected)
    tables = published(both)
    for table in tables & {"demand_predictions"} or tables:
        assert len(emulator.table(f"select distinct scoring_date from wanderbricks_ml.{table}").to_pylist()) == 2, table


def test_what_is_as_declared_is_left_alone(emulator: Emulator, next_day: list[str]) -> None:
    incremental = [
        name for name, node in feature_tables(emulator).items() if node["config"]["materialized"] == "incremental"
    ]
    assert len(incremental) == 5
    for name in incremental:
        statements = [statement for statement in next_day if f"`{name}`" in statement]
        assert any("merge into" in statement for statement in statements), name
        assert [statement for statement in statements if CHANGE.match(statement)] == [], name


def test_freshness_and_docs(emulator: Emulator, both: Workspace) -> None:
    # simulated gold ends in the past, so that the verdict is an error, but every table is asked
    emulator.dbt("source", "freshness")
    found = json.loads((emulator.folder / "target/sources.json").read_text())
    # dim_date says nothing of when it was loaded
    assert len(found["results"]) == 7
    assert {result["status"] for result in found["results"]} <= {"warn", "error", "pass"}, emulator.log
    assert emulator.dbt("docs", "generate") == 0, emulator.log
    catalog = json.loads((emulator.folder / "target/catalog.json").read_text())
    assert "model.wanderbricks_ml.demand_predictions" in catalog["nodes"]


def test_only_known_statements_are_rewritten(emulator: Emulator, both: Workspace) -> None:
    allowed = {
        "add key",
        "catalog name",
        "comment on column",
        "describe as json",
        # test_emulator alone drops any
        "drop key",
        "drop not null",
        "information_schema",
        "set not null",
        "set tags",
        "show schemas in catalog",
        "show table extended",
        "show tblproperties",
        "use catalog",
    }
    assert set(emulator.control()["rewrites"]) <= allowed


def test_memory(emulator: Emulator, both: Workspace) -> None:
    status = Path(f"/proc/{emulator.process}/task/{emulator.process}/children")
    if not status.exists():
        pytest.skip("only Linux tells")
    processes = [emulator.process, *map(int, status.read_text().split())]
    peaks = [re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text()) for process in processes]
    assert sum(int(peak[1]) for peak in peaks if peak) < 5 * 1024**2


def test_a_cluster_fits_what_no_driver_holds(emulator: Emulator, both: Workspace) -> None:
    limited = ["--vars", json.dumps({"driver_rows": 2000, "retrain": "force", "job_repairs": 0})]
    fitted = ["demand_retraining", "demand_spine", "demand_examples", "demand_predictor"]
    job_cluster = {"DATABRICKS_SUBMISSION_METHOD": "job_cluster"}
    assert emulator.dbt("run", "--select", *fitted, *limited, environment=job_cluster) == 0, emulator.log
    one, many = emulator.table(
        "select * from wanderbricks_ml.demand_predictor order by model_version limit 2"
    ).to_pylist()
    assert many["reason"] == "forced"
    # the sample that the driver preprocesses by; xgboost.spark boosts on all rows
    for rows in ("train_rows", "refit_rows"):
        assert many[rows] < 2500 < one[rows], rows
    # a day later than the version of the first build
    (today,) = emulator.table("select as_of_date from wanderbricks_ml.point_in_time").to_pylist()
    assert many["refit_labels_until"] == today["as_of_date"] > many["train_labels_until"]
