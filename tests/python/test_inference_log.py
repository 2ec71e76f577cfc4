"""What the server logs is what monitoring reads, of days before the point in time."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from asgi_caller import call
from inference_logs import log_of_day, moved
from local_workspace import Workspace

from wanderbricks_ml.serving.app import App
from wanderbricks_ml.serving.declared import served_products
from wanderbricks_ml.serving.export import export
from wanderbricks_ml.serving.inference_log import Entry, InferenceLog
from wanderbricks_ml.serving.keys import new_key
from wanderbricks_ml.serving.settings import ServingSettings

MONITORED = ("run", "--select", "point_in_time", "online_operations", "online_drift")

BEFORE_ARMS = ("served_at", "request_id", "route", "model_name", "answer")
"""Columns of a log of an earlier release."""


def asked_app(workspace: Workspace, folder: Path) -> pd.DataFrame:
    """Ask a real application for the lower half of demand, and for what there is not; all that was published."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in workspace.environment.items():
            patch.setenv(name, value)
        (demand,) = (product for product in served_products() if product.product == "demand")
    export(workspace.path / "wanderbricks.duckdb", folder / "online", [demand])
    (folder / "rates").mkdir()
    text, key = new_key("tests", per_minute=1_000_000)
    app = App(
        ServingSettings(store=str(folder / "online"), scratch=str(folder / "rates"), run_key=key, most_rows=2_000)
    )
    app._log = InferenceLog(folder / "log", days=30)
    rows = workspace.table("demand_predictions").sort_values("predicted_bookings", ignore_index=True)
    keys = [
        {"property_id": row.property_id, "check_in_date": str(row.check_in_date.date())} for row in rows.itertuples()
    ]
    half = len(keys) // 2
    for start in range(0, half, 1_000):
        assert call(app, "/predict_batch/demand_predictor", keys[start : min(start + 1_000, half)], text).status == 200
    assert (
        call(app, "/predict/demand_predictor", {"property_id": -1, "check_in_date": "2030-01-01"}, text).status == 404
    )
    app._log.close()
    return rows


def test_what_was_asked_is_counted_and_compared_with_what_was_published(
    fresh: Workspace, today: date, tmp_path: Path
) -> None:
    workspace = fresh.copy(tmp_path / "asked")
    assert not len(workspace.table("online_operations")) and not len(workspace.table("online_drift"))
    rows = asked_app(workspace, tmp_path)
    log = workspace.path / "inference_log"
    moved(tmp_path / "log", log, today)
    # an answer that is a shadow's, and one of an earlier release
    answer = Entry(b'{"model_version": 2, "scoring_date": "2025-08-01", "predicted_bookings": 0.5}', None, "shadow")
    log_of_day(log, today, "demand_predictor", [answer], milliseconds=7)
    log_of_day(log, today, "churn_predictor", [Entry(b'{"model_version": 1, "user_id": 3}')], columns=BEFORE_ARMS)

    # a booking by its fields: there is no published row of it
    made = Entry(b'{"model_version": 1, "cancellation_probability": 0.2}', b'{"nights": 3}')
    log_of_day(log, today, "cancellation_predictor", [made])

    # a day that is not over
    log_of_day(log, today + timedelta(days=1), "demand_predictor", [answer])

    assert workspace.dbt(*MONITORED, as_of=today + timedelta(days=1)) == 0, workspace.log
    assert {row.served_date.date() for row in workspace.table("online_operations").itertuples()} == {today}
    found = workspace.table("online_operations").set_index(["model_name", "model_version", "arm"])
    demand, shadow = found.loc[("demand_predictor", 1, "champion")], found.loc[("demand_predictor", 2, "shadow")]
    half = len(rows) // 2
    assert demand["row_count"] == demand["by_key_rows"] == half
    assert demand["request_count"] == -(-half // 1_000) + 1
    assert (demand["refused_requests"], demand["failed_requests"]) == (1, 0)
    assert 0 < demand["p50_milliseconds"] <= demand["p99_milliseconds"] <= demand["max_milliseconds"]
    assert (shadow["row_count"], shadow["p99_milliseconds"]) == (1, 7)
    by_fields = found.loc[("cancellation_predictor", 1, "champion")]
    assert (by_fields["row_count"], by_fields["by_key_rows"]) == (1, 0)
    earlier = found.loc[("churn_predictor", 1, "champion")]
    assert (earlier["row_count"], earlier["request_count"]) == (1, 1)
    assert pd.isna(earlier["p50_milliseconds"])

    (drift,) = workspace.table("online_drift", where="model_version = 1 and model_name = 'demand_predictor'").to_dict(
        "records"
    )
    # the lower half of what was published
    assert (drift["feature_name"], drift["row_count"], drift["reference_row_count"]) == (
        "predicted_bookings",
        half,
        len(rows),
    )
    assert drift["state"] == "act" and 0.4 < drift["ks"] <= 0.5
