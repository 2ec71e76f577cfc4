"""What a run says before and after it builds: misspelt vars, columns that have changed, features that are not known."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt_common.exceptions import DbtRuntimeError
from eased_project import PROJECT, copied_project
from local_workspace import Workspace

from wanderbricks_ml.gold.plugin import Plugin, attach

COMMAND = re.compile(r"dbt ((?:build|run-operation) [^;\n]*)")


def declared_vars() -> set[str]:
    return set(yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"])


def test_a_misspelt_var_stops_a_run_before_it_builds(gold: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, gold)
    assert workspace.dbt("run", "--select", "point_in_time", "--vars", "{retrian: force, as_of: 2025-07-01}") == 2
    assert "var 'retrian' does not exist; did you mean 'retrain'?" in workspace.log
    assert "'as_of'" not in workspace.log
    assert "START sql" not in workspace.log


def test_a_var_of_another_type_stops_a_run_before_it_builds(gold: Path, tmp_path: Path) -> None:
    """Any text would be true, and a text for a list its letters."""
    workspace = Workspace(tmp_path, gold)
    given = (
        "{accept_gold: 'false', booking_attributes: meal, churn_training_rows: lots, pricing_caution: '1', tune: true}"
    )
    assert workspace.dbt("run", "--select", "point_in_time", "--vars", given) == 2
    assert "var accept_gold is 'false'; it takes true or false" in workspace.log
    assert "var booking_attributes is 'meal'; it takes a list such as [meal]" in workspace.log
    assert "var churn_training_rows is 'lots'; it takes a number" in workspace.log
    assert "pricing_caution" not in workspace.log and "var tune" not in workspace.log
    assert "START sql" not in workspace.log


@pytest.mark.parametrize("given", ["recommendations_days: 20", "customer_ltv_days: 366", "customer_ltv_days: 90.5"])
def test_windows_of_labels_have_bounds(given: str, gold: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, gold)
    assert workspace.dbt("run", "--select", "point_in_time", "--vars", f"{{{given}}}") == 2
    name, days = given.split(": ")
    assert f"var {name} is {days}; it takes whole days, 30 to 365" in workspace.log


def test_a_day_that_is_none_is_named(gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDERBRICKS_AS_OF", "2025-02-29")
    workspace = Workspace(tmp_path, gold)
    assert workspace.dbt("run", "--select", "point_in_time") == 2
    assert "WANDERBRICKS_AS_OF is '2025-02-29'; give an ISO date" in workspace.log


def test_every_var_that_is_read_is_declared() -> None:
    files = [path for folder in ("models", "macros", "tests") for path in (PROJECT / folder).rglob("*")]
    files += [PROJECT / "dbt_project.yml", PROJECT / "profiles.yml"]
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in (".sql", ".yml", ".py")]
    read = {name for text in texts for name in re.findall(r"\bvar\('(\w+)'", text)}
    # the last is read by dbt-databricks
    assert read == declared_vars() - {"databricks_skip_optimize"}


@pytest.fixture
def changed_project(tmp_path: Path) -> Path:
    """The project with a column more in a feature table, in one that keeps history, and among a product's features."""
    project = copied_project(tmp_path / "project")
    for model, settings in {
        "features/property_features": "features/_features",
        "demand/demand_predictions": "demand/_demand",
    }.items():
        sql = project / f"models/{model}.sql"
        text = sql.read_text(encoding="utf-8")
        sql.write_text(f"select *, cast(1 as int) as pool from (\n{text}\n) as unchanged\n", encoding="utf-8")
        yml = project / f"models/{settings}.yml"
        before, of_model = re.split(rf"(?=  - name: {sql.stem}\n)", yml.read_text(encoding="utf-8"))
        column = "    columns:\n      - name: pool\n        data_type: int\n"
        yml.write_text(before + of_model.replace("    columns:\n", column, 1), encoding="utf-8")
    demand = project / "models/demand/_demand.yml"
    text = demand.read_text(encoding="utf-8")
    assert text.count("        numeric:\n") == 1
    demand.write_text(text.replace("        numeric:\n", "        numeric:\n          - pool\n"), encoding="utf-8")
    return project


def told(workspace: Workspace, model: str) -> list[str]:
    """The words of the commands that a run names to mend `model`."""
    (line,) = (line for line in workspace.log.splitlines() if f"{model} is not written" in line)
    assert "new pool." in line
    return [found.strip() for found in COMMAND.findall(line)]


def test_a_changed_table_names_what_mends_it(fresh: Workspace, changed_project: Path, tmp_path: Path) -> None:
    workspace = fresh.copy(tmp_path / "workspace", project=changed_project)
    assert workspace.dbt("run", "--select", "property_features") == 1
    refresh, fit = told(workspace, "property_features")
    assert workspace.dbt("run", "--select", "demand_predictions") == 1
    (alter,) = told(workspace, "demand_predictions")
    assert refresh == "build --full-refresh --select property_features"
    assert fit == "build --select +demand_predictions --vars 'retrain: force'"
    operation = re.fullmatch(r"run-operation (\w+) --args '(.*)'", alter)
    assert operation
    history = workspace.query("select count(*) from demand_predictions")

    assert workspace.dbt("run-operation", operation[1], "--args", operation[2]) == 0, workspace.log
    assert workspace.query("select count(*), count(pool) from demand_predictions") == [(*history[0], 0)]
    assert workspace.dbt("run", "--full-refresh", "--select", "property_features") == 0, workspace.log
    assert workspace.dbt("run", "--select", "property_features", "demand_predictions") == 0, workspace.log
    assert "is not written" not in workspace.log


