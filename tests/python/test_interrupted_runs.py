"""Runs that stopped between fit, verdict and publication, and what the next run makes of what they left."""

from __future__ import annotations

import json
import sqlite3
import textwrap
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest
from forked_dbt import KILLED, Kill
from local_workspace import Workspace

from wanderbricks_ml.lifecycle.versions import judged

DEMAND = ("--select", "performance_targets", "model_state", "path:models/demand")
STATE = ("demand_predictor", "demand_backtest", "demand_metrics", "demand_champion", "demand_predictions")


def versions(workspace: Workspace) -> list[tuple[int, str]]:
    return workspace.query("select model_version, reason from demand_predictor order by all")


def decision(workspace: Workspace) -> list[tuple[str, bool, int | None]]:
    return workspace.query("select reason, fit_due, candidate_version from demand_retraining")


def champion(workspace: Workspace) -> list[tuple[int, str, bool]]:
    return workspace.query("select model_version, role, serves from demand_champion order by all")


def published(workspace: Workspace) -> list[int]:
    """Versions of the newest day's predictions."""
    found = workspace.query(
        """
        select distinct model_version from demand_predictions
        where scoring_date = (select max(scoring_date) from demand_predictions)
        """
    )
    return [row[0] for row in found]


def damage(workspace: Workspace, version: int) -> None:
    """Have the files of a version be others than those that were logged."""
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb")) as connection:
        changed = "update wanderbricks_ml.demand_predictor set artifact_digest = 'other' where model_version = $1"
        connection.execute(changed, [version])


