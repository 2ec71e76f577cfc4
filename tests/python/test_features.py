"""Features as the estimators take them: further columns that gold may carry, and what scoring fills from Arrow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from wanderbricks_ml.features import feature_frame, feature_matrix, preprocessing
from wanderbricks_ml.lifecycle import engines, predicting
from wanderbricks_ml.registry.versions import signature_of
from wanderbricks_ml.settings import Features, RowSettings

PRODUCT = RowSettings(
    product="cancellation",
    model_name="cancellation_predictor",
    examples="cancellation_examples",
    label="cancelled",
    date="as_of_date",
    keys=("whole",),
    prediction=("predicted",),
    numeric=("lead_days",),
    categorical=("country",),
    attribute_prefix="attribute_",
    estimator={},
)


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
    found = PRODUCT.with_attributes(lambda: table().schema)
    assert found.numeric == ("lead_days", "attribute_rooms", "attribute_paid", "attribute_repeats")
    assert found.categorical == ("country", "attribute_meal")
    assert PRODUCT.numeric == ("lead_days",), "the settings themselves stay as they are"
    assert found.with_attributes(lambda: table().schema) == found, "no column counts twice"


def test_without_the_setting_no_column_is_added() -> None:
    product = replace(PRODUCT, attribute_prefix=None)
    assert product.with_attributes(lambda: table().schema) == product


def test_a_column_of_another_type_is_named() -> None:
    schema = table().schema.append(pa.field("attribute_quoted_on", pa.date32()))
    with pytest.raises(ValueError, match="cancellation_predictor: attribute_quoted_on is of type date32"):
        PRODUCT.with_attributes(lambda: schema)


def test_missing_text_is_a_value_of_its_own() -> None:
    features = replace(PRODUCT, attribute_prefix="attribute_m").with_attributes(lambda: table().schema).features
    frame = feature_frame([table()], features)
    encoded = preprocessing(features).fit_transform(frame)
    assert encoded.shape == (3, 1 + 3 + 3)
    assert (encoded[:, 1:].sum(axis=1) == 2).all()


def test_an_example_without_a_text_is_valid_input_for_mlflow(tmp_path: Path) -> None:
    features = Features(("lead_days",), ("company", "country"))
    companies = [None, None, None, "40", "7", None]
    rows = pa.table({"lead_days": [1.0] * 6, "company": companies, "country": ["France", None] * 3})
    frame = feature_frame([rows], features)
    steps = [("preprocess", preprocessing(features)), ("estimator", LinearRegression())]
    pipeline = Pipeline(steps).fit(frame, [0, 0, 0, 1, 1, 0])
    example = frame.head(3).astype({"lead_days": "float64", "company": "object", "country": "object"})
    signature = signature_of(example, pipeline.predict(example), features.categorical)
    mlflow.sklearn.save_model(
        pipeline,
        tmp_path / "model",
        signature=signature,
        input_example=example,
        serialization_format="cloudpickle",
        pip_requirements=[],
    )
    served = mlflow.pyfunc.load_model(tmp_path / "model")
    np.testing.assert_allclose(served.predict(example), [0, 0, 0], atol=1e-5)
    asked = mlflow.models.convert_input_example_to_serving_input(example)
    assert mlflow.models.validate_serving_input(str(tmp_path / "model"), asked) is not None
    given = example.assign(company=["7", None, "never seen"])
    np.testing.assert_allclose(served.predict(given)[:2], [1, 0], atol=1e-5)


def test_a_missing_text_is_the_same_however_it_is_written() -> None:
    features = Features((), ("company",))
    fitted = preprocessing(features).fit(feature_frame([pa.table({"company": ["a", None, "b"]})], features))
    written = [
        pd.DataFrame({"company": pd.Series([None, np.nan], dtype=kind)}) for kind in ("object", "float64", "category")
    ]
    for frame in written:
        np.testing.assert_array_equal(fitted.transform(frame), [[0, 0, 1]] * 2)


def drawn(seed: int, rows: int, vocabulary: int) -> pa.Table:
    """Numbers of several types and texts, both with gaps; texts out of `vocabulary` different ones."""
    draw = np.random.default_rng(seed)
    words = np.array([f"text {number}" for number in range(vocabulary)], dtype=object)

    def gaps() -> np.ndarray:
        return draw.random(rows) < draw.choice([0, 0.2, 1])

    return pa.table(
        {
            "single": pa.array(draw.normal(0, 1e3, rows).astype(np.float32), mask=gaps()),
            "double": pa.array(np.where(draw.random(rows) < 0.1, np.nan, draw.gamma(1, 9, rows)), mask=gaps()),
            "whole": pa.array(draw.integers(0, 2**40, rows), mask=gaps()),
            "word": pa.array(draw.choice(words, rows), pa.string(), mask=gaps()),
            "other": pa.array(draw.choice(words[:3], rows), pa.string(), mask=gaps()),
        }
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "features",
    [
        Features(("single", "whole", "double"), ("word", "other")),
        Features(("double",), ()),
        Features((), ("other", "word")),
    ],
    ids=["both", "numbers", "texts"],
)
def test_a_matrix_is_what_the_logged_preprocessing_makes(seed: int, features: Features) -> None:
    # up to 70 texts, where the encoder has a column for 49 and one for the rare; then texts that it never met
    fitted = preprocessing(features).fit(feature_frame([drawn(seed, 400, 3 + seed % 2 * 67)], features))
    for rows, vocabulary in ((1, 3), (200, 2), (300, 90)):
        table = drawn(seed + 1000, rows, vocabulary)
        expected = fitted.transform(feature_frame([table], features))
        found = feature_matrix(fitted, table)
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_array_equal(found, expected, strict=True)


def test_a_matrix_follows_the_columns_that_were_fitted() -> None:
    first = Features(("double", "single"), ("other",))
    fitted = preprocessing(first).fit(feature_frame([drawn(1, 50, 3)], first))
    rows = drawn(2, 20, 4)
    np.testing.assert_array_equal(feature_matrix(fitted, rows), fitted.transform(feature_frame([rows], first)))


def test_predictions_are_those_of_the_logged_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    product = replace(PRODUCT, numeric=("single", "double"), categorical=("word",), attribute_prefix=None)
    features = product.features
    learned = drawn(3, 500, 70)
    pipeline = Pipeline([("preprocess", preprocessing(features)), ("estimator", LinearRegression())])
    frame = feature_frame([learned], features)
    pipeline.fit(frame, pipeline["preprocess"].fit_transform(frame).sum(axis=1))
    predictor = predicting._predictor(pipeline, product)
    rows = drawn(4, 900, 80).set_column(2, "whole", pa.array(np.arange(900)))
    rows = rows.append_column("split", pa.array(["score", "test", "train"] * 300))
    monkeypatch.setattr(engines, "BATCH_ROWS", 100)
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        result = engines.DuckDB().predicted(
            engines.Examples(connection.table("rows"), features, product.keys),
            [
                ([split], predictor, {"model_version": pa.scalar(number, pa.int32())})
                for number, split in enumerate(["test", "nowhere", "score"])
            ],
            ["whole", "word"],
            product.prediction,
        )
        assert isinstance(result, pa.RecordBatchReader), "no more than a batch is held at a time"
        written = connection.cursor()
        written.register("result", result)
        found = written.sql("select * from result").to_arrow_table()
    assert found.column_names == ["model_version", "whole", "word", "predicted"]
    for number, start in ((0, 1), (2, 0)):
        part = found.filter(pa.compute.field("model_version") == number)
        expected = pipeline.predict(feature_frame([rows.take(np.arange(start, 900, 3))], features))
        assert part["whole"].to_pylist() == list(range(start, 900, 3)), "in the order of the keys"
        np.testing.assert_array_equal(part["predicted"].to_numpy(), expected)
    assert found.num_rows == 600


def test_no_rows_have_the_columns_of_a_result() -> None:
    rows = drawn(5, 10, 3).append_column("split", pa.array(["train"] * 10))

    def never(rows: pa.Table) -> dict[str, pa.Array]:
        raise AssertionError("there is nothing to predict")

    with duckdb.connect() as connection:
        connection.register("rows", rows)
        constants = {"model_version": pa.scalar(None, pa.int32())}
        examples = engines.Examples(connection.table("rows"), Features(("single",), ("word",)), ("whole",))
        found = engines.DuckDB().predicted(examples, [([], never, constants)], ["whole"], ["low", "high"])
        assert [(field.name, str(field.type)) for field in found.schema] == [
            ("model_version", "int32"),
            ("whole", "int64"),
            ("low", "double"),
            ("high", "double"),
        ]
        assert found.read_all().num_rows == 0


def test_a_version_fitted_on_a_feature_that_is_gone_is_refused() -> None:
    known = PRODUCT.with_attributes(lambda: table().schema)
    frame = feature_frame([table()], known.features)
    steps = [("preprocess", preprocessing(known.features)), ("estimator", DummyRegressor())]
    pipeline = Pipeline(steps).fit(frame, [0, 1, 0])
    predicting._predictor(pipeline, known)
    with pytest.raises(RuntimeError, match=r"cancellation_predictor: .* fitted on attribute_\w+.*registry archive"):
        predicting._predictor(pipeline, PRODUCT)
