"""Studies on time-ordered folds: no look-ahead, resumed where they stopped, kept with the version."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn.pipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from product_settings import product_metas

from wanderbricks_ml.lifecycle.fitting import fit_when_due
from wanderbricks_ml.registry import store
from wanderbricks_ml.registry.drawing import draw_plots
from wanderbricks_ml.registry.trials import parameter_importance, trial_table
from wanderbricks_ml.registry.versions import VERSION_SCHEMA
from wanderbricks_ml.reports import plots
from wanderbricks_ml.settings import ProductSettings, RowSettings
from wanderbricks_ml.tuning.folds import (
    MIN_ROWS,
    Evaluate,
    Fold,
    _sampled,
    data_digest,
    folds_of,
    losses_on,
    split_in_time,
)
from wanderbricks_ml.tuning.losses import log_loss, poisson_deviance
from wanderbricks_ml.tuning.space import Search, Tuned
from wanderbricks_ml.tuning.study import BATCH, FINALISTS, tuned

TODAY = date(2025, 8, 1)
DUE: dict[str, Any] = {"as_of_date": TODAY, "tune": True, "reason": "forced", "fit_due": True, "last_version": None}

PRODUCT: dict[str, Any] = {
    "product": "planted",
    "model_name": "planted_predictor",
    "examples": "planted_examples",
    "label": "booked",
    "date": "day",
    "prediction": "probability",
    "keys": ["unit_id", "day"],
    "numeric": ["level", "season"],
    "categorical": ["kind"],
    "estimator": {
        "class": "CalibratedBoostingClassifier",
        "n_estimators": 20,
        "early_stopping_rounds": 5,
        "params": {"eta": 0.1, "max_depth": 3, "seed": 7, "nthread": 2},
    },
    "tuning": {
        "budget": {"trials": 0, "seconds": 10, "rows": 500},
        "full_budget": {"trials": 16, "seconds": 60, "rows": 2_000},
        "space": {
            "params.eta": {"low": 0.01, "high": 1.0, "log": True},
            "params.max_depth": {"low": 1, "high": 9},
        },
    },
}


@pytest.fixture(autouse=True)
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of studies for each test."""
    path = tmp_path / "studies.db"
    monkeypatch.setenv("WANDERBRICKS_STUDIES", f"sqlite:///{path}")
    return path


def product(**changes: Any) -> dict[str, Any]:
    """Return the product's settings with some of those under `tuning` changed."""
    made = copy.deepcopy(PRODUCT)
    made["tuning"] |= changes
    return made


def with_trials(trials: int) -> dict[str, Any]:
    return product(full_budget={"trials": trials, "seconds": 60, "rows": 2_000})


class Planted:
    """Losses on three folds that are least at eta 0.3 and depth 6, and a count of the trials begun."""

    def __init__(self, fails_at: int | None = None, loss: Callable[[float, int], float] | None = None) -> None:
        self.begun: list[dict[str, Any]] = []
        self.yielded = 0
        self.fails_at = fails_at
        self.loss = loss or (lambda eta, depth: 1 + abs(np.log(eta / 0.3)) + 0.2 * abs(depth - 6))

    def __call__(self, estimator: dict[str, Any]) -> Iterator[float]:
        self.begun.append(estimator)
        number = len(self.begun)

        def run() -> Iterator[float]:
            for fold in range(3):
                if number == self.fails_at:
                    raise ValueError("no row is left")
                self.yielded += 1
                yield self.loss(estimator["params"]["eta"], estimator["params"]["max_depth"]) * (1 + fold / 10)

        return run()


def search_of(given: dict[str, Any]) -> Search:
    return Search.of(RowSettings.of(given), DUE)


def search(
    evaluate: Evaluate,
    given: dict[str, Any] = PRODUCT,
    current: Tuned | None = None,
    digest: str = "rows",
    final: Callable[[], Evaluate | None] | None = None,
) -> Tuned:
    in_use = current or Tuned(given["estimator"])
    return tuned(search_of(given), in_use, evaluate, digest, os.environ["WANDERBRICKS_STUDIES"], final=final)


