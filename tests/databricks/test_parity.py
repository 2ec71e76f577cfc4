"""The same project on both engines: every table that dbt builds holds the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, Emulator

from wanderbricks_ml.simulator import simulate
from wanderbricks_ml.simulator.presets import PRESETS

SEED = 7
LAST_DAY = PRESETS["tiny"].last_day
BY_CHANCE = {"run_id", "fit_seconds", "fitted_at", "scored_at", "artifact_digest"}
"""Columns that differ between any two runs: clocks, ids, and pickles that name their engine's paths."""

SCORES = {"predicted_bookings", "conversion_probability"}
"""What a model predicts: two fits on the same rows; elsewhere nine digits agree."""


@dataclass
class Local:
    """The same builds on DuckDB."""

    folder: Path
    gold: Path

    def build(self) -> None:
        finished = subprocess.run(
            [Path(sys.executable).with_name("dbt"), "--no-use-colors", "build", "--exclude-resource-type", "unit_test"],
            cwd=PROJECT,
            env=os.environ
            | {
                "WANDERBRICKS_GOLD": str(self.gold),
                "WANDERBRICKS_DB": str(self.folder / "wanderbricks.duckdb"),
                "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db",
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "DBT_LOG_PATH": str(self.folder / "logs"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("gold")
    for name, until in (("first", LAST_DAY - timedelta(days=1)), ("second", LAST_DAY)):
        simulate("tiny", SEED, folder / name, until=until)
    return {"first": folder / "first", "second": folder / "second"}


@pytest.fixture(scope="module")
def both(emulator: Emulator, gold: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """Both engines after a first build, all tests and unit tests included."""
    local = Local(tmp_path_factory.mktemp("local"), gold["first"])
    local.build()
    emulator.control(gold=str(gold["first"]))
    assert emulator.dbt("build") == 0, emulator.log
    yield local
    rewrites = emulator.control()["rewrites"]
    print("statements put differently for open-source Spark:", json.dumps(rewrites, indent=2))


def tables(emulator: Emulator) -> list[str]:
    """Every model and seed that dbt built, from the manifest."""
    manifest = json.loads((emulator.folder / "target/manifest.json").read_text())
    return sorted(node["name"] for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed"))


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns and rows in one order: by all that is no fraction, then by the fractions as far as both have them."""
    frame = frame[sorted(set(frame.columns) - BY_CHANCE)]
    texts = pd.DataFrame(
        {
            name: [
                "" if pd.isna(value) else f"{value:.7g}" if isinstance(value, float) else str(value)
                for value in frame[name]
            ]
            for name in frame.columns
        }
    )
    exact = [name for name in frame.columns if not pd.api.types.is_float_dtype(frame[name])]
    order = [*exact, *(name for name in frame.columns if name not in exact)]
    return frame.loc[texts.sort_values(order).index].reset_index(drop=True)


def assert_same(name: str, spark: pd.DataFrame, local: pd.DataFrame) -> None:
    assert sorted(spark.columns) == sorted(local.columns), name
    assert len(spark) == len(local), name
    spark, local = comparable(spark), comparable(local)
    for column in spark.columns:
        left, right = spark[column], local[column]
        where = f"{name}.{column}"
        if pd.api.types.is_float_dtype(left) or pd.api.types.is_float_dtype(right):
            tolerance = 1e-6 if column in SCORES else 1e-9
            np.testing.assert_allclose(
                left.astype(float), right.astype(float), rtol=tolerance, atol=1e-12, err_msg=where
            )
        else:
            assert [str(value) for value in left.where(left.notna(), None)] == [
                str(value) for value in right.where(right.notna(), None)
            ], where


def assert_all_same(emulator: Emulator, local: Local) -> None:
    names = tables(emulator)
    assert {"demand_predictions", "property_features", "demand_champion"} <= set(names)
    with duckdb.connect(str(local.folder / "wanderbricks.duckdb"), read_only=True) as connection:
        for name in names:
            assert_same(
                name,
                emulator.table(f"select * from wanderbricks_ml.{name}").to_pandas(),
                connection.sql(f"select * from wanderbricks_ml.{name}").to_arrow_table().to_pandas(),
            )


def test_a_first_build_agrees(emulator: Emulator, both: Local) -> None:
    assert_all_same(emulator, both)


def test_one_more_day_agrees(emulator: Emulator, both: Local, gold: dict[str, Path]) -> None:
    local = replace(both, gold=gold["second"])
    local.build()
    emulator.control(gold=str(gold["second"]))
    # the tests of the same SQL ran in the first build
    assert emulator.dbt("run") == 0, emulator.log
    assert_all_same(emulator, local)
    days = emulator.table("select distinct scoring_date from wanderbricks_ml.demand_predictions").to_pylist()
    assert len(days) == 2


def test_a_gate_that_fails_leaves_the_predictions(emulator: Emulator, both: Local, tmp_path: Path) -> None:
    import shutil

    query = "select * from wanderbricks_ml.demand_predictions order by scoring_date, property_id, check_in_date"
    before = emulator.table(query)
    for name in ("docs", "models", "macros", "seeds", "tests", "dbt_project.yml", "profiles.yml"):
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, tmp_path / name)
    targets = tmp_path / "seeds/performance_targets.csv"
    text = targets.read_text()
    assert "demand_predictor,rmse,at_most,3,error,false," in text
    targets.write_text(text.replace("rmse,at_most,3,error", "rmse,at_most,0.0001,error"))
    code = emulator.dbt(
        "build",
        "--select",
        "performance_targets",
        "demand_champion+",
        "--exclude-resource-type",
        "unit_test",
        project=tmp_path,
    )
    assert code != 0
    assert "misses at most 0.0001" in emulator.log, emulator.log
    assert emulator.table(query).equals(before)
    assert emulator.dbt("seed", "--select", "performance_targets") == 0


def test_freshness_and_docs(emulator: Emulator, both: Local) -> None:
    # simulated gold ends in the past, so that the verdict is an error, but every table is asked
    emulator.dbt("source", "freshness")
    found = json.loads((emulator.folder / "target/sources.json").read_text())
    # dim_date says nothing of when it was loaded
    assert len(found["results"]) == 7
    assert {result["status"] for result in found["results"]} <= {"warn", "error", "pass"}, emulator.log
    assert emulator.dbt("docs", "generate") == 0, emulator.log
    catalog = json.loads((emulator.folder / "target/catalog.json").read_text())
    assert "model.wanderbricks_ml.demand_predictions" in catalog["nodes"]


def test_only_known_statements_are_rewritten(emulator: Emulator, both: Local) -> None:
    allowed = {
        "catalog name",
        "information_schema",
        "use catalog",
        "describe as json",
        "show schemas in catalog",
        "show table extended",
    }
    assert set(emulator.control()["rewrites"]) <= allowed
