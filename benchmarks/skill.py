"""Compare each product's model with the best possible one, on simulated gold with known truth.

For each seed: simulate gold with truth, build the product, and score the baseline, the model and the truth on the
same test rows. The share of achievable skill is (baseline loss - model loss) / (baseline loss - truth loss), with a
95 % bootstrap interval over units (properties, users, ...); it is quoted only where the baseline's loss lies clearly
above the truth's.

Where a product cuts its probabilities, a second table has the F1 of the test rows: calling every row positive, and
baseline, model and truth each at a threshold of its own (the model's is the champion's, the others' are best on the
validation rows, as the model's is). The last column is the model's F1 over the truth's.

    python benchmarks/skill.py [--products demand ...] [--preset dev] [--seeds 1 2 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
from build import run_dbt

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.bootstrap import drawn_blocks, interval_95
from wanderbricks_ml.simulator import simulate

REPLICATES = 1_000


class Product(NamedTuple):
    """How a product's model is compared with the truth.

    `query` yields columns unit, label, baseline, model and truth of the test rows (of revenue, days of the total and
    weeks of each destination); ``$truth`` is the folder of truth.
    With columns split and threshold, the model's, it yields the validation rows too, and F1 is compared as well.
    `loss` gives the loss by row from label and expectation.
    """

    selection: str
    query: str
    loss: Callable[[Floats, Floats], Floats]


DEMAND = """
    select
        backtest.property_id as unit,
        backtest.bookings as label,
        backtest.baseline_bookings as baseline,
        backtest.predicted_bookings as model,
        -- what is on the books is certain, and the rest never quite impossible
        greatest(truth.expected_bookings, 1e-6) as truth
    from wanderbricks_ml.demand_backtest as backtest
    inner join read_parquet($truth || '/demand.parquet') as truth using (property_id, as_of_date, check_in_date)
    where backtest.split = 'test'
"""

CONVERSION = """
    select
        backtest.property_id as unit,
        backtest.converted as label,
        backtest.baseline_probability as baseline,
        backtest.conversion_probability as model,
        -- without a click there is no booking, but never quite
        least(greatest(truth.conversion_probability, 1e-6), 1 - 1e-6) as truth
    from wanderbricks_ml.conversion_backtest as backtest
    inner join read_parquet($truth || '/conversion.parquet') as truth using (property_id, engagement_date)
    where backtest.split = 'test'
"""

CUSTOMER_LTV = """
    select
        backtest.user_id as unit,
        backtest.revenue as label,
        backtest.baseline_revenue as baseline,
        backtest.predicted_ltv_12m as model,
        greatest(truth.expected_revenue_365d, 1e-6) as truth
    from wanderbricks_ml.customer_ltv_backtest as backtest
    inner join read_parquet($truth || '/users.parquet') as truth using (user_id, as_of_date)
    where backtest.split = 'test'
"""

REVENUE = """
    select
        date_diff('week', date '2020-01-06', backtest.forecast_date) as unit,
        backtest.revenue as label,
        backtest.baseline_revenue as baseline,
        backtest.forecast_revenue as model,
        truth.expected_revenue as truth
    from wanderbricks_ml.revenue_backtest as backtest
    inner join (
        select as_of_date, check_in_date as forecast_date, sum(expected_revenue) as expected_revenue
        from read_parquet($truth || '/revenue.parquet')
        group by all
    ) as truth using (as_of_date, forecast_date)
    where backtest.forecast_level = 'total' and backtest.window_days = 1
"""

REVENUE_DESTINATIONS = """
    select
        week as unit,
        sum(revenue) as label,
        sum(baseline_revenue) as baseline,
        sum(forecast_revenue) as model,
        sum(expected_revenue) as truth
    from (
        select
            backtest.*,
            truth.expected_revenue,
            date_diff('week', date '2020-01-06', backtest.forecast_date) as week
        from wanderbricks_ml.revenue_backtest as backtest
        inner join read_parquet($truth || '/revenue.parquet') as truth
            on backtest.destination_id = truth.destination_id
            and backtest.as_of_date = truth.as_of_date
            and backtest.forecast_date = truth.check_in_date
        where backtest.forecast_level = 'destination' and backtest.window_days = 1
    )
    group by as_of_date, destination_id, week
