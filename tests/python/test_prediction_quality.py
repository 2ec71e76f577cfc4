"""Live quality on tiny gold: days are scored, weeks pass, and the table is held against scikit-learn's numbers."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import PRODUCTS
from eased_project import PROJECT
from inference_logs import log_of_day
from local_workspace import Workspace
from sklearn.metrics import f1_score, log_loss, mean_poisson_deviance, mean_squared_error, roc_auc_score

from wanderbricks_ml.serving.inference_log import Entry

# what a run of monitoring alone builds
MEASURED = (
    "--select",
    "point_in_time",
    "model_state",
    "outcome_weeks",
    "served_outcomes",
    "live_metrics",
    "prediction_quality",
)
SERVED = (
    "--select",
    "+demand_predictions",
    "+conversion_predictions",
    "+cancellation_predictions",
    "performance_targets",
    "quality_policy",
    "model_inventory",
)


def test_the_policy_measures_what_a_version_has_to_reach() -> None:
    targets, policy = (pd.read_csv(PROJECT / f"seeds/{name}.csv") for name in ("performance_targets", "quality_policy"))
    # what no served row can show
    left_out = ["revenue_lift", "wape_week_destinations", "ndcg_at_10_over_returns"]
    merged = targets[~targets["metric_name"].isin(left_out)].merge(
        policy, on=["model_name", "metric_name"], how="left", suffixes=("", "_of_policy")
    )
    assert (merged["comparison"] == merged["comparison_of_policy"]).all(), merged
    assert set(policy["model_name"]) == {product.model_name for product in PRODUCTS}


@pytest.fixture(scope="module")
def monday(today: date) -> date:
    """A Monday, 7 to 8 weeks before gold ends."""
    day = today - timedelta(days=50)
    return day - timedelta(days=day.weekday())


@pytest.fixture(scope="module")
def served(gold: Path, project: Path, monday: date, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Monday and Wednesday of a week, scored by a first version; tests that build on it take a copy."""
    workspace = Workspace(tmp_path_factory.mktemp("served"), gold, project)
    # no tests: they want tables of other products
    assert workspace.dbt("build", *SERVED, "--exclude-resource-type", "test", as_of=monday) == 0, workspace.log
    assert workspace.dbt("run", *SERVED, as_of=monday + timedelta(days=2)) == 0, workspace.log
    return workspace


def ask_for(workspace: Workspace, rows: pd.DataFrame, day: date) -> np.ndarray:
    """Log answers of a day: these rows twice, and others that do not count; which rows of the table they are."""
    table = workspace.table("conversion_predictions")
    answers = [
        {name: value[:10] if name.endswith("_date") else value for name, value in row.items()}
        for row in json.loads(table.to_json(orient="records", date_format="iso"))
    ]
    asked = table.index.isin(rows.index)
    published = [json.dumps(answer).encode() for answer, is_asked in zip(answers, asked, strict=True) if is_asked]
    one, two, three, four, *_ = (answer for answer, is_asked in zip(answers, asked, strict=True) if not is_asked)
    others = [
        Entry(json.dumps({**one, "given_features": ["views"]}).encode(), b'{"views": 1}'),
        Entry(json.dumps(two).encode(), None, "canary"),
        Entry(json.dumps(three).encode(), None, "shadow"),
        Entry(json.dumps({**four, "model_version": 9}).encode()),
    ]
    entries = [*(Entry(answer) for answer in [*published, *published]), *others]
    log_of_day(workspace.path / "inference_log", day, "conversion_predictor", entries)
    return asked


def measure(workspace: Workspace, as_of: date, *further: str) -> pd.DataFrame:
    assert workspace.dbt("run", *MEASURED, *further, as_of=as_of) == 0, workspace.log
    return workspace.table("prediction_quality")


def value(table: pd.DataFrame, model: str, metric: str) -> pd.Series:
    (row,) = table[(table["model_name"] == model) & (table["metric_name"] == metric)].to_dict("records")
    return pd.Series(row)


def close(given: float, expected: float) -> bool:
    return bool(np.isclose(given, expected, rtol=1e-9, atol=0))


