"""Gold, and databases that dbt builds from it, for the tests of whole runs."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from eased_project import PROJECT, copied_project

from wanderbricks_ml.gold_derived import booking_daily
from wanderbricks_ml.simulator import simulate

SEED = 7


@dataclass(frozen=True)
class Product:
    """A row of the model inventory, and what follows from it."""

    model_name: str
    name: str
    predictions: str

    @property
    def state(self) -> tuple[str, ...]:
        """Tables that a failed run must leave alone."""
        return (self.model_name, f"{self.name}_metrics", self.predictions)


def inventory() -> list[Product]:
    """Every product of the project."""
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        return [Product(row["model_name"], row["product"], row["predictions_table"]) for row in csv.DictReader(file)]


PRODUCTS = inventory()


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

    def dbt(self, command: str, *arguments: str, as_of: date | None = None) -> int:
        """Run a dbt command, keep its output in `log` and return its exit code."""
        self.path.mkdir(parents=True, exist_ok=True)
        places = ["--project-dir", self.project, "--profiles-dir", self.project]
        places += ["--target-path", self.path / "target", "--log-path", self.path / "logs"]
        # unit tests know no gold: they would only repeat themselves here
        skipped = ["--exclude-resource-type", "unit_test"] if command == "build" else []
        variables = ["--vars", json.dumps({"as_of": as_of.isoformat()})] if as_of else []
        finished = subprocess.run(
            [
                Path(sys.executable).with_name("dbt"),
                "--no-use-colors",
                command,
                *arguments,
                *map(str, places),
                *skipped,
                *variables,
            ],
            env=os.environ
            | {
                "WANDERBRICKS_GOLD": str(self.gold),
                "WANDERBRICKS_DB": str(self.path / "wanderbricks.duckdb"),
                "MLFLOW_TRACKING_URI": self.mlflow_uri,
                # MLflow sets it for a whole process that once connected
                "MLFLOW_REGISTRY_URI": self.mlflow_uri,
            },
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        self.log = finished.stdout
        return finished.returncode

    def build(self, as_of: date | None = None) -> Workspace:
        """Run a `dbt build` that has to succeed."""
        code = self.dbt("build", as_of=as_of)
        assert code == 0, self.log
        return self

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


def rewrite_gold(gold: Path, out: Path, queries: dict[str, str]) -> Path:
    """Copy `gold` to `out` with some tables replaced by queries, in which a table's name means its file."""
    shutil.copytree(gold, out)
    with duckdb.connect() as connection:
        for file in gold.glob("*.parquet"):
            connection.execute(f"create view {file.stem} as from '{file}'")
        for name, query in queries.items():
            schema = pq.read_schema(gold / f"{name}.parquet")
            written = connection.sql(query).to_arrow_table().select(schema.names).cast(schema)
            pq.write_table(written, out / f"{name}.parquet")
    if "fact_booking_detail" in queries:
        detail = pq.read_table(out / "fact_booking_detail.parquet")
        pq.write_table(booking_daily(detail), out / "fact_booking_daily.parquet")
    return out


def cut_gold(gold: Path, day: date, out: Path) -> Path:
    """Write gold as it was at the first moment of `day`."""
    moment = f"timestamp '{day}'"
    queries = {
        table: f"""
            select * replace (
                case when effective_to < {moment} then effective_to end as effective_to,
                effective_to is null or effective_to >= {moment} as is_current,
                case when effective_to >= {moment} then record_created_timestamp else record_updated_timestamp end
                    as record_updated_timestamp
            )
            from {table}
            where effective_from < {moment}
        """
        for table in ("dim_property", "dim_host", "dim_user")
    }
    queries["fact_property_engagement"] = f"from fact_property_engagement where engagement_date < date '{day}'"
    queries["fact_booking_detail"] = f"""
        select * replace (
            is_cancelled and updated_at < {moment} as is_cancelled,
            case when updated_at < {moment} then status else 'confirmed' end as status,
            case when updated_at < {moment} then updated_at else created_at end as updated_at,
            case when updated_at < {moment} then record_updated_timestamp else created_at end
                as record_updated_timestamp
        )
        from fact_booking_detail
        where created_at < {moment}
    """
    return rewrite_gold(gold, out, queries)


@pytest.fixture(scope="session")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated gold, preset tiny."""
    folder = tmp_path_factory.mktemp("gold") / "tiny"
    simulate(preset="tiny", seed=SEED, out=folder)
    return folder


@pytest.fixture(scope="session")
def today(gold: Path) -> date:
    """Default as_of of `gold`: the day after its newest booking."""
    newest = f"select cast(max(created_at) as date) from '{gold}/fact_booking_detail.parquet'"
    (row,) = duckdb.execute(newest).fetchall()
    return row[0] + timedelta(days=1)


@pytest.fixture(scope="session")
def gold_yesterday(gold: Path, today: date, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`gold` as it was a day earlier."""
    return cut_gold(gold, today - timedelta(days=1), tmp_path_factory.mktemp("gold_yesterday") / "tiny")


@pytest.fixture(scope="session")
def fresh(gold: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A first build. Tests read it; who builds on it takes a copy."""
    return Workspace(tmp_path_factory.mktemp("fresh"), gold, project).build()


@pytest.fixture(scope="session")
def yesterday(gold_yesterday: Path, project: Path, today: date, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A first build a day earlier. Tests read it; who builds on it takes a copy."""
    return Workspace(tmp_path_factory.mktemp("yesterday"), gold_yesterday, project).build(
        as_of=None if _newest(gold_yesterday) == today - timedelta(days=2) else today - timedelta(days=1)
    )


def _newest(gold: Path) -> date:
    newest = f"select cast(max(created_at) as date) from '{gold}/fact_booking_detail.parquet'"
    return duckdb.execute(newest).fetchall()[0][0]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, eased for preset tiny."""
    return copied_project(tmp_path_factory.mktemp("eased") / "project")


@pytest.fixture
def impossible(tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies the project with targets that nothing can meet, of a given severity."""
    return lambda severity: copied_project(tmp_path / "impossible", severity)
