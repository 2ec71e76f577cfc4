"""docs/notebook.ipynb, cell by cell, on a database in which demand was built."""

from __future__ import annotations

import duckdb
import nbformat
import pytest
from eased_project import PROJECT
from local_workspace import Workspace
from nbclient import NotebookClient

NOTEBOOK = PROJECT / "docs/notebook.ipynb"

# what a forced fit would add, which takes a hundred times as long
SECOND_VERSION = """
    insert into wanderbricks_ml.demand_backtest by name
    select * replace (2 as model_version, 1.1 * predicted_bookings as predicted_bookings)
    from wanderbricks_ml.demand_backtest
"""


@pytest.fixture(scope="module")
def executed(fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    workspace = fresh.copy(tmp_path_factory.mktemp("notebook"))
    with duckdb.connect(workspace.environment["WANDERBRICKS_DB"]) as connection:
        connection.execute(SECOND_VERSION)
    environment = workspace.environment | {
        "DBT_TARGET_PATH": fresh.environment["DBT_TARGET_PATH"],
        # threads that wait for one another would take the other worker's core
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, kernel_name="python3", timeout=300, resources=place).execute(env=environment)
    return notebook


def shown(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    """What its cells show, of a type such as text/plain."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["data"][kind] for output in outputs if kind in output.get("data", {})]


def test_it_compares_versions_and_an_own_estimator(executed: nbformat.NotebookNode) -> None:
    *_, versions, mine = shown(executed, "text/plain")
    assert [line.split()[1:4:2] for line in versions.splitlines()[1:]] == [["v1", "rule"], ["v2", "v1"]]
    assert [line.split()[1:4:2] for line in mine.splitlines()[1:]] == [["mine", "rule"], ["mine", "v1"]]
    assert len(shown(executed, "image/png")) == 1


def test_it_is_kept_without_what_it_showed() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []
    assert NOTEBOOK.stat().st_size < 30_000