# folds


@given(
    st.integers(0, 2**32 - 1),
    st.integers(60, 900),
    st.integers(1, 60),
    st.integers(0, 45),
    st.integers(1, 5),
)
@settings(max_examples=100, deadline=None)
def test_folds_never_overlap_in_time(seed: int, span: int, horizon: int, delay: int, folds: int) -> None:
    random = np.random.default_rng(seed)
    day = np.datetime64("2023-01-01") + random.integers(0, span, 3_000).astype("timedelta64[D]")
    seen = day - random.integers(0, horizon, 3_000).astype("timedelta64[D]")
    known = day + (1 + random.integers(0, delay + 1, 3_000)).astype("timedelta64[D]")
    found = split_in_time(day, seen, known, folds)
    assert len(found) <= folds
    for train, stop, judged in found:
        assert known[train].max() < seen[stop].min()
        assert known[stop].max() < seen[judged].min()
        assert min(len(train), len(stop), len(judged)) >= MIN_ROWS
    if span >= 30 * (horizon + delay):
        assert len(found) == folds
    starts = [day[judged].min() for _, _, judged in found]
    assert starts == sorted(starts)


def made_splits(rows: int = 3_000, label_days: int = 1) -> dict[str, tuple[pd.DataFrame, pa.Table]]:
    """Return train and validation rows whose label takes `label_days` to be known."""
    table = examples(rows, label_days)
    found = {}
    for split in ("train", "validation"):
        part = table[table["split"] == split].reset_index(drop=True)
        kept = part[["day", "as_of_date", "label_known_date", "unit_id", "booked"]]
        found[split] = (
            part[["level", "season"]].astype(np.float32).assign(kind=part["kind"].astype("category")),
            pa.Table.from_pandas(kept, preserve_index=False),
        )
    return found


def examples(rows: int = 3_000, label_days: int = 1) -> pd.DataFrame:
    """Return examples of all splits; booked depends on level."""
    random = np.random.default_rng(4)
    place = np.sort(random.integers(0, 400, rows))
    day = np.datetime64("2016-06-01") + place.astype("timedelta64[D]")
    level = random.uniform(0, 1, rows)
    return pd.DataFrame(
        {
            "unit_id": random.integers(0, 300, rows),
            "day": day,
            "as_of_date": day,
            "label_known_date": day + np.timedelta64(label_days, "D"),
            "split": np.select([place < 300, place < 350], ["train", "validation"], "test"),
            "level": level,
            "season": random.uniform(0, 1, rows),
            "kind": random.choice(["flat", "house"], rows),
            "booked": (random.uniform(0, 1, rows) < 0.1 + 0.8 * level).astype(np.float64),
        }
    )


def folds(splits: dict[str, tuple[pd.DataFrame, pa.Table]], given: dict[str, Any] = PRODUCT) -> list[Fold]:
    return folds_of(splits, RowSettings.of(given), 2_000)


def test_a_history_too_short_for_its_labels_is_tuned_on_halves_of_validation() -> None:
    splits = made_splits(label_days=365)
    first, second = folds(splits)
    assert np.array_equal(first.train[0], second.train[0])
    assert np.array_equal(first.stop[0], second.judged[0])
    assert np.array_equal(first.judged[0], second.stop[0])
    validation = len(splits["validation"][0])
    assert len(first.stop[1]) + len(first.judged[1]) == validation
    # the rows of a key are on one side: level tells rows apart
    frame, known = splits["validation"]
    unit = dict(zip(frame["level"].to_numpy(), known["unit_id"].to_pylist(), strict=True))
    sides = [{unit[level] for level in rows[0][:, 0]} for rows in (first.stop, first.judged)]
    assert sides[0] and sides[1] and not sides[0] & sides[1]


