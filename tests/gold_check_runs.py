"""Hold many kinds of bad gold against the rules, in one process that parses the project once.

`python tests/gold_check_runs.py GOLD FOLDER [NAME ...]` prints one JSON object per fault: name, success, lines.
A process of its own, as dbt leaves its mark on the one that it runs in.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from bad_gold import FAULTS, Fault
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
        ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors", *arguments]
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

    def report(name: str, path: Path) -> None:
        os.environ["WANDERBRICKS_GOLD"] = str(path)
        result, lines = invoke(["run", "--select", "gold_checks"], manifest)
        sys.stdout.write(json.dumps({"name": name, "success": result.success, "lines": lines}) + "\n")

    os.environ["WANDERBRICKS_GOLD"] = str(gold)
    invoke(["seed", "--select", "gold_policy"], manifest)
    shutil.copy(database, seeded)
    report("good gold", gold)
    shutil.copy(database, good)
    faults: list[Fault] = [fault for fault in FAULTS if not names or fault.name in names]
    for fault in faults:
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copy(good if fault.after else seeded, database)
        report(fault.name, fault.write(gold, bad))
        if fault.after:
            report(f"{fault.name}, once more", bad)
            report(f"{fault.name}, mended", gold)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
