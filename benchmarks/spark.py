"""Feature tables and demand scoring on local Spark: rows, seconds, plans, and what an incremental run writes.

    python benchmarks/spark.py reference=data/reference x10=data/x10 --memory 6g

builds each gold folder in a workspace of its own (tests/databricks), as of the day before its last and again as of the
last, and prints Markdown.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "tests/databricks"))

from workspace import Emulator, running  # noqa: E402

CORES = 2
TABLES = (
    "calendar_features",
    "destination_features",
    "engagement_features",
    "host_features",
    "property_features",
    "demand_examples",
    "demand_scores",
)
PASSING = ("Project", "Filter", "BroadcastExchange", "Exchange", "AQEShuffleRead", "Sort", "LocalLimit", "GlobalLimit")
"""Operators that leave a relation of one row one."""


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

    def has_one_row(self, single: set[str]) -> bool:
        """Whether it yields one row: an aggregate without keys, or a scan of a table in `single`."""
        if self.name in PASSING and len(self.inputs) == 1:
            return self.inputs[0].has_one_row(single)
        if self.name.endswith("Aggregate"):
            return "keys=[]" in self.text
        if self.name in ("BroadcastNestedLoopJoin", "CartesianProduct"):
            return all(each.has_one_row(single) for each in self.inputs)
        return any(re.search(rf"\b{table}\b", self.text) for table in single)


def parsed(plan: str) -> Operator:
    """The operators of a physical plan as `explain` prints it, without subqueries."""
    lines = plan.split("== Physical Plan ==")[-1].strip().splitlines()
    root = Operator("Plan")
    path = [(-1, root)]
    for line in lines:
        mark = re.match(r"[\s:]*(?:[+:]- )?", line)
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


def joins(plan: Operator, single: set[str]) -> tuple[Counter[str], int]:
    """Joins by kind, and how many of them multiply two relations of more than a row."""
    found = [each for each in plan.all() if each.name.endswith("Join") or each.name == "CartesianProduct"]
    loops = [each for each in found if each.name in ("CartesianProduct", "BroadcastNestedLoopJoin")]
    bad = [each for each in loops if not any(side.has_one_row(single) for side in each.inputs)]
    return Counter(each.name for each in found), len(bad)


def last_day(gold: Path) -> date:
    """The default as_of of a gold folder."""
    newest = duckdb.execute(f"select max(created_at)::date from '{gold}/fact_booking_detail.parquet'").fetchall()
    day: date = newest[0][0]
    return day + timedelta(days=1)


def seconds(emulator: Emulator) -> dict[str, float]:
    """Seconds of each model in the last run."""
    results = json.loads((emulator.folder / "target/run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[-1]: result["execution_time"] for result in results}


def count(emulator: Emulator, table: str) -> int:
    """Rows of one of our tables."""
    return int(emulator.table(f"select count(*) as n from wanderbricks_ml.{table}").to_pylist()[0]["n"])


def run(emulator: Emulator, as_of: date) -> None:
    """Build as of a day."""
    variables = json.dumps({"as_of": as_of.isoformat()})
    if emulator.dbt("run", "--select", "+demand_predictions", "--vars", variables):
        raise click.ClickException(emulator.log)


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
    run(emulator, today - timedelta(days=1))
    first, rows = seconds(emulator), {table: count(emulator, table) for table in TABLES}
    models = json.loads((emulator.folder / "target/manifest.json").read_text())["nodes"].values()
    built = [node["name"] for node in models if node["resource_type"] == "model" and node["name"] in first]
    single = {table for table in built if count(emulator, table) == 1}
    click.echo(f"\n| {name} | rows | seconds | rows/s per core | joins | products of many rows |")
    click.echo("| --- | --- | --- | --- | --- | --- |")
    for table in TABLES:
        rate = f"{rows[table] / first[table] / CORES:,.0f}"
        shape = ["", ""]
        if table != "demand_scores":
            kinds, bad = joins(parsed(explained(emulator, table)), single)
            shape = [", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())), str(bad)]
        click.echo(f"| {table} | {rows[table]:,} | {first[table]:.1f} | {rate} | {shape[0]} | {shape[1]} |")

    run(emulator, today)
    again = seconds(emulator)
    click.echo(f"\n| {name}, one more day | seconds | rows of the table | rows merged | inserted | files rewritten |")
    click.echo("| --- | --- | --- | --- | --- | --- |")
    for table in TABLES[1:5]:
        history = emulator.table(f"describe history wanderbricks_ml.{table}").to_pylist()
        metrics = next(dict(entry["operationMetrics"]) for entry in history if entry["operation"] == "MERGE")
        merged, inserted = int(metrics["numSourceRows"]), int(metrics["numTargetRowsInserted"])
        click.echo(
            f"| {table} | {again[table]:.1f} | {count(emulator, table):,} | {merged:,} | {inserted:,} | "
            f"{metrics['numTargetFilesRemoved']} |"
        )


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="NAME=FOLDER...")
@click.option("--memory", default="4g", show_default=True, help="Memory of Spark.")
@click.option("--partitions", default=4, show_default=True, help="Partitions of a shuffle.")
def main(folders: tuple[str, ...], memory: str, partitions: int) -> None:
    """Measure the project on local Spark."""
    for given in folders:
        name, _, gold = given.partition("=")
        with (
            tempfile.TemporaryDirectory() as folder,
            running(Path(folder), "--memory", memory, "--partitions", str(partitions)) as emulator,
        ):
            measure(name, Path(gold), emulator)


if __name__ == "__main__":
    main()
