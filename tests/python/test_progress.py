"""A long fit says which model it is, and how far."""

from __future__ import annotations

import logging

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from wanderbricks_ml import progress
from wanderbricks_ml.estimators.calibrated_boosting import CalibratedBoostingClassifier
from wanderbricks_ml.estimators.ranker import LambdaMARTRanker
from wanderbricks_ml.estimators.two_part import TwoPartRegressor
from wanderbricks_ml.lifecycle.engines import DuckDB


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged, however quick the steps are."""
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    caplog.set_level(logging.INFO, "wanderbricks_ml")
    return caplog


@pytest.mark.parametrize("kind", [CalibratedBoostingClassifier, LambdaMARTRanker, TwoPartRegressor])
def test_boosting_says_its_rounds(kind: type, lines: pytest.LogCaptureFixture) -> None:
    draw = np.random.default_rng(1)
    X, y = draw.random((400, 6)) + 0.5, draw.integers(0, 2, 400).astype(float)
    groups = {"groups": (np.arange(400) // 10, np.arange(0))} if kind is LambdaMARTRanker else {}
    with progress.of_model("planted_predictor"):
        kind(n_estimators=3).fit(X, y, **groups)
    said = [message for message in lines.messages if message.startswith("planted_predictor: ")]
    assert said[2].startswith("planted_predictor: 3 of 3 rounds at most in ")


def test_series_name_their_model(lines: pytest.LogCaptureFixture) -> None:
    schema = pa.schema([("key", pa.int64())])
    with duckdb.connect() as connection, progress.of_model("planted_forecaster"):
        relation = connection.from_df(pd.DataFrame({"key": [1, 1, 2]}))
        DuckDB().grouped(relation, "true", ["key"], lambda rows: rows.head(1), schema)
    assert [message.split(" in ")[0] for message in lines.messages] == [
        "planted_forecaster: 1 of 2 series by key",
        "planted_forecaster: 2 of 2 series by key",
    ]


def test_a_quick_step_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wanderbricks_ml")
    progress.Steps("rounds", 2).done(2)
    assert not caplog.messages
