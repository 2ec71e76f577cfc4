"""Measure the cancellation predictor on real bookings of two hotels, with and without what gold does not hold.

The hotel booking demand data set (`wanderbricks import hotel-bookings`) has arrivals from 2015-07 on. The product is
built from it twice, with the gold columns alone and with the dbt var booking_attributes, and judged on the last four
months of arrivals: the product's own test rows. Every label that a version learnt from was known before the first of
these days.

Prints Markdown: AUC, F1 at the threshold that is best on the validation arrivals, average precision, Brier score and
log loss, beside the baseline's and those of an untuned XGBoost on the same columns without any history; for all test
arrivals, and for those booked within the four months alone; how much of the bookings and cancellations are those of a
"Non Refund" deposit, and the metrics without them; and, for bookings that were open when the four months began, the log
loss of the probability when the booking was made and of what remained of it. A second table has what is served on
days of which the outcomes are known by now: the refit has learned all labels up to that day, where the version that is
judged has none of the four months and none of the validation's two.

    wanderbricks import hotel-bookings --csv hotel_bookings.csv --out data/hotels
    python benchmarks/cancellation.py [--gold data/hotels] [--as-of 2017-03-01]
        [--served-on 2016-10-01 2016-11-01 2016-12-01]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from build import run_dbt
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.importers.hotel_bookings.parsed import BOOKING_ATTRIBUTES

Columns = dict[str, Any]

ROWS = """
    select
        backtest.split,
        backtest.made,
        backtest.cancelled,
        backtest.rule_probability as baseline_probability,
        backtest.cancellation_probability,
        backtest.later_share,
        coalesce(bookings.deposit_type = 'Non Refund', false) as is_non_refund,
        backtest.made = 'before the split'
            and (not bookings.is_cancelled or cast(bookings.updated_at as date) >= backtest.as_of_date) as is_open
    from wanderbricks_ml.cancellation_backtest as backtest
    inner join read_parquet($gold || '/fact_booking_detail.parquet') as bookings using (booking_id)
    order by booking_id
"""

SERVED = """
    select
        predictions.cancellation_probability,
        predictions.remaining_probability,
        bookings.is_cancelled and cast(bookings.updated_at as date) <= predictions.check_in_date as cancelled
    from wanderbricks_ml.cancellation_predictions as predictions
    inner join read_parquet($gold || '/fact_booking_detail.parquet') as bookings using (booking_id)
"""
"""What is served of the bookings that are open, and what became of them: gold has the days after, too."""

OPEN = """
    select split, cancelled, cancellation_probability, later_share
    from wanderbricks_ml.cancellation_backtest
    where is_open = 1
"""


def best_threshold(label: Floats, probability: Floats) -> float:
    """The probability from which on calling a row positive gives the largest F1."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(label[order])
    f1 = 2 * hits / (np.arange(1, len(label) + 1) + label.sum())
    return float(probability[order][f1.argmax()])


def f1_at(label: Floats, probability: Floats, threshold: float) -> float:
    """F1 of calling the rows positive whose probability reaches the threshold."""
    called = probability >= threshold
    return float(2 * label[called].sum() / (called.sum() + label.sum()))


def untuned(connection: duckdb.DuckDBPyConnection) -> Floats:
    """Probabilities of XGBoost as it comes for validation and test rows, in order of booking_id."""
    from xgboost import XGBClassifier

    examples = connection.execute(
        """
        select * exclude (
            as_of_date, created_date, check_in_date, label_known_date, property_id, lead_band, made, later_share,
            is_open, rule_probability, baseline_probability
        )
        from wanderbricks_ml.cancellation_examples where split <> 'score' order by booking_id
        """
    ).df()
    history = [name for name in examples if str(name).endswith(("_decided", "_cancelled", "_ratio", "_365d"))]
    features = examples.drop(columns=["booking_id", "split", "cancelled", *history])
    for name in features.select_dtypes(exclude="number"):
        features[name] = features[name].astype("category")
    train = examples["split"] == "train"
    model = XGBClassifier(enable_categorical=True, random_state=7).fit(features[train], examples["cancelled"][train])
    probability: Floats = model.predict_proba(features[~train])[:, 1].astype(float)
    return probability


def row(name: str, rows: Columns, chosen: npt.NDArray[np.bool_], column: str) -> str:
    """Metrics of the chosen test rows, as a line of Markdown."""
    validation = rows["split"] == "validation"
    label, probability = rows["cancelled"].astype(float), rows[column].astype(float)
    threshold = best_threshold(label[validation], probability[validation])
    label, probability = label[chosen], np.clip(probability[chosen], 1e-15, 1 - 1e-15)
    values = (
        label.mean(),
        roc_auc_score(label, probability),
        f1_at(label, probability, threshold),
        average_precision_score(label, probability),
        np.mean((label - probability) ** 2),
        log_loss(label, probability),
    )
    return f"| {name} | {len(label):,} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


