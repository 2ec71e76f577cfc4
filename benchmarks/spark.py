"""Feature tables and demand scoring on local Spark: rows, CPU seconds, plans, and what an incremental run writes.

    python benchmarks/spark.py reference=data/reference --file-mb 1
    python benchmarks/spark.py x10=data/x10 --memory 6g

builds each gold folder in a workspace of its own (tests/databricks), model after model, as of the day before its last
and again as of the last, and prints Markdown. Seconds are CPU seconds of Spark and its workers, read from /proc
(Linux), so that rows per second are those of one core, whatever else the machine does.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
import duckdb
import numpy as np

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "tests/databricks"))

from workspace import Emulator, running  # noqa: E402

TABLES = (
    "calendar_features",
    "destination_features",
    "engagement_features",
    "host_features",
    "property_features",
    "demand_spine",
    "demand_examples",
    "demand_scores",
)
PASSING = {"Project", "Filter", "Window", "Sort", "LocalLimit", "GlobalLimit"}
PASSING |= {"BroadcastExchange", "Exchange", "AQEShuffleRead"}
"""Operators that leave a small relation small."""
SMALL = 100
"""Rows up to which a table may multiply another one: dates of a split, offsets of a week, countries."""


@dataclass
class Operator:
    """One operator of a physical plan."""

    text: str
    inputs: list[Operator] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.text.split()[0].split("(")[0]

    def all(self) -> list[Operator]:
        """The operator and everything below it."""
        return [self, *(found for each in self.inputs for found in each.all())]

    def is_small(self, small: set[str]) -> bool:
        """Whether it yields few rows: literals, a scan of a table in `small`, or what is made of nothing else."""
        if self.name.endswith("Aggregate") and "keys=[]" in self.text:
            return True
        if limit := re.search(r"\(limit=(\d+)", self.text):
            return int(limit[1]) <= SMALL
        if self.name in PASSING or self.name.endswith(("Aggregate", "Join", "CartesianProduct", "Union")):
            return bool(self.inputs) and all(each.is_small(small) for each in self.inputs)
        return "OneRowRelation" in self.text or any(re.search(rf"\b{table}\b", self.text) for table in small)


def parsed(plan: str) -> Operator:
    """The operators of a physical plan as `explain` prints it, without subqueries."""
    lines = plan.split("== Physical Plan ==")[-1].strip().splitlines()
    root = Operator("Plan")
    path = [(-1, root)]
    for line in lines:
        mark = re.match(r"[ :]*[+:]- ", line)
        depth = len(mark[0]) if mark else 0
        text = line[depth:].lstrip("* ").removeprefix("(").strip()
        text = re.sub(r"^\d+\) ", "", text)
        if not text or text.startswith("Subquery") or "isFinalPlan" in text.split("(")[0]:
            continue
        while path[-1][0] >= depth:
            path.pop()
        operator = Operator(text)
        path[-1][1].inputs.append(operator)
        path.append((depth, operator))
    return root


def joins(plan: Operator, small: set[str]) -> tuple[Counter[str], int]:
    """Joins by kind, and how many of them multiply two relations that are not small."""
    found = [each for each in plan.all() if each.name.endswith("Join") or each.name == "CartesianProduct"]
    loops = [each for each in found if each.name in ("CartesianProduct", "BroadcastNestedLoopJoin")]
    bad = [each for each in loops if not any(side.is_small(small) for side in each.inputs)]
    return Counter(each.name for each in found), len(bad)


def last_day(gold: Path) -> date:
    """The default as_of of a gold folder."""
    newest = duckdb.execute(f"select max(created_at)::date from '{gold}/fact_booking_detail.parquet'").fetchall()
    day: date = newest[0][0]
    return day + timedelta(days=1)


class Used(NamedTuple):
    """CPU seconds of Spark and its workers, and megabytes that its shuffles wrote."""

    seconds: float
    megabytes: float


class Clock:
    """CPU seconds that the emulator and all below it have used, and bytes it has shuffled, until the block ends."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.samples: list[tuple[float, float, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Clock:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def between(self, started: str, completed: str) -> Used:
        """What was used between two moments as dbt writes them."""
        moments = [
            datetime.fromisoformat(each.rstrip("Z")).replace(tzinfo=UTC).timestamp() for each in (started, completed)
        ]
        times, *used = zip(*self.samples, strict=True)
        return Used(*(float(np.diff(np.interp(moments, times, each))[0]) for each in used))

    def _sample(self) -> None:
        while not self._ended.wait(0.3):
            self.samples.append((time.time(), self._seconds(), self.emulator.control()["shuffled"] / 1e6))

    def _seconds(self) -> float:
        ticks, waiting = 0, [self.emulator.process]
        while waiting:
            folder = Path(f"/proc/{waiting.pop()}")
            try:
                # behind the name in brackets: user and system time, and those of children that ended
                ticks += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:15]))
                waiting += [int(each) for task in folder.glob("task/*/children") for each in task.read_text().split()]
            except (FileNotFoundError, ProcessLookupError):
                continue
        return ticks / os.sysconf("SC_CLK_TCK")


