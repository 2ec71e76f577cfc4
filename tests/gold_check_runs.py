"""Hold many kinds of bad gold against the rules, in one process that parses the project once.

`python tests/gold_check_runs.py GOLD FOLDER [NAME ...]` prints one JSON object per fault: name, success, lines, as_of.
A process of its own, as dbt leaves its mark on the one that it runs in.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import duckdb
from bad_gold import FAULTS
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner


def invoke(arguments: list[str], manifest: Any = None) -> tuple[Any, list[str]]:
    """Run a dbt command; return its result, and the lines that it printed."""
    said: list[str] = []

    def listen(event: Any) -> None:
        if event.info.level in ("info", "warn", "error"):
            said.extend(event.info.msg.splitlines())

    runner = dbtRunner(manifest=manifest, callbacks=[listen])
    result = runner.invoke(
        ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-write-json", *arguments]
    )
    # the next run has other files
    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager._ENV = None
    return result, said


def main(gold: Path, folder: Path, names: list[str]) -> None:
    """Run gold_checks on good gold, and on each fault, from an empty database or from that of good gold."""
    database = folder / "wanderbricks.duckdb"
    seeded, good, bad = folder / "seeded.duckdb", folder / "good.duckdb", folder / "bad"
    os.environ["WANDERBRICKS_DB"] = str(database)
    manifest = invoke(["parse"])[0].result

    def report(name: str, path: Path, *arguments: str) -> None:
        os.environ["WANDERBRICKS_GOLD"] = str(path)
        result, lines = invoke(["run", "--select", *(arguments or ("gold_checks",))], manifest)
        found = {"name": name, "success": result.success, "lines": lines, "as_of": as_of(database)}
        sys.stdout.write(json.dumps(found, default=str) + "\n")

    os.environ["WANDERBRICKS_GOLD"] = str(gold)
    invoke(["seed", "--select", "gold_policy", "holidays"], manifest)
    shutil.copy(database, seeded)
    report("good gold", gold)
    shutil.copy(database, good)
    for fault in [fault for fault in FAULTS if not names or fault.name in names]:
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copy(good if fault.after else seeded, database)
        report(fault.name, fault.write(gold, bad))
        if fault.after:
            report(f"{fault.name}, once more", bad)
            report(f"{fault.name}, mended", gold)

    fewer = next(fault for fault in FAULTS if fault.name == "no engagement any more").write(gold, folder / "fewer")
    shutil.copy(good, database)
    report("fewer, empty", fewer, "gold_checks", "--empty")
    report("fewer, after empty", fewer)
    report("fewer, without the checks", fewer, "stg_dates", "point_in_time")
    report("fewer, accepted", fewer, "gold_checks", "--vars", "{accept_gold: true}")
    report("fewer, built anew", fewer, "gold_checks", "--full-refresh")
    report("slid back as asked", fewer, "gold_checks", "--vars", "{as_of: 2025-06-01}")
    # a product's task of a job, whose `shared` has checked gold; then gold is another
    shutil.copy(good, database)
    report("the job's checks", gold, "gold_checks", "--vars", "{as_of: 2025-06-01}")
    for given in ("as_of: 2025-06-01, job_repairs: '0'", "as_of: 2025-06-01, job_repairs: '1'", "job_repairs: '0'"):
        report(f"a task after them, {given}", fewer, "stg_dates", "point_in_time", "--vars", f"{{{given}}}")
    with duckdb.connect(str(database)) as connection:
        connection.execute("update wanderbricks_ml.gold_checks set status = 'error', message = 'as shared found it'")
    report("a task after red ones", gold, "stg_dates", "--vars", "{as_of: 2025-06-01, job_repairs: '0'}")

    with duckdb.connect(str(database)) as connection:
        connection.execute(
            """
            insert into wanderbricks_ml.gold_policy values
                ('dim_guest', 'age', 'not_null', null, null, 0, 'error'),
                ('dim_user', 'age', 'not_null', null, null, 0, 'error'),
                ('dim_user', 'country', 'loved', null, null, 0, 'error'),
                ('dim_host', 'name', 'between', 'one', null, 0, 'error')
            """
        )
    report("another policy", gold)


def as_of(database: Path) -> object:
    """Return the point in time that gold_checks found; None where the run stopped before it."""
    with duckdb.connect(str(database), read_only=True) as connection:
        if not connection.execute("from duckdb_tables() where table_name = 'gold_checks'").fetchall():
            return None
        return connection.execute("select max(as_of_date) from wanderbricks_ml.gold_checks").fetchall()[0][0]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
