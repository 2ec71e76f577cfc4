"""LambdaMARTRanker: which of the items of a query comes first."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from wanderbricks_ml.estimators.ranker import LambdaMARTRanker, mean_ndcg
from wanderbricks_ml.features import group_numbers
from wanderbricks_ml.reports.plots import drawn
from wanderbricks_ml.reports.report import report
from wanderbricks_ml.settings import Budget, RowSettings, Tuning
from wanderbricks_ml.tuning.folds import folds_of, halves_of_validation, losses_on

PARAMS = {"eta": 0.2, "max_depth": 3, "seed": 7, "nthread": 1}
ITEMS = 12

Made = tuple[np.ndarray, np.ndarray, np.ndarray]


def made(queries: int, seed: int) -> Made:
    """Return X, labels and queries; a softmax of 2 x1 - x2 chooses, x3 is the query's own and says nothing."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(queries, ITEMS, 3))
    X[:, :, 2] = random.normal(size=(queries, 1))
    utility = 2 * X[:, :, 0] - X[:, :, 1] + random.gumbel(size=(queries, ITEMS))
    y = (np.arange(ITEMS) == utility.argmax(axis=1)[:, None]).astype(np.float64)
    return X.reshape(-1, 3).astype(np.float32), y.ravel(), np.repeat(np.arange(queries), ITEMS)


def fitted(train: Made, validation: Made | None = None, **settings: Any) -> LambdaMARTRanker:
    held_out = None if validation is None else validation[:2]
    groups = (train[2], train[2][:0] if validation is None else validation[2])
    return LambdaMARTRanker(params=PARAMS, **settings).fit(*train[:2], validation=held_out, groups=groups)


def first_places(scores: np.ndarray, y: np.ndarray) -> float:
    """Share of the queries whose right item comes first."""
    best = scores.reshape(-1, ITEMS).argmax(axis=1)
    return float(y.reshape(-1, ITEMS)[np.arange(len(best)), best].mean())


def test_finds_what_decides() -> None:
    X, y, _ = made(2_000, seed=3)
    model = fitted(made(3_000, seed=1), made(1_000, seed=2))
    truth = first_places(2 * X[:, 0] - X[:, 1], y)
    found = first_places(model.predict(X), y)
    assert truth > 0.5
    assert found > 0.93 * truth
    assert len(model.progress_["validation"]) >= model.booster_.num_boosted_rounds()
    assert max(model.progress_["validation"]) == pytest.approx(
        model.progress_["validation"][model.booster_.num_boosted_rounds() - 1]
    )


def test_only_items_of_one_query_are_compared() -> None:
    """Half of the queries have items that are all worse than those of the others, and a right one yet."""
    X, y, groups = made(2_000, seed=1)
    shifted = X.copy()
    # every other query lies ten lower in what decides
    shifted[:, 0] -= 10 * (groups % 2)
    model = fitted((shifted, y, groups))
    assert first_places(model.predict(shifted), y) > 0.4


def test_queries_without_a_right_item_teach_nothing() -> None:
    X, y, groups = made(500, seed=1)
    empty = np.zeros_like(y[:120])
    more = (
        np.concatenate([X, X[:120]]),
        np.concatenate([y, empty]),
        np.concatenate([groups, groups[:120] + 500]),
    )
    assert np.array_equal(fitted(more, n_estimators=10).predict(X), fitted((X, y, groups), n_estimators=10).predict(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, groups: (X, y, None), "needs `groups`"),
        (lambda X, y, groups: (X, y, (groups[:-1], groups[:0])), "24 training rows, but groups for 23"),
        (lambda X, y, groups: (X, y + 1, (groups, groups[:0])), "a training label is neither 0 nor 1"),
        (lambda X, y, groups: (X, y, (np.arange(24) % 2, groups[:0])), "scattered"),
        (lambda X, y, groups: (X, 0 * y, (groups, groups[:0])), "nothing to learn"),
    ],
)
def test_what_it_cannot_learn_from(change: Any, message: str) -> None:
    X, y, groups = change(*made(2, seed=1))
    with pytest.raises(ValueError, match=message):
        LambdaMARTRanker(n_estimators=2, params=PARAMS).fit(X, y, groups=groups)


def test_numbers_of_queries_need_not_rise() -> None:
    X, y, groups = made(300, seed=1)
    falling = fitted((X, y, groups[::-1]), n_estimators=10)
    assert np.array_equal(falling.predict(X), fitted((X, y, groups), n_estimators=10).predict(X))


