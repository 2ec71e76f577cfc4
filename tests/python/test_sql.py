"""The SQL itself: dbt's unit tests of the models, and the assertions of the macros."""

from __future__ import annotations

import json
from pathlib import Path

from eased_project import PROJECT
from local_workspace import Workspace


def test_models_and_macros_do_what_their_examples_say(fresh: Workspace, tmp_path: Path) -> None:
    tested = fresh.copy(tmp_path)
    # as it is, not as it is eased for little gold
    tested.project = PROJECT
    chosen = ("--select", "test_type:unit", "path:tests/assertions/macros")
    assert tested.dbt("test", *chosen, WANDERBRICKS_UNIT_TESTS="true", DBT_WRITE_JSON="true") == 0, tested.log
    results = json.loads((tmp_path / "target/run_results.json").read_text(encoding="utf-8"))["results"]
    assert {result["status"] for result in results} <= {"pass", "success"}
    ran = {result["unique_id"].split(".")[2] for result in results}
    assert {path.stem for path in (PROJECT / "tests/assertions/macros").glob("*.sql")} <= ran
    assert len([result for result in results if result["unique_id"].startswith("unit_test.")]) > 100
