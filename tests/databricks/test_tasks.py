"""dbt as a task of a Databricks job runs it: DBT_HOST, DBT_ACCESS_TOKEN, and no other variable of the operator's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from eased_project import PROJECT
from workspace import Emulator

VARS = {
    "warehouse_id": "emulator",
    "catalog": "main",
    "schema": "a_task",
    "gold_schema": "raw_gold",
    "wheel": "/Volumes/main/a_task/packages/wanderbricks_ml-0.1.0+1-py3-none-any.whl",
    "revision": "abc123",
    "experiments": "/Workspace/Shared/a_task",
    "studies": "/Volumes/main/a_task/studies",
    "signing_scope": "a_scope",
}
MODELS = ("point_in_time", "demand_predictor", "stg_bookings")


def generated(emulator: Emulator) -> dict[str, Any]:
    """A profile as Databricks makes it for a task with a warehouse: a target of whatever name, and little in it."""
    output = {
        "type": "databricks",
        "host": f"http://127.0.0.1:{emulator.port}/ws",
        "http_path": "/sql/1.0/warehouses/emulator",
        "token": "emulator",
        "catalog": "main",
        "schema": "a_task",
    }
    return {"wanderbricks_ml": {"target": "databricks_sql_warehouse", "outputs": {"databricks_sql_warehouse": output}}}


def ours(emulator: Emulator) -> dict[str, Any]:
    """`deploy/profiles.yml`, for tasks that name it."""
    made: dict[str, Any] = yaml.safe_load((PROJECT / "deploy/profiles.yml").read_text(encoding="utf-8"))
    return made


@pytest.mark.parametrize("profile", [generated, ours])
def test_a_task_parses_and_compiles(profile: Any, emulator: Emulator, tmp_path: Path) -> None:
    made = profile(emulator)
    known = yaml.safe_load((PROJECT / "profiles.yml").read_text(encoding="utf-8"))
    for output in made["wanderbricks_ml"]["outputs"].values():
        # Thrift, which a workspace has, is beyond the emulator
        output["connection_parameters"] = known["wanderbricks_ml"]["outputs"]["emulator"]["connection_parameters"]
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(made), encoding="utf-8")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"DBT_HOST": f"http://127.0.0.1:{emulator.port}/ws", "DBT_ACCESS_TOKEN": "emulator"}
    places = ("--profiles-dir", tmp_path, "--target-path", tmp_path / "target", "--log-path", tmp_path / "logs")
    given = ("--vars", json.dumps(VARS | {"as_of": "newest"}))
    for command in (["parse"], ["compile", "--select", *MODELS]):
        finished = subprocess.run(
            [Path(sys.executable).with_name("dbt"), *command, *places, *given],
            cwd=emulator.project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout
    nodes = json.loads((tmp_path / "target/manifest.json").read_text(encoding="utf-8"))["nodes"]
    fit = nodes["model.wanderbricks_ml.demand_predictor"]
    assert (fit["database"], fit["schema"]) == ("main", "a_task")
    assert fit["config"]["environment_dependencies"][0] == VARS["wheel"]
    compiled = (tmp_path / "target/compiled/wanderbricks_ml/models/demand/demand_predictor.py").read_text()
    for told in ("main.a_task.", *(VARS[name] for name in ("revision", "experiments", "studies", "signing_scope"))):
        assert repr(told) in compiled, told
    read = (tmp_path / "target/compiled/wanderbricks_ml/models/staging/stg_bookings.sql").read_text()
    assert "`main`.`raw_gold`.`fact_booking_detail`" in read