def test_a_feature_that_the_champion_does_not_know_is_named(
    fresh: Workspace, changed_project: Path, tmp_path: Path
) -> None:
    workspace = fresh.copy(tmp_path / "workspace", project=changed_project)
    assert workspace.dbt("run", "--select", "demand_champion", "churn_champion") == 0, workspace.log
    lines = [line for line in workspace.log.splitlines() if "serves without" in line]
    assert [line.split("  ", 1)[1] for line in lines] == [
        "demand_predictor v1 serves without pool, which it was not fitted on. To fit a version that knows it: "
        "dbt build --select +demand_predictions --vars 'retrain: force'"
    ]


def test_a_seed_with_other_columns_is_loaded_anew(fresh: Workspace, tmp_path: Path) -> None:
    project = copied_project(tmp_path / "project")
    # an empty seed is the one that dbt loads without a word into a table of other columns
    for path, begin in (
        ("seeds/experiments.csv", "experiment_name"),
        ("seeds/_seeds.yml", "  - name: experiments\n"),
        ("models/state/experiment_state.sql", "try_cast(min_rows"),
    ):
        before, after = (project / path).read_text(encoding="utf-8").split(begin, 1)
        count = {".csv": 1, ".yml": 2, ".sql": 0}[Path(path).suffix]
        (project / path).write_text(before + begin.replace("min_rows", "few") + after.replace("min_rows", "few", count))
    workspace = fresh.copy(tmp_path / "workspace", project=project)
    assert workspace.dbt("run", "--select", "experiment_state") == 1
    targets = project / "seeds/performance_targets.csv"
    text = targets.read_text(encoding="utf-8")
    targets.write_text(text.replace("demand_predictor,rmse", "demand_predicter,rmse"), encoding="utf-8")
    assert workspace.dbt("build", "--select", "experiments", "experiment_state", "performance_targets") == 1
    assert workspace.log.count("fail: ") == 1, workspace.log
    assert (
        "fail: performance_targets.model_name is demand_predicter, which model_inventory.model_name does not have; "
        "did you mean 'demand_predictor'?"
    ) in workspace.log


def test_a_model_without_its_parents_names_the_selection_with_them(gold: Path, tmp_path: Path) -> None:
    # artifacts of another database's models beside a database that is new say nothing; beside one that is there they do
    (tmp_path / "mlartifacts").mkdir()
    workspace = Workspace(tmp_path, gold)
    assert workspace.dbt("run", "--select", "demand_predictions") == 1
    assert "mlflow.db is gone, but" not in workspace.log
    assert workspace.dbt("run", "--select", "demand_predictions") == 1
    assert (
        "demand_predictions reads demand_scores, which was never built. A + builds what it needs, too: "
        "dbt build --select +demand_predictions"
    ) in workspace.log
    assert workspace.summary()["demand"].endswith("next: dbt build --select +demand_predictions")
    assert "mlflow.db is gone, but" in workspace.log


def test_a_second_build_says_that_the_first_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "wanderbricks.duckdb"
    held = "import duckdb, sys; kept = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", held, str(file)]
    monkeypatch.setenv("WANDERBRICKS_WAIT_SECONDS", "0")
    with duckdb.connect() as connection:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(DbtRuntimeError, match=r"is in use by another process \(PID \d+\), such as a second"):
                attach(connection, str(file), "wanderbricks")
        attach(connection, str(file), "wanderbricks")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("WANDERBRICKS_WAIT_SECONDS", "a minute", "a number of seconds, 0 or more"),
        ("WANDERBRICKS_WAIT_SECONDS", "nan", "a number of seconds, 0 or more"),
        ("WANDERBRICKS_MEMORY_LIMIT", "plenty", "an amount such as 4GB or 20%"),
        ("WANDERBRICKS_TIME_ZONE", "Europe/Berln", "a zone such as Europe/Berlin"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(DbtRuntimeError, match=f"{name} is '{value}'; it takes {wanted}"):
        opened(tmp_path / "wanderbricks.duckdb")


def test_an_empty_variable_is_as_none_and_nothing_is_built_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDERBRICKS_DB", "")
    monkeypatch.setenv("WANDERBRICKS_WAIT_SECONDS", "")
    opened(tmp_path / "wanderbricks.duckdb").close()
    assert (tmp_path / "wanderbricks.duckdb").is_file()


def test_what_is_no_database_is_not_written_to(tmp_path: Path) -> None:
    """A file of SQLite would be opened by an extension, that of MLflow written to."""
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        store.execute("create table experiments (name text)")
    (tmp_path / "torn.duckdb").write_text("no database")
    for file, found in {
        "mlflow.db": "is a file of SQLite",
        "": "is a folder",
        "torn.duckdb": "cannot be opened",
    }.items():
        with pytest.raises(DbtRuntimeError, match=f"{found}.*point WANDERBRICKS_DB"):
            opened(tmp_path / file)
    (tmp_path / "file").write_text("")
    with pytest.raises(DbtRuntimeError, match=r"cannot be made .Not a directory.; point WANDERBRICKS_DB elsewhere"):
        opened(tmp_path / "file" / "below" / "wanderbricks.duckdb")


def opened(database: Path) -> duckdb.DuckDBPyConnection:
    """A connection as the plugin of profiles.yml has dbt open it, to this file where the environment names none."""
    credentials = DuckDBCredentials.from_dict(
        {
            "type": "duckdb",
            "path": ":memory:",
            "database": "wanderbricks",
            "schema": "wanderbricks_ml",
            "attach": [{"path": str(database), "alias": "wanderbricks"}],
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDERBRICKS_GOLD", str(database.parent))
        plugin = Plugin("gold", {}, credentials)
        plugin.initialize({})
        connection = duckdb.connect()
        plugin.configure_connection(connection)
    return connection
