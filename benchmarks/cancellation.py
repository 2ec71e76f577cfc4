"""Measure the cancellation predictor on real bookings of two hotels, with and without what gold does not hold.

The hotel booking demand data set (`wanderbricks import hotel-bookings`) has arrivals from 2015-07 on. The product is
built from it twice, with the gold columns alone and with the dbt var booking_attributes, and judged on the last four
months of arrivals: the product's own test rows. Every label that a version learnt from was known before the first of
these days.

Prints Markdown: AUC, F1 at the threshold that is best on the validation arrivals, average precision, Brier score and
log loss, beside the baseline's and those of an untuned XGBoost on the same columns without any history; for all test
arrivals, and for those booked within the four months alone; how much of the bookings and cancellations are those of a
"Non Refund" deposit, and the metrics without them; and, for bookings that were open when the four months began, the log
loss of the probability when the booking was made and of what remained of it.

    wanderbricks import hotel-bookings --csv hotel_bookings.csv --out data/hotels
    python benchmarks/cancellation.py [--gold data/hotels] [--as-of 2017-03-01]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
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


def built(gold: Path, as_of: str, attributes: tuple[str, ...]) -> Columns:
    """Rows of the backtest of a first build, and what an untuned model predicts for them."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        variables = json.dumps({"as_of": as_of, "booking_attributes": list(attributes)})
        print(f"building with {len(attributes)} booking attributes", file=sys.stderr)
        options = ("--vars", variables)
        run = run_dbt(work, gold, *options, selection="+cancellation_predictions")
        # a version that the gate holds is a result
        if run.code not in (0, 1):
            raise SystemExit((work / "dbt.out").read_text()[-4000:])
        with duckdb.connect(str(work / "wanderbricks.duckdb"), read_only=True) as connection:
            rows: Columns = connection.execute(ROWS, {"gold": str(gold.resolve())}).fetchnumpy()
            return rows | {"untuned": untuned(connection)}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, default=Path("data/hotels"), help="imported hotels (default data/hotels)")
    parser.add_argument("--as-of", default="2017-03-01", help="day after the last test arrival (default 2017-03-01)")
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
    remaining = np.clip(made * later / (1 - made + made * later), 1e-15, 1 - 1e-15)
    print(
        f"Open when the test arrivals began: {still_open.sum():,} bookings, {label.mean():.3f} cancelled; mean "
        f"probability {made.mean():.3f} when made, {remaining.mean():.3f} remaining; log loss "
        f"{log_loss(label, made):.3f} and {log_loss(label, remaining):.3f}."
    )


if __name__ == "__main__":
    main()
