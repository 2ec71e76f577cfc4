"""A version is a recipe and two fits: one is judged on what it never saw, the other serves and has seen every label."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import PRODUCTS, Product
from local_workspace import Workspace

from wanderbricks_ml.estimators import ESTIMATORS, made_from
from wanderbricks_ml.estimators.two_part import TwoPartRegressor
from wanderbricks_ml.lifecycle.fitting import fit_when_due
from wanderbricks_ml.registry import store
from wanderbricks_ml.registry.versions import VERSION_SCHEMA

BOOSTED: dict[str, Any] = {"n_estimators": 60, "early_stopping_rounds": 3}
PARAMS: dict[str, Any] = {"eta": 0.3, "max_depth": 3, "seed": 7, "nthread": 1}
SETTINGS: dict[str, dict[str, Any]] = {
    "PriceResponseRegressor": {"max_iter": 10},
    "ModelSelectionClassifier": {"algorithms": {"logistic_regression": {}, "gradient_boosting": {"max_iter": 20}}},
}


def made(kind: str, rows: int = 1_200, seed: int = 1) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Rows that a kind of estimator learns from, their labels, and the queries of a ranker."""
    random = np.random.default_rng(seed)
    X = random.uniform(0.2, 1.0, (rows, 8))
    # properties, markets, windows or months, and what is whole and not negative for whoever gives these columns a role
    X[:, 0], X[:, 1], X[:, 2] = (
        random.integers(0, 60, rows),
        1 + random.integers(0, 3, rows),
        random.integers(1, 9, rows),
    )
    X[:, 4] = random.integers(0, 2, rows) if kind == "TwoPartRegressor" else X[:, 4]
    level = 3 * X[:, 7] ** 2
    task = made_from({"class": kind}).task
    if task in ("probability", "ranking"):
        y = (random.uniform(0, 3, rows) < level).astype(np.float64)
    else:
        y = random.poisson(level).astype(np.float64)
    together = {"groups": np.arange(rows) // 10} if task == "ranking" else {}
    return X.astype(np.float32), y, together


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_refit_on_the_same_rows_is_the_first_fit(kind: str) -> None:
    """What was found is kept: rounds, the kind that won, calibration, scatter of prices."""
    X, y, together = made(kind)
    held_out, labels, others = made(kind, 600, seed=2)
    if made_from({"class": kind}).task == "probability":
        # as if half as many were booked: there is something to calibrate
        labels = labels * (np.arange(len(labels)) % 2)
    settings = SETTINGS.get(kind, BOOSTED | {"params": PARAMS})
    groups = {name: (value, others[name]) for name, value in together.items()}
    first = made_from({"class": kind, **settings}).fit(X, y, validation=(held_out, labels), **groups)
    again = first.refit(X, y, **together)
    assert type(again) is type(first)
    if kind == "TwoPartRegressor":
        # its trend was learnt from the validation rows, too
        first._fit_trend(X, y)
    np.testing.assert_array_equal(again.predict(held_out), first.predict(held_out))
    if hasattr(first, "booster_"):
        assert again.booster_.num_boosted_rounds() == first.booster_.num_boosted_rounds() < 60
    if hasattr(first, "calibration_"):
        assert again.calibration_ == first.calibration_ != "none"
    more, known, queries = made(kind, 2_400, seed=3)
    assert np.abs(first.refit(more, known, **queries).predict(held_out) - first.predict(held_out)).max() > 1e-3


def test_the_trend_of_a_refit_begins_at_its_newest_snapshot() -> None:
    X, y, _ = made("TwoPartRegressor")
    first = TwoPartRegressor(n_estimators=5, params=PARAMS).fit(X, y)
    later = X.copy()
    later[:, 0] += 12
    assert first.refit(np.concatenate([X, later]), np.concatenate([y, y])).newest_ == first.newest_ + 12


PLANTED: dict[str, Any] = {
    "product": "planted",
    "model_name": "planted_predictor",
    "examples": "planted_examples",
    "label": "booked",
    "date": "day",
    "prediction": "bookings",
    "keys": ["unit_id", "day"],
    "numeric": ["level"],
    "estimator": {"class": "BoostingCounter", "n_estimators": 20, "early_stopping_rounds": 5, "params": PARAMS},
}
SPLITS = {"train": 0, "gap": 200, "validation": 220, "test": 260, "score": 300}


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An MLflow store of the test's own."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    store.connect.cache_clear()
    yield
    store.connect.cache_clear()


def examples(doubled_from: int | None) -> pd.DataFrame:
    """Ten units a day, whose bookings are doubled from a day on."""
    random = np.random.default_rng(4)
    place = np.repeat(np.arange(310), 10)
    day = np.datetime64("2025-01-01") + place.astype("timedelta64[D]")
    level = random.uniform(0, 1, len(place))
    booked = random.poisson(1 + 2 * level)
    if doubled_from is not None:
        booked = np.where(place >= doubled_from, 2 * booked, booked)
    return pd.DataFrame(
        {
            "unit_id": np.tile(np.arange(10), 310),
            "day": day,
            "as_of_date": day,
            "label_known_date": day + np.timedelta64(1, "D"),
            "split": np.array(list(SPLITS))[np.searchsorted(list(SPLITS.values()), place, side="right") - 1],
            "level": level,
            "booked": np.where(place < SPLITS["score"], booked, 1e9).astype(np.float64),
        }
    )


def both_fits(frame: pd.DataFrame) -> tuple[dict[str, Any], Any, Any]:
    """Row of a version fitted on examples, its first fit and its refit."""
    decision = {"as_of_date": date(2025, 11, 1), "fit_due": True, "reason": "drift", "tune": False}
    row = pa.Table.from_pylist([decision | {"last_version": 0, "reigning_version": 0, "candidate_version": 0}])
    with duckdb.connect() as connection:
        connection.register("given", frame)
        connection.execute("create table planted_examples as from given")
        (version,) = fit_when_due(
            None, connection.table("planted_examples"), connection.from_arrow(row), PLANTED
        ).to_pylist()
    folder = str(store.verified("planted_predictor", version))
    return version, store.load_first_fit(folder), store.load(folder)


@pytest.mark.usefixtures("studies")
def test_only_the_refit_has_seen_the_newest_labels() -> None:
    version, first, refit = both_fits(examples(doubled_from=None))
    shifted, first_then, refit_then = both_fits(examples(doubled_from=SPLITS["test"]))
    rows = pd.DataFrame({"level": np.linspace(0, 1, 50)})
    np.testing.assert_array_equal(first_then.predict(rows), first.predict(rows))
    assert refit_then.predict(rows).mean() > 1.1 * refit.predict(rows).mean()
    assert shifted["training_data_digest"] == version["training_data_digest"]
    assert shifted["refit_data_digest"] != version["refit_data_digest"]
    assert shifted["recipe"] == version["recipe"]
    # days 0 to 199 to learn from, 220 to 259 to be stopped by; the refit all days but those to score
    assert (version["train_rows"], version["refit_rows"]) == (2_000, 3_000)
    assert (version["train_last_date"], version["refit_last_date"]) == (date(2025, 7, 19), date(2025, 10, 27))
    assert (version["train_labels_until"], version["refit_labels_until"]) == (date(2025, 9, 18), date(2025, 10, 28))

    _, first_in_gap, refit_in_gap = both_fits(examples(doubled_from=None).assign(
        booked=lambda frame: np.where(frame["split"] == "gap", 10 * frame["booked"], frame["booked"])
    ))  # fmt: skip
    np.testing.assert_array_equal(first_in_gap.predict(rows), first.predict(rows))
    assert refit_in_gap.predict(rows).mean() > refit.predict(rows).mean()


@pytest.mark.usefixtures("studies")
def test_a_version_says_what_both_fits_learned_from(tmp_path: Path) -> None:
    version, _, _ = both_fits(examples(doubled_from=None))
    assert set(version) == set(VERSION_SCHEMA.names)
    run = store.connect().get_run(version["run_id"])
    assert run.data.params["train_rows"] == "2000"
    assert run.data.params["refit_rows"] == "3000"
    assert run.data.tags["recipe"] == version["recipe"]
    inputs = {given.tags[0].value: given.dataset.digest for given in run.inputs.dataset_inputs}
    assert inputs == {"training": version["training_data_digest"], "refit": version["refit_data_digest"]}
    folder = store.verified("planted_predictor", version)
    (folder / "extra_files/first_fit.pkl").write_bytes(b"another")
    with pytest.raises(RuntimeError, match=r"not loaded: extra_files/first_fit\.pkl was changed"):
        store.verified("planted_predictor", version)


def test_a_version_from_before_there_were_two_fits_is_judged_by_the_one_that_it_has(tmp_path: Path) -> None:
    model = made_from({"class": "BoostingCounter"})
    mlflow.sklearn.save_model(model, tmp_path / "model", pip_requirements=[], serialization_format="cloudpickle")
    assert type(store.load_first_fit(str(tmp_path / "model"))).__name__ == "BoostingCounter"


# whole runs


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_build_judges_what_saw_no_test_label_and_serves_what_saw_all(product: Product, fresh: Workspace) -> None:
    first_test, newest = fresh.query(
        f"""
        select min(as_of_date) filter (where split = 'test'), max(label_known_date)
        from {product.name}_examples where split in ('train', 'gap', 'validation', 'test')
        """
    )[0]
    as_of, until, refit_until, files = fresh.query(
        f"select as_of_date, train_labels_until, refit_labels_until, artifact_files from {product.model_name}"
    )[0]
    assert until <= first_test
    assert until < refit_until == newest <= as_of
    assert "extra_files/first_fit.pkl" in files
    if product.name == "revenue":
        return
    learnt = fresh.query(
        f"""
        select count(*) filter (where split = 'train'), count(*)
        from {product.name}_examples where split in ('train', 'gap', 'validation', 'test')
        """
    )
    assert fresh.query(f"select train_rows, refit_rows from {product.model_name}") == learnt


def test_a_backtest_is_by_the_first_fit_and_scores_are_by_the_refit(fresh: Workspace, monkeypatch: Any) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", fresh.mlflow_uri)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", fresh.mlflow_uri)
    store.connect.cache_clear()
    (version,) = fresh.table("churn_predictor").to_dict("records")
    folder = str(store.verified("churn_predictor", version))
    fits = {"test": store.load_first_fit(folder), "score": store.load(folder)}
    store.connect.cache_clear()
    rows = fresh.table("churn_examples").astype({"user_id": int}).set_index(["user_id", "as_of_date"])
    said = {"test": fresh.table("churn_backtest", where="split = 'test'"), "score": fresh.table("churn_scores")}
    for split, predicted in said.items():
        found = predicted.set_index(["user_id", "as_of_date"])["churn_probability"]
        seen = rows.loc[found.index]
        assert len(found) > 100
        by_split = {name: fit.predict(seen[fit.feature_names_in_].copy()) for name, fit in fits.items()}
        np.testing.assert_allclose(by_split.pop(split), found, rtol=1e-6)
        assert np.abs(by_split.popitem()[1] - found).max() > 1e-3
