"""Why a row was predicted as it was: contributions are exact, add up, and name what people know."""

from __future__ import annotations

import csv
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shap
from eased_project import PROJECT
from local_workspace import Workspace
from sklearn.pipeline import Pipeline
from test_refits import BOOSTED, PARAMS, made

from wanderbricks_ml.estimators import made_from
from wanderbricks_ml.estimators.contributions import MOST, Contributions
from wanderbricks_ml.features import encoded_features, feature_frame, preprocessing
from wanderbricks_ml.lifecycle.explaining import strongest
from wanderbricks_ml.settings import Features, RowSettings

EXPLAINED = ("churn", "cancellation", "customer_ltv", "conversion", "demand")
BOOSTING: dict[str, Any] = BOOSTED | {"params": PARAMS}
STARTS: dict[str, dict[str, Any]] = {
    "PickUpRegressor": {"baseline_rate": 3, "known_count": None, "horizon": 2},
    "CalibratedBoostingClassifier": {"start": 5},
    "BoostingCounter": {"start": 5},
    "BoostingRegressor": {"start": 5},
}
ALGORITHMS: dict[str, dict[str, Any]] = {
    "logistic_regression": {},
    "random_forest": {"n_estimators": 20, "max_depth": 6},
    "gradient_boosting": {"max_iter": 20},
    "xgboost": {"n_estimators": 20, "max_depth": 3},
}


def fitted(kind: str, settings: dict[str, Any]) -> tuple[Any, np.ndarray, np.ndarray]:
    """An estimator, the rows that it has learnt from, and others."""
    X, y, _ = made(kind)
    held_out, labels, _ = made(kind, 300, seed=2)
    return made_from({"class": kind, **settings}).fit(X, y, validation=(held_out, labels)), X, held_out


def explained_margin(estimator: Any, found: Contributions, X: np.ndarray) -> np.ndarray:
    """What an estimator says before calibration, on the scale of its contributions."""
    if hasattr(estimator, "_boosted"):
        said = estimator._boosted(X)
    elif hasattr(estimator, "chosen_"):
        said = estimator._model.predict_proba(X)[:, 1]
    else:
        said = estimator.predict(X).reshape(len(X), -1)[:, 0]
    return {"log": np.log, "log-odds": lambda p: np.log(p / (1 - p)), "probability": np.asarray, "number": np.asarray}[
        found.unit
    ](said)


@pytest.mark.parametrize("kind", [*STARTS, "TwoPartRegressor"])
def test_contributions_add_up_to_the_margin(kind: str) -> None:
    estimator, X, held_out = fitted(kind, BOOSTING | STARTS.get(kind, {}))
    found = estimator.contributions(held_out)
    assert found.values.shape == held_out.shape
    np.testing.assert_allclose(found.margin, explained_margin(estimator, found, held_out), atol=2e-5)
    # an average row is one of those that were learnt from: what moves rows from it has no direction of its own
    assert np.ptp(found.base) < 1e-5
    of_start = [column for column in STARTS.get(kind, {}).values() if column is not None]
    trees = shap.TreeExplainer(estimator.booster_) if of_start else None
    for column in of_start:
        term = estimator.contributions(X).values[:, column] - trees.shap_values(X)[:, column]
        assert abs(term.mean()) < 1e-4 < np.ptp(term)


