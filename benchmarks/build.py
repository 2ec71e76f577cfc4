"""Time `dbt build` on gold folders, and show how good each product's model is.

Each folder is built on a fresh database and then again with nothing new. Prints Markdown: wall time (median of
the repeats), peak memory of the first build, and each product's test metrics beside the baseline's. A red gate and a
product that the data cannot teach are results, not errors.

    python benchmarks/build.py [--repeats N] [--select +demand_predictions] NAME=FOLDER [NAME=FOLDER ...]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

PROJECT = Path(__file__).resolve().parents[1]


class Run(NamedTuple):
    """One dbt process: wall seconds, peak resident memory in GB, exit code."""

    seconds: float
    gigabytes: float
    code: int


def run_dbt(work: Path, gold: Path, *arguments: str, selection: str = "") -> Run:
    """Build the selection, everything if empty, from `gold`; dbt's state and output lie in `work`."""
    environment = os.environ | {
        "WANDERBRICKS_GOLD": str(gold),
        "WANDERBRICKS_DB": str(work / "wanderbricks.duckdb"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{work / 'mlflow.db'}",
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
    }
    command = [str(Path(sys.executable).with_name("dbt")), "build", *arguments]
    command += ["--select", *selection.split()] if selection else []
    with (work / "dbt.out").open("a") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(seconds, usage.ru_maxrss / 1024**2, process.returncode)


def products(database: Path) -> Iterator[tuple[str, float, str, str]]:
    """Of each product that was built: name, seconds of its fit, test metrics as text, and the verdict."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set schema = 'wanderbricks_ml'")
        built = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        inventory = connection.execute("select product, model_name from model_inventory order by all").fetchall()
        for product, model in inventory:
            if f"{product}_champion" not in built:
                continue
            targets = connection.execute(
                "select metric_name, metric_value, baseline_value from performance_targets "
                f"inner join {product}_metrics using (metric_name) "
                "where model_name = $model and split = 'test' and segment = 'all' order by not is_primary, metric_name",
                {"model": model},
            ).fetchall()
            shown = "; ".join(f"{name} {number(value)}, {number(baseline)}" for name, value, baseline in targets)
            fits = connection.execute(f"select fit_seconds from {model}").fetchall()
            (verdict,) = connection.execute(f"select verdict from {product}_champion limit 1").fetchall()[0]
            yield product, fits[0][0] if fits else 0.0, shown, verdict.split(": ", 1)[-1].rsplit("; ", 1)[-1]


def number(value: float | None) -> str:
    """Three decimals, or nothing known."""
    return "unknown" if value is None else f"{value:.3f}"


def measure(name: str, gold: Path, repeats: int, selection: str) -> tuple[str, list[str]]:
    """The Markdown rows of one gold folder: one for time and memory, one for each product."""
    first, again, lean = [], [], []
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            print(f"{name}: build {repeat + 1} of {repeats}", file=sys.stderr)
            first.append(run_dbt(work, gold, selection=selection))
            try:
                found = list(products(work / "wanderbricks.duckdb"))
            except duckdb.Error as error:
                raise SystemExit(f"{name}: {error}\n{(work / 'dbt.out').read_text()[-4000:]}") from error
            again.append(run_dbt(work, gold, selection=selection))
            lean.append(run_dbt(work, gold, "--exclude-resource-type", "unit_test", selection=selection))
    walls = [statistics.median(run.seconds for run in runs) for runs in (first, again, lean)]
    memory = max(run.gigabytes for run in first)
    fits = sum(seconds for _, seconds, _, _ in found)
    return (
        f"| {name} | {walls[0]:.0f} s | {fits:.0f} s | {memory:.1f} GB | {walls[1]:.0f} s | {walls[2]:.0f} s |",
        [f"| {name} | {product} | {shown} | {verdict} |" for product, _, shown, verdict in found],
    )


def main() -> None:
    """Measure the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", nargs="+", metavar="NAME=FOLDER", help="a gold folder and what to call it")
    parser.add_argument("--repeats", type=int, default=1, help="builds of each folder (default 1)")
    parser.add_argument("--select", default="", help="what to build (default everything)")
    arguments = parser.parse_args()
    pairs = [item.partition("=") for item in arguments.gold]
    absent = [folder for _, _, folder in pairs if not Path(folder).is_dir()]
    if absent:
        parser.error(f"no such folder: {', '.join(absent)}; make one with wanderbricks simulate or import")
    rows = [measure(name, Path(folder).resolve(), arguments.repeats, arguments.select) for name, _, folder in pairs]
    print("| gold | first build | of it fits | peak memory | nothing new | without unit tests |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(times for times, _ in rows))
    print("\n| gold | product | test metrics: model, baseline | |")
    print("| --- | --- | --- | --- |")
    print("\n".join(line for _, lines in rows for line in lines))


if __name__ == "__main__":
    main()