def test_units_are_sampled_whole() -> None:
    plan = RowSettings.of(product(unit="unit_id")).tuning
    assert plan is not None
    splits = made_splits(rows=6_000)
    frame, known = _sampled(*splits["train"], plan, 1_000)
    whole = pd.Series(splits["train"][1]["unit_id"].to_pylist()).value_counts()
    sampled = pd.Series(known["unit_id"].to_pylist()).value_counts()
    assert 700 < len(frame) < 1_300
    assert (whole[sampled.index] == sampled).all()


def test_too_few_rows_leave_the_parameters(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert folds(made_splits(rows=120)) == []
    assert "too few rows to tune on" in caplog.text


# the search


def test_the_best_of_a_planted_space_is_found() -> None:
    found = search(Planted(), with_trials(40))
    assert found.record is not None
    assert found.record["loss"] < 1.1 * 1.25 < found.record["default_loss"]
    assert found.estimator["params"]["eta"] == pytest.approx(0.3, rel=0.25)
    assert abs(found.estimator["params"]["max_depth"] - 6) <= 1
    # what was not searched stays
    assert found.estimator["params"]["nthread"] == 2
    assert found.estimator["n_estimators"] == PRODUCT["estimator"]["n_estimators"]


def test_the_defaults_are_the_first_trial() -> None:
    found = search(Planted())
    assert found.trials[0]["origin"] == "defaults"
    assert found.trials[0]["params"] == {"params.eta": 0.1, "params.max_depth": 3}
    assert [trial["origin"] for trial in found.trials[1:]] == [""] * 15


def test_the_defaults_stay_where_nothing_is_clearly_better() -> None:
    # better by much on one fold, worse by as much on the others: within one standard error
    def noisy(estimator: dict[str, Any]) -> Iterator[float]:
        is_default = estimator["params"]["eta"] == 0.1
        yield from (1.0, 1.0, 1.0) if is_default else (0.9, 1.05, 1.04)

    found = search(noisy)
    assert found.record is not None
    assert found.record["params"] == {}
    assert found.estimator == PRODUCT["estimator"]
    assert found.record["loss"] == found.record["default_loss"] == 1.0


def test_the_best_of_a_sample_has_to_win_on_all_rows_too() -> None:
    judged: list[dict[str, Any]] = []

    def in_full(estimator: dict[str, Any]) -> Iterator[float]:
        judged.append(estimator["params"])
        # with more rows deeper is better
        yield from [10.0 - estimator["params"]["max_depth"]] * 2

    given = with_trials(16)
    found = search(Planted(), given, final=lambda: in_full)
    assert len(judged) == 1 + FINALISTS
    assert judged[0] == given["estimator"]["params"]
    complete = [trial for trial in found.trials[1:] if trial["state"] == "complete"]
    finalists = sorted(complete, key=lambda trial: trial["loss"])[:FINALISTS]
    depths = [trial["params"]["params.max_depth"] for trial in finalists]
    assert found.estimator["params"]["max_depth"] == max([3, *depths])
    assert found.record is not None and found.record["default_loss"] == 7.0

    worse = lambda: lambda estimator: iter([float(estimator["params"]["eta"] != 0.1)] * 2)  # noqa: E731
    kept = tuned(
        search_of(given), Tuned(given["estimator"]), Planted(), "rows", os.environ["WANDERBRICKS_STUDIES"], final=worse
    )
    assert kept.estimator == given["estimator"]


def outcome(found: Tuned) -> list[tuple[Any, ...]]:
    return [(trial["state"], trial["params"], trial["losses"]) for trial in found.trials]


def test_the_same_seed_gives_the_same_study(studies: Path) -> None:
    first = search(Planted())
    studies.unlink()
    again = search(Planted())
    assert outcome(first) == outcome(again)
    studies.unlink()
    assert outcome(search(Planted(), product(seed=8))) != outcome(first)


def test_a_study_goes_on_with_the_remaining_trials_only(studies: Path) -> None:
    whole = search(Planted())
    studies.unlink()
    stopped = Planted(fails_at=11)
    with pytest.raises(RuntimeError):
        search(stopped)
    resumed = Planted()
    found = search(resumed)
    # batches of four: eight trials were stored, the third batch was lost
    assert len(resumed.begun) == 16 - 8
    assert outcome(found) == outcome(whole)
    done = Planted()
    assert outcome(search(done)) == outcome(whole)
    assert done.begun == []


def test_other_rows_or_another_space_start_a_study_of_their_own() -> None:
    search(Planted())
    narrower = product(space={"params.eta": {"low": 0.01, "high": 1.0}})
    for settings_now, digest in ((PRODUCT, "other rows"), (narrower, "rows")):
        evaluate = Planted()
        search(evaluate, settings_now, digest=digest)
        assert len(evaluate.begun) == 16


def test_a_failing_trial_is_a_clear_error() -> None:
    message = r"planted_predictor: trial 2 with \{.*params.eta.*\} failed: no row is left.*correct the range"
    with pytest.raises(RuntimeError, match=message):
        search(Planted(fails_at=3))


def test_a_loss_that_is_no_number_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="its loss is nan"):
        search(Planted(loss=lambda eta, depth: float("nan") if eta > 0.3 else 1.0))


