"""Some days by the bundle's jobs: set-up, training, scoring, a refit that is asked for, a red gate, and remedies.

Each task is a dbt of its own, which knows its command line, DBT_HOST and DBT_ACCESS_TOKEN, and its Python models reach
Spark by Connect.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import LAST_DAY, replace_in
from eased_project import PROJECT, copied_project
from job_runs import EXCLUDED, FAILED, SUCCESS, Jobs
from workspace import Emulator

YESTERDAY, TODAY = LAST_DAY.isoformat(), (LAST_DAY + timedelta(days=1)).isoformat()
DEMAND = ("shared", "demand", "monitoring")


@pytest.fixture(scope="module")
def jobs(
    emulator: Emulator, gold: dict[str, Path], selected: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jobs]:
    """The jobs, after set-up, training and scoring of the first day."""
    if selected:
        pytest.skip("a life of days by jobs takes all products: make test-databricks-all")
    emulator.control(gold=str(gold["first"]))
    made = Jobs(emulator, tmp_path_factory.mktemp("jobs"), emulator.project)
    for job in ("set_up", "training", "scoring"):
        assert_succeeds(made, made.run(job, as_of=YESTERDAY))
    yield made
    # the other tests go on with the day that they know
    emulator.control(gold=str(gold["first"]))


def assert_succeeds(jobs: Jobs, states: dict[str, str]) -> None:
    red = [name for name, state in states.items() if state not in (SUCCESS, EXCLUDED)]
    assert not red, "\n\n".join(jobs.log.get(name.rpartition("/")[2], name)[-3_000:] for name in red)


def rows(jobs: Jobs, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = jobs.emulator.table(query.replace("SCHEMA", f"`{jobs.schema}`")).to_pylist()
    return found


def test_every_product_is_published_on_the_first_day(jobs: Jobs) -> None:
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        tables = [row["predictions_table"] for row in csv.DictReader(file)]
    assert len(tables) == 8
    counted = " union all ".join(
        f"select '{table}' as name, count(*) as rows from SCHEMA.{table} where scoring_date = date '{YESTERDAY}'"
        for table in tables
    )
    assert {row["name"] for row in rows(jobs, counted) if row["rows"]} == set(tables)


def test_no_task_has_seen_the_operator(jobs: Jobs) -> None:
    found = rows(jobs, "select distinct model_uri, code_revision from SCHEMA.demand_predictor")
    assert found == [
        {"model_uri": f"models:/main.{jobs.schema}.demand_predictor/1", "code_revision": "0123456789abcdef"}
    ]


@pytest.fixture(scope="module")
def second_day(jobs: Jobs, gold: dict[str, Path]) -> Jobs:
    jobs.emulator.control(gold=str(gold["second"]))
    assert_succeeds(jobs, jobs.run("scoring", as_of=TODAY))
    return jobs


def versions(jobs: Jobs) -> list[dict[str, Any]]:
    return rows(jobs, "select model_version, reason, as_of_date from SCHEMA.demand_predictor order by model_version")


def test_a_day_without_a_fit_starts_none(second_day: Jobs) -> None:
    scored = rows(second_day, "select distinct scoring_date from SCHEMA.demand_predictions")
    assert len(scored) == 2
    due = rows(second_day, "select product from SCHEMA.model_operations where fit_due")
    assert due == []
    states = second_day.run("refit")
    assert (states["asked"], states["due"], states["training"]) == (SUCCESS, SUCCESS, EXCLUDED)
    assert len(versions(second_day)) == 1


def test_drift_starts_a_refit(second_day: Jobs) -> None:
    # as it is after enough days beyond the bound: here one is enough, as one was scored since the fit
    rows(
        second_day,
        "update SCHEMA.drift set psi = 9.0, state = 'act', days_in_row = 1, act_days = 1, is_drifted = true "
        f"where model_name = 'demand_predictor' and is_monitored and scoring_date = date '{TODAY}'",
    )
    # the state that a decision reads is what all products share
    assert_succeeds(second_day, second_day.run("scoring", only=("shared", "demand"), as_of=TODAY))
    states = second_day.run("refit", only=DEMAND, as_of=TODAY)
    assert_succeeds(second_day, states)
    assert states["due"] == states["training"] == states["training/demand"] == SUCCESS
    assert versions(second_day)[-1]["reason"] == "drift"


def test_a_red_gate_is_told_by_monitoring_and_predictions_stay(second_day: Jobs, tmp_path: Path) -> None:
    before = rows(second_day, "select count(*) as rows, max(scored_at) as newest from SCHEMA.demand_predictions")
    whole = second_day.project
    second_day.project = copied_project(tmp_path / "red")
    replace_in(
        second_day.project / "seeds/performance_targets.csv", "rmse,at_most,3,error", "rmse,at_most,0.0001,error"
    )
    try:
        states = second_day.run("scoring", only=DEMAND, as_of=TODAY)
    finally:
        second_day.project = whole
    assert states["demand"] == FAILED
    assert "is above the target of 0.0001" in second_day.log["demand"]
    # it runs all the same, and is red itself by the alert that it opens
    assert states["monitoring"] == FAILED
    told = rows(
        second_day, "select kind from SCHEMA.alerts where model_name = 'demand_predictor' and severity = 'error'"
    )
    assert {"kind": "failed_gate"} in told
    assert (
        rows(second_day, "select count(*) as rows, max(scored_at) as newest from SCHEMA.demand_predictions") == before
    )


def scored_by(jobs: Jobs) -> dict[str, list[Any]]:
    """Versions that made the predictions of a day, and when."""
    found = rows(
        jobs,
        "select scoring_date, model_version, max(scored_at) as scored_at from SCHEMA.demand_predictions group by all",
    )
    by_day: dict[str, list[Any]] = {}
    for row in sorted(found, key=lambda row: row["model_version"]):
        by_day.setdefault(row["scoring_date"].isoformat(), []).append((row["model_version"], row["scored_at"]))
    return by_day


def test_an_operator_asks_for_a_fit_and_rolls_a_version_back(second_day: Jobs) -> None:
    known = len(versions(second_day))
    assert_succeeds(second_day, second_day.run("training", only=DEMAND, as_of=TODAY, retrain="force"))
    assert len(versions(second_day)) == known + 1

    newest = str(known + 1)
    said = second_day.operator("registry", "promote", "demand_predictor", newest, "--reason", "it knows the sale")
    assert said.returncode == 0, said.stderr
    assert_succeeds(second_day, second_day.run("scoring", only=DEMAND, as_of=TODAY))
    assert [version for version, _ in scored_by(second_day)[TODAY]] == [known + 1]

    said = second_day.operator("registry", "rollback", "demand_predictor", "--reason", "weekends are far off")
    assert said.returncode == 0, said.stderr
    assert_succeeds(second_day, second_day.run("scoring", only=DEMAND, as_of=TODAY))
    (pinned,) = (version for version, _ in scored_by(second_day)[TODAY])
    assert f"rollback demand_predictor v{pinned}, by ann: weekends are far off" in said.stdout
    assert pinned <= known
    listed = json.loads(second_day.operator("registry", "list", "demand_predictor", "--format", "json").stdout)
    states = {row["model_version"]: (row["state"], row["is_pinned"]) for row in listed}
    assert states[pinned] == ("production", True)
    assert len(states) == known + 1
    verified = second_day.operator("registry", "verify", "demand_predictor", "--format", "json")
    assert verified.returncode == 0, verified.stdout
    assert {row["model_version"] for row in json.loads(verified.stdout)} == set(states)


def test_an_operator_has_a_day_scored_again(second_day: Jobs) -> None:
    before = scored_by(second_day)
    assert_succeeds(second_day, second_day.run("scoring", only=DEMAND, rescore=YESTERDAY))
    after = scored_by(second_day)
    ((version, scored_at),) = after[YESTERDAY]
    assert (version, scored_at > before[YESTERDAY][0][1]) == (1, True)
    assert after[TODAY] == before[TODAY]
