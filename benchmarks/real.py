"""Products on real bookings beside their peers, on the same test rows, in one table.

Each product is built from gold that `wanderbricks import` made, as of a day, and its back-test compared: every peer
learns from what was known when the product's first fit did (of recommendations: at the snapshot).

* cancellation, two hotels: XGBoost as it comes, on the same columns without histories;
* revenue, the same hotels, six origins: the day a year (364 days) before, the day a week before, AutoETS of
  statsforecast (weekly season) and Prophet as it comes, each fitted on the revenue of the days before the origin;
* recommendations, guests of a city of Inside Airbnb: item-item cosine of implicit, neighbours and decay chosen on the
  validation queries.

statsforecast and implicit are no dependencies of the project; without them their rows are left out. Nothing of what is
installed is changed by

    .venv/bin/pip install --no-deps --target PEERS implicit statsforecast coreforecast utilsforecast narwhals \\
        statsmodels patsy fugue triad adagio fsspec
    PYTHONPATH=PEERS .venv/bin/python benchmarks/real.py [--hotels data/hotels] [--as-of 2017-03-01] \\
        [--airbnb data/singapore]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cancellation
import duckdb
import numpy as np
import pandas as pd
import recommendations
from build import run_dbt
from sklearn.metrics import log_loss, roc_auc_score

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.importers.hotel_bookings.parsed import BOOKING_ATTRIBUTES

DAYS = 90
"""Days ahead of an origin."""

REVENUE = """
    select
        as_of_date,
        destination_id,
        forecast_date,
        backtest.revenue,
        backtest.baseline_revenue as rule,
        backtest.forecast_revenue as product
    from wanderbricks_ml.revenue_backtest as backtest
    where split = 'test' and window_days = 1
    order by as_of_date, destination_id, forecast_date
"""

# what came of each day, cancelled bookings left out: all of it is known on the next morning
ARRIVED = """
    select
        destination_id,
        cast(check_in_date as date) as day,
        cast(sum(total_amount) filter (where not is_cancelled) as double) as revenue
    from read_parquet($bookings)
    where cast(check_in_date as date) < $as_of
    group by all
    union all
    select
        0 as destination_id,
        cast(check_in_date as date) as day,
        cast(sum(total_amount) filter (where not is_cancelled) as double) as revenue
    from read_parquet($bookings)
    where cast(check_in_date as date) < $as_of
    group by all