def test_survives_pickling() -> None:
    train = made(300, seed=1)
    model = fitted(train, made(100, seed=2), n_estimators=10)
    copied = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copied.predict(train[0]), model.predict(train[0]))


def test_the_report_shows_the_gain_by_round() -> None:
    validation = made(200, seed=2)
    model = fitted(made(500, seed=1), validation, n_estimators=15)
    found = report(model, *validation[:2], ["one", "two", "own"])
    assert found.metrics["validation_ndcg_at_10"] == max(model.progress_["validation"])
    scores = found.tables["scores.csv"]
    assert (scores["right"].sum(), scores["other"].sum()) == (validation[1].sum(), (1 - validation[1]).sum())
    assert {"ndcg_by_round.png", "scores.png", "feature_importance.png"} <= set(drawn(found.tables))
    assert list(found.tables["feature_importance.csv"]["feature"])[:2] == ["one", "two"]


def test_groups_are_counted_in_the_order_of_the_keys() -> None:
    known = pa.table({"day": [1, 1, 1, 2, 2], "user": [7, 7, 8, 8, 9], "label": [0, 1, 0, 1, 0]})
    assert group_numbers(known, ["day", "user"]).tolist() == [0, 0, 1, 2, 3]


def test_gain_by_hand() -> None:
    """The right one comes second of three, first of two, is not there, and is eleventh of eleven."""
    y = np.array([0, 1, 0, 1, 0, 0, 0, *[0] * 10, 1.0])
    scores = np.array([0.9, 0.5, 0.1, 2.0, 1.0, 1.0, 0.0, *range(11, 0, -1)], dtype=np.float64)
    groups = np.array([4, 4, 4, 7, 7, 8, 8, *[9] * 11])
    assert mean_ndcg(y, scores, groups) == pytest.approx((1 / np.log2(3) + 1 + 0 + 0) / 4)


def test_it_agrees_with_the_boosters_own_gain() -> None:
    validation = made(1_000, seed=2)
    model = fitted(made(1_000, seed=1), validation)
    gain = mean_ndcg(validation[1], model.predict(validation[0]), validation[2])
    assert gain == pytest.approx(max(model.progress_["validation"]), abs=1e-6)


def ranked_splits() -> dict[str, tuple[pd.DataFrame, pa.Table]]:
    found = {}
    for split, (first, days, seed) in {"train": ("2025-01-01", 90, 1), "validation": ("2025-05-01", 10, 2)}.items():
        X, y, query = made(1_200, seed)
        order = np.argsort(query % days, kind="stable")
        day = np.datetime64(first) + (query[order] % days).astype("timedelta64[D]")
        found[split] = (
            pd.DataFrame(X[order], columns=["x1", "x2", "x3"]),
            pa.table(
                {"as_of_date": day, "label_known_date": day + 1, "query_id": query[order], "is_next": y[order]},
            ),
        )
    return found


@pytest.mark.parametrize("halves", [False, True])
def test_a_study_sees_whole_queries(halves: bool) -> None:
    budget = Budget(trials=1, seconds=1, rows=9_000)
    product = RowSettings(
        product="recommendations",
        model_name="ranker",
        examples="queries",
        label="is_next",
        prediction=("score",),
        date="as_of_date",
        keys=("as_of_date", "query_id", "property_id"),
        group=("as_of_date", "query_id"),
        numeric=("x1", "x2", "x3"),
        estimator={},
        tuning=Tuning(budget=budget, full_budget=budget, unit="query_id", folds=2),
    )
    made_folds = halves_of_validation if halves else folds_of
    folds = made_folds(ranked_splits(), product, 9_000)
    assert len(folds) == 2
    estimator = {"class": "LambdaMARTRanker", "n_estimators": 20, "params": PARAMS}
    for fold, loss in zip(folds, losses_on(folds, {})(estimator), strict=True):
        assert fold.groups is not None
        for (_, y), numbers in zip(fold[:3], fold.groups, strict=True):
            assert set(np.unique(numbers, return_counts=True)[1]) == {ITEMS}
            assert (np.bincount(np.unique(numbers, return_inverse=True)[1], y) == 1).all()
        # guessing among twelve items gains some 0.38
        assert 0 < loss < 0.5
