"""Time the measurement of drift: PSI, Kolmogorov-Smirnov statistic and Jensen-Shannon distance of 25 columns.

Twenty-four numeric columns, of which a third are whole numbers and every one misses some values, and a categorical one.
As in the project, the reference is cut into bins once, and a day is compared with the bins. Two threads of DuckDB;
prints Markdown: median wall seconds, and beside them SciPy on the raw values, one column after the other (KS and PSI).

    python benchmarks/drift.py [--rows 100000 1000000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]

BINS = """
    with counted as ({{{{ value_counts('reference_rows', {numeric}, {categorical}) }}}}),
    bins as ({{{{ reference_bins('counted', []) }}}})
    select * from bins
"""

MEASURES = """
    with counted as ({{{{ value_counts('current_rows', {numeric}, {categorical}) }}}}),
    compared as ({{{{ binned_counts('counted', 'bins', []) }}}})
    {{{{ drift_measures('compared', []) }}}}
"""


class Statements(NamedTuple):
    """SQL on the tables reference_rows and current_rows: what makes the table bins, and what compares with it."""

    bins: str
    measures: str


def statements(numeric: Sequence[str], categorical: Sequence[str], target: str | None = None) -> Statements:
    """SQL of the project's macros for columns, compiled by dbt.

    Raises
    ------
    RuntimeError
        When dbt cannot compile it.
    """
    from dbt.cli.main import dbtRunner

    compiled = []
    kept = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        # a database and a gold folder that nobody reads
        os.environ |= {"WANDERBRICKS_DB": f"{folder}/empty.duckdb", "WANDERBRICKS_GOLD": folder}
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        places += ["--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"]
        for inline in (BINS, MEASURES):
            query = inline.format(numeric=list(numeric), categorical=list(categorical))
            arguments = ["--quiet", "--log-level", "none", "compile", "--inline", query, *places]
            finished = dbtRunner().invoke(arguments + (["--target", target] if target else []))
            if not finished.success:
                raise RuntimeError(f"dbt compiles no SQL for drift: {finished.exception}")
            compiled.append(finished.result.results[0].node.compiled_code)
    os.environ.clear()
    os.environ |= kept
    return Statements(*compiled)


def example(rows: int, columns: int, seed: int, shift: float = 0) -> pd.DataFrame:
    """Rows of `columns` columns; `shift` moves the numeric ones by that many standard deviations."""
    draw = np.random.default_rng(seed)
    frame = {}
    for number in range(columns - 1):
        values = draw.gamma(2, 10, rows) + shift * 14
        values = values.round() if number % 3 == 0 else values
        values[draw.random(rows) < 0.02] = np.nan
        frame[f"column_{number:02d}"] = values
    frame["kind"] = draw.choice(["a", "b", "c", "d"], rows, p=[0.4, 0.3, 0.2, 0.1])
    return pd.DataFrame(frame)


def by_scipy(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    """KS statistic and PSI by deciles of the numeric columns."""
    from scipy.stats import ks_2samp

    for name in reference.columns[:-1]:
        left, right = reference[name].dropna().to_numpy(), current[name].dropna().to_numpy()
        ks_2samp(left, right, method="asymp")
        edges = np.unique(np.quantile(left, np.linspace(0.1, 0.9, 9)))
        shares = [np.bincount(np.digitize(side, edges), minlength=len(edges) + 1) / len(side) for side in (left, right)]
        ((shares[1] - shares[0]) * np.log((shares[1] + 1e-9) / (shares[0] + 1e-9))).sum()


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall seconds of a piece of work."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def seconds(rows: int, columns: int, repeats: int, sql: Statements) -> tuple[float, float, float]:
    """Median seconds of the bins, of a day against them, and of SciPy, for so many rows on each side."""
    sides = {
        "reference_rows": example(rows, columns, seed=1),
        "current_rows": example(rows, columns, seed=2, shift=0.1),
    }
    with duckdb.connect(config={"threads": 2}) as connection:
        for name, frame in sides.items():
            connection.register("frame", frame)
            connection.execute(f"create table {name} as from frame")
        bins = median_seconds(lambda: connection.execute(f"create or replace table bins as {sql.bins}"), repeats)
        day = median_seconds(lambda: connection.execute(f"create or replace table measures as {sql.measures}"), repeats)
    return bins, day, median_seconds(lambda: by_scipy(*sides.values()), repeats)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--columns", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    names = list(example(1, given.columns, seed=0).columns)
    sql = statements(names[:-1], names[-1:])
    print("| rows, each side | bins of the reference, once a version | a day against them | both | SciPy, KS and PSI |")
    print("| --- | --- | --- | --- | --- |")
    for rows in given.rows:
        bins, day, scipy = seconds(rows, given.columns, given.repeats, sql)
        print(f"| {rows:,} | {bins:.2f} | {day:.2f} | {bins + day:.2f} | {scipy:.2f} |")


if __name__ == "__main__":
    main()