"""


def row(rows: str, method: str, measures: dict[str, float]) -> None:
    """Print a line of the table."""
    shown = ", ".join(f"{name} {value:.3f}" for name, value in measures.items())
    print(f"| {rows} | {method} | {shown} |", flush=True)


def build(work: Path, gold: Path, selection: str, **variables: object) -> Path:
    """The database of a first build; a version that the gate holds is a result."""
    run = run_dbt(work, gold, "--vars", json.dumps(variables), selection=selection)
    if run.code not in (0, 1):
        raise SystemExit((work / "dbt.out").read_text()[-4000:])
    return work / "wanderbricks.duckdb"


def cancellations(gold: Path, as_of: str) -> None:
    """AUC, log loss and F1 at the threshold that is best on the validation rows."""
    found = cancellation.built(gold, as_of, BOOKING_ATTRIBUTES)
    test, validation = found["split"] == "test", found["split"] == "validation"
    parts = {
        "cancellation": test,
        "cancellation, made within the test period": test & (found["made"] != "before the split"),
    }
    label = found["cancelled"].astype(float)
    for name, chosen in parts.items():
        for method, column in (
            ("the rule", "baseline_probability"),
            ("XGBoost as it comes", "untuned"),
            ("product", "cancellation_probability"),
        ):
            probability = np.clip(found[column].astype(float), 1e-15, 1 - 1e-15)
            threshold = cancellation.best_threshold(label[validation], probability[validation])
            measures = {
                "AUC": roc_auc_score(label[chosen], probability[chosen]),
                "log loss": log_loss(label[chosen], probability[chosen]),
                "F1": cancellation.f1_at(label[chosen], probability[chosen], threshold),
            }
            row(f"{name}: {chosen.sum():,}", method, measures)


def forecasters() -> Iterator[tuple[str, Callable[[pd.Series], Floats]]]:
    """Names of methods, and what gives the next `DAYS` days, the origin itself left out, from the days before it."""
    yield "a year before", lambda days: days.to_numpy()[-363:][:DAYS]
    yield "a week before", lambda days: np.resize(days.to_numpy()[-7:], DAYS + 1)[1:]
    try:
        from statsforecast.models import AutoETS  # type: ignore[import-not-found]

        yield (
            "AutoETS",
            lambda days: AutoETS(season_length=7).forecast(y=days.to_numpy(), h=DAYS + 1)["mean"][1:],
        )
    except ImportError:
        print("statsforecast is not installed: no AutoETS", file=sys.stderr)
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
    from prophet import Prophet

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)

    def prophet(days: pd.Series) -> Floats:
        frame = pd.DataFrame({"ds": days.index, "y": days.to_numpy()})
        ahead = pd.DataFrame({"ds": days.index[-1] + pd.to_timedelta(np.arange(2, DAYS + 2), unit="D")})
        forecast: Floats = Prophet(uncertainty_samples=0).fit(frame).predict(ahead)["yhat"].to_numpy()
        return forecast

    yield "Prophet as it comes", prophet


def measured(forecasts: pd.DataFrame, column: str) -> dict[str, float]:
    """Errors of days and weeks of the total, and of weeks of the hotels; weeks count from each origin."""
    week = (forecasts["forecast_date"] - forecasts["as_of_date"]).dt.days.sub(1) // 7
    weeks = forecasts.groupby(["as_of_date", "destination_id", week])[["revenue", column]].sum().reset_index()

    def errors(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
        return (rows[column] - rows["revenue"]).abs(), rows["revenue"]

    days = errors(forecasts[forecasts["destination_id"] == 0])
    of_total, of_hotels = errors(weeks[weeks["destination_id"] == 0]), errors(weeks[weeks["destination_id"] > 0])
    return {
        "MAPE of days": (days[0] / days[1]).mean(),
        "WAPE of days": days[0].sum() / days[1].sum(),
        "MAPE of weeks": (of_total[0] / of_total[1]).mean(),
        "WAPE of hotels' weeks": of_hotels[0].sum() / of_hotels[1].sum(),
    }


def revenue(gold: Path, as_of: str) -> None:
    """Forecasts of 90 days from six origins."""
    with tempfile.TemporaryDirectory() as folder:
        database = build(Path(folder), gold, "+revenue_forecasts", as_of=as_of)
        with duckdb.connect(str(database), read_only=True) as connection:
            found = connection.execute(REVENUE).df()
            given = {"bookings": str(gold / "fact_booking_detail.parquet"), "as_of": as_of}
            arrived = connection.execute(ARRIVED, given).df()
    for name, forecast in forecasters():
        for (origin, series), rows in found.groupby(["as_of_date", "destination_id"]):
            days = arrived[arrived["destination_id"] == series].set_index("day")["revenue"].asfreq("D").fillna(0.0)
            found.loc[rows.index, name] = forecast(days[days.index < origin])
    origins = sorted(found["as_of_date"].dt.date.unique())
    for name in [name for name, _ in forecasters()] + ["rule", "product"]:
        title = {"rule": "the rule"}.get(name, name)
        row(f"revenue: {len(origins)} origins, {origins[0]} to {origins[-1]}", title, measured(found, name))


def recommended(gold: Path) -> None:
    """NDCG and recall at 10 of the next booking."""
    with tempfile.TemporaryDirectory() as folder:
        database = build(Path(folder), gold, "+property_recommendations")
        with duckdb.connect() as connection:
            connection.execute(f"attach '{database}' as built (read_only)")
            bookings = str(gold / "fact_booking_detail.parquet")
            validation, test = (recommendations.read(connection, bookings, split) for split in ("validation", "test"))
    lists = {"popularity, the rule": [one.baseline for one in test]}
    try:
        from implicit.nearest_neighbours import CosineRecommender  # type: ignore[import-not-found]

        warnings.filterwarnings("ignore", message="Method expects CSR input")

        def of(snapshots: list[recommendations.Snapshot], neighbours: int, decay: float | None) -> list[Any]:
            near = [CosineRecommender(K=neighbours, num_threads=1) for _ in snapshots]
            return [recommendations.recommended(one, model, decay) for one, model in zip(snapshots, near, strict=True)]

        tried = [(neighbours, decay) for neighbours in (20, 200) for decay in (None, 180.0)]
        best = max(tried, key=lambda one: ndcg(validation, of(validation, *one))[0])
        lists["item-item cosine"] = of(test, *best)
    except ImportError:
        print("implicit is not installed: no item-item cosine", file=sys.stderr)
    lists["product"] = [one.product for one in test]
    for method, found in lists.items():
        gain, recall = ndcg(test, found)
        queries = sum(len(one.queries) for one in test)
        row(f"recommendations: {queries:,} guests", method, {"NDCG at 10": gain, "recall at 10": recall})


def ndcg(snapshots: list[recommendations.Snapshot], lists: list[Any]) -> tuple[float, float]:
    """Mean NDCG and recall at 10 over the queries of all snapshots."""
    parts = [recommendations.gains(one, found) for one, found in zip(snapshots, lists, strict=True)]
    gain, recall = (float(np.mean(np.concatenate(column))) for column in zip(*parts, strict=True))
    return gain, recall


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--hotels", type=Path, default=Path("data/hotels"), help="imported hotels (default data/hotels)"
    )
    parser.add_argument("--as-of", default="2017-03-01", help="day after the hotels' last arrival")
    parser.add_argument("--airbnb", type=Path, default=Path("data/singapore"), help="imported city")
    arguments = parser.parse_args()
    print("| test rows | method | measures |")
    print("| --- | --- | --- |")
    cancellations(arguments.hotels.resolve(), arguments.as_of)
    revenue(arguments.hotels.resolve(), arguments.as_of)
    recommended(arguments.airbnb.resolve())


if __name__ == "__main__":
    main()
