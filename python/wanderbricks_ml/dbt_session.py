"""Rows and operations through dbt, so that commands know the engines, schemas and credentials that dbt knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


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
    result = _invoked(["show", "--inline", query, "--limit", "-1"], target)
    table = result.results[0].agate_table
    return [dict(zip(table.column_names, row, strict=True)) for row in table.rows]


def run_operation(macro: str, arguments: Mapping[str, Any], target: str | None = None) -> None:
    """Run a macro of the project with JSON-like arguments.

    Raises
    ------
    RuntimeError
        When dbt fails, with what it said.
    """
    _invoked(["run-operation", macro, "--args", json.dumps(arguments)], target)


def _invoked(arguments: list[str], target: str | None) -> Any:
    from dbt.cli.main import dbtRunner

    said: list[str] = []
    runner = dbtRunner(callbacks=[lambda event: said.append(event.info.msg) if event.info.level == "error" else None])
    chosen = ["--target", target] if target else []
    finished = runner.invoke(["--quiet", "--log-level", "none", *arguments, *chosen])
    if not finished.success:
        raise RuntimeError("\n".join(said) or str(finished.exception))
    return finished.result
