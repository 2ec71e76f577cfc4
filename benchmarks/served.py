"""Hold what customer LTV serves against the year that came, on platforms that are simulated for a year longer.

The truth of a preset's last day knows the year ahead as little as the model does: it takes the guests' rates of the
year before. So here the preset, with users and demand in proportion, lasts four years: the product is built on what
was known after three, and what it serves is summed beside what these users then spent, and beside the simulator's
truth, which knows the rates of the fourth year.

    python benchmarks/served.py [--preset dev] [--seeds 1 2 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import patch

import duckdb
from build import run_dbt

from wanderbricks_ml.simulator import simulate
from wanderbricks_ml.simulator.presets import PRESETS

DAYS = 365

TOTALS = """
    select
        sum(served.predicted_ltv_12m),
        sum(served.baseline_revenue),
        sum(truth.expected_revenue_365d),
        sum(came.revenue)
    from built.wanderbricks_ml.customer_ltv_predictions as served
    inner join read_parquet($truth) as truth on served.user_id = truth.user_id and served.as_of_date = truth.as_of_date
    left join (
        select user_id, cast(sum(total_amount) as double) as revenue
        from read_parquet($bookings)
        where not is_cancelled and cast(created_at as date) between $as_of and $as_of + 364
        group by user_id
    ) as came on served.user_id = came.user_id
"""


@contextmanager
def lasting(preset: str) -> Iterator[date]:
    """Let a preset last a year longer, at the same users and attempts a day; yields the day on which it ended."""
    sizes = PRESETS[preset]
    last = sizes.last_day + timedelta(DAYS)
    longer = (last - sizes.first_day).days / (sizes.last_day - sizes.first_day).days
    users, attempts = round(sizes.users * longer), round(sizes.expected_attempts * longer)
    with patch.dict(PRESETS, {preset: replace(sizes, last_day=last, users=users, expected_attempts=attempts)}):
        yield sizes.last_day


def totals(preset: str, seed: int) -> tuple[float, ...]:
    """What is served, by the model and by the rule, the truth and what came, all users together."""
    with tempfile.TemporaryDirectory() as folder, lasting(preset) as known:
        work = Path(folder)
        print(f"seed {seed}: simulating {preset} and a further year", file=sys.stderr)
        simulate(preset, seed, work / "later")
        simulate(preset, seed, work / "gold", until=known, truth=True)
        print(f"seed {seed}: building +customer_ltv_predictions", file=sys.stderr)
        run = run_dbt(work, work / "gold", selection="+customer_ltv_predictions")
        if run.code > 1:
            raise SystemExit((work / "dbt.out").read_text()[-4000:])
        with duckdb.connect() as connection:
            connection.execute(f"attach '{work / 'wanderbricks.duckdb'}' as built (read_only)")
            given = {
                "truth": str(work / "gold/truth/users.parquet"),
                "bookings": str(work / "later/fact_booking_detail.parquet"),
                "as_of": known + timedelta(1),
            }
            found: tuple[float, ...] = connection.execute(TOTALS, given).fetchall()[0]
        return found


def main() -> None:
    """Print one Markdown row for each seed: what came, and how far the others are from it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="dev", help="preset of the simulator (default dev)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="seeds (default 1 2 3)")
    arguments = parser.parse_args()
    print("| seed | spent in the year that followed | served | rule | truth |")
    print("| --- | --- | --- | --- | --- |")
    for seed in arguments.seeds:
        served, rule, truth, came = totals(arguments.preset, seed)
        others = " | ".join(f"{total / came - 1:+.1%}" for total in (served, rule, truth))
        print(f"| {seed} | {came:,.0f} | {others} |", flush=True)


if __name__ == "__main__":
    main()
