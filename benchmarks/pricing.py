"""Judge pricing's estimate of its lift by the true one, on simulated gold with known truth.

For each seed: simulate gold with truth, build the product, and print the doubly robust estimate with its 95 % interval,
the lift that the policy truly has on the test months (expected revenue at the recommended over the current prices), the
largest lift that one step of price allows, the true lift of a careless model (the same learner, with a monotone price
but without orthogonalisation), and what the model expects to be earned over what was. The last lines say of all
seeds together how many intervals hold the true lift, and the sum of the squared errors in standard errors (half an
interval is 1.96 of them), which is as large as the number of seeds where intervals are as wide as they should be.

    python benchmarks/pricing.py [--preset dev] [--seeds 1 2 3 4 5]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml
from build import PROJECT, run_dbt

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.simulator import simulate

VARS = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
LEVELS = np.array([step for step in VARS["pricing_steps"] if abs(step) <= VARS["pricing_largest_change"]]) / 100
CAUTION = VARS["pricing_caution"]


REVENUES = ", ".join(
    f'max(case when round(100 * price_level) = {level} then expected_revenue end) as "truth_{level}"'
    for level in range(-30, 31, 10)
)

TEST_ROWS = f"""
    select backtest.*, truth.* exclude (property_id, stay_month, lead_months), coalesce(made.kept, 0) as kept
    from wanderbricks_ml.pricing_backtest as backtest
    inner join (
        select property_id, stay_month, lead_months, {REVENUES}
        from read_parquet($truth || '/pricing.parquet')
        group by property_id, stay_month, lead_months
    ) as truth using (property_id, stay_month, lead_months)
    left join (
        select rows.property_id, rows.stay_month, rows.lead_months, sum(cast(bookings.amount as double)) as kept
        from wanderbricks_ml.pricing_backtest as rows
        inner join wanderbricks_ml.stg_bookings as bookings
            on rows.property_id = bookings.property_id
            and rows.stay_month = date_trunc('month', bookings.check_in_date)
            and rows.as_of_date <= bookings.created_date
        where rows.split = 'test' and bookings.cancelled_date is null
        group by all
    ) as made using (property_id, stay_month, lead_months)
    where backtest.split = 'test'
    order by property_id, stay_month, lead_months
"""
"""Test rows of which truth is known, with what they earned."""


def settings() -> dict[str, Any]:
    """The product's settings, from its YAML."""
    models = yaml.safe_load((PROJECT / "models/pricing/_pricing.yml").read_text())["models"]
    found: dict[str, Any] = next(model for model in models if model["name"] == "pricing_optimizer")["config"]["meta"]
    return found


def true_revenue(rows: dict[str, Any], change: Floats) -> Floats:
    """Expected revenue by row when prices change by `change`; truth is interpolated between levels."""
    revenue = np.stack([rows[f"truth_{level}"] for level in range(-30, 31, 10)], axis=1)
    place = np.clip(np.floor((change + 0.3) / 0.1 + 1e-9).astype(int), 0, 5)
    share = (change + 0.3) / 0.1 - place
    row = np.arange(len(change))
    changed: Floats = revenue[row, place] * (1 - share) + revenue[row, place + 1] * share
    return changed


def true_lift(rows: dict[str, Any], change: Floats) -> float:
    """Gain in expected revenue, a fraction, when prices change by `change`."""
    return float(true_revenue(rows, change).sum() / np.asarray(rows["truth_0"]).sum() - 1)


def best_revenue(rows: dict[str, Any]) -> Floats:
    """The largest expected revenue by row that one step of price allows."""
    reachable = [level for level in range(-30, 31, 10) if abs(level) <= VARS["pricing_largest_change"]]
    best: Floats = np.stack([rows[f"truth_{level}"] for level in reachable], axis=1).max(axis=1)
    return best


def policy(rows: dict[str, Any]) -> Floats:
    """The product's price changes, as macro pricing_policy has them, by trying every level."""
    elasticity, deviation = (
        (rows[name] * rows["price_to_market"])[:, None] for name in ("price_slope", "price_slope_deviation")
    )
    gain = np.log1p(LEVELS) - elasticity * LEVELS - CAUTION * deviation * np.abs(LEVELS)
    thin = rows["price_slope_deviation"] > 0.5 * rows["price_slope"]
    return np.where(thin, 0.0, LEVELS[gain.argmax(axis=1)])


