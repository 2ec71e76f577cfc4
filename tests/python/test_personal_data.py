"""People's data: what no table holds, and how a person is forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from local_workspace import Workspace

from wanderbricks_ml.commands import dbt_client
from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.commands.forget import forget_lines
from wanderbricks_ml.serving.forgetting import forget_answers
from wanderbricks_ml.serving.inference_log import Entry, InferenceLog

FOUND = {
    "place": "wanderbricks.wanderbricks_ml",
    "tables": 150,
    "bookings": ["31"],
    "removed": {"churn_predictions": 1, "user_features": 1200},
    "views": ["stg_bookings"],
    "in_gold": {"dim_user": 1, "fact_booking_detail": 0},
    "model_versions": 8,
    "engine": "duckdb",
}


def test_no_table_holds_what_listings_say_or_who_people_are(fresh: Workspace) -> None:
    personal = {
        "title", "description", "latitude", "longitude", "property_latitude", "property_longitude", "name", "email",
        "phone", "company_name",
    }  # fmt: skip
    found = fresh.query(
        "select table_name, column_name from information_schema.columns where table_schema = 'wanderbricks_ml'"
    )
    assert found
    assert [(table, column) for table, column in found if column in personal] == []


def test_a_person_is_forgotten_and_nobody_else(fresh: Workspace, tmp_path: Path) -> None:
    workspace = fresh.copy(tmp_path / "forgotten")
    user, bookings = workspace.query(
        f"""
        select user_id, list(booking_id)
        from read_parquet('{workspace.gold}/fact_booking_detail.parquet')
        group by user_id
        having
            bool_or(booking_id in (select booking_id from cancellation_predictions))
            and user_id in (select user_id from churn_predictions)
        order by user_id
        limit 1
        """
    )[0]
    tables = [
        (table, column)
        for table, column in workspace.query(
            """
            select table_name, column_name
            from information_schema.columns
            inner join information_schema.tables using (table_catalog, table_schema, table_name)
            where table_type = 'BASE TABLE' and column_name in ('user_id', 'booking_id', 'query_id')
            """
        )
    ]
    ids = {"user_id": [user], "query_id": [user], "booking_id": bookings}

    def rows(sign: str) -> dict[tuple[str, str], int]:
        return {
            (table, column): workspace.query(
                f"select count(*) from {table} where {sign} list_contains({ids[column]}, {column})"
            )[0][0]
            for table, column in tables
        }

    exported = workspace.wanderbricks("online-store", "--without-models")
    assert exported.returncode == 0, exported.stderr
    written_before = {file.name for file in (workspace.path / "online").glob("*.lmdb")}
    mine, others = rows(""), rows("not")
    for table in ("churn_predictions", "customer_ltv_predictions", "user_features", "property_recommendations"):
        assert mine[table, "user_id"], table
    assert mine["cancellation_predictions", "booking_id"]
    assert mine["recommendations_scores", "query_id"]

    # parses the project, and leaves that for the command
    assert workspace.dbt("run-operation", "forget_user", "--args", "{user_id: none, dry_run: true}") == 0, workspace.log
    counted = workspace.wanderbricks("forget", "--user", str(user), "--dry-run")
    assert counted.returncode == 0, counted.stderr
    assert rows("") == mine
    forgotten = workspace.wanderbricks("forget", "--user", str(user))
    assert forgotten.returncode == 0, forgotten.stderr
    said, store = forgotten.stdout.rsplit("\n", 2)[:2]
    assert "no inference log in" in said
    assert said + "\n" == counted.stdout.replace("would be removed", "removed")
    assert store == f"  nothing in the online store {workspace.path / 'online'}, which was written anew"
    left_over = {file.name for file in (workspace.path / "online").glob("*.lmdb")} & written_before
    assert {name.split("-")[0] for name in left_over} == {"demand", "revenue", "conversion", "pricing"}
    assert "row of user_versions" in forgotten.stdout
    assert "  gold still has user" in forgotten.stdout
    assert "  views follow gold: " in forgotten.stdout
    left = rows("")
    assert {key: count for key, count in left.items() if count} == {}
    assert rows("not") == others
    assert f"nothing of user {user} is in" in workspace.wanderbricks("forget", "--user", str(user)).stdout


@pytest.mark.parametrize("dry_run", [True, False])
def test_lines_of_logs_that_name_the_person_go(tmp_path: Path, dry_run: bool) -> None:
    kept = ["user_id = 71", "17 users", "booking_id: 7", "rows: 7", "user_identity 7", "caf\udce9"]
    gone = [
        "where user_id = 7 and", "user 7 has no country", '{"user_id": "7"}', "cast(user_id as text) in ('7')",
        "query_id=7", "booking_id in (31)", "booking 31",
    ]  # fmt: skip
    log = tmp_path / "dbt.log.1"
    text = "\n".join([*kept, *gone]) + "\n"
    log.write_text(text, encoding="utf-8", errors="surrogateescape")
    (tmp_path / "other.txt").write_text("user_id = 7")
    assert forget_lines(tmp_path, "7", ["31"], dry_run) == {log: len(gone)}
    after = log.read_text(encoding="utf-8", errors="surrogateescape")
    assert after == (text if dry_run else "\n".join(kept) + "\n")
    assert forget_lines(tmp_path / "nowhere", "7", [], dry_run) == {}


@pytest.mark.parametrize("dry_run", [True, False])
def test_answers_about_the_person_go_from_the_log_of_what_was_served(tmp_path: Path, dry_run: bool) -> None:
    kept = [b'{"user_id":71}', b'{"booking_id":7}', b'{"property_id":7}']
    gone = [b'{"user_id":7}', b'{"booking_id":31,"total":7}']
    log = InferenceLog(tmp_path, days=30)
    log.add("request", "/predict/{model}", "model", [*(Entry(answer) for answer in [*kept, *gone]), Entry()], 200, 1.5)
    log.close()
    (file,) = tmp_path.rglob("*.parquet")
    before = pq.read_table(file, partitioning=None)
    assert forget_answers(tmp_path, "7", ["31"], dry_run) == {file: 2}
    after = pq.read_table(file, partitioning=None)
    assert after.schema.remove_metadata() == before.schema
    assert after.to_pylist() == [*before.to_pylist()[: 5 if dry_run else 3], before.to_pylist()[-1]]
    assert forget_answers(tmp_path / "nowhere", "7", [], dry_run) == {}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """The command, with what the macro says; its arguments are kept."""
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path))

    def run(found: dict[str, Any], *arguments: str) -> Any:
        asked: list[Any] = []

        def operation(macro: str, given: Any, target: str | None, leaves_no_trace: bool) -> list[str]:
            asked.append((macro, given, target, leaves_no_trace))
            return ["something else", f"forget: {json.dumps(found)}"]

        monkeypatch.setattr(dbt_client, "run_operation", operation)
        result = CliRunner().invoke(main, ["forget", "--user", "7", *arguments])
        assert result.exit_code == 0, result.output
        return result.output, asked

    return run


def test_what_remains_is_said(run: Callable[..., Any]) -> None:
    said, asked = run(FOUND, "--booking", "31", "--target", "prod", "--dry-run")
    assert asked == [("forget_user", {"user_id": "7", "booking_ids": ["31"], "dry_run": True}, "prod", True)]
    assert "would be removed: 1 row of churn_predictions\nwould be removed: 1,200 rows of user_features\n" in said
    assert "gold still has user 7 (dim_user 1) and must forget them too" in said
    assert "views follow gold: stg_bookings" in said
    assert "8 versions of models" in said
    assert "VACUUM" not in said
    said, _ = run(FOUND | {"removed": {}, "in_gold": {"dim_user": 0}, "engine": "databricks"})
    assert "nothing of user 7 is in the 150 tables of wanderbricks.wanderbricks_ml and in the logs" in said
    assert "gold no longer has user 7" in said
    assert "Delta keeps what was deleted until VACUUM" in said
    assert "gold cannot be read" in run(FOUND | {"in_gold": {}})[0]


def test_what_serving_keeps_of_another_database_is_said_and_left(run: Callable[..., Any], tmp_path: Path) -> None:
    (store := tmp_path / "online").mkdir()
    (log := tmp_path / "log").mkdir()
    said, _ = run(FOUND | {"engine": "databricks"}, "--store", str(store), "--inference-log", str(log))
    assert f"the online store {store}: it comes from the local database" in said
    assert f"has yet to write to {log}" in said
    assert list(store.iterdir()) == []


def test_where_nothing_could_be_removed_the_command_fails(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such target")

    empty = {**FOUND, "tables": 0, "removed": {}}
    monkeypatch.setattr(dbt_client, "run_operation", lambda *_, **__: [f"forget: {json.dumps(empty)}"])
    result = CliRunner().invoke(main, ["forget", "--user", "7"])
    assert result.exit_code == 1
    assert "no table is built in wanderbricks.wanderbricks_ml; are WANDERBRICKS_DB" in result.output
    monkeypatch.setattr(dbt_client, "run_operation", fail)
    result = CliRunner().invoke(main, ["forget", "--user", "7"])
    assert result.exit_code == 1
    assert "nothing was removed:\nno such target" in result.output
