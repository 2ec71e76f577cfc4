"""Canaries and shadows: who gets them, what becomes of bad ones, and that no caller of the champion notices."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from asgi_caller import Answer, call
from eased_project import PROJECT
from local_workspace import Workspace
from test_serving import application, published

from wanderbricks_ml.registry.store import connect
from wanderbricks_ml.serving import rollout_state
from wanderbricks_ml.serving.app import App
from wanderbricks_ml.serving.declared import ServedProduct, served_products
from wanderbricks_ml.serving.export import export
from wanderbricks_ml.serving.inference_log import InferenceLog
from wanderbricks_ml.serving.keys import new_key
from wanderbricks_ml.serving.metrics import exposition
from wanderbricks_ml.serving.rollout_state import psi
from wanderbricks_ml.serving.snapshot import read_pointer

TEXT, KEY = new_key("tests", per_minute=1_000_000)
PATH = "/predict/churn_predictor"
ROW = {
    "rollout_name": "recency",
    "model_name": "churn_predictor",
    "model_version": "2",
    "mode": "canary",
    "steps": "50 100",
    "step_minutes": "60",
    "min_requests": "5",
    "max_error_rate": "0.1",
    "max_milliseconds": "2000",
    "max_psi": "0.5",
}


@pytest.fixture(scope="module")
def churn(fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, ServedProduct]:
    """A database whose churn predictor has a version 2, of the files of version 1, which published once."""
    workspace = fresh.copy(tmp_path_factory.mktemp("two") / "versions")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in workspace.environment.items():
            patch.setenv(name, value)
        (product,) = (product for product in served_products() if product.product == "churn")
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb")) as connection:
        connection.execute("use wanderbricks_ml")
        for table in ("churn_predictor", "churn_metrics"):
            connection.execute(f"insert into {table} select * replace (2 as model_version) from {table}")
        connection.execute(
            """
            insert into churn_predictions
            select * replace (2 as model_version, scoring_date - 7 as scoring_date) from churn_predictions limit 1
            """
        )
    return workspace, product


Exported = Callable[..., Path]


@pytest.fixture
def exported(
    churn: tuple[Workspace, ServedProduct], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Exported]:
    """The store of a build whose seed has these rows."""
    workspace, product = churn
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    database = workspace.path / "wanderbricks.duckdb"

    def make(*rows: dict[str, str], with_models: bool = False) -> Path:
        with duckdb.connect(str(database)) as connection:
            columns = ", ".join(f"{name} varchar" for name in ROW)
            connection.execute(f"create or replace table wanderbricks_ml.traffic ({columns})")
            for row in rows:
                marks = ", ".join("?" * len(ROW))
                connection.execute(f"insert into wanderbricks_ml.traffic values ({marks})", list(row.values()))
        export(database, tmp_path / "exported", [product], with_models)
        return tmp_path / "exported"

    # a process knows one store of MLflow, and here that of this workspace
    connect.cache_clear()
    yield make
    connect.cache_clear()


def running(store: Path, folder: Path, load: bool = True) -> App:
    folder.mkdir(exist_ok=True)
    app = application(store, folder, run_key=KEY, inference_log=str(folder.parent / "log"))
    app._log = InferenceLog(folder.parent / "log", days=30)
    if load:
        app._load_models()
    return app


class Bad:
    """A model that is worse than the champion's."""

    def __init__(self, model: Any, how: str) -> None:
        self._model, self._how = model, how

    def predict(self, rows: Any) -> Any:
        if self._how == "errs":
            raise RuntimeError("no memory")
        if self._how == "is slow":
            time.sleep(0.2)
        values = self._model.predict(rows)
        return np.full_like(values, 0.999) if self._how == "drifts" else values


def ask(app: App, row: dict[str, Any]) -> Answer:
    return call(app, PATH, {"user_id": row["user_id"]}, TEXT)