"""

CHURN = """
    select
        backtest.user_id as unit,
        backtest.split,
        backtest.churned as label,
        backtest.baseline_probability as baseline,
        backtest.churn_probability as model,
        least(greatest(truth.no_booking_probability_180d, 1e-6), 1 - 1e-6) as truth,
        champion.decision_threshold as threshold
    from wanderbricks_ml.churn_backtest as backtest
    inner join read_parquet($truth || '/users.parquet') as truth using (user_id, as_of_date)
    inner join wanderbricks_ml.churn_champion as champion on backtest.model_version = champion.model_version
    where champion.serves
"""

CANCELLATION = """
    select
        backtest.property_id as unit,
        backtest.split,
        backtest.cancelled as label,
        backtest.baseline_probability as baseline,
        backtest.cancellation_probability as model,
        -- nobody cancels on the day of arrival, but never quite
        least(greatest(truth.cancellation_probability, 1e-6), 1 - 1e-6) as truth,
        champion.decision_threshold as threshold
    from wanderbricks_ml.cancellation_backtest as backtest
    inner join read_parquet($truth || '/cancellation.parquet') as truth using (booking_id)
    inner join wanderbricks_ml.cancellation_champion as champion on backtest.model_version = champion.model_version
    where champion.serves
"""


def absolute_loss(label: Floats, expected: Floats) -> Floats:
    """Absolute error by row."""
    return np.abs(label - expected)


def poisson_loss(label: Floats, expected: Floats) -> Floats:
    """Poisson deviance by row; of any label that is not negative a proper loss for means."""
    safe = np.where(label > 0, label, 1.0)
    return 2 * (np.where(label > 0, label * np.log(safe / expected), 0.0) - label + expected)


def log_loss(label: Floats, probability: Floats) -> Floats:
    """Negative log likelihood by row."""
    return -np.where(label > 0, np.log(probability), np.log1p(-probability))


PRODUCTS = {
    "demand": Product("+demand_predictions", DEMAND, poisson_loss),
    "conversion": Product("+conversion_predictions", CONVERSION, log_loss),
    "customer_ltv": Product("+customer_ltv_predictions", CUSTOMER_LTV, poisson_loss),
    "revenue": Product("+revenue_forecasts", REVENUE, absolute_loss),
    "revenue_destinations": Product("+revenue_forecasts", REVENUE_DESTINATIONS, absolute_loss),
    "churn": Product("+churn_predictions", CHURN, log_loss),
    "cancellation": Product("+cancellation_predictions", CANCELLATION, log_loss),
}


def shares(rows: dict[str, Any], loss: Callable[[Floats, Floats], Floats], seed: int) -> dict[str, Any]:
    """Mean losses, the share of achievable skill and its interval, resampling whole units."""
    names = ("baseline", "model", "truth")
    losses = np.stack([loss(rows["label"], rows[name]) for name in names])
    _, unit = np.unique(rows["unit"], return_inverse=True)
    sums = np.stack([np.bincount(unit, loss) for loss in losses])
    count = np.bincount(unit)
    weights = drawn_blocks(len(count), REPLICATES, seed)
    means = (weights @ sums.T) / (weights @ count)[:, None]
    gap = means[:, 0] - means[:, 2]
    share = (means[:, 0] - means[:, 1]) / gap
    mean = sums.sum(axis=1) / count.sum()
    return {
        **dict(zip(names, mean, strict=True)),
        "rows": len(unit),
        "gap": interval_95(gap),
        "share": (mean[0] - mean[1]) / (mean[0] - mean[2]),
        "interval": interval_95(share),
    }


def best_threshold(label: Floats, probability: Floats) -> float:
    """The probability from which on rows have to count as positive for the largest F1."""
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    f1 = 2 * np.cumsum(label[order]) / (np.arange(1, len(label) + 1) + label.sum())
    # rows of equal probability are called together
    f1[:-1][ranked[1:] == ranked[:-1]] = 0
    return float(ranked[f1.argmax()])


def f1_shares(rows: dict[str, Any], seed: int) -> dict[str, Any]:
    """F1 on the test rows at thresholds of the validation rows, and the model's over the truth's with its interval."""
    test, validation = rows["split"] == "test", rows["split"] == "validation"
    label = rows["label"][test]
    thresholds = {
        name: best_threshold(rows["label"][validation], rows[name][validation]) for name in ("baseline", "truth")
    } | {"model": float(rows["threshold"][0])}
    called = {name: (rows[name][test] >= threshold).astype(float) for name, threshold in thresholds.items()}
    called["trivial"] = np.ones(len(label))
    _, unit = np.unique(rows["unit"][test], return_inverse=True)
    positives = np.bincount(unit, label)
    parts = {
        name: (np.bincount(unit, label * positive), np.bincount(unit, positive)) for name, positive in called.items()
    }
    weights = drawn_blocks(len(positives), REPLICATES, seed)
    found = {name: 2 * hits.sum() / (calls.sum() + positives.sum()) for name, (hits, calls) in parts.items()}
    again = {
        name: 2 * (weights @ hits) / (weights @ (calls + positives))
        for name, (hits, calls) in parts.items()
        if name in ("model", "truth")
    }
    return found | {
        "share": found["model"] / found["truth"],
        "interval": interval_95(again["model"] / again["truth"]),
    }


def measure(products: list[str], preset: str, seed: int) -> dict[str, dict[str, Any]]:
    """Simulate once, build the products and compare each."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        print(f"seed {seed}: simulating {preset} with truth", file=sys.stderr)
        simulate(preset, seed, work / "gold", truth=True)
        selection = " ".join(dict.fromkeys(PRODUCTS[name].selection for name in products))
        print(f"seed {seed}: building {selection}", file=sys.stderr)
        run = run_dbt(work, work / "gold", selection=selection)
        if run.code:
            raise SystemExit((work / "dbt.out").read_text()[-4000:])
        found = {}
        with duckdb.connect(str(work / "wanderbricks.duckdb"), read_only=True) as connection:
            for name in products:
                product = PRODUCTS[name]
                rows = connection.execute(product.query, {"truth": str(work / "gold/truth")}).fetchnumpy()
                of_test = rows["split"] == "test" if "split" in rows else slice(None)
                found[name] = shares({key: values[of_test] for key, values in rows.items()}, product.loss, seed)
                if "threshold" in rows:
                    found[name]["f1"] = f1_shares(rows, seed)
    return found