def count(emulator: Emulator, table: str) -> int:
    """Rows of one of our tables."""
    return int(emulator.table(f"select count(*) as n from wanderbricks_ml.{table}").to_pylist()[0]["n"])


def run(emulator: Emulator, as_of: date) -> dict[str, Used]:
    """Build as of a day; what each model used."""
    variables = json.dumps({"as_of": as_of.isoformat()})
    with Clock(emulator) as clock:
        chosen = ("--threads", "1", "--select", "+demand_predictions", "--vars", variables)
        if emulator.dbt("run", *chosen, environment={"DBT_WRITE_JSON": "true"}):
            raise click.ClickException(emulator.log)
    used = {}
    for result in json.loads((emulator.folder / "target/run_results.json").read_text())["results"]:
        (ran,) = (each for each in result["timing"] if each["name"] == "execute")
        used[result["unique_id"].split(".")[-1]] = clock.between(ran["started_at"], ran["completed_at"])
    return used


def described(emulator: Emulator, what: str, table: str) -> list[dict[str, Any]]:
    """What Delta Lake says of one of our tables: its `history`, the newest first, or its `detail`."""
    rows: list[dict[str, Any]] = emulator.table(f"describe {what} wanderbricks_ml.{table}").to_pylist()
    return rows


def explained(emulator: Emulator, table: str) -> str:
    """The plan of a model's SQL as dbt compiled it last."""
    (compiled,) = (emulator.folder / "target/compiled/wanderbricks_ml/models").rglob(f"{table}.sql")
    return str(emulator.table(f"explain {compiled.read_text()}").to_pylist()[0]["plan"])


def measure(name: str, gold: Path, emulator: Emulator) -> None:
    """Build twice and print what was seen."""
    today = last_day(gold)
    emulator.control(gold=str(gold.resolve()))
    if emulator.dbt("seed"):
        raise click.ClickException(emulator.log)
    first = run(emulator, today - timedelta(days=1))
    rows = {table: count(emulator, table) for table in TABLES}
    models = json.loads((emulator.folder / "target/manifest.json").read_text())["nodes"].values()
    built = [node["name"] for node in models if node["resource_type"] == "model" and node["name"] in first]
    small = {table for table in built if count(emulator, table) <= SMALL}
    click.echo(f"\n| {name} | rows | CPU seconds | rows/s per core | MB shuffled | joins | large products |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- |")
    for table in TABLES:
        seconds, megabytes = first[table]
        rate = f"{rows[table] / seconds:,.0f}"
        shape = ["", ""]
        if table != "demand_scores":
            kinds, bad = joins(parsed(explained(emulator, table)), small)
            shape = [", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())), str(bad)]
        told = f"{rows[table]:,} | {seconds:.1f} | {rate} | {megabytes:,.1f}"
        click.echo(f"| {table} | {told} | {shape[0]} | {shape[1]} |")

    files = {table: described(emulator, "detail", table)[0]["numFiles"] for table in TABLES[1:5]}
    again = run(emulator, today)
    columns = ("CPU seconds", "MB shuffled", "rows", "merged", "inserted", "files", "merge rewrote", "OPTIMIZE rewrote")
    click.echo(f"\n| {name}, next day | {' | '.join(columns)} |")
    click.echo("| --- " * (len(columns) + 1) + "|")
    for table in TABLES[1:5]:
        newest: dict[str, dict[str, str]] = {}
        for entry in described(emulator, "history", table):
            newest.setdefault(entry["operation"], dict(entry["operationMetrics"]))
        merge, optimize = newest["MERGE"], newest["OPTIMIZE"]
        click.echo(
            f"| {table} | {again[table].seconds:.1f} | {again[table].megabytes:,.1f} | {count(emulator, table):,} | "
            f"{int(merge['numSourceRows']):,} | {int(merge['numTargetRowsInserted']):,} | {files[table]} | "
            f"{merge['numTargetFilesRemoved']} | {optimize['numRemovedFiles']} |"
        )


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="NAME=FOLDER...")
@click.option("--memory", default="4g", show_default=True, help="Memory of Spark.")
@click.option("--partitions", default=4, show_default=True, help="Partitions of a shuffle.")
@click.option("--file-mb", default=1024, show_default=True, help="Largest file that OPTIMIZE writes.")
def main(folders: tuple[str, ...], memory: str, partitions: int, file_mb: int) -> None:
    """Measure the project on local Spark."""
    options = ["--memory", memory, "--partitions", str(partitions), "--file-mb", str(file_mb), "--large"]
    for given in folders:
        name, _, gold = given.partition("=")
        with (
            tempfile.TemporaryDirectory() as folder,
            running(Path(folder), *options) as emulator,
        ):
            measure(name, Path(gold), emulator)


if __name__ == "__main__":
    main()