@pytest.mark.parametrize("kind", STARTS)
def test_trees_are_taken_apart_as_by_the_shap_library(kind: str) -> None:
    estimator, _, held_out = fitted(kind, BOOSTING | STARTS[kind])
    ours = estimator.contributions(held_out).values
    theirs = shap.TreeExplainer(estimator.booster_).shap_values(held_out)
    # but for what the start adds
    free = [column for column in range(ours.shape[1]) if column not in STARTS[kind].values()]
    assert np.abs(ours[:, free]).max() > 0.01
    np.testing.assert_allclose(ours[:, free], theirs[:, free], atol=1e-5)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_is_taken_apart_as_by_the_shap_library(algorithm: str) -> None:
    settings = {"algorithms": {algorithm: ALGORITHMS[algorithm]}}
    estimator, X, held_out = fitted("ModelSelectionClassifier", settings)
    found, model = estimator.contributions(held_out), estimator._model
    np.testing.assert_allclose(found.margin, explained_margin(estimator, found, held_out), atol=2e-5)
    if algorithm == "logistic_regression":
        scaled, others = model[:-1].transform(X), model[:-1].transform(held_out)
        background = shap.maskers.Independent(scaled, max_samples=len(scaled))
        theirs = shap.LinearExplainer(model[-1], background).shap_values(others)
    else:
        theirs = shap.TreeExplainer(model).shap_values(held_out)
    np.testing.assert_allclose(found.values, theirs[..., 1] if theirs.ndim == 3 else theirs, atol=1e-5)


def test_the_parts_of_a_value_are_taken_apart_as_by_the_shap_library() -> None:
    estimator, X, held_out = fitted("TwoPartRegressor", BOOSTING)
    for part, booster in estimator.boosters_.items():
        values, base = estimator._part_contributions(part, held_out)
        np.testing.assert_allclose(base + values.sum(axis=1), _margin(estimator, part, held_out), atol=2e-5)
        trees = shap.TreeExplainer(booster).shap_values(estimator._seen(held_out))
        roles = {getattr(estimator, role) - 1 for role in estimator.roles}
        free = [column for column in range(values.shape[1]) if column not in roles]
        np.testing.assert_allclose(values[:, free], trees[:, free], atol=1e-5)
    assert not estimator.contributions(X).values[:, estimator.time].any()


def _margin(estimator: Any, part: str, X: np.ndarray) -> np.ndarray:
    said = estimator._part(part, X)
    return np.log(said / (1 - said)) if part == "chance" else np.log(said)


@pytest.mark.parametrize("kind", ["CalibratedBoostingClassifier", "PickUpRegressor"])
def test_a_version_without_the_mean_of_its_start_keeps_it_in_the_base(kind: str) -> None:
    estimator, _, held_out = fitted(kind, BOOSTING | STARTS[kind])
    known = estimator.contributions(held_out)
    for name in ("start_mean_", "start_means_"):
        vars(estimator).pop(name, None)
    found = estimator.contributions(held_out)
    np.testing.assert_allclose(found.margin, known.margin, atol=1e-9)
    assert np.ptp(found.base) > 0.1


@pytest.fixture(scope="module")
def pipeline() -> tuple[Pipeline, RowSettings, pa.Table]:
    """A pipeline that has encoded countries and kinds of user, and rows with gaps."""
    random = np.random.default_rng(5)
    rows = 800
    country = random.choice(["France", "Spain", "Chile", None], rows, p=[0.5, 0.3, 0.1, 0.1])
    level = random.uniform(0, 1, rows)
    booked = (random.uniform(0, 2, rows) < level + (country == "France")).astype(np.float64)
    level[::7] = np.nan
    table = pa.table(
        {
            "user_id": np.arange(rows),
            "level": pa.array(level, pa.float32(), from_pandas=True),
            "country": pa.array(country, pa.string()),
            "kind": pa.array(random.choice(["family", "business"], rows), pa.string()),
        }
    )
    features = Features(("level",), ("country", "kind"))
    preprocess = preprocessing(features)
    X = preprocess.fit_transform(feature_frame([table], features)).astype(np.float32)
    estimator = made_from({"class": "CalibratedBoostingClassifier", "n_estimators": 20, "params": PARAMS})
    settings = RowSettings.of(
        {
            "product": "planted",
            "model_name": "planted_predictor",
            "examples": "planted_examples",
            "label": "booked",
            "date": "day",
            "prediction": "probability",
            "keys": ["user_id"],
            "numeric": ["level"],
            "categorical": ["country", "kind"],
            "estimator": {"class": "CalibratedBoostingClassifier"},
        }
    )
    return Pipeline([("preprocess", preprocess), ("estimator", estimator.fit(X, booked))]), settings, table


