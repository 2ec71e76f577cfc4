"""The database file of a laptop, read without dbt, and what is said where it or the project is not there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wanderbricks_ml.gold.files import no_database

if TYPE_CHECKING:
    import duckdb

SCHEMA = "wanderbricks_ml"

OF_PRODUCTS = f"""
    select built.table_name
    from duckdb_tables() as built
    inner join {SCHEMA}.model_inventory as inventory
        on built.table_name in (
            inventory.model_name,
            inventory.predictions_table,
            inventory.product || '_metrics',
            inventory.product || '_champion'
        )
    where built.schema_name = '{SCHEMA}'
"""
"""Tables that are there of those that the views over all products read."""


def project_folder() -> Path:
    """Folder of the dbt project: DBT_PROJECT_DIR, else the current one."""
    return Path(os.environ.get("DBT_PROJECT_DIR", "."))


def database_file() -> Path:
    """The database file, as dbt's plugin finds it."""
    return project_folder() / (os.environ.get("WANDERBRICKS_DB") or "data/wanderbricks.duckdb")


def default_type() -> str | None:
    """Type of the target that dbt takes unasked, None where no profile says it."""
    import yaml

    for folder in (os.environ.get("DBT_PROFILES_DIR"), project_folder()):
        file = Path(folder) / "profiles.yml" if folder else None
        if file is not None and file.is_file():
            try:
                profile = yaml.safe_load(file.read_text(encoding="utf-8"))[SCHEMA]
                target = os.environ.get("DBT_TARGET") or profile["target"]
                return str(profile["outputs"][target]["type"])
            except (yaml.YAMLError, KeyError, TypeError):
                # dbt, which is asked then, says where it is wrong
                return None
    return None


def is_held(error: Exception) -> bool:
    """Whether DuckDB does not open a database file because another process writes to it."""
    return "Could not set lock" in str(error)


def why_closed(file: Path, error: Exception) -> str:
    """What is said of a database file that DuckDB does not open: held by a build, damaged, or of a newer DuckDB."""
    if is_held(error):
        return f"{file} is in use by a build; try again when it is done"
    said = no_database(file) or f"cannot be opened ({str(error).splitlines()[0]})"
    return f"{file} {said}; restore it, or name another in WANDERBRICKS_DB"


def check_project() -> None:
    """See that there is a project to run dbt in.

    Raises
    ------
    RuntimeError
        When there is none, with what to do.
    """
    folder = project_folder()
    if not (folder / "dbt_project.yml").is_file():
        raise RuntimeError(
            f"{folder.resolve()} is no dbt project: go to the project's folder, or name it in DBT_PROJECT_DIR"
        )


def check_database() -> None:
    """See that there is a database to look into, where the target that dbt takes unasked is a file.

    Raises
    ------
    RuntimeError
        When there is none, with what to do.
    """
    file = database_file()
    if default_type() == "duckdb" and not file.exists():
        raise RuntimeError(
            f"there is no database {file.resolve()}: run dbt build first, or name another in WANDERBRICKS_DB"
        )


def view_rows(name: str) -> list[dict[str, Any]] | None:
    """Rows of a view of ours, None where dbt has to be asked.

    That is where the target is no DuckDB, the view was never built, or it is older than a table that it would read now.

    Raises
    ------
    RuntimeError
        When another process writes to the file, or it cannot be opened.
    """
    with _opened() as connection:
        if connection is None:
            return None
        written = "select sql from duckdb_views() where schema_name = ? and view_name = ?"
        views = connection.execute(written, [SCHEMA, name]).fetchall()
        if not views:
            return None
        tables = connection.execute(f"select table_name from ({OF_PRODUCTS}) as of_products").fetchall()
        if not {table for (table,) in tables} <= set(re.findall(rf"\b{SCHEMA}\.(\w+)", views[0][0])):
            return None
        return _rows(connection, f"select * from {SCHEMA}.{name}")


def table_rows(name: str, condition: str) -> list[dict[str, Any]] | None:
    """Rows of a table or view of ours that meet a condition; None where the target is no DuckDB, or it was never built.

    Raises
    ------
    RuntimeError
        When another process writes to the file, or it cannot be opened.
    """
    with _opened() as connection:
        if connection is None:
            return None
        built = "select table_name from information_schema.tables where table_schema = ? and table_name = ?"
        if not connection.execute(built, [SCHEMA, name]).fetchall():
            return None
        return _rows(connection, f"select * from {SCHEMA}.{name} where {condition}")


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = connection.execute(query)
    columns = [column[0] for column in result.description or []]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


@contextmanager
def _opened() -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection that reads the database file, None where the target is none or the file is not there."""
    file = database_file()
    if default_type() != "duckdb" or not file.exists():
        yield None
        return
    with opened(file) as connection:
        built = "select true from duckdb_schemas() where schema_name = ?"
        if not connection.execute(built, [SCHEMA]).fetchall():
            raise RuntimeError(f"{file} has no table of ours: run dbt build first, or name another in WANDERBRICKS_DB")
        yield connection


def opened(file: Path) -> duckdb.DuckDBPyConnection:
    """A connection that reads a database file.

    Raises
    ------
    RuntimeError
        When another process writes to it, or it cannot be opened; says what to do.
    """
    import duckdb

    if no_database(file):
        raise RuntimeError(why_closed(file, RuntimeError()))
    try:
        return duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        raise RuntimeError(why_closed(file, error)) from error