def careless(connection: duckdb.DuckDBPyConnection, rows: dict[str, Any]) -> Floats:
    """Price changes of gradient boosting that takes the price as one feature of many."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    features = settings()["numeric"][3:]
    query = f"select bookings, {', '.join(features)} from wanderbricks_ml.pricing_examples where split = 'train'"
    train = connection.execute(query).fetchnumpy()
    model = HistGradientBoostingRegressor(
        loss="poisson", max_iter=100, monotonic_cst=[-1] + [0] * (len(features) - 1), random_state=7
    )
    model.fit(_matrix(train, features), train["bookings"])
    examples = connection.execute(
        f"""
        select {", ".join("examples." + feature for feature in features)}
        from wanderbricks_ml.pricing_examples as examples
        inner join kept using (property_id, stay_month, lead_months)
        where examples.split = 'test'
        order by property_id, stay_month, lead_months
        """
    ).fetchnumpy()
    known = _matrix(examples, features)
    revenue = np.empty((len(known), len(LEVELS)))
    for place, level in enumerate(LEVELS):
        asked = known.copy()
        asked[:, 0] *= 1 + level
        revenue[:, place] = asked[:, 0] * model.predict(asked)
    return LEVELS[revenue.argmax(axis=1)]


def _matrix(columns: dict[str, Any], features: list[str]) -> Floats:
    return np.stack([np.ma.filled(columns[name].astype(np.float64), np.nan) for name in features], axis=1)


def measure(preset: str, seed: int) -> dict[str, Any]:
    """Simulate, build and compare one seed."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        print(f"seed {seed}: simulating {preset} with truth", file=sys.stderr)
        simulate(preset, seed, work / "gold", truth=True)
        print(f"seed {seed}: building +pricing_recommendations", file=sys.stderr)
        # a version that misses its target makes the build red, which is worth measuring too
        run = run_dbt(work, work / "gold", selection="+pricing_recommendations")
        return compared(work / "wanderbricks.duckdb", work / "gold") | {"green": run.code == 0}


@contextmanager
def opened(database: Path, gold: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database that is built, whose view of bookings reads gold where dbt's plugin has it."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as wanderbricks (read_only); create schema memory.gold")
        detail = gold / "fact_booking_detail.parquet"
        connection.execute(f"create view memory.gold.fact_booking_detail as from read_parquet('{detail}')")
        connection.execute("use wanderbricks")
        yield connection


def compared(database: Path, gold: Path) -> dict[str, Any]:
    """Estimate and truth of a database that is built."""
    truth = gold / "truth"
    with opened(database, gold) as connection:
        champion = connection.execute(
            "select metric_value, improvement_lower, improvement_upper from wanderbricks_ml.pricing_champion"
        ).fetchone()
        if champion is None or champion[0] is None:
            raise SystemExit("pricing has no version to compare; see the build's output")
        rows = connection.execute(TEST_ROWS, {"truth": str(truth)}).fetchnumpy()
        kept = f"create temp table kept as select property_id, stay_month, lead_months from ({TEST_ROWS})"
        connection.execute(kept, {"truth": str(truth)})
        value, nights, bookings, earned = (
            np.asarray(rows[name]) for name in ("asked_price", "expected_nights", "expected_bookings", "kept")
        )
        expected, lead = value * nights * bookings, np.asarray(rows["lead_months"])
        return {
            "estimate": champion[0],
            "interval": champion[1:],
            "true": true_lift(rows, policy(rows)),
            "careless": true_lift(rows, careless(connection, rows)),
            "best": float(best_revenue(rows).sum() / np.asarray(rows["truth_0"]).sum() - 1),
            "money": float(expected.sum() / earned.sum()),
            "money_by_lead": [float(expected[lead == ahead].sum() / earned[lead == ahead].sum()) for ahead in (0, 1)],
            "rows": len(rows["truth_0"]),
        }


def summary(seeds: list[dict[str, Any]]) -> str:
    """What the seeds say together of the intervals, the estimate, the money and the gate."""
    estimate, true, money = (np.array([found[name] for found in seeds]) for name in ("estimate", "true", "money"))
    low, high = np.array([found["interval"] for found in seeds]).T
    squares = np.sum((1.96 * (estimate - true) / ((high - low) / 2)) ** 2)
    inside = np.sum((low <= true) & (true <= high))
    by_lead = np.array([found["money_by_lead"] for found in seeds])
    passes, worth = sum(found["green"] for found in seeds), np.sum(true >= 0.05)
    return (
        f"{inside} of {len(seeds)} intervals hold the true lift; squared errors in standard errors: {squares:.1f}. "
        f"Mean estimate {estimate.mean():.1%}, true lift {true.mean():.1%}. Money {money.mean():.2f} in the mean, "
        f"{money.min():.2f} to {money.max():.2f}, by months ahead {by_lead.min():.2f} to {by_lead.max():.2f}. The gate "
        f"passes {passes}; {worth} truly have a lift of 5%."
    )


def main() -> None:
    """Print one Markdown row for each seed, and what they say together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="dev", help="preset of the simulator (default dev)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="seeds (default 1 to 5)")
    arguments = parser.parse_args()
    print("| seed | estimated lift (95 %) | true lift | inside | best step | careless model, truly | money | gate |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    seeds = []
    for seed in arguments.seeds:
        found = measure(arguments.preset, seed)
        seeds.append(found)
        low, high = found["interval"]
        print(
            f"| {seed} | {found['estimate']:.1%} ({low:.1%} to {high:.1%}) | {found['true']:.1%} "
            f"| {'yes' if low <= found['true'] <= high else 'no'} | {found['best']:.1%} | {found['careless']:.1%} "
            f"| {found['money']:.2f} | {'passes' if found['green'] else 'fails'} |",
            flush=True,
        )
    print(f"\n{summary(seeds)}")


if __name__ == "__main__":
    main()