def test_weeks_are_measured_as_their_truth_arrives(served: Workspace, monday: date, tmp_path: Path) -> None:
    workspace = served.copy(tmp_path / "live")
    gold = f"'{workspace.gold}/fact_booking_detail.parquet'"

    rows = workspace.table("conversion_predictions")
    asked = ask_for(workspace, rows.iloc[::2], monday)
    # of demand horizons through 14 days, of conversion everything
    part = measure(workspace, monday + timedelta(days=6 + 15), "online_quality")
    assert set(part["model_name"]) >= {"conversion_predictor", "demand_predictor"}
    assert (part["week_start"] == pd.Timestamp(monday)).all()
    booked = workspace.query(f"select distinct property_id, cast(created_at as date) from {gold}")
    days = {(number, pd.Timestamp(day)) for number, day in booked}
    converted = [(row.property_id, row.engagement_date) in days for row in rows.itertuples()]
    assert 0 < sum(converted) < len(converted)
    for metric, score in {"log_loss": log_loss, "auc": roc_auc_score}.items():
        row = value(part, "conversion_predictor", metric)
        assert row["row_count"] == len(rows)
        assert close(row["metric_value"], score(converted, rows["conversion_probability"]))
        assert close(row["baseline_value"], score(converted, rows["baseline_probability"]))
        promised = workspace.query(
            f"""
            select metric_value from conversion_metrics
            where split = 'test' and segment = 'all' and metric_name = '{metric}'
            """
        )
        assert close(row["backtest_value"], promised[0][0])
        # what was asked for in real time, the same rows however often
        online = value(workspace.table("online_quality"), "conversion_predictor", metric)
        of_asked = [known for known, is_asked in zip(converted, asked, strict=True) if is_asked]
        assert online["row_count"] == sum(asked) < online["batch_rows"] == len(rows)
        assert close(online["metric_value"], score(of_asked, rows["conversion_probability"][asked]))
        assert close(online["baseline_value"], score(of_asked, rows["baseline_probability"][asked]))
        assert close(online["batch_value"], row["metric_value"])
    assert set(workspace.table("online_quality")["model_name"]) == {"conversion_predictor"}

    # arrivals through the horizon of 30 days are known 31 days after the Sunday
    whole = measure(workspace, monday + timedelta(days=6 + 31))
    demand = workspace.table("demand_predictions")
    known_by = monday + timedelta(days=37)
    made = workspace.query(f"select property_id, check_in_date from {gold} where created_at < '{known_by}'")
    arrivals = pd.DataFrame(made, columns=["property_id", "check_in_date"])
    arrivals = arrivals.value_counts().rename("bookings").reset_index()
    arrivals["check_in_date"] = pd.to_datetime(arrivals["check_in_date"]).astype(demand["check_in_date"].dtype)
    demand = demand.merge(arrivals, how="left").fillna({"bookings": 0})
    horizon = (demand["check_in_date"] - demand["scoring_date"]).dt.days
    for table, known in ((part, demand[horizon <= 14]), (whole, demand)):
        row = value(table, "demand_predictor", "poisson_deviance")
        assert row["row_count"] == len(known)
        assert close(row["metric_value"], mean_poisson_deviance(known["bookings"], known["predicted_bookings"]))
        assert close(row["baseline_value"], mean_poisson_deviance(known["bookings"], known["baseline_bookings"]))
        row = value(table, "demand_predictor", "rmse")
        assert close(row["metric_value"], mean_squared_error(known["bookings"], known["predicted_bookings"]) ** 0.5)

    # cancellation: bookings of the day before the first scoring, then those since, with lead times through 30 days
    bookings = workspace.table("cancellation_predictions").merge(
        pd.DataFrame(
            workspace.query(
                f"""
                select booking_id, cast(created_at as date), date_diff('day', created_at, check_in_date),
                    is_cancelled and cast(updated_at as date) <= check_in_date
                from {gold}
                """
            ),
            columns=["booking_id", "created_date", "lead_days", "cancelled"],
        )
    )
    age = (bookings["scoring_date"] - pd.to_datetime(bookings["created_date"])).dt.days
    newly = age <= np.where(bookings["scoring_date"] == pd.Timestamp(monday), 1, 2)
    known = bookings[newly & (bookings["lead_days"] <= 30)]
    assert known["booking_id"].is_unique
    row = value(whole, "cancellation_predictor", "f1")
    assert row["row_count"] == len(known) > 0
    # the call of the day on which a booking was made is what the back-test judges
    expected = f1_score(known["cancelled"], known["called_when_made"])
    assert np.isclose(row["metric_value"], expected) or (known["cancelled"].sum() == 0)
    # long lead times are open: there is no back-test of the short ones to hold it against
    assert np.isnan(row["backtest_value"])


def test_a_live_metric_is_the_back_tests_on_the_same_rows(served: Workspace, monday: date, tmp_path: Path) -> None:
    """The test rows of the back-test, put where served rows stand, give its metrics."""
    workspace = served.copy(tmp_path / "same")
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb")) as connection:
        connection.execute("use wanderbricks_ml")
        for product, keys, rule, replaced in (
            # all in one week, whatever the day
            (
                "conversion",
                "property_id, engagement_date, conversion_probability",
                "click_probability as baseline_probability",
                "date_trunc('week', first)",
            ),
            # in the weeks of their snapshots
            (
                "demand",
                "property_id, check_in_date, predicted_bookings",
                "rule_bookings as baseline_bookings",
                "tested.as_of_date",
            ),
        ):
            named = [f"{name.strip()} as {name.strip()}" for name in keys.split(",")]
            columns = ", ".join(f"tested.{name}" for name in [*named, rule])
            connection.execute(
                f"""
                create temp table moved_{product} as
                select served.* replace (
                    {columns}, cast({replaced} as date) as scoring_date, cast({replaced} as date) as as_of_date
                )
                from (select * from {product}_predictions limit 1) as served
                cross join (
                    select *, min(as_of_date) over () as first from {product}_backtest
                    where split = 'test'
                ) as tested;
                delete from {product}_predictions;
                insert into {product}_predictions from moved_{product};
                """
            )
    table = measure(workspace, monday + timedelta(days=37))
    for model, metric in (
        ("conversion_predictor", "log_loss"),
        ("conversion_predictor", "auc"),
        ("demand_predictor", "poisson_deviance"),
    ):
        live = table[(table["model_name"] == model) & (table["metric_name"] == metric)]
        product = model.removesuffix("_predictor")
        ((given, baseline, rows),) = workspace.query(
            f"""
            select metric_value, baseline_value, row_count from {product}_metrics
            where split = 'test' and segment = 'all' and metric_name = '{metric}'
            """
        )
        assert live["row_count"].sum() == rows
        # a week's mean loss counts as its rows do
        assert close(np.average(live["metric_value"], weights=live["row_count"]), given)
        assert close(np.average(live["baseline_value"], weights=live["row_count"]), baseline)
