"""Time `dbt build --select +demand_predictions` on gold folders, and show what it predicts.

Each folder is built on a fresh database and then again with nothing new. Prints Markdown: wall time (median of
the repeats), peak memory of the first build, and the test metrics beside the baseline's. A red gate is a result, not
an error.

    python benchmarks/build.py [--repeats N] NAME=FOLDER [NAME=FOLDER ...]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import duckdb

PROJECT = Path(__file__).resolve().parents[1]
METRICS = ("poisson_deviance", "rmse", "mae", "wape_week")


class Run(NamedTuple):
    """One dbt process: wall seconds, peak resident memory in GB, exit code."""

    seconds: float
    gigabytes: float
    code: int


def run_dbt(work: Path, gold: Path, *arguments: str, selection: str = "+demand_predictions") -> Run:
    """Build the selection from `gold`, with all of dbt's state in `work`; its output goes to work/dbt.out."""
    environment = os.environ | {
        "WANDERBRICKS_GOLD": str(gold),
        "WANDERBRICKS_DB": str(work / "wanderbricks.duckdb"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{work / 'mlflow.db'}",
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
    }
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--select", *selection.split(), *arguments]
    with (work / "dbt.out").open("a") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(seconds, usage.ru_maxrss / 1024**2, process.returncode)


def metrics(database: Path) -> tuple[dict[str, tuple[float, float]], int, float, str]:
    """Test metrics (model, baseline), their rows, seconds of the fit, and the verdict."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set schema = 'wanderbricks_ml'")
        found = connection.execute(
            "select metric_name, metric_value, baseline_value, row_count from demand_metrics "
            "where split = 'test' and segment = 'all'"
        ).fetchall()
        verdicts = connection.execute("select verdict from demand_champion").fetchall()
        fits = connection.execute("select fit_seconds from demand_predictor").fetchall()
    values = {name: (value, baseline) for name, value, baseline, _ in found}
    return values, max((row[3] for row in found), default=0), fits[0][0] if fits else 0.0, verdicts[0][0]


def measure(name: str, gold: Path, repeats: int) -> list[str]:
    """The Markdown rows of one gold folder: one for time and memory, one for the metrics."""
    first, again, lean = [], [], []
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            print(f"{name}: build {repeat + 1} of {repeats}", file=sys.stderr)
            first.append(run_dbt(work, gold))
            database = work / "wanderbricks.duckdb"
            try:
                values, rows, fit_seconds, verdict = metrics(database)
            except duckdb.Error as error:
                raise SystemExit(f"{name}: {error}\n{(work / 'dbt.out').read_text()[-4000:]}") from error
            again.append(run_dbt(work, gold))
            lean.append(run_dbt(work, gold, "--exclude-resource-type", "unit_test"))
    walls = [statistics.median(run.seconds for run in runs) for runs in (first, again, lean)]
    memory = max(run.gigabytes for run in first)
    cells = [f"{values[metric][0]:.3f}, {values[metric][1]:.3f}" if metric in values else "" for metric in METRICS]
    return [
        f"| {name} | {walls[0]:.0f} s | {fit_seconds:.0f} s | {memory:.1f} GB | {walls[1]:.0f} s | {walls[2]:.0f} s |",
        f"| {name} | {rows:,} | {' | '.join(cells)} | {verdict.rsplit('; ', 1)[-1]} |",
    ]


def main() -> None:
    """Measure the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", nargs="+", metavar="NAME=FOLDER", help="a gold folder and what to call it")
    parser.add_argument("--repeats", type=int, default=1, help="builds of each folder (default 1)")
    arguments = parser.parse_args()
    pairs = [item.partition("=") for item in arguments.gold]
    absent = [folder for _, _, folder in pairs if not Path(folder).is_dir()]
    if absent:
        parser.error(f"no such folder: {', '.join(absent)}; make one with wanderbricks simulate or import")
    rows = [measure(name, Path(folder).resolve(), arguments.repeats) for name, _, folder in pairs]
    print("| gold | first build | of it the fit | peak memory | nothing new | without unit tests |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(time_row for time_row, _ in rows))
    print(f"\n| gold | test rows | {' | '.join(METRICS)} | verdict |")
    print("| --- | --- |" + " --- |" * (len(METRICS) + 1))
    print("\n".join(metric_row for _, metric_row in rows))


if __name__ == "__main__":
    main()
