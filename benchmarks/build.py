"""CPU seconds of `dbt build` on gold folders, beside an earlier revision's, and how good each product's model is.

Each folder is built on a fresh database, again with nothing new, `+demand_predictions` alone with nothing new, and,
where the same platform's gold of the next day is given, once more on that. CPU seconds (user and system, of dbt and
its children) compare on a machine that does other things, too. With `--against`, the same runs are made by the code of
that revision (a worktree, the same packages), and both stand side by side. A red gate and a product that the data
cannot teach are results, not errors.

    python benchmarks/build.py [--against REVISION] [--select +demand_predictions] NAME=FOLDER[,NEXT_DAY] [NAME=… …]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

PROJECT = Path(__file__).resolve().parents[1]


class Run(NamedTuple):
    """One dbt process: wall seconds, CPU seconds, peak resident memory in GB, exit code."""

    seconds: float
    cpu_seconds: float
    gigabytes: float
    code: int


class Gold(NamedTuple):
    """A gold folder, and perhaps the same platform's of the next day."""

    name: str
    folder: Path
    next_day: Path | None


def run_dbt(work: Path, gold: Path, *arguments: str, selection: str = "", project: Path = PROJECT) -> Run:
    """Build the selection, everything if empty, from `gold` by a checkout; dbt's state and output lie in `work`."""
    environment = os.environ | {
        "WANDERBRICKS_GOLD": str(gold),
        "WANDERBRICKS_DB": str(work / "wanderbricks.duckdb"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{work / 'mlflow.db'}",
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
        # before what is installed
        "PYTHONPATH": str(project / "python"),
    }
    command = [str(Path(sys.executable).with_name("dbt")), "build", *arguments]
    command += ["--select", *selection.split()] if selection else []
    with (work / "dbt.out").open("a") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024**2, process.returncode)


def steps(gold: Gold, selection: str) -> Iterator[tuple[str, Path, str]]:
    """What is measured: its name, the gold that it reads, and what it builds."""
    yield "first build", gold.folder, selection
    yield "nothing new", gold.folder, selection
    if not selection:
        yield "+demand_predictions, nothing new", gold.folder, "+demand_predictions"
    if gold.next_day:
        yield "one more day", gold.next_day, selection


def products(database: Path) -> Iterator[tuple[str, str, str]]:
    """Of each product that was built: name, test metrics as text, and the verdict."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set schema = 'wanderbricks_ml'")
        built = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        if "model_inventory" not in built:
            return
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
            (verdict,) = connection.execute(f"select verdict from {product}_champion limit 1").fetchall()[0]
            yield product, shown, verdict.split(": ", 1)[-1].rsplit("; ", 1)[-1]


def number(value: float | None) -> str:
    """Three decimals, or nothing known."""
    return "unknown" if value is None else f"{value:.3f}"


@contextmanager
def checkouts(revision: str | None) -> Iterator[dict[str, Path]]:
    """Column titles and the checkout that each is measured on: an earlier revision first, then this one."""
    if revision is None:
        yield {"now": PROJECT}
        return
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "earlier"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", earlier, revision], cwd=PROJECT, check=True)
        try:
            yield {revision: earlier, "now": PROJECT}
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", earlier], cwd=PROJECT, check=True)


def measure(gold: Gold, project: Path, selection: str) -> tuple[dict[str, Run], list[tuple[str, str, str]]]:
    """Runs by step, and the products after the first one."""
    runs = {}
    found: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for step, source, selected in steps(gold, selection):
            print(f"{gold.name}, {project.name}: {step}", file=sys.stderr)
            runs[step] = run_dbt(work, source, selection=selected, project=project)
            if runs[step].code > 1:
                raise SystemExit(f"{step} of {gold.name}:\n{(work / 'dbt.out').read_text()[-4000:]}")
            found = found or list(products(work / "wanderbricks.duckdb"))
    return runs, found


def main() -> None:
    """Measure the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", nargs="+", metavar="NAME=FOLDER[,NEXT_DAY]", help="gold folders and what to call them")
    parser.add_argument("--against", metavar="REVISION", help="also measure the code of this revision")
    parser.add_argument("--select", default="", help="what to build (default everything)")
    arguments = parser.parse_args()
    golds = []
    for item in arguments.gold:
        name, _, folders = item.partition("=")
        paths = [Path(folder).resolve() for folder in folders.split(",")]
        absent = [str(path) for path in paths if not path.is_dir()]
        if absent:
            parser.error(f"no such folder: {', '.join(absent)}; make one with wanderbricks simulate or import")
        golds.append(Gold(name, paths[0], paths[1] if len(paths) > 1 else None))
    rows, found = [], []
    with checkouts(arguments.against) as projects:
        for gold in golds:
            measured = {title: measure(gold, project, arguments.select) for title, project in projects.items()}
            for step in measured["now"][0]:
                runs = [of_one[step] for of_one, _ in measured.values()]
                cells = [f"{run.cpu_seconds:.1f}" for run in runs]
                cells += [f"{run.seconds:.0f} s" for run in runs] + [f"{run.gigabytes:.1f} GB" for run in runs]
                rows.append(f"| {gold.name}: {step} | {' | '.join(cells)} |")
            found += [f"| {gold.name} | {' | '.join(row)} |" for row in measured["now"][1]]
        titles = [f"{what}, {title}" for what in ("CPU s", "wall", "memory") for title in projects]
    print(f"| build | {' | '.join(titles)} |")
    print(f"| --- |{' --- |' * len(titles)}")
    print("\n".join(rows))
    print("\n| gold | product | test metrics: model, baseline | |")
    print("| --- | --- | --- | --- |")
    print("\n".join(found))


if __name__ == "__main__":
    main()
