"""Whether what a build needs is there: versions, gold, database, registry, credentials; and else what to do."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import click

from wanderbricks_ml.commands import local_database
from wanderbricks_ml.credentials import redacted
from wanderbricks_ml.gold.files import no_database
from wanderbricks_ml.registry.store import LIBRARY

PACKAGES = ("wanderbricks-ml", "dbt-core", "dbt-duckdb", "duckdb", LIBRARY, "scikit-learn", "xgboost", "prophet")

KEYS = ("WANDERBRICKS_SIGNING_KEY", "WANDERBRICKS_VERIFY_KEY")


class Finding(NamedTuple):
    """What was looked at, whether it is well, and what was found or has to be done."""

    about: str
    is_well: bool
    said: str


@click.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Look whether versions, gold, database, registry and credentials are as a build needs them, and say what to do.

    Run it in the project's folder, with the environment of dbt build. Nothing is changed. Exit code 1 if anything is
    wrong.
    """
    findings = list(examined())
    width = max(len(found.about) for found in findings)
    for found in findings:
        click.echo(f"{'ok ' if found.is_well else 'BAD'}  {found.about:{width}}  {redacted(found.said)}")
    if not all(found.is_well for found in findings):
        context.exit(1)


def examined() -> Iterator[Finding]:
    """All findings, one after the other."""
    checks: list[Callable[[], Finding]] = [_python, _packages, _project]
    kind = local_database.default_type()
    checks += [_gold, _database] if kind in ("duckdb", None) else []
    checks += [_credentials] if kind == "databricks" else []
    for check in [*checks, _registry, _keys]:
        yield check()


def _python() -> Finding:
    found = platform.python_version_tuple()
    is_well = (int(found[0]), int(found[1])) >= (3, 11)
    return Finding("Python", is_well, platform.python_version() + ("" if is_well else ": 3.11 or newer is needed"))


def _packages() -> Finding:
    there, gone = [], []
    for package in PACKAGES:
        try:
            there.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            gone.append(package)
    lacking = f"; lacking {', '.join(gone)}: make install" if gone else ""
    return Finding("packages", not gone, ", ".join(there) + lacking)


def _project() -> Finding:
    folder = local_database.project_folder()
    if not (folder / "dbt_project.yml").is_file():
        return Finding(
            "project", False, f"{folder.resolve()} is no dbt project: go there, or name it in DBT_PROJECT_DIR"
        )
    kind = local_database.default_type()
    if kind is None:
        return Finding("project", False, f"{folder.resolve()}: no profiles.yml with the target that dbt would take")
    return Finding("project", True, f"{folder.resolve()}, builds on {kind}")


def _gold() -> Finding:
    from wanderbricks_ml.gold import files
    from wanderbricks_ml.gold.plugin import DEFAULT_FOLDER, GOLD_TABLES

    named = os.environ.get("WANDERBRICKS_GOLD")
    folder = local_database.project_folder() / (named or DEFAULT_FOLDER)
    if not folder.is_dir():
        if named:
            return Finding("gold", False, f"{folder} is no folder; point WANDERBRICKS_GOLD at one")
        return Finding("gold", True, f"none in {folder} yet: the first build simulates it")
    problems = []
    for table in GOLD_TABLES:
        try:
            if files.scan(folder, table) is None:
                problems.append(f"{table} is not there")
        except files.Unreadable as error:
            problems.append(f"{table}: {error}")
    return Finding(
        "gold", not problems, f"{folder}" + (f": {'; '.join(problems)}" if problems else ", all eight tables")
    )


def _database() -> Finding:
    import duckdb

    file = local_database.database_file()
    if found := no_database(file):
        return Finding("database", False, f"{file} {found}: name another in WANDERBRICKS_DB")
    if not file.is_file():
        return Finding("database", True, f"none at {file} yet: dbt build makes it")
    size = f"{file}, {file.stat().st_size / 1e6:,.0f} MB"
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            built = f"select count(*) from duckdb_tables() where schema_name = '{local_database.SCHEMA}'"
            ((tables,),) = connection.execute(built).fetchall()
    except duckdb.Error as error:
        if local_database.is_held(error):
            return Finding("database", True, f"{size}, a build is at work")
        return Finding(
            "database", False, f"{size} cannot be opened ({str(error).splitlines()[0]}); restore it or remove it"
        )
    return Finding("database", True, f"{size}, {tables} tables")


def _registry() -> Finding:
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///data/mlflow.db"
    if uri.startswith("file:") or not ("://" in uri or uri.startswith("databricks")):
        return Finding(
            "registry",
            False,
            f"{uri} is a folder, in which MLflow keeps no models any more: set MLFLOW_TRACKING_URI to a file such as "
            "sqlite:///data/mlflow.db, or to a server",
        )
    if not uri.startswith("sqlite:///"):
        return Finding("registry", True, f"{uri}; `wanderbricks registry verify` looks into it")
    file = local_database.project_folder() / uri.removeprefix("sqlite:///")
    known = _known_versions()
    if not file.is_file():
        if known:
            return Finding(
                "registry",
                False,
                f"{file} is gone, and the database knows {known} versions: restore it, or let `wanderbricks registry "
                "rebuild` register them again from the artifacts",
            )
        return Finding("registry", True, f"none at {file} yet: the first fit makes it")
    try:
        with sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True) as connection:
            # a version that was deleted stays as a row
            counted = "select count(*) from model_versions where coalesce(current_stage, '') <> 'Deleted_Internal'"
            ((registered,),) = connection.execute(counted).fetchall()
    except sqlite3.Error as error:
        return Finding("registry", False, f"{file} is no store of MLflow's ({error}): restore it, or remove it")
    lacking = registered < known
    said = f"{file}, {registered} versions" + (f" of the {known} that the database knows" if lacking else "")
    return Finding("registry", not lacking, said + ("; see `wanderbricks registry verify`" if lacking else ""))


def _known_versions() -> int:
    """Versions in the predictors' tables of a local database."""
    import duckdb

    file = local_database.database_file()
    if not file.is_file() or no_database(file):
        return 0
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            schema = local_database.SCHEMA
            tables = f"select table_name from duckdb_tables() where schema_name = '{schema}'"
            built = {name for (name,) in connection.execute(tables).fetchall()}
            if "model_inventory" not in built:
                return 0
            models = connection.execute(f"select model_name from {schema}.model_inventory").fetchall()
            counts = [
                connection.execute(f"select count(*) from {schema}.{model}").fetchall()[0][0]
                for (model,) in models
                if model in built
            ]
    except duckdb.Error:
        # what is wrong with the file stands in the finding about it
        return 0
    return sum(counts)


def _credentials() -> Finding:
    lacking = [name for name in ("DATABRICKS_HOST", "DATABRICKS_HTTP_PATH") if not os.environ.get(name)]
    oauth = os.environ.get("DATABRICKS_CLIENT_ID") and os.environ.get("DATABRICKS_CLIENT_SECRET")
    if not oauth and not os.environ.get("DATABRICKS_TOKEN"):
        lacking.append("DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)")
    said = f"set {', '.join(lacking)}" if lacking else "host, path and a way to sign in are set"
    return Finding("credentials", not lacking, said)


def _keys() -> Finding:
    unreadable = []
    for name in KEYS:
        value = os.environ.get(name, "")
        if value and not value.lstrip().startswith("-----BEGIN") and not Path(value).is_file():
            unreadable.append(f"{name} names a file that is not there")
    used = ", ".join(name for name in KEYS if os.environ.get(name)) or "none: digests alone vouch for models"
    return Finding("keys", not unreadable, "; ".join(unreadable) or used)
