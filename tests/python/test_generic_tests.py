"""The generic tests of the dbt project find what they are for, and say it in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from eased_project import PROJECT
from local_workspace import Workspace

BROKEN = """
select * from (values
    (1, 'a', 5.0, 'train'), (1, 'a', -1.0, 'train'), (2, null, 9.5, 'other'), (3, 'b', null, 'test')
) as rows (id, name, amount, split)
"""

RULES = """
models:
  - name: broken
    data_tests:
      - valid_rows:
          arguments: {arguments}
"""


def project(folder: Path, arguments: str) -> Path:
    """A project with a single model and `valid_rows` on it."""
    shutil.copytree(PROJECT / "tests/generic", folder / "tests/generic")
    (folder / "models").mkdir()
    (folder / "models/broken.sql").write_text(BROKEN)
    (folder / "models/broken.yml").write_text(RULES.replace("{arguments}", arguments))
    shutil.copy(PROJECT / "profiles.yml", folder)
    (folder / "macros").mkdir()
    for macro in ("summary/report_failed_tests", "features/written_from"):
        shutil.copy(PROJECT / f"macros/{macro}.sql", folder / "macros")
    (folder / "dbt_project.yml").write_text(
        'name: wanderbricks_ml\nprofile: wanderbricks_ml\non-run-end: ["{{ report_failed_tests(results) }}"]\n'
    )
    return folder


def test_valid_rows_names_each_rule_that_is_broken(gold: Path, tmp_path: Path) -> None:
    arguments = (
        "{key: [id], required: [name], not_negative: [amount], "
        "ranges: {amount: [null, 9]}, values: {split: [train, test]}}"
    )
    workspace = Workspace(tmp_path / "run", gold, project(tmp_path / "project", arguments))
    assert workspace.dbt("build") != 0
    said = [line.split("fail: ", 1)[1] for line in workspace.log.splitlines() if "fail: " in line]
    assert sorted(said) == [
        "broken.amount is -1.0 in 1 rows; at least 0 is allowed",
        "broken.amount is 9.5 in 1 rows; at most 9 is allowed",
        "broken.name is null in 1 rows; a value is required",
        "broken.split is other in 1 rows; allowed are train, test",
        "broken: the key id is not unique, 1 times, such as 1",
    ]


def test_valid_rows_passes_rows_that_keep_the_rules(gold: Path, tmp_path: Path) -> None:
    arguments = (
        "{required: [id], not_negative: [id], ranges: {amount: [-1, 9.5]}, values: {split: [train, test, other]}}"
    )
    workspace = Workspace(tmp_path / "run", gold, project(tmp_path / "project", arguments))
    assert workspace.dbt("build") == 0, workspace.log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{key: id}", "key is 'id'; it takes a list of columns"),
        ("{ranges: {amount: 5}}", "the range of amount is '5'; it takes [smallest, largest]"),
        ("{ranges: {amount: [low, 5]}}", "a bound of amount is 'low'; it takes a number"),
        ("{}", "give key, required, not_negative, ranges or values"),
        ("{key: [id], written: day}", "written is 'day'; it takes a date column of the key"),
    ],
)
def test_valid_rows_refuses_arguments_that_say_nothing(
    arguments: str, message: str, gold: Path, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "run", gold, project(tmp_path / "project", arguments))
    assert workspace.dbt("compile") != 0
    assert message in workspace.log.replace("\n", " "), workspace.log


HISTORY = """
{{ config(materialized='incremental', incremental_strategy='append') }}
{% if is_incremental() %}{{ note_written_from("cast('2025-01-02' as date)") }}{% endif %}
select * from (values {rows}) as rows (id, day)
"""


def test_valid_rows_of_a_history_looks_at_what_a_build_added_and_else_at_all_of_it(gold: Path, tmp_path: Path) -> None:
    folder = project(tmp_path / "project", "{key: [id, day], not_negative: [id], written: day}")
    workspace = Workspace(tmp_path / "run", gold, folder)

    def built(rows: str, *arguments: str) -> list[str]:
        """Build on rows of the history and return what the test says."""
        (folder / "models/broken.sql").write_text(HISTORY.replace("{rows}", rows))
        workspace.dbt("build", *arguments)
        return [line.split("fail: ", 1)[1] for line in workspace.log.splitlines() if "fail: " in line]

    first = "broken.id is -1 in 1 rows; at least 0 is allowed"
    assert built("(-1, date '2025-01-01')") == [first], "a first build looks at all"
    assert built("(5, date '2025-01-02')") == [], workspace.log
    assert workspace.dbt("test") != 0
    assert first in workspace.log, "a test without a build looks at all"
    assert built("(5, date '2025-01-02')") == ["broken: the key id, day is not unique, 1 times, such as 5, 2025-01-02"]
    assert built("(-1, date '2025-01-01')", "--full-refresh") == [first]
