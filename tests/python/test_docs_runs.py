"""The commands and queries of README.md, CONTRIBUTING.md and docs/, run page by page in their order.

They run in a workspace that a `dbt build` has made. What takes longer than a test may, or needs what a test has not,
is in tests/commands_not_run.csv with the reason, and only held against what it names: nodes, files, options, targets.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import duckdb
import pytest
from dbt_command import run_dbt, run_wanderbricks
from eased_project import PROJECT
from local_workspace import Workspace
from mlflow import MlflowClient
from pages import PAGES, Command, Query, page_id, typed
from test_docs import option_values

READ = [page for page in PAGES if page_id(page).startswith(("README", "CONTRIBUTING", "docs/", "tests/databricks"))]
TOOLS = {"dbt", "wanderbricks", "make", "pytest", "python", "pre-commit", ".ci/run", "export", "model_signing"}
TOOLS |= {"openssl", "mkdir", "chmod"}
UNSELECTED = re.compile("The selection criterion '(.*)' does not match")
NOT_RUN = PROJECT / "tests/commands_not_run.csv"

# what a second fit would leave, for the commands that take two versions
SECOND_VERSION = {
    f"{product}_{table}": change
    for product in ("demand", "conversion")
    for table, change in {
        "predictor": "2 as model_version",
        "backtest": "2 as model_version",
        "metrics": "2 as model_version",
        "predictions": "2 as model_version, scoring_date - 1 as scoring_date",
    }.items()
}

PLATFORM = {
    "bookings": """
        select booking_id as id, user_id as guest_id, property_id as listing_id, check_in_date as arrival,
            check_out_date as departure, guests_count as guests, total_amount as total, status, created_at as booked_at,
            updated_at as changed_at
        from '{gold}/fact_booking_detail.parquet'""",
    "listings": """
        select property_id as id, host_id, destination_id as city_id, title, property_type as type, base_price as price,
            max_guests, bedrooms, bathrooms, created_at as listed_on
        from '{gold}/dim_property.parquet' where is_current""",
    "guests": """
        select user_id as id, country, is_business, created_at as signed_up_on
        from '{gold}/dim_user.parquet' where is_current""",
    "hosts": """
        select host_id as id, country, rating, joined_at as joined_on
        from '{gold}/dim_host.parquet' where is_current""",
    "cities": """
        select destination_id as id, destination as name, country from '{gold}/dim_destination.parquet'""",
}


@dataclass
class Session:
    """A shell in the workspace, as somebody who reads page after page has it.

    Attributes
    ----------
    workspace
        Stands for whatever a page would have built.
    done
        What was run already: the same command on a further page is not run again.
    variables
        What the page exports.
    """

    workspace: Workspace
    done: set[str] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, typed: Command | Query) -> str | None:
        """Run it; what it said where it failed."""
        if isinstance(typed, Query):
            return self.query(typed.text)
        tool, *arguments = typed.words
        variables = {**self.variables, **typed.variables}
        environment = {**variables, **self.workspace.environment}
        if tool == "export":
            self.variables.update(word.split("=", 1) for word in arguments)
            return None
        if tool == "dbt":
            finished = run_dbt(arguments, self.workspace.path, environment)
        elif tool == "wanderbricks":
            finished = run_wanderbricks(arguments, self.workspace.path, environment)
        else:
            finished = self.other(typed.words, environment)
        succeeded = finished.returncode == 0 and not UNSELECTED.search(finished.stdout)
        return None if succeeded else finished.stdout

    def query(self, text: str) -> str | None:
        with duckdb.connect(self.workspace.environment["WANDERBRICKS_DB"], read_only=True) as connection:
            connection.execute(f"set file_search_path = '{self.workspace.path}'")
            try:
                connection.execute(text).fetchall()
            except duckdb.Error as error:
                return str(error)
        return None

    def other(self, words: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        # what the shell does with `>` and `*` is left to it
        line = " ".join(word if word == ">" or "*" in word else shlex.quote(word) for word in words)
        return subprocess.run(
            line,
            shell=True,
            cwd=self.workspace.path,
            # as in a shell where the environment is activated
            env={**os.environ, **environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def marks() -> dict[str, str]:
    """Reasons by pattern of command."""
    with NOT_RUN.open(encoding="utf-8") as file:
        return {row["command"]: row["reason"] for row in csv.DictReader(file)}


MARKS = marks()


def matching(typed: Command | Query) -> list[str]:
    """The marks of what is not run."""
    return [pattern for pattern in MARKS if fnmatchcase(typed.text, pattern)]


def told(page: Path) -> list[Command | Query]:
    """What a page tells to type. One word names a tool, and is no command."""
    found = []
    for one in typed(page):
        if isinstance(one, Query) or (one.words[0] in TOOLS and (len(one.words) > 1 or one.words[0] == ".ci/run")):
            found.append(one)
    return found


@pytest.fixture(scope="module")
def session(fresh: Workspace, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    workspace = fresh.copy(tmp_path_factory.mktemp("read"), project=project)
    (workspace.path / "target").mkdir()
    for parsed in ("manifest.json", "partial_parse.msgpack"):
        shutil.copy(fresh.path / "target" / parsed, workspace.path / "target")
    with duckdb.connect(workspace.environment["WANDERBRICKS_DB"]) as connection:
        connection.execute("use wanderbricks_ml")
        for table, change in SECOND_VERSION.items():
            connection.execute(f"insert into {table} by name select * replace ({change}) from {table}")
    client = MlflowClient(tracking_uri=workspace.mlflow_uri, registry_uri=workspace.mlflow_uri)
    for model in ("demand_predictor", "conversion_predictor"):
        client.create_model_version(model, client.get_model_version_download_uri(model, "1"))
    (workspace.path / "deploy/kubernetes").mkdir(parents=True)
    (workspace.path / "docs").symlink_to(PROJECT / "docs")
    write_csv(fresh.gold, workspace.path / "data/mine")
    return Session(workspace)


def write_csv(gold: Path, folder: Path) -> None:
    """What a reader of the tutorial has: tables of a platform, with names of its own."""
    folder.mkdir(parents=True)
    for name, query in PLATFORM.items():
        duckdb.execute(f"copy ({query.format(gold=gold)}) to '{folder}/{name}.csv'")


@pytest.mark.parametrize("page", READ, ids=page_id)
def test_what_a_page_tells_to_type_works(page: Path, session: Session) -> None:
    session.variables.clear()
    failed = {}
    for one in told(page):
        if matching(one) or (one.text in session.done and one.text.split()[0] != "export"):
            continue
        session.done.add(one.text)
        said = session.run(one)
        if said is not None:
            failed[one.text] = said[-2000:]
    assert failed == {}, "\n".join(f"{text}\n{said}" for text, said in failed.items())


def test_what_is_not_run_has_nodes_of_the_project_to_select(session: Session) -> None:
    selected = {
        name
        for page in READ
        for one in told(page)
        if isinstance(one, Command) and one.words[0] == "dbt" and not is_form(one.text)
        for name in option_values(list(one.words), "--select")
    }
    assert len(selected) > 10
    workspace = session.workspace
    assert workspace.dbt("ls", "--output", "name", "--select", *sorted(selected)) == 0, workspace.log
    assert UNSELECTED.findall(workspace.log) == []


def test_what_is_not_run_names_what_there_is() -> None:
    unknown = []
    every = {one.text: one.words for page in READ for one in told(page) if isinstance(one, Command)}
    for text, (tool, *arguments) in every.items():
        if is_form(text):
            continue
        if tool == "make":
            dry = subprocess.run(["make", "--dry-run", *arguments], cwd=PROJECT, capture_output=True, check=False)
            unknown += [text] if dry.returncode else []
        elif tool in ("python", "pytest") and arguments[0] != "-c":
            script = PROJECT / arguments[0]
            source = script.read_text(encoding="utf-8") if script.is_file() else ""
            options = [word for word in arguments[1:] if word.startswith("--")]
            unknown += [text] if not source or any(f'"{option}"' not in source for option in options) else []
        elif tool == ".ci/run":
            unknown += [text] if not os.access(PROJECT / tool, os.X_OK) else []
    assert unknown == []


def is_form(text: str) -> bool:
    return any(MARKS[pattern] == "a form to fill in" for pattern in MARKS if fnmatchcase(text, pattern))


def test_tables_made_as_the_tutorial_says_are_gold(session: Session) -> None:
    """Begun on an empty database, as its reader begins."""
    folder = session.workspace.path / "data/mine"
    assert (folder / "dim_date.parquet").exists(), "the tutorial has not made them"
    made = Workspace(session.workspace.path / "mine", folder, session.workspace.project)
    assert made.dbt("build", "--select", "+gold_checks", "--exclude-resource-type", "test") == 0, made.log
    assert made.query("select message from gold_checks where message is not null") == []


def test_every_mark_has_its_command() -> None:
    every = [one.text for page in READ for one in told(page)]
    assert [pattern for pattern in MARKS if not any(fnmatchcase(text, pattern) for text in every)] == []
