"""A bundle's jobs, run as the platform runs them: tasks in order and by their conditions, commands as they stand."""

from __future__ import annotations

import graphlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from asset_bundle import PARAMETER, Bundle, before
from eased_project import PROJECT
from workspace import Emulator

SUCCESS, FAILED, EXCLUDED, UPSTREAM_FAILED = "SUCCESS", "FAILED", "EXCLUDED", "UPSTREAM_FAILED"
RUN_IF = {
    "ALL_SUCCESS": lambda states: all(state == SUCCESS for state in states),
    "AT_LEAST_ONE_SUCCESS": lambda states: any(state == SUCCESS for state in states),
    "ALL_DONE": lambda states: True,
}
COMPARED = {
    "EQUAL_TO": lambda left, right: left == right,
    "GREATER_THAN": lambda left, right: float(left) > float(right),
}


@dataclass
class Jobs:
    """The jobs of target dev in an emulator, in a schema of their own.

    Attributes
    ----------
    log
        What the tasks of the newest run said, by task.
    """

    emulator: Emulator
    folder: Path
    project: Path
    log: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = {
            "catalog": "main",
            "warehouse_id": "emulator",
            "volume": str(self.emulator.wheel.parent),
            "wheel": self.emulator.wheel.name,
        }
        self.bundle = Bundle(PROJECT, "dev", given)
        assert self.bundle.problems == []
        self.schema = self.bundle.resources["schemas"]["ml"]["name"]
        profiles = yaml.safe_load((PROJECT / "deploy/profiles.yml").read_text(encoding="utf-8"))
        known = yaml.safe_load((PROJECT / "profiles.yml").read_text(encoding="utf-8"))["wanderbricks_ml"]["outputs"]
        for output in profiles["wanderbricks_ml"]["outputs"].values():
            # Thrift, which a workspace has, is beyond the emulator, and two cores are not its eight threads
            output |= {"connection_parameters": known["emulator"]["connection_parameters"], "threads": 2}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "profiles.yml").write_text(yaml.safe_dump(profiles), encoding="utf-8")

    def run(self, key: str, only: Collection[str] = (), **parameters: str) -> dict[str, str]:
        """Run a job; the state in which each task ends, those of a job that it starts by ``task/theirs``.

        With `only`, the other tasks that run dbt are passed over, as if they had succeeded.
        """
        job = self.bundle.jobs[key]
        values = {given["name"]: given["default"] for given in job.get("parameters", [])} | parameters
        states: dict[str, str] = {}
        outcomes: dict[str, str] = {}
        answers: dict[str, dict[str, str]] = {}
        by_name = {task["task_key"]: task for task in job["tasks"]}
        for name in graphlib.TopologicalSorter(before(job)).static_order():
            task = by_name[name]
            needed = task.get("depends_on", [])
            if any(outcomes.get(on["task_key"]) != on["outcome"] for on in needed if "outcome" in on):
                states[name] = EXCLUDED
            elif not RUN_IF[task.get("run_if", "ALL_SUCCESS")]([states[on["task_key"]] for on in needed]):
                states[name] = UPSTREAM_FAILED
            elif "dbt_task" in task:
                is_done = (only and name not in only) or self.dbt(name, task["dbt_task"]["commands"], values)
                states[name] = SUCCESS if is_done else FAILED
            elif "condition_task" in task:
                asked = task["condition_task"]
                left = re.sub(
                    r"\{\{tasks\.(\w+)\.output\.first_row\.(\w+)\}\}",
                    lambda found: answers[found[1]][found[2]],
                    asked["left"],
                )
                outcomes[name] = str(COMPARED[asked["op"]](left, asked["right"])).lower()
                states[name] = SUCCESS
            elif "sql_task" in task:
                answers[name] = self.first_row(task["sql_task"])
                states[name] = SUCCESS
            elif "run_job_task" in task:
                # the bundle refers to one job alone
                inner = self.run("training", only, **parameters)
                states |= {f"{name}/{inside}": state for inside, state in inner.items()}
                states[name] = FAILED if FAILED in inner.values() else SUCCESS
            else:
                raise NotImplementedError(f"{key}.{name}: {sorted(task)}")
        return states

    def dbt(self, name: str, commands: list[str], parameters: Mapping[str, str]) -> bool:
        """Run a task's commands, with no variable of the operator's; whether all of them succeeded."""
        environment = {variable: os.environ[variable] for variable in ("PATH", "HOME") if variable in os.environ}
        environment |= {"DBT_HOST": f"http://127.0.0.1:{self.emulator.port}/ws", "DBT_ACCESS_TOKEN": "emulator"}
        places = [
            "--profiles-dir",
            self.folder,
            "--target-path",
            self.folder / "target",
            "--log-path",
            self.folder / "logs",
        ]
        self.log[name] = ""
        for command in commands:
            said = PARAMETER.sub(lambda found: parameters[found[1]], command)
            said = said.replace("{{job.repair_count}}", "0")
            # the volume of studies is a folder here
            said = said.replace(f"/Volumes/main/{self.schema}/", f"{self.folder}/")
            dbt, *words = shlex.split(said)
            assert dbt == "dbt", command
            finished = subprocess.run(
                [Path(sys.executable).with_name("dbt"), "--no-use-colors", *words, *places],
                cwd=self.project,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self.log[name] += finished.stdout
            if finished.returncode:
                return False
        return True

    def operator(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of wanderbricks as the operator of the jobs does, with profile and environment of their own."""
        environment = {
            "EMULATOR_PORT": str(self.emulator.port),
            "DATABRICKS_SCHEMA": self.schema,
            "DBT_PROFILES_DIR": str(self.project),
            "DBT_TARGET_PATH": str(self.folder / "operator"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.emulator.folder}/mlflow.db",
            "WANDERBRICKS_USER": "ann",
        }
        return subprocess.run(
            [Path(sys.executable).with_name("wanderbricks"), *arguments, "--target", "emulator"],
            cwd=self.project,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def first_row(self, task: Mapping[str, Any]) -> dict[str, str]:
        """The first row of a task's query, by the Statement Execution API."""
        query = (PROJECT / "resources" / task["file"]["path"]).read_text(encoding="utf-8")
        values = [{"name": name, "value": value} for name, value in task["parameters"].items()]
        body = {"statement": query, "warehouse_id": task["warehouse_id"], "parameters": values, "wait_timeout": "50s"}
        answer = self.emulator.request("POST", "/api/2.0/sql/statements", body)
        assert answer["status"]["state"] == "SUCCEEDED", json.dumps(answer)
        names = [column["name"] for column in answer["manifest"]["schema"]["columns"]]
        return dict(zip(names, answer["result"]["data_array"][0], strict=True))