@pytest.fixture(scope="module")
def left_unjudged(yesterday: Workspace, gold: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A run that fitted version 2, the day after version 1, and went no further."""
    stopped = yesterday.copy(tmp_path_factory.mktemp("unjudged"), gold=gold)
    code = stopped.dbt("run", "--select", "+demand_predictor", "--vars", "retrain: force")
    assert code == 0, stopped.log
    assert versions(stopped) == [(1, "no_champion"), (2, "forced")]
    return stopped


@pytest.fixture
def without_state(fresh: Workspace, tmp_path: Path) -> Workspace:
    """Features and splits, but no version was ever fitted."""
    workspace = fresh.copy(tmp_path / "without_state")
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb")) as connection:
        for table in STATE:
            connection.execute(f"drop table wanderbricks_ml.{table}")
    return workspace


def test_a_candidate_without_a_verdict_is_judged_not_fitted_again(left_unjudged: Workspace, tmp_path: Path) -> None:
    resumed = left_unjudged.copy(tmp_path)
    assert resumed.dbt("build", *DEMAND) == 0, resumed.log
    assert decision(resumed) == [("unfinished", True, 2)]
    assert versions(resumed) == versions(left_unjudged)
    assert [row[:2] for row in champion(resumed)] == [(1, "reigning"), (2, "candidate")]
    evaluated = """
        select model_version from demand_metrics
        where split = 'test' and as_of_date = (select as_of_date from demand_retraining) group by all order by all
    """
    assert resumed.query(evaluated) == [(1,), (2,)]

    assert resumed.dbt("build", *DEMAND) == 0, resumed.log
    assert decision(resumed)[0][:2] == ("not_due", False)


# benchmarks/faults.py has time for a hundred moments
@pytest.mark.parametrize(
    ("moment", "fitted"),
    [("fitting [0-9,]+ rows", 1), ("START .*demand_backtest", 2), ("START .*demand_predictions", 2)],
    ids=["while it fits", "between fit and verdict", "while it publishes"],
)
def test_a_build_that_was_killed_is_finished_by_the_next(
    moment: str, fitted: int, yesterday: Workspace, gold: Path, today: date, tmp_path: Path
) -> None:
    build = ("build", "--select", "+demand_predictions", "--exclude-resource-type", "test")
    killed = yesterday.copy(tmp_path, gold=gold)
    assert killed.dbt(*build, "--vars", "retrain: force", kill=Kill(0.02, moment)) == KILLED, killed.log
    assert killed.dbt(*build) == 0, killed.log
    assert len(versions(killed)) == fitted
    judged_versions = "select distinct model_version from demand_metrics where split = 'test' order by all"
    assert killed.query(judged_versions) == [(version,) for version in range(1, fitted + 1)]
    assert killed.query("select max(scoring_date) from demand_predictions") == [(today,)]
    serving = killed.query("select model_version from demand_champion where serves")
    assert [(version,) for version in published(killed)] == serving
    assert killed.aliases("demand_predictor")["champion"] == serving[0][0]


def test_a_decision_to_fit_is_carried_out_once(left_unjudged: Workspace, tmp_path: Path) -> None:
    again = left_unjudged.copy(tmp_path)
    assert again.dbt("run", "--select", "demand_predictor") == 0, again.log
    assert versions(again) == versions(left_unjudged)


def test_a_candidate_that_cannot_be_loaded_is_fitted_anew(left_unjudged: Workspace, tmp_path: Path) -> None:
    resumed = left_unjudged.copy(tmp_path)
    with duckdb.connect(str(resumed.path / "wanderbricks.duckdb")) as connection:
        connection.execute(
            "update wanderbricks_ml.demand_predictor set artifact_digest = 'other' where model_version = 2"
        )
    assert resumed.dbt("build", *DEMAND) == 0, resumed.log
    assert "demand_predictor v2, which no run has judged, is replaced by a new fit" in resumed.log
    assert [version for version, _ in versions(resumed)] == [1, 2, 3]
    assert [row[:2] for row in champion(resumed)] == [(1, "reigning"), (3, "candidate")]


def test_a_reigning_version_that_is_damaged_does_not_hold_the_candidate(
    left_unjudged: Workspace, tmp_path: Path
) -> None:
    resumed = left_unjudged.copy(tmp_path)
    with duckdb.connect(str(resumed.path / "wanderbricks.duckdb")) as connection:
        connection.execute(
            "update wanderbricks_ml.demand_predictor set artifact_digest = 'other' where model_version = 1"
        )
    assert resumed.dbt("build", *DEMAND) == 0, resumed.log
    assert "demand_predictor v1 is not judged in this run: demand_predictor v1 is not what was logged" in resumed.log
    assert champion(resumed) == [(2, "candidate", True)]
    assert published(resumed) == [2]


def test_a_version_that_won_but_was_not_published_serves(without_state: Workspace) -> None:
    assert without_state.dbt("run", *DEMAND, "--exclude", "demand_scores+") == 0, without_state.log
    assert [row[1:] for row in champion(without_state)] == [("candidate", True)]
    won = versions(without_state)

    assert without_state.dbt("build", *DEMAND) == 0, without_state.log
    assert decision(without_state)[0][:2] == ("not_due", False)
    assert versions(without_state) == won
    assert published(without_state) == [won[0][0]]


def test_a_version_that_failed_waits_and_passes_when_the_gate_is_changed(
    without_state: Workspace, impossible: Callable[[str], Path], tmp_path: Path
) -> None:
    red = without_state.copy(tmp_path / "red", project=impossible("error"))
    assert red.dbt("build", *DEMAND) != 0
    failed = versions(red)
    assert len(failed) == 1

    assert red.dbt("build", *DEMAND) != 0
    assert versions(red) == failed
    assert " the target of " in red.log
    assert decision(red) == [("not_due", False, failed[0][0])]

    green = Workspace(red.path, red.gold, without_state.project)
    assert green.dbt("build", *DEMAND) == 0, green.log
    assert versions(green) == failed
    assert published(green) == [failed[0][0]]


def test_only_the_candidate_has_to_load(caplog: pytest.LogCaptureFixture) -> None:
    def loading(*broken: int) -> Callable[[int], str]:
        def load(number: int) -> str:
            if number in broken:
                raise RuntimeError(f"v{number} is torn")
            return f"model {number}"

        return load

    def found(numbers: Sequence[int], *broken: int) -> dict[int, str]:
        return judged("demand_predictor", numbers, loading(*broken))

    assert found([3, 1, 2]) == {3: "model 3", 1: "model 1", 2: "model 2"}
    assert found([3, 1, 2], 1) == {3: "model 3", 2: "model 2"}
    assert "demand_predictor v1 is not judged in this run: v1 is torn" in caplog.text
    assert found([]) == {}
    with pytest.raises(RuntimeError, match="v3 is torn"):
        found([3, 1], 3)


def test_a_store_that_was_deleted_is_rebuilt(left_unjudged: Workspace, yesterday: Workspace, tmp_path: Path) -> None:
    lost = left_unjudged.copy(tmp_path)
    (lost.path / "mlflow.db").unlink()
    assert lost.dbt("run", *DEMAND, "--vars", "retrain: force") != 0
    refused = "the database knows demand_predictor v2, but the newest version at MLFLOW_TRACKING_URI is none"
    assert refused in lost.log
    # the second time as the first
    assert lost.dbt("run", *DEMAND, "--vars", "retrain: force") != 0
    assert refused in lost.log

    # the models of the first day lie where they were logged
    said = lost.wanderbricks(
        "registry", "rebuild", "--artifacts", str(yesterday.path / "mlartifacts"), "--format", "json"
    )
    assert said.returncode == 0, said.stderr
    rebuilt = {(row["model_name"], row["model_version"]): row["result"] for row in json.loads(said.stdout)}
    assert set(rebuilt.values()) == {"registered"}
    assert {("demand_predictor", 1), ("demand_predictor", 2), ("churn_predictor", 1)} <= set(rebuilt)
    assert lost.aliases("demand_predictor") == {"champion": 1}
    verified = lost.wanderbricks("registry", "verify")
    assert verified.returncode == 0, verified.stdout

    assert lost.dbt("build", *DEMAND) == 0, lost.log
    assert [row[:2] for row in champion(lost)] == [(1, "reigning"), (2, "candidate")]


def test_a_fit_that_was_killed_while_registering_is_found_and_closed(left_unjudged: Workspace, tmp_path: Path) -> None:
    killed = left_unjudged.copy(tmp_path)
    with sqlite3.connect(killed.path / "mlflow.db") as store:
        (run,) = store.execute(
            "select run_id from model_versions where name = 'demand_predictor' and version = 2"
        ).fetchone()
        store.execute("update runs set status = 'RUNNING', end_time = null where run_uuid = ?", [run])
    with duckdb.connect(str(killed.path / "wanderbricks.duckdb")) as connection:
        connection.execute("delete from wanderbricks_ml.demand_predictor where model_version = 2")

    found = killed.wanderbricks("registry", "verify", "demand_predictor", "--format", "json")
    assert found.returncode == 1, found.stderr
    rows = {row["model_version"]: row for row in json.loads(found.stdout)}
    assert rows[2]["state"] == "stopped"
    assert f"run {run} is closed" in rows[2]["result"]
    assert rows[1]["is_sound"]
    assert killed.wanderbricks("registry", "verify", "demand_predictor").returncode == 0

    # its number stays with it
    assert killed.dbt("run", *DEMAND, "--vars", "retrain: force") == 0, killed.log
    assert [version for version, _ in versions(killed)] == [1, 3]


def test_a_store_that_a_kill_left_half_made_is_made_anew(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path)
    killed = """
        import os
        import mlflow.store.db.utils
        from wanderbricks_ml.registry import store
        mlflow.store.db.utils._upgrade_db = lambda engine: os._exit(9)
        store.connect()
    """
    assert workspace.python(textwrap.dedent(killed)).returncode == 9
    assert not (tmp_path / "mlflow.db").exists()
    made = workspace.python("from wanderbricks_ml.registry import store; print(store.experiment_id('demand'))")
    assert made.stdout.strip().isdigit(), made.stderr
    assert [file.name for file in tmp_path.glob("mlflow.db*")] == ["mlflow.db"]