def info(app: App) -> Any:
    return call(app, "/model_info/churn_predictor", key=TEXT).json["rollout"]


def test_the_seed_is_empty_and_has_the_columns_that_are_read() -> None:
    with (PROJECT / "seeds/traffic.csv").open(encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert (list(reader.fieldnames or []), list(reader)) == (list(ROW), [])


def test_a_row_that_cannot_begin_is_said_and_begins_nothing(
    exported: Exported, churn: tuple[Workspace, ServedProduct], caplog: pytest.LogCaptureFixture
) -> None:
    database = str(churn[0].path / "wanderbricks.duckdb")

    def said(change: dict[str, str]) -> str:
        caplog.clear()
        assert not read_pointer(exported({**ROW, **change})).rollouts
        (record,) = [record for record in caplog.records if record.message.startswith("traffic: ")]
        return record.message

    assert "rising percentages" in said({"steps": "50 25"})
    assert "max_psi is no number: 'much'" in said({"max_psi": "much"})
    assert "mode is canary or shadow" in said({"mode": "blue"})
    assert "no version 9" in said({"model_version": "9"})
    assert "v1 serves already" in said({"model_version": "1"})
    assert "there is no such model" in said({"model_name": "revenue_forecaster"})
    with duckdb.connect(database) as connection:
        connection.execute(
            "insert into wanderbricks_ml.churn_predictor select * replace (3 as model_version) "
            "from wanderbricks_ml.churn_predictor where model_version = 1"
        )
    assert "v3 does not pass the gate" in said({"model_version": "3"})
    assert "has no threshold" in said({"model_version": "3", "mode": "shadow"})
    with duckdb.connect(database) as connection:
        connection.execute(
            "insert into wanderbricks_ml.registry_decisions (decision_id, model_name, model_version, action) "
            "values (9, 'churn_predictor', 2, 'archive')"
        )
    assert "v2 is archived" in said({})
    with duckdb.connect(database) as connection:
        connection.execute("delete from wanderbricks_ml.registry_decisions where decision_id = 9")
        connection.execute("delete from wanderbricks_ml.churn_predictor where model_version = 3")


def test_a_canary_answers_its_units_and_the_champion_all_others(
    exported: Exported, churn: tuple[Workspace, ServedProduct], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = running(exported(ROW, with_models=True), tmp_path / "served")
    rows = published(*churn)
    assert info(app) == {
        "rollout_name": "recency",
        "model_version": 2,
        "mode": "canary",
        "share": 0.5,
        "state": "on",
        "reason": None,
    }
    # as macro experiment_bucket has it, by which ab_assignments are made
    treated = {
        user
        for (user,) in duckdb.execute(
            """
            select unit from unnest(?) as users (unit)
            where ('0x' || substr(md5('recency:' || unit), 1, 7))::bigint % 10000 < 5000
            """,
            [[row["user_id"] for row in rows]],
        ).fetchall()
    }
    assert 0.3 < len(treated) / len(rows) < 0.7
    answers = call(app, "/predict_batch/churn_predictor", [{"user_id": row["user_id"]} for row in rows], TEXT).json
    assert [ask(app, row).json["model_version"] for row in rows[:20]] == [
        answer["model_version"] for answer in answers[:20]
    ]
    for row, answer in zip(rows, answers, strict=True):
        if row["user_id"] in treated:
            # the same files, so the same answers
            assert answer["model_version"] == 2 and answer["scored_at"] > row["scored_at"]
            answer |= {name: row[name] for name in ("model_version", "scored_at")}
        assert answer == row
    # what is asked with features of one's own is the champion's
    own = call(app, PATH, {"user_id": min(treated), "bookings_365d": 3}, TEXT).json
    assert own["model_version"] == 1

    assert app._log is not None
    app._log.close()
    logged = pq.read_table(tmp_path / "log", filters=[("route", "=", "/predict_batch/{model}")]).to_pylist()
    assert {json.loads(row["answer"])["user_id"] for row in logged if row["arm"] == "canary"} == treated
    assert len(logged) == len(rows)

    # the next step, when its time has come, and not a request earlier than is asked for
    app._arms.judge()
    assert info(app)["share"] == 0.5
    assert b'wanderbricks_arm_share{arm="canary",model="churn_predictor",version="2"} 0.5' in exposition()
    later = time.time() + 3601
    monkeypatch.setattr(rollout_state.time, "time", lambda: later)
    app._arms.judge()
    assert info(app)["share"] == 1
    assert {ask(app, row).json["model_version"] for row in rows[:20]} == {2}
    # a restart goes on where it was; by hand, the row taken out ends it
    again = running(exported(ROW), tmp_path / "again", load=False)
    assert again._arms.by_model["churn_predictor"].progress.share == 1
    over = running(exported(), tmp_path / "over", load=False)
    assert info(over) is None and {ask(over, row).json["model_version"] for row in rows[:20]} == {1}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("errs", "5 of 5 requests failed"),
        ("is slow", "5 of 5 requests took more than 20 ms"),
        ("drifts", "by a PSI of"),
    ],
)
def test_a_bad_canary_is_rolled_back_and_nobody_is_failed(
    how: str,
    why: str,
    exported: Exported,
    churn: tuple[Workspace, ServedProduct],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = {**ROW, "steps": "100", "max_milliseconds": "20" if how == "is slow" else "60000"}
    app = running(exported(row, with_models=True), tmp_path / "served")
    arm = app._arms.by_model["churn_predictor"]
    assert arm.model is not None
    arm.model = Bad(arm.model, how)
    rows = published(*churn)[:6]
    for row_asked in rows[:5]:
        answer = ask(app, row_asked)
        assert answer.status == 200
        assert answer.json == row_asked or how == "drifts"
    app._arms.judge()
    assert info(app)["state"] == "rolled back" and why in info(app)["reason"]
    assert [record.levelname for record in caplog.records if "is rolled back" in record.message] == ["ERROR"]
    assert all(ask(app, row_asked).json == row_asked for row_asked in rows)
    # and stays so after a restart; a changed row begins anew
    again = running(exported(row), tmp_path / "again", load=False)
    assert info(again)["state"] == "rolled back" and info(again)["share"] == 0
    anew = running(exported({**row, "max_psi": "0.4"}), tmp_path / "anew", load=False)
    assert info(anew)["state"] == "loading"


def test_what_a_shadow_says_is_in_the_log_alone(
    exported: Exported, churn: tuple[Workspace, ServedProduct], tmp_path: Path
) -> None:
    app = running(exported({**ROW, "mode": "shadow", "steps": "100"}, with_models=True), tmp_path / "served")
    arm = app._arms.by_model["churn_predictor"]
    assert arm.model is not None
    arm.model = Bad(arm.model, "drifts")
    rows = published(*churn)[:4]
    for row in rows:
        assert ask(app, row).json == row
        for shadow in app._arms._shadows:
            shadow.result()
    assert app._log is not None
    app._log.close()
    logged = pq.read_table(tmp_path / "log").to_pylist()
    shadows = [json.loads(row["answer"]) for row in logged if row["arm"] == "shadow"]
    assert [(row["user_id"], row["model_version"], round(row["churn_probability"], 3)) for row in shadows] == [
        (row["user_id"], 2, 0.999) for row in rows
    ]
    assert len(logged) == 2 * len(rows)


def test_psi_is_that_of_its_definition() -> None:
    expected, found = np.array([50.0, 50.0]), np.array([20.0, 80.0])
    assert psi(expected, found) == pytest.approx((0.2 - 0.5) * np.log(0.2 / 0.5) + (0.8 - 0.5) * np.log(0.8 / 0.5))
    assert psi(expected, expected) == 0
    assert psi(expected, np.array([0.0, 10.0])) > 2
