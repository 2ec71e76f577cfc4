"""One workspace for the whole session, built on both engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dbt_command import PARSE_FOLDER
from eased_project import PROJECT, copied_project
from local_workspace import Workspace
from workspace import Emulator, running

from wanderbricks_ml.simulator import simulate
from wanderbricks_ml.simulator.presets import PRESETS

SEED = 7
LAST_DAY = PRESETS["tiny"].last_day
SUMMARY: list[str] = []
"""Lines for the end of the session."""


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
    with running(tmp_path_factory.mktemp("workspace")) as emulator, pytest.MonkeyPatch.context() as patch:
        patch.setenv(PARSE_FOLDER, str(tmp_path_factory.mktemp("parsed")))
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
) -> Workspace:
    """The same on DuckDB; both engines after a first build with data tests, and on Spark with unit tests.

    Who breaks something leaves the tables as they are here: test_parity compares them last.
    """
    local = Workspace(tmp_path_factory.mktemp("local"), gold["first"], emulator.project)
    assert local.dbt("build", *selected) == 0, local.log
    emulator.control(gold=str(gold["first"]))
    assert emulator.dbt("parse") == 0, emulator.log
    repeated = of_a_kind_that_ran(parsed_project(emulator))
    assert emulator.dbt("build", *selected, "--exclude", *repeated) == 0, emulator.log
    emulator.is_of_newest_day()
    # of the SQL as it is, not as it is eased for little gold
    as_it_is: dict[str, Any] = {"project": PROJECT, "environment": {"WANDERBRICKS_UNIT_TESTS": "true"}}
    assert emulator.dbt("parse", **as_it_is) == 0, emulator.log
    elsewhere = [f"unit_test:{name}" for name in proven_on_any_engine(parsed_project(emulator))]
    unit_tests = ("--resource-type", "unit_test", "--exclude", *elsewhere)
    assert emulator.dbt("build", *selected, *unit_tests, **as_it_is) == 0, emulator.log
    return local


def parsed_project(emulator: Emulator) -> dict[str, Any]:
    """The manifest of the last run."""
    manifest: dict[str, Any] = json.loads((emulator.folder / "target/manifest.json").read_text(encoding="utf-8"))
    return manifest


def of_a_kind_that_ran(manifest: dict[str, Any]) -> list[str]:
    """The data tests whose macro another one calls with the same arguments, of other models and values.

    Their SQL is put together alike, and that rows keep them is what DuckDB's build and the comparison of rows say.
    """
    kinds = set()
    found = []
    for node in manifest["nodes"].values():
        called = node.get("test_metadata") if node["resource_type"] == "test" else None
        if called:
            kind = (called["name"], *sorted(called["kwargs"]))
            if kind in kinds:
                found.append(node["name"])
            kinds.add(kind)
    return found


def proven_on_any_engine(manifest: dict[str, Any]) -> list[str]:
    """The unit tests of models whose SQL is the same on both engines: DuckDB has run them (test_sql.py)."""
    macros = manifest["macros"]
    differing = {
        name
        for name, macro in macros.items()
        if macro["package_name"] == "wanderbricks_ml" and "adapter.dispatch" in macro["macro_sql"]
    }
    found = []
    for test in manifest["unit_tests"].values():
        waiting = list(manifest["nodes"][test["depends_on"]["nodes"][0]]["depends_on"]["macros"])
        called: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in called:
                called.add(name)
                waiting.extend(macros[name]["depends_on"]["macros"])
        if not called & differing:
            found.append(test["name"])
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project to break."""
    return copied_project(tmp_path / "project")


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace text that has to be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
