"""One workspace for the whole session, built on both engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from eased_project import copied_project
from workspace import Emulator, running

from wanderbricks_ml.simulator import simulate
from wanderbricks_ml.simulator.presets import PRESETS

SEED = 7
LAST_DAY = PRESETS["tiny"].last_day
SUMMARY: list[str] = []
"""Lines for the end of the session."""


@dataclass
class Local:
    """The same builds on DuckDB."""

    folder: Path
    project: Path
    selected: list[str]

    def build(self, gold: Path) -> None:
        self.dbt(gold, "build", "--exclude-resource-type", "unit_test", *self.selected)

    def dbt(self, gold: Path, *arguments: str) -> None:
        """Run a dbt command that has to succeed."""
        finished = subprocess.run(
            [Path(sys.executable).with_name("dbt"), "--no-use-colors", *arguments],
            cwd=self.project,
            env=os.environ
            | {
                "WANDERBRICKS_GOLD": str(gold),
                "WANDERBRICKS_DB": str(self.folder / "wanderbricks.duckdb"),
                "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db",
                "MLFLOW_REGISTRY_URI": f"sqlite:///{self.folder}/mlflow.db",
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "DBT_LOG_PATH": str(self.folder / "logs"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout


def pytest_addoption(parser: pytest.Parser) -> None:
    """What of the project is built."""
    parser.addoption("--select", help="build and compare these nodes alone, as dbt selects them: +demand_predictions")


@pytest.fixture(scope="session")
def selected(pytestconfig: pytest.Config) -> list[str]:
    """Arguments of dbt that choose what is built; none for everything."""
    nodes = pytestconfig.getoption("--select")
    return ["--select", *nodes.split()] if nodes else []


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A workspace, without any table at first."""
    with running(tmp_path_factory.mktemp("workspace")) as emulator:
        emulator.project = copied_project(tmp_path_factory.mktemp("eased") / "project")
        yield emulator
        told = emulator.control()
        SUMMARY.append("statements put differently for open-source Spark: " + json.dumps(told["rewrites"]))
        slowest = sorted(told["spent"].items(), key=lambda item: -item[1][1])[:10]
        SUMMARY.extend(f"{kind}: {number} in {seconds:.0f} s" for kind, (number, seconds) in slowest)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the emulator counted."""
    for line in SUMMARY:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def gold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Gold on two days, one after the other."""
    folder = tmp_path_factory.mktemp("gold")
    for name, until in (("first", LAST_DAY - timedelta(days=1)), ("second", LAST_DAY)):
        simulate("tiny", SEED, folder / name, until=until)
    return {"first": folder / "first", "second": folder / "second"}


@pytest.fixture(scope="session")
def both(
    emulator: Emulator, gold: dict[str, Path], selected: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Local:
    """Both engines after a first build, all tests and unit tests included.

    Who breaks something leaves the tables as they are here: test_parity compares them last.
    """
    local = Local(tmp_path_factory.mktemp("local"), emulator.project, selected)
    local.build(gold["first"])
    emulator.control(gold=str(gold["first"]))
    assert emulator.dbt("build", *selected) == 0, emulator.log
    return local


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project to break."""
    return copied_project(tmp_path / "project")


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace text that has to be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