def test_hopeless_trials_are_pruned_after_a_fold() -> None:
    pruning, patient = Planted(), Planted()
    states = [trial["state"] for trial in search(pruning).trials]
    assert states.count("pruned") > 0
    assert states[0] == "complete"
    search(patient, product(pruning="none"))
    assert patient.yielded == 3 * 16 > pruning.yielded


def test_the_limit_in_seconds_ends_a_study() -> None:
    found = search(Planted(), product(full_budget={"trials": 16, "seconds": 0, "rows": 100}))
    assert len(found.trials) == BATCH


def test_a_trial_has_one_of_the_algorithms() -> None:
    algorithms = {"forest": {"leaves": 8}, "linear": {"penalty": 1.0}, "trees": {"params": {"eta": 0.1}}}
    given = product(
        space={},
        algorithms={
            "forest": {"leaves": {"low": 4, "high": 64, "log": True}},
            "linear": None,
            "trees": {"params.eta": {"low": 0.01, "high": 1.0, "log": True}},
        },
    ) | {"estimator": {"class": "Algorithms", "algorithms": algorithms}}
    losses = {
        "forest": lambda own: 2 + 0.01 * own["leaves"],
        "linear": lambda own: 2.0,
        "trees": lambda own: 1 + abs(np.log(own["params"]["eta"] / 0.3)),
    }

    def evaluate(estimator: dict[str, Any]) -> Iterator[float]:
        ((name, own),) = estimator["algorithms"].items()
        yield from [losses[name](own)] * 2

    found = search(evaluate, given)
    starts = [trial["params"] for trial in found.trials if trial["origin"] == "defaults"]
    assert starts == [
        {"algorithm": "forest", "forest.leaves": 8},
        {"algorithm": "linear"},
        {"algorithm": "trees", "trees.params.eta": 0.1},
    ]
    assert list(found.estimator["algorithms"]) == ["trees"]
    assert found.estimator["algorithms"]["trees"]["params"]["eta"] == pytest.approx(0.3, rel=0.3)
    assert given["estimator"]["algorithms"] == algorithms


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {"params.alpha": {"low": 0, "high": 1}}}, "params.alpha .* no setting of the estimator"),
        ({"space": {"params.eta": {"low": 0.2, "high": 1.0}}}, "params.eta .* leaves out the default, 0.1"),
        ({"space": {"params.eta": {"low": 1.0, "high": 0.1}}}, "low below high"),
        ({"space": {"params.eta": {"choices": [0.2, 0.3]}}}, "leaves out the default"),
        ({"space": {}}, "neither space nor algorithms"),
        ({"algorithms": {"forest": None}}, "forest, which is none"),
        ({"trials": 5}, "config.meta.tuning has trials, which is no setting"),
        ({"pruning": "hard"}, "pruning is hard"),
        ({"budget": {"trials": 5}}, "config.meta.tuning.budget lacks seconds, rows"),
    ],
)
def test_settings_that_cannot_be_are_clear_errors(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(Planted(), product(**changes))


# parameters in use


def version(number: int, found: Tuned, day: date = TODAY) -> dict[str, Any]:
    return {"model_version": number, "as_of_date": day, "parameters": found.parameters}


def as_found(**params: Any) -> Tuned:
    """Return what a study found that is over."""
    record = {"definition": search_of(PRODUCT).definition, "study": "planted_predictor 2025-07-01", "params": params}
    return Tuned(search_of(PRODUCT).with_parameters(params), record)


FOUND = {"params.eta": 0.31, "params.max_depth": 6}


def test_tuned_parameters_are_used_again() -> None:
    found = as_found(**FOUND)
    untuned = Tuned(PRODUCT["estimator"])
    versions = pa.Table.from_pylist([version(1, untuned), version(2, found), version(3, untuned)])
    again = search_of(PRODUCT).in_use(versions)
    assert again.estimator == found.estimator != PRODUCT["estimator"]
    assert again.record == found.record
    assert again.trials == []
    assert json.loads(again.parameters) == json.loads(found.parameters)


def changed(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(PRODUCT) | changes


@pytest.mark.parametrize(
    "given",
    [
        product(space={"params.eta": {"low": 0.01, "high": 1.0, "log": True}}),
        changed(estimator=PRODUCT["estimator"] | {"n_estimators": 21}),
        changed(numeric=["level"]),
        changed(label="cancelled"),
    ],
    ids=["space", "defaults", "features", "label"],
)
def test_tuned_parameters_go_when_what_they_were_tuned_for_changes(given: dict[str, Any]) -> None:
    versions = pa.Table.from_pylist([version(1, as_found(**FOUND))])
    assert search_of(PRODUCT).in_use(versions).record is not None
    found = search_of(given).in_use(versions)
    assert found.record is None
    assert found.estimator == given["estimator"]


def test_a_budget_may_change_and_the_parameters_stay() -> None:
    versions = pa.Table.from_pylist([version(1, as_found(**FOUND))])
    assert search_of(with_trials(99)).in_use(versions).record is not None


def test_what_was_tuned_later_is_not_used_for_an_earlier_day() -> None:
    versions = pa.Table.from_pylist([version(1, as_found(**FOUND), day=date(2025, 9, 1))])
    assert search_of(PRODUCT).in_use(versions).record is None


def test_the_next_study_starts_from_the_parameters_in_use() -> None:
    found = search(Planted(), with_trials(4), current=as_found(**FOUND), digest="next month")
    assert [trial["origin"] for trial in found.trials] == ["defaults", "in use", "", ""]
    assert found.trials[1]["params"] == FOUND


def test_defaults_that_were_not_improved_on_stay_until_the_next_study() -> None:
    versions = pa.Table.from_pylist([version(1, Tuned(PRODUCT["estimator"])), version(2, as_found())])
    again = search_of(PRODUCT).in_use(versions)
    assert again.estimator == PRODUCT["estimator"]
    assert again.record is not None


EARLIER = {
    "cancellation_predictor": "75a6df3c54d3",
    "churn_predictor": "5490959b4ac3",
    "conversion_predictor": "a32a6f672706",
    "customer_ltv_predictor": "5864f70db310",
    "demand_predictor": "08243df77875",
    "pricing_optimizer": "ce63a2d7d0ad",
    "property_recommender": "0234560be883",
    "revenue_forecaster": "a480b7055ecc",
}
"""Definitions of the products' studies as commit 0f42103 had them: by its settings, which had other names."""


COME_SINCE = {"booking_share", "price_to_usual", "nights_to_next_stay", "nights_taken_7d", "nights_taken_180d"}
COME_SINCE |= {"market_last_year_ratio", "market_check_ins_30d_ratio", "market_check_ins_90d_ratio", "bookings_alike"}
COME_SINCE |= {f"free_nights_{days}d_to_usual" for days in (7, 14, 30, 90, 180)}
"""Features that these studies knew nothing of; a definition with them is another."""


def test_what_a_study_of_an_earlier_release_found_is_in_use() -> None:
    found = {
        "pricing_optimizer": {"rounds": 33, "learning_rate": 0.05, "leaves": 7},
        "churn_predictor": {"algorithm": "xgboost", "xgboost.max_depth": 4},
        "demand_predictor": {"params.eta": 0.07},
        "revenue_forecaster": {"yearly_order": 6},
    }
    estimators = {}
    for meta in product_metas():
        name = meta["model_name"]
        if name == "customer_ltv_predictor":
            # this default has changed since
            meta["estimator"] = meta["estimator"] | {"damping": 0.9}
        if "numeric" in meta:
            meta["numeric"] = [column for column in meta["numeric"] if column not in COME_SINCE]
        if "roles" in meta:
            meta["roles"] = {role: of for role, of in meta["roles"].items() if of != "booking_share"}
        record = {"definition": EARLIER[name], "study": "an earlier one", "params": found.get(name, {})}
        versions = pa.Table.from_pylist([version(1, Tuned({}, record))])
        product = (RowSettings if "class" in meta["estimator"] else ProductSettings).of(meta)
        again = Search.of(product, DUE).in_use(versions)
        if name == "cancellation_predictor":
            # it starts from another rule since, of which the study knew nothing
            assert again.record is None
            continue
        assert again.record is not None, name
        assert again.record["definition"] == Search.of(product, DUE).definition
        estimators[name] = again.estimator
    assert (estimators["pricing_optimizer"]["max_iter"], estimators["pricing_optimizer"]["max_leaf_nodes"]) == (33, 7)
    assert list(estimators["churn_predictor"]["algorithms"]) == ["xgboost"]
    assert estimators["churn_predictor"]["algorithms"]["xgboost"]["max_depth"] == 4
    assert estimators["demand_predictor"]["params"]["eta"] == 0.07
    assert estimators["revenue_forecaster"]["yearly_order"] == 6


# whole fits


def fitted(
    connection: duckdb.DuckDBPyConnection, tune: bool, versions: pa.Table | None, given: dict[str, Any]
) -> pa.Table:
    decision = DUE | {"tune": tune, "last_version": None if versions is None else versions["model_version"][-1].as_py()}
    row = pa.Table.from_pylist(
        [decision], schema=pa.schema([
            ("as_of_date", pa.date32()), ("tune", pa.bool_()), ("reason", pa.string()), ("fit_due", pa.bool_()),
            ("last_version", pa.int32()), ("reigning_version", pa.int32()),
        ]),
    )  # fmt: skip
    return fit_when_due(
        None,
        connection.table("planted_examples"),
        connection.from_arrow(row),
        given,
        versions=None if versions is None else connection.from_arrow(versions),
    )


def test_a_study_is_logged_reads_no_test_row_and_is_taken_up_by_the_next_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, studies: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    store.connect.cache_clear()
    given = with_trials(10)
    with duckdb.connect() as connection:
        connection.register("given", examples())
        connection.execute("create table planted_examples as from given")
        (first,) = fitted(connection, True, None, given).to_pylist()
        record = json.loads(first["parameters"])["tuning"]
        client = store.connect()
        experiment = store.experiment_id("planted_predictor")
        runs = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{first['run_id']}'")
        drawn = draw_plots(first["run_id"], "planted_predictor v1")
        names = {artifact.path for artifact in client.list_artifacts(first["run_id"], "tuning")}
        assert record["trials"] == len(runs) == 10
        complete = [run for run in runs if run.data.tags["state"] == "complete"]
        assert {"loss", "fold_loss"} <= set(complete[0].data.metrics)
        assert len([run for run in runs if "final_loss" in run.data.metrics]) == 1 + FINALISTS
        assert set(runs[0].data.params) == {"params.eta", "params.max_depth"}
        assert names >= {"tuning/trials.csv", "tuning/trials.png"}
        assert {"tuning/trials.png", "feature_importance.png"} <= {*drawn}

        again = fitted(connection, False, pa.Table.from_pylist([first], schema=VERSION_SCHEMA), given)
        assert json.loads(again["parameters"][0].as_py()) == json.loads(first["parameters"])

        studies.unlink()
        absurd = "level = 1e30, season = 1e30, booked = 1 - booked, kind = 'castle'"
        connection.execute(f"update planted_examples set {absurd} where split = 'test'")
        (poisoned,) = fitted(connection, True, None, given).to_pylist()
    store.connect.cache_clear()
    without_seconds = [json.loads(row["parameters"])["tuning"] | {"seconds": None} for row in (first, poisoned)]
    assert without_seconds[0] == without_seconds[1]


def test_losses_are_those_of_the_rows_that_judge() -> None:
    made = folds(made_splits())
    losses = list(losses_on(made, {})(PRODUCT["estimator"]))
    assert len(losses) == 3
    assert losses == list(losses_on(made, {})(PRODUCT["estimator"]))
    spoilt = [fold._replace(judged=(fold.judged[0], 1 - fold.judged[1])) for fold in made]
    assert min(losses_on(spoilt, {})(PRODUCT["estimator"])) > 1.5 * max(losses)
    assert data_digest(spoilt) != data_digest(made)


def test_losses_by_hand() -> None:
    actual, expected = np.array([0.0, 2.0]), np.array([0.5, 1.0])
    assert poisson_deviance(actual, expected) == pytest.approx((2 * 0.5 + 2 * (2 * np.log(2) - 1)) / 2)
    assert log_loss(np.array([0.0, 1.0]), np.array([0.2, 0.5])) == pytest.approx(-np.log([0.8, 0.5]).mean())


def test_importance_finds_what_the_loss_depends_on() -> None:
    found = search(Planted(loss=lambda eta, depth: 1 + abs(np.log(eta))), with_trials(20))
    importance = parameter_importance(found.trials)
    assert importance["feature"][0] == "params.eta"
    assert importance["share"][0] > 0.9
    assert importance["share"].sum() == pytest.approx(1)
    assert parameter_importance(found.trials[:9]).empty
    table = trial_table(found.trials)
    assert table["best_loss"].is_monotonic_decreasing
    assert plots.study_figure(table).axes


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("sqlite:////somewhere/else/mlflow.db", "sqlite:////somewhere/else/studies.db")],
)
def test_studies_lie_beside_mlflows_store(uri: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.delenv("WANDERBRICKS_STUDIES")
    monkeypatch.setattr(store, "connect", lambda: None)
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: uri)
    assert store.study_storage() == expected
    monkeypatch.setenv("WANDERBRICKS_STUDIES", "postgresql://studies")
    assert store.study_storage() == "postgresql://studies"


def test_a_fit_leaves_the_environment_that_dbt_lists_in_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for name in ("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING"):
        monkeypatch.delenv(name, raising=False)
    store.connect.cache_clear()
    store.connect()
    deleted, patched = [], []
    kind = type(os.environ)
    delete, reads = kind.__delitem__, kind.__getitem__

    def watched(self: os._Environ[str], key: str) -> None:
        deleted.append(key)
        delete(self, key)

    def noted(model: Any, frame: Any) -> Any:
        patched.append(kind.__getitem__ is not reads)
        return predict(model, frame)

    predict = sklearn.pipeline.Pipeline.predict
    monkeypatch.setattr(kind, "__delitem__", watched)
    monkeypatch.setattr(sklearn.pipeline.Pipeline, "predict", noted)
    with duckdb.connect() as connection:
        connection.register("given", examples())
        connection.execute("create table planted_examples as from given")
        fitted(connection, False, None, with_trials(10))
    store.connect.cache_clear()
    assert deleted == []
    assert len(patched) > 1
    assert not any(patched)
