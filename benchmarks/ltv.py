"""Customer LTV beside BG/NBD with gamma-gamma, the standard of the field, on the same test users.

BG/NBD (Fader, Hardie and Lee 2005) expects the bookings of the next 365 days from a customer's number of repeat
bookings, the time of the last one and the time since the first; gamma-gamma (Fader and Hardie 2013) what a booking is
worth. Both come from pymc-marketing, fitted by maximum a posteriori on the bookings that stood at the test's snapshot.
They speak of customers only: a user without a booking gets the product's baseline.

pymc-marketing is no dependency of the project. Build the product first, then run this from an environment of its own:

    dbt build --select +customer_ltv_predictions
    python -m venv /path/to/environment
    /path/to/environment/bin/pip install pymc-marketing duckdb
    /path/to/environment/bin/python benchmarks/ltv.py [--database data/wanderbricks.duckdb] [--gold data/gold]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

DAYS = 365

TEST = """
    select
        user_id as customer_id,
        as_of_date,
        activity,
        revenue,
        baseline_revenue,
        predicted_ltv_12m
    from built.wanderbricks_ml.customer_ltv_backtest
    where
        split = 'test'
        and model_version = (select max(model_version) from built.wanderbricks_ml.customer_ltv_backtest)
    order by user_id
"""

HISTORY = """
    with daily as (
        select
            user_id as customer_id,
            cast(created_at as date) as day,
            cast(sum(total_amount) as double) as amount
        from read_parquet($bookings)
        where
            cast(created_at as date) < $snapshot
            and not (is_cancelled and cast(updated_at as date) < $snapshot)
        group by all
    ),
    numbered as (
        select *, row_number() over (partition by customer_id order by day) as number from daily
    )
    select
        customer_id,
        cast(count(*) - 1 as double) as frequency,
        cast(date_diff('day', min(day), max(day)) as double) as recency,
        cast(date_diff('day', min(day), $snapshot) as double) as "T",
        avg(amount) filter (where number > 1) as monetary_value
    from numbered
    group by customer_id
    order by customer_id
"""


def expected_revenue(history: Any) -> np.ndarray:
    """Expected revenue of the next `DAYS` for each row of `history`."""
    from pymc_marketing import clv  # type: ignore[import-not-found]

    bookings = clv.BetaGeoModel(data=history.drop(columns="monetary_value"))
    bookings.fit(method="map", progressbar=False)
    expected = bookings.expected_purchases(data=history, future_t=DAYS).mean(("chain", "draw")).to_numpy()
    repeated = history[(history["frequency"] > 0) & (history["monetary_value"] > 0)].reset_index(drop=True)
    value = clv.GammaGammaModel(data=repeated[["customer_id", "frequency", "monetary_value"]])
    value.fit(method="map", progressbar=False)
    known = history.fillna({"monetary_value": 0.0})
    spend = value.expected_customer_spend(data=known).mean(("chain", "draw")).to_numpy()
    found: np.ndarray = expected * spend
    return found


def measured(label: np.ndarray, expected: np.ndarray) -> str:
    """Deviance, normalised Gini, error over deciles and bias as cells of a Markdown row."""
    positive = np.where(label > 0, label, 1.0)
    deviance = 2 * np.mean(np.where(label > 0, label * np.log(positive / expected), 0.0) - label + expected)

    def gini(by: np.ndarray) -> float:
        shares = np.cumsum(label[np.argsort(-by, kind="stable")]) / label.sum()
        return float(shares.mean() - 0.5 - 0.5 / len(label))

    parts = np.array_split(np.argsort(expected, kind="stable"), 10)
    errors = [abs(expected[part].mean() / max(label[part].mean(), 1e-9) - 1) for part in parts]
    bias = expected.sum() / label.sum() - 1
    return f"{deviance:.1f} | {gini(expected) / gini(label):.4f} | {np.mean(errors):.3f} | {bias:+.1%}"


def main() -> None:
    """Print one Markdown row for each group of users and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", type=Path, default=Path("data/wanderbricks.duckdb"))
    parser.add_argument("--gold", type=Path, default=Path("data/gold"))
    arguments = parser.parse_args()
    try:
        import pymc_marketing  # noqa: F401
    except ImportError:
        sys.exit(f"pymc-marketing is not installed here.\n{__doc__}")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{arguments.database}' as built (read_only)")
        test = connection.execute(TEST).df()
        snapshot = test["as_of_date"].iloc[0].date()
        bookings = str(arguments.gold / "fact_booking_detail.parquet")
        history = connection.execute(HISTORY, {"bookings": bookings, "snapshot": snapshot}).df()
    history["bg_nbd"] = expected_revenue(history)
    test = test.merge(history[["customer_id", "bg_nbd"]], on="customer_id", how="left")
    test["bg_nbd"] = test["bg_nbd"].fillna(test["baseline_revenue"]).clip(lower=1e-6)
    groups = {
        "all users": np.ones(len(test), bool),
        "booked within a year": ~test["activity"].isin(["never booked", "lapsed"]).to_numpy(),
    }
    methods = {"baseline": "baseline_revenue", "BG/NBD, gamma-gamma": "bg_nbd", "customer_ltv": "predicted_ltv_12m"}
    print("| users | method | Poisson deviance | normalised Gini | decile MAPE | bias |")
    print("| --- | --- | --- | --- | --- | --- |")
    for group, rows in groups.items():
        for method, column in methods.items():
            cells = measured(test.loc[rows, "revenue"].to_numpy(), test.loc[rows, column].to_numpy())
            print(f"| {group} | {method} | {cells} |")


if __name__ == "__main__":
    main()