def main() -> None:
    """Print one Markdown row for each product and seed, and a table of F1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS), help="products (default all)"
    )
    parser.add_argument("--preset", default="dev", help="preset of the simulator (default dev)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="seeds (default 1 2 3)")
    arguments = parser.parse_args()
    print("| product | seed | test rows | loss: baseline | model | truth | share of achievable skill (95 %) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    of_f1 = []
    for seed in arguments.seeds:
        for name, found in measure(arguments.products, arguments.preset, seed).items():
            clear = found["gap"][0] > 0
            share = f"{found['share']:.1%} ({found['interval'][0]:.1%} to {found['interval'][1]:.1%})"
            losses = " | ".join(f"{found[part]:.4f}" for part in ("baseline", "model", "truth"))
            print(
                f"| {name} | {seed} | {found['rows']:,} | {losses} | {share if clear else 'not above noise'} |",
                flush=True,
            )
            if "f1" in found:
                f1 = found["f1"]
                parts = " | ".join(f"{f1[part]:.3f}" for part in ("trivial", "baseline", "model", "truth"))
                interval = f"{f1['interval'][0]:.1%} to {f1['interval'][1]:.1%}"
                of_f1.append(f"| {name} | {seed} | {parts} | {f1['share']:.1%} ({interval}) |")
    if of_f1:
        print("\n| product | seed | F1: trivial | baseline | model | truth | model over truth (95 %) |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        print("\n".join(of_f1))


if __name__ == "__main__":
    main()
