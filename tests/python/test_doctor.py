"""What commands say where a build was never run, something is gone, or the folder is another."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
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


def write_text(file: Path) -> None:
    file.write_text("no database")


def write_sqlite(file: Path) -> None:
    with sqlite3.connect(file) as store:
        store.execute("create table experiments (name text)")


def write_other(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table t as select 1 as a")


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (write_text, "cannot be opened"),
        (write_sqlite, "is a file of SQLite, such as MLflow's store"),
        (Path.mkdir, "is a folder"),
        (write_other, "run dbt build first"),
    ],
)
def test_what_is_no_database_of_ours_is_said_by_every_command(
    place: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], object], found: str
) -> None:
    write(place / "wanderbricks.duckdb")
    monkeypatch.setattr("wanderbricks_ml.serving.declared.served_products", list)
    for command in (["registry", "list"], ["alerts"], ["online-store", "--store", str(place / "online")]):
        said = CliRunner().invoke(main, command)
        assert said.exit_code == 1 and isinstance(said.exception, SystemExit), said.exception
        assert found in said.output.replace("there is no database", "is a folder") and "in use" not in said.output
    if write is not write_other:
        assert doctor()[1]["database"].startswith("BAD ")


def test_an_empty_variable_counts_as_unset(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose and CI pass what nobody has set."""
    for name in ("WANDERBRICKS_DB", "WANDERBRICKS_GOLD", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("DBT_PROJECT_DIR", str(place))
    said = doctor()[1]
    assert "data/wanderbricks.duckdb" in str(local_database.database_file())
    assert said["registry"] == f"ok none at {place}/data/mlflow.db yet: the first fit makes it"


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns"])
def test_a_folder_is_no_registry(place: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    code, said = doctor()
    assert code == 1 and said["registry"].startswith(f"BAD {uri} is a folder, in which MLflow keeps no models any more")


def test_a_registry_may_lie_in_a_folder_of_any_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place / "data #1 50% ö"
    folder.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    with sqlite3.connect(folder / "mlflow.db") as store:
        store.execute("create table model_versions (name text, current_stage text)")
    assert doctor()[1]["registry"].endswith("mlflow.db, 0 versions")


@pytest.mark.parametrize("text", ["", "wanderbricks_ml: [", "wanderbricks_ml:\n  target: dev\n", "other: {}\n"])
def test_a_broken_profile_is_left_to_dbt(place: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (place / "profiles.yml").write_text(text)
    monkeypatch.setenv("DBT_PROFILES_DIR", str(place))
    assert doctor()[1]["project"].startswith("BAD ")


def test_a_place_that_cannot_be_written_is_said(place: Path) -> None:
    (place / "file").write_text("")
    command = ["simulate", "--preset", "tiny", "--out", str(place / "file" / "below" / "gold")]
    said = CliRunner().invoke(main, command)
    assert (said.exit_code, said.output) == (
        1,
        f"Error: {place}/file/below: Not a directory; put that right, or name another place\n",
    )


def test_a_damaged_online_store_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_view(place / "wanderbricks.duckdb", "demand_predictor")
    monkeypatch.setattr("wanderbricks_ml.serving.declared.served_products", list)
    store = place / "online"
    store.mkdir()
    for content in (b'{"fi', b'{"files": {"demand_predictor": "demand.lmdb"}}'):
        (store / "current.json").write_bytes(content)
        (store / "demand.lmdb").write_bytes(b"x" * 10_000)
        said = CliRunner().invoke(main, ["serve", "--refresh", "0", "--store", str(store)])
        assert said.exit_code == 1 and isinstance(said.exception, SystemExit), said.exception
        assert f"remove the folder {store}, and wanderbricks online-store writes it anew" in said.output
    (store / "current.json").write_bytes(b'{"fi')
    said = CliRunner().invoke(main, ["online-store", "--store", str(store)])
    assert said.exit_code == 1 and "writes it anew" in said.output
