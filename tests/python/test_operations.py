"""Jobs: what the selectors build, and a week of them with a fit on Sunday, a gate that fails and its alerts."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from conftest import PRODUCTS, SEED
from eased_project import PROJECT, copied_project
from local_workspace import Workspace

from wanderbricks_ml.simulator import simulate

SELECTORS = ("daily_scoring", "weekly_training", "monthly_training", "monitoring")
SUNDAY = date(2025, 7, 20)

Listing = dict[str, set[str]]


@pytest.fixture(scope="module")
def listed(gold: Path, tmp_path_factory: pytest.TempPathFactory) -> Listing:
    """Names of the nodes that each selector selects, by `dbt ls`."""
    workspace = Workspace(tmp_path_factory.mktemp("listed"), gold)
    found = {}
    for selector in SELECTORS:
        assert workspace.dbt("ls", "--selector", selector, "--output", "name", "--quiet") == 0, workspace.log
        found[selector] = set(workspace.log.split())
    return found


def tables(schedule: str) -> set[str]:
    """The tables of the products that the inventory fits by a schedule."""
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        scheduled = [row for row in csv.DictReader(file) if row["schedule"] == schedule]
    steps = ("retraining", "splits", "examples", "backtest", "metrics", "champion", "scores")
    return {name for row in scheduled for name in (row["model_name"], row["predictions_table"])} | {
        f"{row['product']}_{step}" for row in scheduled for step in steps
    }


TRAINING = {f"{product.name}_{step}" for product in PRODUCTS for step in ("backtest", "metrics")} | {
    product.model_name for product in PRODUCTS
}
WATCHING = {"drift", "drift_reference", "prediction_quality", "model_operations", "alert_checks", "alerts"}


def test_daily_scoring_is_everything_but_training_and_monitoring(listed: Listing) -> None:
    daily = listed["daily_scoring"]
    assert (tables("weekly") | tables("monthly")) - TRAINING <= daily
    assert {"property_features", "model_state", "point_in_time", "alert_policy", "model_inventory"} <= daily
    assert not daily & (TRAINING | WATCHING | {"no_alert_of_severity_error"})
    assert "demand_serves_a_version_that_passes" in daily
    assert "first_fit_has_no_champion" not in daily


@pytest.mark.parametrize(("selector", "schedule"), [("weekly_training", "weekly"), ("monthly_training", "monthly")])
def test_training_is_what_the_inventory_schedules(selector: str, schedule: str, listed: Listing) -> None:
    other = {"weekly": "monthly", "monthly": "weekly"}[schedule]
    assert tables(schedule) <= listed[selector]
    assert not tables(other) & listed[selector]
    assert {"property_features", "model_state", "model_inventory"} <= listed[selector]
    assert not listed[selector] & {"model_operations", "alerts"}


def test_monitoring_builds_nothing_of_a_product(listed: Listing) -> None:
    monitoring = listed["monitoring"]
    assert WATCHING | {"point_in_time", "no_alert_of_severity_warn", "no_alert_of_severity_error"} <= monitoring
    assert not monitoring & (tables("weekly") | tables("monthly") | {"property_features", "model_state"})


class Jobs:
    """The part of each job that demand needs, without data tests: the gate is data, too."""

    def __init__(self, workspace: Workspace, listed: Listing) -> None:
        self.workspace = workspace
        assert workspace.dbt("ls", "--select", "+demand_predictions", "--output", "name", "--quiet") == 0, workspace.log
        self.demand = set(workspace.log.split()) | {"alert_policy", "drift_policy", "quality_policy"}
        self.listed = listed

    def run(self, selector: str, day: date) -> int:
        # gold as its files were that morning: no var, so that dbt need not parse again
        simulate(preset="tiny", seed=SEED, out=self.workspace.gold, until=day - timedelta(days=1))
        if selector == "monitoring":
            return self.workspace.dbt("build", "--selector", selector)
        chosen = sorted(self.listed[selector] & self.demand)
        return self.workspace.dbt("build", "--select", *chosen, "--resource-type", "model", "seed")


def test_a_week_of_jobs(listed: Listing, tmp_path: Path) -> None:
    project = copied_project(tmp_path / "project")
    jobs = Jobs(Workspace(tmp_path / "run", tmp_path / "gold", project), listed)
    targets = project / "seeds/performance_targets.csv"
    possible = targets.read_text(encoding="utf-8")
    built = jobs.workspace

    def versions() -> list[tuple[int]]:
        return built.query("select model_version from demand_predictor order by all")

    def serving(day: date) -> list[tuple[int]]:
        return built.query(f"select distinct model_version from demand_predictions where scoring_date = date '{day}'")

    def alerts() -> list[tuple[str, str, str, date]]:
        return built.query("select severity, model_name, kind, since from alerts order by all")

    # training comes first, on a Saturday
    assert jobs.run("weekly_training", SUNDAY - timedelta(days=1)) == 0, built.log
    assert versions() == [(1,)]

    # Sunday's scoring: a fit is due and waits, the reigning version serves, no training node runs
    assert jobs.run("daily_scoring", SUNDAY) == 0, built.log
    assert built.query("select fit_due, reason from demand_retraining") == [(True, "schedule")]
    assert "demand_scores" in built.log
    assert not [name for name in TRAINING if f"model wanderbricks_ml.{name} " in built.log], built.log
    assert versions() == [(1,)]
    assert serving(SUNDAY) == [(1,)]

    # then training fits, once
    assert jobs.run("weekly_training", SUNDAY) == 0, built.log
    assert versions() == [(1,), (2,)]
    assert built.query("select reason from demand_predictor where model_version = 2") == [("schedule",)]

    # Monday no version passes, and on Tuesday scoring does not even start: monitoring says so, and since when
    monday, tuesday = SUNDAY + timedelta(days=1), SUNDAY + timedelta(days=2)
    assert "\ndemand_predictor,rmse,at_most,3,error" in possible
    targets.write_text(possible.replace("demand_predictor,rmse,at_most,3,", "demand_predictor,rmse,at_most,0,"))
    assert jobs.run("daily_scoring", monday) == 1, built.log
    assert built.query("select fit_due, reason from demand_retraining") == [(False, "not_due")]
    for day, missing in ((monday, "warn"), (tuesday, "error")):
        assert jobs.run("monitoring", day) == 1, built.log
        assert alerts() == sorted(
            [
                ("error", "demand_predictor", "failed_gate", monday),
                (missing, "demand_predictor", "missing_predictions", monday),
            ]
        )
        assert "fail: alert: demand_predictor failed_gate since 2025-07-21: demand_predictor v" in built.log
    operations = built.query(
        "select gate_state, last_scoring_date, next_due_date from model_operations where product = 'demand'"
    )
    assert operations == [("red", SUNDAY, SUNDAY + timedelta(days=7))]

    # on the same Tuesday it is mended: what has ended is listed no longer
    targets.write_text(possible)
    assert jobs.run("daily_scoring", tuesday) == 0, built.log
    assert jobs.run("monitoring", tuesday) == 0, built.log
    assert alerts() == []
    checked = built.query("select as_of_date, count(*) from alert_checks group by all order by all")
    assert [day for day, _ in checked] == [monday, tuesday]
    assert len({count for _, count in checked}) == 1