@contextmanager
def database(gold: Path, as_of: str, attributes: tuple[str, ...]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database of a first build."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        variables = json.dumps({"as_of": as_of, "booking_attributes": list(attributes)})
        print(f"building as of {as_of} with {len(attributes)} booking attributes", file=sys.stderr)
        options = ("--vars", variables)
        run = run_dbt(work, gold, *options, selection="+cancellation_predictions")
        # a version that the gate holds is a result
        if run.code not in (0, 1):
            raise SystemExit((work / "dbt.out").read_text()[-4000:])
        with duckdb.connect(str(work / "wanderbricks.duckdb"), read_only=True) as connection:
            yield connection


def built(gold: Path, as_of: str, attributes: tuple[str, ...]) -> Columns:
    """Rows of the backtest of a first build, and what an untuned model predicts for them."""
    with database(gold, as_of, attributes) as connection:
        rows: Columns = connection.execute(ROWS, {"gold": str(gold.resolve())}).fetchnumpy()
        return rows | {"untuned": untuned(connection)}


def left(made: Floats, later: Floats) -> Floats:
    """What is left of probabilities when the share `later` of all cancellations is still to come (Bayes)."""
    return np.clip(made * later / (1 - made + made * later), 1e-15, 1 - 1e-15)


def odds_ratio(label: Floats, expected: Floats) -> float:
    """How many times the odds are those expected (Mantel and Haenszel)."""
    return float((label * (1 - expected)).sum() / ((1 - label) * expected).sum())


def served(gold: Path, day: str) -> str:
    """What is served on a day beside what came of it, as a line of Markdown; and the odds of what was open before."""
    with database(gold, day, BOOKING_ATTRIBUTES) as connection:
        rows: Columns = connection.execute(SERVED, {"gold": str(gold.resolve())}).fetchnumpy()
        before: Columns = connection.execute(OPEN).fetchnumpy()
    label, made, remaining = (
        rows[name].astype(float) for name in ("cancelled", "cancellation_probability", "remaining_probability")
    )
    if not len(label):
        return f"| {day} | 0 | | | | | | | | |"
    losses = " | ".join(f"{log_loss(label, np.clip(value, 1e-15, 1 - 1e-15)):.3f}" for value in (remaining, made))
    odds = []
    for split in ("validation", "test"):
        chosen = before["split"] == split
        outcome, probability, later = (
            before[name][chosen].astype(float) for name in ("cancelled", "cancellation_probability", "later_share")
        )
        odds.append(odds_ratio(outcome, left(probability, later)))
    of_odds = " | ".join(f"{value:.2f}" for value in (*odds, odds_ratio(label, remaining)))
    means = " | ".join(f"{value.mean():.3f}" for value in (label, remaining, made))
    return f"| {day} | {len(label):,} | {means} | {losses} | {of_odds} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, default=Path("data/hotels"), help="imported hotels (default data/hotels)")
    parser.add_argument("--as-of", default="2017-03-01", help="day after the last test arrival (default 2017-03-01)")
    parser.add_argument(
        "--served-on",
        nargs="*",
        default=["2016-10-01", "2016-11-01", "2016-12-01"],
        help="days of which to show what is served (default the first of October, November and December 2016)",
    )
    arguments = parser.parse_args()
    print("| test arrivals | rows | cancelled | AUC | F1 | average precision | Brier | log loss |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for attributes in ((), BOOKING_ATTRIBUTES):
        rows = built(arguments.gold, arguments.as_of, attributes)
        test = rows["split"] == "test"
        within = test & (rows["made"] == "within the split")
        refundable = test & ~rows["is_non_refund"]
        columns = "booking attributes" if attributes else "gold columns alone"
        if not attributes:
            print(row("baseline", rows, test, "baseline_probability"))
        print(row(f"{columns}, untuned XGBoost", rows, test, "untuned"))
        print(row(columns, rows, test, "cancellation_probability"))
        print(row(f"{columns}, booked within", rows, within, "cancellation_probability"))
        print(row(f"{columns}, without Non Refund", rows, refundable, "cancellation_probability"), flush=True)
    label = rows["cancelled"].astype(float)
    final = test & rows["is_non_refund"]
    print(
        f"\nNon Refund: {final.sum() / test.sum():.1%} of the test arrivals, {label[final].mean():.1%} of them "
        f"cancelled, {label[final].sum() / label[test].sum():.1%} of all cancellations."
    )
    still_open = rows["is_open"] & test
    label = label[still_open]
    made = rows["cancellation_probability"].astype(float)[still_open]
    later = rows["later_share"].astype(float)[still_open]
    remaining = left(made, later)
    print(
        f"Open when the test arrivals began: {still_open.sum():,} bookings, {label.mean():.3f} cancelled; mean "
        f"probability {made.mean():.3f} when made, {remaining.mean():.3f} remaining; log loss "
        f"{log_loss(label, made):.3f} and {log_loss(label, remaining):.3f}."
    )
    print(
        "\n| served on | open | cancelled since | remaining | when made | log loss: remaining | when made | "
        "odds over expected: of validation's open bookings | of the test's | of those served |"
    )
    print("|" + " --- |" * 10)
    for day in arguments.served_on:
        print(served(arguments.gold, day), flush=True)


if __name__ == "__main__":
    main()
