"""What commands say where a build was never run, something is gone, or the folder is another."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from eased_project import PROJECT

from wanderbricks_ml.commands import dbt_client, local_database
from wanderbricks_ml.commands.cli import main


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that WANDERBRICKS_DB and MLFLOW_TRACKING_URI point into, of a project that builds on DuckDB."""
    monkeypatch.setenv("DBT_PROJECT_DIR", str(PROJECT))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(PROJECT))
    monkeypatch.setenv("WANDERBRICKS_DB", str(tmp_path / "wanderbricks.duckdb"))
    monkeypatch.setenv("WANDERBRICKS_GOLD", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for name in ("DBT_TARGET", "WANDERBRICKS_SIGNING_KEY", "WANDERBRICKS_VERIFY_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def doctor() -> tuple[int, dict[str, str]]:
    """Exit code, and what is said of each thing."""
    result = CliRunner().invoke(main, ["doctor"])
    lines = [line.split(maxsplit=2) for line in result.output.splitlines()]
    return result.exit_code, {about: f"{mark} {said}" for mark, about, said in lines}


def write_view(database: Path, reads: str) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema wanderbricks_ml; use wanderbricks_ml")
        connection.execute(
            "create table model_inventory as select 'demand_predictor' as model_name, 'demand' as product, "
            "'demand_predictions' as predictions_table"
        )
        connection.execute("create table demand_predictor as select 1 as model_version")
        connection.execute(f"create view model_versions as select 1 as model_version from wanderbricks_ml.{reads}")


def test_the_doctor_names_what_is_gone(place: Path) -> None:
    code, said = doctor()
    assert code == 1
    assert "dim_user is not there" in said["gold"]
    assert said["database"].startswith("ok none at ") and said["registry"].startswith("ok none at ")

    (place / "dim_user.csv").write_text("user_id\n1\n")
    write_view(place / "wanderbricks.duckdb", "demand_predictor")
    code, said = doctor()
    assert code == 1
    assert "found" in said["gold"] and "dim_user.csv" in said["gold"]
    assert "is gone, and the database knows 1 versions" in said["registry"]

    with sqlite3.connect(place / "mlflow.db") as store:
        store.execute("create table model_versions (name text, current_stage text)")
        store.execute("insert into model_versions values ('demand_predictor', 'None')")
    assert doctor()[1]["registry"].startswith("ok ")

    with sqlite3.connect(place / "mlflow.db") as store:
        store.execute("update model_versions set current_stage = 'Deleted_Internal'")
    assert "0 versions of the 1 that the database knows" in doctor()[1]["registry"]
    (place / "mlflow.db").write_bytes(b"")
    assert "is no store of MLflow's" in doctor()[1]["registry"]


def test_a_view_answers_without_dbt_while_it_reads_all_tables(place: Path) -> None:
    assert local_database.view_rows("model_versions") is None, "there is no database"
    write_view(place / "wanderbricks.duckdb", "demand_predictor")
    assert dbt_client.model_rows("model_versions") == [{"model_version": 1}]
    with duckdb.connect(str(place / "wanderbricks.duckdb")) as connection:
        connection.execute("create table wanderbricks_ml.demand_predictions as select 1 as model_version")
    assert local_database.view_rows("model_versions") is None, "a table came later than the view"


def test_alerts_are_read_without_dbt_where_they_were_built(place: Path) -> None:
    assert local_database.table_rows("alerts", "true") is None, "there is no database"
    with duckdb.connect(str(place / "wanderbricks.duckdb")) as connection:
        connection.execute("create schema wanderbricks_ml")
    assert local_database.table_rows("alerts", "true") is None, "it was never built"
    with duckdb.connect(str(place / "wanderbricks.duckdb")) as connection:
        connection.execute("""
            create view wanderbricks_ml.alerts as
            select 'warn' as severity, 'demand_predictor' as model_name, 'drift' as kind, date '2025-08-01' as since,
                1 as days_open, 'views_7d' as evidence, 3e0 as measured, 0.2e0 as threshold, null as owner,
                date '2025-08-01' as as_of_date
        """)
    said = CliRunner().invoke(main, ["alerts", "--format", "json"])
    [alert] = json.loads(said.output)
    assert (alert["severity"], alert["since"], alert["measured"]) == ("warn", "2025-08-01", 3)


def test_a_build_at_work_is_said(place: Path) -> None:
    write_view(place / "wanderbricks.duckdb", "demand_predictor")
    held = "import duckdb, sys; kept = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", held, str(place / "wanderbricks.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        said = CliRunner().invoke(main, ["registry", "list"])
    assert said.exit_code == 1
    assert said.output.strip().endswith("is in use by a build; try again when it is done")


def test_a_folder_without_a_project_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = CliRunner().invoke(main, ["registry", "list"])
    assert "there is no database" in said.output and "run dbt build first" in said.output
    monkeypatch.setenv("DBT_PROJECT_DIR", str(place))
    said = CliRunner().invoke(main, ["registry", "list"])
    assert f"{place} is no dbt project" in said.output


def test_a_target_that_is_named_asks_for_no_file(place: Path) -> None:
    said = CliRunner().invoke(main, ["registry", "list", "--target", "another"])
    assert said.exit_code == 1
    assert "does not have a target named 'another'" in said.output
    assert "no database" not in said.output
