"""Databases that dbt builds from gold on DuckDB, for the tests of whole runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from dbt_command import run_dbt
from eased_project import PROJECT
from forked_dbt import Kill

CLOCK = re.compile(r"^(\x1b\[0m)?\d\d:\d\d:\d\d  ")
"""What dbt sets before each of its lines."""


@dataclass
class Workspace:
    """A database and an MLflow store of their own, which dbt builds from `gold`."""

    path: Path
    gold: Path
    project: Path = PROJECT
    log: str = field(default="", init=False)

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{self.path}/mlflow.db"

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that works in this workspace."""
        return {
            "DBT_PROJECT_DIR": str(self.project),
            "DBT_PROFILES_DIR": str(self.project),
            "DBT_TARGET_PATH": str(self.path / "target"),
            "DBT_LOG_PATH": str(self.path / "logs"),
            "WANDERBRICKS_GOLD": str(self.gold),
            "WANDERBRICKS_DB": str(self.path / "wanderbricks.duckdb"),
            "MLFLOW_TRACKING_URI": self.mlflow_uri,
            # MLflow sets it for a whole process that once connected
            "MLFLOW_REGISTRY_URI": self.mlflow_uri,
        }

    def dbt(
        self,
        *arguments: str,
        as_of: date | None = None,
        own_process: bool = False,
        kill: Kill | None = None,
        **environment: str,
    ) -> int:
        """Run a dbt command, keep its output in `log` and return its exit code; see `run_dbt`."""
        self.path.mkdir(parents=True, exist_ok=True)
        day = {"WANDERBRICKS_AS_OF": as_of.isoformat()} if as_of else {}
        given = {**self.environment, **day, **environment}
        finished = run_dbt(arguments, self.path, given, own_process=own_process, kill=kill)
        self.log = finished.stdout
        return finished.returncode

    def build(self, as_of: date | None = None, own_process: bool = False, tests: bool = True) -> Workspace:
        """Run a `dbt build` that has to succeed, with its data tests or without."""
        left_out = () if tests else ("--exclude-resource-type", "test")
        code = self.dbt("build", *left_out, as_of=as_of, own_process=own_process)
        assert code == 0, self.log
        return self

    def python(self, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python code as in the project's folder: a process of its own, since DuckDB's file has one owner."""
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **self.environment, **environment},
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def wanderbricks(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the package; see `python`."""
        return self.python("from wanderbricks_ml.commands.cli import main; main()", *arguments, **environment)

    def summary(self) -> dict[str, str]:
        """What the summary of the last run says of each product, its state first."""
        found: dict[str, str] = {}
        product = ""
        for line in re.split(r"  Products(?: as of [\d-]+)?: ", self.log)[-1].splitlines()[1:]:
            text = CLOCK.sub("", line)
            begun = re.match(r"  (\w+) +((?:serves|amber|red|not learnable|untouched) .*)", text)
            if begun:
                product = begun[1]
                found[product] = begun[2]
            elif product and text.startswith(" " * 9):
                found[product] += f" {text.strip()}"
            elif product:
                break
        return {product: " ".join(said.split()) for product, said in found.items()}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connect() as connection:
            return connection.execute(sql).fetchall()

    def table(self, name: str, without: Iterable[str] = (), where: str = "true") -> pd.DataFrame:
        """Return a table of ours, its rows in order of all their columns."""
        left_out = ", ".join(without)
        excluded = f" exclude ({left_out})" if left_out else ""
        with self._connect() as connection:
            return connection.execute(f"select *{excluded} from {name} where {where} order by all").df()

    def aliases(self, model_name: str) -> dict[str, int]:
        """Return the versions of a model in the MLflow registry by alias."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.mlflow_uri, registry_uri=self.mlflow_uri)
        registered = client.get_registered_model(model_name)
        return {alias: int(version) for alias, version in dict(registered.aliases).items()}

    def copy(self, path: Path, gold: Path | None = None, project: Path | None = None) -> Workspace:
        """Return a workspace that goes on from this one; models that are fitted already stay where they are."""
        path.mkdir(parents=True, exist_ok=True)
        for name in ("wanderbricks.duckdb", "mlflow.db"):
            shutil.copy(self.path / name, path / name)
        return Workspace(path, gold or self.gold, project or self.project)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.path / "wanderbricks.duckdb"), read_only=True)
        connection.execute("use wanderbricks_ml")
        return connection
