"""Time the measurement of drift: PSI, Kolmogorov-Smirnov statistic and Jensen-Shannon distance of 25 columns.

Twenty-four numeric columns, of which a third are whole numbers and every one misses some values, and a categorical one.
As in the project, the reference is cut into bins once, and a day is compared with the bins. Two threads of DuckDB;
prints Markdown: the least CPU seconds, beside those of DuckDB's own histogram() of the day's columns with twenty fixed
bins each, and of SciPy on the raw values, one column after the other (KS and PSI).

    python benchmarks/drift.py [--rows 100000 1000000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
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
    with edges as ({{{{ bin_edges('reference_rows', {numeric}) }}}}),
    counted as ({counts}),
    bins as ({{{{ reference_bins('counted', 'edges', []) }}}})
    select * from bins
"""

MEASURES = """
    with edges as (select feature_name, upper_edge as edge from bins where upper_edge is not null),
    counted as ({counts}),
    compared as ({{{{ binned_counts('counted', 'bins', []) }}}})
    {{{{ drift_measures('compared', []) }}}}
"""

COUNTS = """
    select feature_name, place, cast(null as {{{{ dbt.type_string() }}}}) as level, row_count
    from ({{{{ edge_counts('{rows}', {numeric}, 'edges') }}}}) as numbers
    union all
    select feature_name, cast(null as int) as place, level, row_count
    from ({{{{ level_counts('{rows}', {categorical}) }}}}) as levels
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
        for inline, rows in ((BINS, "reference_rows"), (MEASURES, "current_rows")):
            counts = COUNTS.format(rows=rows, numeric=list(numeric), categorical=list(categorical))
            query = inline.format(numeric=list(numeric), counts=counts)
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


def least_seconds(work: Callable[[], object], repeats: int) -> float:
    """Least CPU seconds of a piece of work."""
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def seconds(rows: int, columns: int, repeats: int, sql: Statements) -> dict[str, float]:
    """Least CPU seconds of each piece of work, for so many rows on each side."""
    sides = {
        "reference_rows": example(rows, columns, seed=1),
        "current_rows": example(rows, columns, seed=2, shift=0.1),
    }
    edges = sides["reference_rows"].iloc[:, :-1].quantile(np.linspace(0.05, 0.95, 19))
    counts = [f"histogram({name}, {edges[name].tolist()})" for name in edges]
    peer = f"select {', '.join(counts)}, histogram(kind) from {{}}"
    with duckdb.connect(config={"threads": 2}) as connection:
        for name, frame in sides.items():
            connection.register("frame", frame)
            connection.execute(f"create table {name} as from frame")
        works = {
            "bins": lambda: connection.execute(f"create or replace table bins as {sql.bins}"),
            "day": lambda: connection.execute(f"create or replace table measures as {sql.measures}"),
            "histogram": lambda: connection.execute(peer.format("current_rows")).fetchall(),
            "SciPy": lambda: by_scipy(*sides.values()),
        }
        return {name: least_seconds(work, repeats) for name, work in works.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--columns", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    names = list(example(1, given.columns, seed=0).columns)
    sql = statements(names[:-1], names[-1:])
    print(
        "| rows, each side | histogram() | a day against the bins | times | bins, once a version | times "
        "| SciPy, KS and PSI |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for rows in given.rows:
        found = seconds(rows, given.columns, given.repeats, sql)
        peer = found["histogram"]
        print(
            f"| {rows:,} | {peer:.2f} | {found['day']:.2f} | {found['day'] / peer:.1f} | {found['bins']:.2f} | "
            f"{found['bins'] / peer:.1f} | {found['SciPy']:.2f} |"
        )


if __name__ == "__main__":
    main()
