"""Gold, and databases that dbt builds from it, for the tests of whole runs."""

from __future__ import annotations

import csv
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from cut_gold import cut_gold
from dbt_command import PARSE_FOLDER
from eased_project import PROJECT, copied_project, lenient_project
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

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
FEATURES = tuple(path.stem for path in sorted((PROJECT / "models/features").glob("*_features.sql")))


def keep(workspace: Workspace) -> dict[str, pd.DataFrame]:
    """Return all rows of the tables that a failed run must leave alone."""
    return {name: workspace.table(name) for product in PRODUCTS for name in product.state}


def assert_kept(workspace: Workspace, before: dict[str, pd.DataFrame]) -> None:
    for name, rows in before.items():
        assert_frame_equal(workspace.table(name), rows, check_exact=True, obj=name)


LONGEST_FIRST = (
    "test_leakage_runs",
    "test_gate_runs",
    "test_gold_checks",
    "test_published_rows",
    "test_registry",
    "test_interrupted_runs",
    "test_product_runs",
    "test_experiments",
    "test_docs_runs",
    "test_operations",
    "test_new_model_runs",
    "test_refits",
    "test_personal_data",
    "test_prediction_quality",
    "test_cancellation_runs",
    "test_generic_tests",
    "test_compose_runs",
    "test_conversion_runs",
    "test_sql",
    "test_revenue_runs",
    "test_drift",
    "test_bundle",
    "test_notebook",
    "test_project",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: a worker takes one after the other, and none is left alone at the end."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(autouse=True)
def own_log_lines() -> None:
    """Where an earlier test ran dbt in this process, what the package logs would go to dbt's lines, too."""
    package = logging.getLogger("wanderbricks_ml")
    package.handlers.clear()
    package.propagate = True


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the session, the same for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def parsed_once(shared: Path) -> Iterator[None]:
    """What dbt parses is parsed once for all tests."""
    folder = shared / "parsed"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PARSE_FOLDER, str(folder))
        yield


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Have the worker that comes first make `folder`; the others wait for it."""
    done = folder.with_suffix(".done")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def gold(shared: Path) -> Path:
    """Simulated gold, preset tiny."""
    return made_once(shared / "gold", lambda folder: simulate(preset="tiny", seed=SEED, out=folder))


@pytest.fixture(scope="session")
def manifest(gold: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What dbt knows of the project, from `dbt parse`."""
    workspace = Workspace(tmp_path_factory.mktemp("manifest"), gold)
    assert workspace.dbt("parse") == 0, workspace.log
    document: dict[str, Any] = json.loads((workspace.path / "target/manifest.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="session")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The project's models by name."""
    nodes = manifest["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}


@pytest.fixture(scope="session")
def today(gold: Path) -> date:
    """Default as_of of `gold`: the day after its newest booking."""
    return _newest(gold) + timedelta(days=1)


@pytest.fixture(scope="session")
def gold_yesterday(gold: Path, today: date, shared: Path) -> Path:
    """`gold` as it was a day earlier."""
    return made_once(shared / "gold_yesterday", lambda folder: cut_gold(gold, today - timedelta(days=1), folder))


@pytest.fixture(scope="session")
def fresh(gold: Path, project: Path, shared: Path) -> Workspace:
    """A first build, in a process of its own as users run it. Tests read it; who builds on it takes a copy."""

    def build(path: Path) -> None:
        Workspace(path, gold, project).build(own_process=True)

    return Workspace(made_once(shared / "fresh", build), gold, project)


@pytest.fixture(scope="session")
def yesterday(gold_yesterday: Path, project: Path, today: date, shared: Path) -> Workspace:
    """A first build a day earlier. Tests read it; who builds on it takes a copy."""
    as_of = None if _newest(gold_yesterday) == today - timedelta(days=2) else today - timedelta(days=1)

    def build(path: Path) -> None:
        Workspace(path, gold_yesterday, project).build(as_of=as_of)

    return Workspace(made_once(shared / "yesterday", build), gold_yesterday, project)


def _newest(gold: Path) -> date:
    newest = f"select cast(max(created_at) as date) from '{gold}/fact_booking_detail.parquet'"
    return duckdb.execute(newest).fetchall()[0][0]


@pytest.fixture(scope="session")
def project(shared: Path) -> Path:
    """The project, eased for preset tiny."""
    return made_once(shared / "project", copied_project)


@pytest.fixture(scope="session")
def lenient(shared: Path) -> Path:
    """The project, eased, for gold that is poisoned on purpose."""
    return made_once(shared / "lenient", lenient_project)


@pytest.fixture
def impossible(tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies the project with targets that nothing can meet, of a given severity."""
    return lambda severity: copied_project(tmp_path / "impossible", severity)
