"""Rows and operations through dbt, so that commands know the engines, schemas and credentials that dbt knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from wanderbricks_ml.commands import local_database

TRACELESS = ("--log-level-file", "none", "--no-write-json")
"""Options by which dbt writes neither its log file nor its artifacts.

That spares a look a third of its time, and `dbt retry` finds the run that it is to go on with.
"""


def rows(query: str, target: str | None = None) -> list[dict[str, Any]]:
    """Rows of a query in the project of the current folder.

    Parameters
    ----------
    query
        SQL in which ``{{ ref('…') }}`` and our macros work.
    target
        A target of profiles.yml; its default without one.

    Raises
    ------
    RuntimeError
        When dbt fails, with what it said.
    """
    return _shown(["--inline", query], target)


def model_rows(name: str, target: str | None = None) -> list[dict[str, Any]]:
    """Rows of a SQL model as its query gives them now, whether it was built or not; see `rows`.

    Of a view that stands in DuckDB's file, and knows all tables that there are, without dbt: in a tenth of the time.
    """
    found = None if target else local_database.view_rows(name)
    return _shown(["--select", name], target) if found is None else found


def table_rows(name: str, condition: str, target: str | None = None) -> list[dict[str, Any]]:
    """Rows of a table or view that was built that meet a condition; see `rows`. Those of DuckDB's file without dbt."""
    found = None if target else local_database.table_rows(name, condition)
    return rows(f"select * from {{{{ ref('{name}') }}}} where {condition}", target) if found is None else found


def metas_of(names: Iterable[str], target: str | None = None) -> dict[str, dict[str, Any]]:
    """`config.meta` of models, by name."""
    arguments = [*TRACELESS, "list", "--resource-type", "model", "--output", "json", "--output-keys", "name", "config"]
    found = [json.loads(line) for line in _invoked([*arguments, "--select", *names], target, reads=False)]
    return {one["name"]: dict(one["config"]["meta"]) for one in found}


def run_operation(
    macro: str, arguments: Mapping[str, Any], target: str | None = None, leaves_no_trace: bool = False
) -> list[str]:
    """Run a macro of the project with JSON-like arguments, and return what it logged.

    Parameters
    ----------
    macro, arguments
        What to run.
    target
        A target of profiles.yml; its default without one.
    leaves_no_trace
        Whether dbt writes neither its log file nor its artifacts, which hold the arguments.

    Raises
    ------
    RuntimeError
        When dbt fails, with what it said.
    """
    logged: list[str] = []
    silently = TRACELESS if leaves_no_trace else []
    _invoked([*silently, "run-operation", macro, "--args", json.dumps(arguments)], target, logged)
    return logged


def parse(target: str | None = None) -> None:
    """Have dbt read the project of the current folder and write its manifest; see `rows`."""
    _invoked(["parse"], target, reads=False)


def release_database() -> None:
    """Let go of DuckDB's file, which dbt holds until the process ends: another one could not open it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def _shown(chosen: list[str], target: str | None) -> list[dict[str, Any]]:
    # the model alone: its tests would be shown, too, of a table that may not be there
    show = [*TRACELESS, "show", *chosen, "--limit", "-1", "--indirect-selection", "empty"]
    table = _invoked(show, target).results[0].agate_table
    return [dict(zip(table.column_names, map(_number, row), strict=True)) for row in table.rows]


def _number(value: Any) -> Any:
    """Whole numbers as such: dbt reads every number as a decimal."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _invoked(arguments: list[str], target: str | None, logged: list[str] | None = None, reads: bool = True) -> Any:
    """What a dbt command yields; `reads` says whether it looks into the database, `logged` takes what macros log."""
    local_database.check_project()
    if reads and target is None:
        local_database.check_database()
    from dbt.cli.main import dbtRunner

    said: list[str] = []

    def listen(event: Any) -> None:
        if event.info.level == "error":
            said.append(event.info.msg)
        elif logged is not None and event.info.name == "JinjaLogInfo":
            logged.append(event.data.msg)

    runner = dbtRunner(callbacks=[listen])
    chosen = ["--target", target] if target else []
    finished = runner.invoke(["--quiet", "--log-level", "none", *arguments, *chosen])
    if not finished.success:
        raise RuntimeError("\n".join(said) or str(finished.exception))
    return finished.result