def test_encoded_columns_are_one_feature_again(pipeline: tuple[Pipeline, RowSettings, pa.Table]) -> None:
    model, settings, table = pipeline
    names, begins = encoded_features(model["preprocess"])
    # the text that is missing is one of four countries
    assert (names, begins.tolist()) == (["level", "country", "kind"], [0, 1, 5])
    assert len(model["preprocess"].get_feature_names_out()) == 7
    rows = strongest(model, settings, ["user_id"])(table).to_pandas()
    assert len(rows) == MOST * table.num_rows
    # three features, three reasons: nothing is left out of the sum
    sums = rows.groupby("user_id")["contribution"].sum() + rows.groupby("user_id")["base_value"].first()
    np.testing.assert_allclose(sums, rows.groupby("user_id")["margin"].first(), atol=1e-9)
    for _, own in rows.groupby("user_id"):
        assert own["rank"].tolist() == [1, 2, 3]
        assert all(first >= then for first, then in pairwise(own["contribution"].abs()))
    given = table.to_pandas().set_index("user_id")
    texts = rows[rows["feature"] == "country"].set_index("user_id")["feature_text"]
    pd.testing.assert_series_equal(texts, given["country"], check_names=False, check_dtype=False)
    levels = rows[rows["feature"] == "level"].set_index("user_id")["feature_number"]
    np.testing.assert_array_equal(levels, given["level"].to_numpy())
    assert rows.loc[rows["feature"] == "country", "feature_number"].isna().all()


def words() -> dict[str, dict[str, str]]:
    """The rows of seed feature_words by feature."""
    with (PROJECT / "seeds/feature_words.csv").open(encoding="utf-8") as file:
        return {row["feature"]: row for row in csv.DictReader(file)}


def test_words_are_of_features_that_may_be_a_reason(models: dict[str, dict[str, Any]]) -> None:
    metas = [models[f"{product}_contributions"]["config"]["meta"] for product in EXPLAINED]
    features = {name for meta in metas for name in [*meta["numeric"], *meta["categorical"]]}
    assert set(words()) <= features
    for name, row in words().items():
        assert row["form"] == "flag" or row["says"].count("{}") == 1, name
        assert "{}" not in row["says_of_one"] + row["says_of_none"], name


@pytest.mark.parametrize("product", EXPLAINED)
def test_who_acts_is_told_why(product: str, fresh: Workspace, models: dict[str, dict[str, Any]]) -> None:
    """Three reasons a row, of the version that served it."""
    declared = models[f"{product}_predictions"]["config"]["meta"]["declaration"]
    key = declared["public_key"]
    served = fresh.query(
        f"select count(*) from {declared['predictions']} where {declared['reasons']['acting']}"
        f" and scoring_date = (select max(scoring_date) from {declared['predictions']})"
    )[0][0]
    reasons = fresh.table(f"{product}_reasons")
    assert len(reasons) == MOST * min(served, 1000)
    assert not reasons.duplicated([*key, "rank"]).any()
    assert not reasons["reason"].str.contains("{}", regex=False).any()
    joined = fresh.query(
        f"select count(*) from {product}_reasons inner join {declared['predictions']}"
        f" using (scoring_date, model_version, {', '.join(key)})"
    )[0][0]
    assert joined == len(reasons)


def test_reasons_of_churn_explain_what_was_served(fresh: Workspace) -> None:
    """Before calibration, which keeps the order of users."""
    rows = fresh.query(
        "select distinct margin, churn_probability from churn_reasons"
        " inner join churn_predictions using (scoring_date, model_version, user_id) order by margin"
    )
    assert len(rows) > 10
    assert all(now[1] <= after[1] + 1e-6 for now, after in pairwise(rows))
