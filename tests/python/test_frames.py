"""Features as the estimators take them: further columns that gold may carry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline

from wanderbricks_ml import predicting, registry
from wanderbricks_ml.fitting import preprocessing
from wanderbricks_ml.frames import feature_frame, with_attributes

SETTINGS: dict[str, Any] = {
    "model_name": "cancellation_predictor",
    "numeric": ["lead_days"],
    "categorical": ["country"],
    "attribute_prefix": "attribute_",
}


def table() -> pa.Table:
    return pa.table(
        {
            "lead_days": pa.array([1, 2, 3], pa.float32()),
            "country": ["France", "Spain", None],
            "attribute_meal": ["full", None, "none"],
            "attribute_rooms": pa.array([1, 2, None], pa.int32()),
            "attribute_paid": [Decimal("1.50"), Decimal("2.00"), None],
            "attribute_repeats": [True, False, None],
        }
    )


def test_numbers_are_numeric_and_text_is_categorical() -> None:
    found = with_attributes(SETTINGS, table().schema)
    assert found["numeric"] == ["lead_days", "attribute_rooms", "attribute_paid", "attribute_repeats"]
    assert found["categorical"] == ["country", "attribute_meal"]
    assert SETTINGS["numeric"] == ["lead_days"], "the settings themselves stay as they are"
    assert with_attributes(found, table().schema) == found, "no column counts twice"


def test_without_the_setting_no_column_is_added() -> None:
    settings = {name: value for name, value in SETTINGS.items() if name != "attribute_prefix"}
    assert with_attributes(settings, table().schema) == settings


def test_a_column_of_another_type_is_named() -> None:
    schema = table().schema.append(pa.field("attribute_quoted_on", pa.date32()))
    with pytest.raises(ValueError, match="cancellation_predictor: attribute_quoted_on is of type date32"):
        with_attributes(SETTINGS, schema)


def test_missing_text_is_a_value_of_its_own() -> None:
    settings = with_attributes({**SETTINGS, "attribute_prefix": "attribute_m"}, table().schema)
    frame = feature_frame([table()], settings)
    encoded = preprocessing(settings).fit_transform(frame)
    assert encoded.shape == (3, 1 + 3 + 3)
    assert (encoded[:, 1:].sum(axis=1) == 2).all()


def test_a_version_fitted_on_a_feature_that_is_gone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = with_attributes(SETTINGS, table().schema)
    frame = feature_frame([table()], known)
    pipeline = Pipeline([("preprocess", preprocessing(known)), ("estimator", DummyRegressor())]).fit(frame, [0, 1, 0])
    monkeypatch.setattr(registry, "load", lambda folder: pipeline)
    predicting._predictor("folder", known)
    with pytest.raises(RuntimeError, match=r"cancellation_predictor: .* fitted on attribute_\w+.*registry archive"):
        predicting._predictor("folder", SETTINGS)
