"""Answers in real time: those of the public tables, to those who may ask."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from asgi_caller import Answer, call
from click import ClickException
from click.testing import CliRunner
from eased_project import PROJECT
from local_workspace import Workspace

from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.commands.serve import _address
from wanderbricks_ml.serving.app import App
from wanderbricks_ml.serving.declared import ServedProduct, served_products
from wanderbricks_ml.serving.export import export
from wanderbricks_ml.serving.keys import KeyRing, new_key, write_keys
from wanderbricks_ml.serving.rates import SLOTS, Limiter
from wanderbricks_ml.serving.settings import ServingSettings
from wanderbricks_ml.serving.snapshot import (
    About,
    KeyFormat,
    Pointer,
    Snapshot,
    read_pointer,
    write_pointer,
    write_snapshot,
)

Ask = Callable[..., Answer]

TAKE_FEATURES = {
    "demand_predictor": "property_type",
    "conversion_predictor": "views",
    "customer_ltv_predictor": "user_type",
    "churn_predictor": "bookings_365d",
    "cancellation_predictor": "nights",
}
"""Models that take features, and one that decides little."""

ENDLESS = ("shrunk_booking_value", "shrunk_yearly_bookings")
"""Features whose product a model cannot hold."""

CHURN = ServedProduct("churn", "churn_predictor", "churn_predictions", "probability", ("user_id",), None, "user_id")


@pytest.fixture(scope="module")
def products(fresh: Workspace) -> list[ServedProduct]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fresh.environment.items():
            patch.setenv(name, value)
        return served_products()


@pytest.fixture(scope="module")
def store(fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("online")
    finished = fresh.wanderbricks("online-store", "--store", str(folder))
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def ask(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    text, key = new_key("tests", per_minute=1_000_000)
    app = application(store, tmp_path_factory.mktemp("serving"), run_key=key, most_rows=500, most_bytes=100_000)
    app._store.load_models()
    return lambda path, body=None, key=text, **headers: call(app, path, body, key, **headers)


def application(store: Path, folder: Path, **settings: Any) -> App:
    """An application on a copy of a store, as a process opens a file once."""
    own = shutil.copytree(store, folder / "online", dirs_exist_ok=True)
    (folder / "rates").mkdir()
    return App(ServingSettings(store=str(own), scratch=str(folder / "rates"), **settings))


def published(workspace: Workspace, product: ServedProduct) -> list[dict[str, Any]]:
    """Rows of a public table's newest scoring as JSON has them, in order of their keys."""
    order = ", ".join((*product.key, product.order))
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb"), read_only=True) as connection:
        result = connection.execute(
            f"""
            select * from wanderbricks_ml.{product.predictions}
            where scoring_date = (select max(scoring_date) from wanderbricks_ml.{product.predictions})
            order by {order}
            """
        )
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, map(as_json, row), strict=True)) for row in result.fetchall()]


def as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds") + "Z"
    return value.isoformat() if isinstance(value, date) else value


def flat(product: ServedProduct, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the public table in an answer."""
    if product.items is None:
        return [answer]
    shared = {name: value for name, value in answer.items() if name != product.items}
    return [shared | item for item in answer[product.items]]


def test_every_scored_key_is_answered_as_the_public_table_has_it(
    fresh: Workspace, products: list[ServedProduct], ask: Ask
) -> None:
    assert len(products) == 8
    for product in products:
        rows = published(fresh, product)
        keys = list({tuple(row[name] for name in product.key): None for row in rows})
        records = [dict(zip(product.key, key, strict=True)) for key in keys]
        answered: list[dict[str, Any]] = []
        for start in range(0, len(records), 500):
            answers = ask(f"/predict_batch/{product.model_name}", records[start : start + 500]).json
            answered += [row for answer in answers for row in flat(product, answer)]
        assert rows and answered == rows, product.model_name


def test_who_is_new_is_answered_by_country_as_new_users_of_it_are(
    fresh: Workspace, products: list[ServedProduct], ask: Ask
) -> None:
    product = next(one for one in products if one.newcomers)
    country_of = dict(
        fresh.query(
            """
            with described as (
                select scored.user_id, coalesce(users.country, 'unknown') as country, users.bookings_ever
                from property_recommendations as scored
                inner join user_features as users
                    on scored.user_id = users.user_id and scored.scoring_date >= users.feature_date
                qualify row_number() over (partition by scored.user_id order by users.feature_date desc) = 1
            )
            select user_id, country from described where bookings_ever = 0
            """
        )
    )
    assert len(set(country_of.values())) > 1
    path = f"/predict/{product.model_name}"
    for user, country in country_of.items():
        of_user, of_country = ask(path, {"user_id": user}).json, ask(path, {"country": country}).json
        assert of_user.pop("user_id") == user and of_country.pop("country") == country
        assert of_country == of_user
    wanted = [{"country": country} for country in sorted(set(country_of.values()))]
    batch = ask(f"/predict_batch/{product.model_name}", wanted).json
    invoke = f"/serving-endpoints/{product.model_name}/invocations"
    for form in (
        {"dataframe_records": wanted},
        {"inputs": {"country": [one["country"] for one in wanted]}},
        {"dataframe_split": {"columns": ["country"], "data": [[one["country"]] for one in wanted]}},
    ):
        assert ask(invoke, form).json == {"predictions": batch}
    assert [row["country"] for row in batch] == sorted(set(country_of.values()))
    nowhere = ask(f"/predict_batch/{product.model_name}", [wanted[0], {"country": "Nowhere"}])
    assert (nowhere.status, nowhere.fields) == (404, ["/1/country"])
    assert wanted[0]["country"] in nowhere.json["detail"]


def scored_features(workspace: Workspace, product: ServedProduct) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Features of the newest scoring by key."""
    names = [*product.key, *product.numeric, *product.categorical]
    listed = ", ".join(names)
    query = f"select {listed} from wanderbricks_ml.{product.product}_examples where split = 'score'"
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb"), read_only=True) as connection:
        rows = [dict(zip(names, map(as_json, row), strict=True)) for row in connection.execute(query).fetchall()]
    return {tuple(row[name] for name in product.key): row for row in rows}


def test_the_model_answers_what_batch_did_to_the_same_features(
    fresh: Workspace, products: list[ServedProduct], ask: Ask
) -> None:
    """Of every scored key, with one feature as it was, and with all of them under a key that there is not."""
    for product in products:
        if product.model_name not in TAKE_FEATURES:
            continue
        features = scored_features(fresh, product)
        rows = published(fresh, product)
        one = TAKE_FEATURES[product.model_name]
        nobody = {name: -1 if name.endswith("_id") else "1999-01-01" for name in product.key}
        for start in range(0, len(rows), 30):
            part = rows[start : start + 30]
            given = [features[tuple(row[name] for name in product.key)] for row in part]
            asked = [{name: row[name] for name in (*product.key, one)} for row in given]
            for row, answered in zip(part, ask(f"/predict_batch/{product.model_name}", asked).json, strict=True):
                assert answered.pop("given_features") == [one]
                for name, value in answered.items():
                    assert value == (pytest.approx(row[name], rel=1e-9) if isinstance(value, float) else row[name])
                assert set(row) - set(answered) <= {
                    "scored_at",
                    "activity",
                    "baseline_probability",
                    "baseline_bookings",
                    "baseline_revenue",
                }
            answers = ask(f"/predict_batch/{product.model_name}", [{**row, **nobody} for row in given]).json
            for row, answered in zip(part, answers, strict=True):
                for name in product.predictions_of_model:
                    if name in row:
                        assert answered[name] == pytest.approx(row[name], rel=1e-9)


def test_other_features_have_other_answers(ask: Ask, fresh: Workspace, products: list[ServedProduct]) -> None:
    product = next(one for one in products if one.product == "churn")
    rows = published(fresh, product)
    user = {"user_id": rows[0]["user_id"]}
    lost = ask(PREDICT, {**user, "days_since_last_booking": 364, "bookings_365d": 1}).json
    loyal = ask(PREDICT, {**user, "days_since_last_booking": 1, "bookings_365d": 12}).json
    assert lost["churn_probability"] > loyal["churn_probability"]
    assert lost["given_features"] == ["bookings_365d", "days_since_last_booking"]
    assert ask(INVOKE, {"inputs": {"user_id": [user["user_id"]] * 2, "mean_nights": [1, None]}}).status == 200


def test_explanations_are_those_of_the_table_of_reasons(
    fresh: Workspace, products: list[ServedProduct], ask: Ask
) -> None:
    """Of the first rows that are explained, word by word; and of features that differ, what they change."""
    explained = [product for product in products if product.moved]
    assert len(explained) == len(TAKE_FEATURES)
    for product in explained:
        names = [*product.key, "rank", "feature", "feature_value", "contribution", "effect", "reason", "model_version"]
        rows = [
            dict(zip(names, map(as_json, row), strict=True))
            for row in fresh.query(
                f"""
                select {", ".join(names)}
                from {product.product}_reasons
                where scoring_date = (select max(scoring_date) from {product.product}_reasons)
                order by {", ".join(product.key)}, rank
                limit 90
                """
            )
        ]
        assert rows, product.product
        for start in range(0, len(rows), 3):
            of_row = rows[start : start + 3]
            key = {name: of_row[0][name] for name in product.key}
            answer = ask(f"/explain/{product.model_name}", key).json
            assert answer["model_version"] == of_row[0]["model_version"] and key.items() <= answer.items()
            for row, reason in zip(of_row, answer["reasons"], strict=True):
                assert reason.pop("contribution") == pytest.approx(row["contribution"], abs=1e-5)
                assert reason == {name: row[name] for name in reason}
    asked = {"user_id": published(fresh, next(one for one in products if one.product == "churn"))[0]["user_id"]}
    lost = ask("/explain/churn_predictor", {**asked, "days_since_last_booking": 364, "bookings_365d": 1}).json
    loyal = ask("/explain/churn_predictor", {**asked, "days_since_last_booking": 1, "bookings_365d": 12}).json
    assert lost["margin"] > loyal["margin"]
    assert lost["given_features"] == ["bookings_365d", "days_since_last_booking"]
    refused = ask("/explain/property_recommender", asked)
    assert (refused.status, refused.fields) == (422, ["model"]) and "churn_predictor" in refused.json["detail"]


def test_a_curve_has_every_price_that_was_looked_at(fresh: Workspace, products: list[ServedProduct], ask: Ask) -> None:
    product = next(one for one in products if one.curve)
    rows = published(fresh, product)
    points = fresh.query(
        f"""
        select property_id, stay_month, model_version, round(asked_price, 2), expected_bookings,
            round(asked_price * expected_nights * expected_bookings, 2)
        from pricing_scores
        where as_of_date = date '{rows[0]["scoring_date"]}'
        order by all
        """
    )
    asked = 0
    for row in rows:
        key = {name: row[name] for name in product.key}
        answer = ask(f"/curve/{product.model_name}", key).json
        assert answer.pop("curve") == [
            dict(zip(product.curve, point[3:], strict=True))
            for point in points
            if [as_json(part) for part in point[:3]] == [*key.values(), row["model_version"]]
        ]
        assert answer == {**key, **{name: row[name] for name in ("model_name", "model_version", "scoring_date")}}
        asked += 1
    assert asked > 10
    curve = ask(f"/curve/{product.model_name}", key).json["curve"]
    assert len(curve) > 3 and [row["current_price"], row["expected_revenue_current"]] in [
        [point["asked_price"], point["expected_revenue"]] for point in curve
    ]
    missing = ask(f"/curve/{product.model_name}", {**key, "property_id": -1})
    assert missing.status == 404
    refused = ask("/curve/churn_predictor", {"user_id": 1})
    assert (refused.status, refused.fields) == (422, ["model"]) and product.model_name in refused.json["detail"]


def test_one_record_and_each_form_of_an_invocation_have_the_same_answer(ask: Ask) -> None:
    spec = ask("/openapi.json").json
    for model in ask("/model_info").json["models"].values():
        path = f"/predict/{model['model_name']}"
        key = spec["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]["key"]["value"]
        one = ask(path, key).json
        assert key.items() <= one.items()
        for endpoint in (model["endpoint"], model["model_name"]):
            for form in (
                {"dataframe_records": [key]},
                {"dataframe_split": {"columns": list(key), "data": [list(key.values())]}},
                {"inputs": [key]},
                {"inputs": [{name: float(part) if isinstance(part, int) else part for name, part in key.items()}]},
                {"inputs": {name: [value] for name, value in key.items()}},
            ):
                assert ask(f"/serving-endpoints/{endpoint}/invocations", form).json == {"predictions": [one]}


def test_examples_of_the_document_work_as_they_stand(ask: Ask) -> None:
    from jsonschema import Draft202012Validator

    document = ask("/openapi.json").json
    asked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "get":
                assert ask(path).status == 200
                continue
            content = operation["requestBody"]["content"]["application/json"]
            answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
            for example in content["examples"].values():
                Draft202012Validator({**content["schema"], "components": document["components"]}).validate(
                    example["value"]
                )
                answered = ask(path, example["value"])
                assert answered.status == 200
                Draft202012Validator({**answer, "components": document["components"]}).validate(answered.json)
                asked += 1
    # features beside keys, for predictions and explanations; a country beside users; a curve of prices; new bookings
    assert asked == 8 * 5 + 3 * len(TAKE_FEATURES) + 2 + 3


def test_shapes_that_callers_know(ask: Ask) -> None:
    assert ask("/health").json == {"status": "healthy", "model_loaded": True}
    info = ask("/model_info/churn_predictor").json
    assert info["model_uri"] == "models:/churn_predictor/1" and info["model_type"] == "probability"
    assert info["version"] == 1 and info["metrics"]["auc"]["value"] > 0.5 and info["features_age_days"] > 0
    example = ask("/openapi.json").json["paths"]["/predict/churn_predictor"]["post"]
    key = example["requestBody"]["content"]["application/json"]["examples"]["key"]["value"]
    assert list(ask("/predict/churn_predictor", key).json)[:4] == [
        "user_id",
        "churn_probability",
        "will_churn",
        "confidence",
    ]
    assert b"wanderbricks_requests_total{" in ask("/metrics").body


PREDICT, BATCH = "/predict/churn_predictor", "/predict_batch/churn_predictor"
INVOKE = "/serving-endpoints/wanderbricks-churn-predictor/invocations"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "fields"),
    [
        (PREDICT, {"user_id": "3"}, {}, 422, ["/user_id"]),
        (PREDICT, {"user_id": 2**70}, {}, 422, ["/user_id"]),
        (PREDICT, {"user_id": 3.5}, {}, 422, ["/user_id"]),
        (BATCH, [{"user_id": 3}, {"user_id": 3.5}], {}, 422, ["/1/user_id"]),
        (INVOKE, {"inputs": {"user_id": [3, 3.5]}}, {}, 422, ["/inputs/user_id/1"]),
        (PREDICT, {}, {}, 422, ["/user_id"]),
        (PREDICT, {"user_id": 3, "a/b~c": 1}, {}, 422, ["/a~1b~0c"]),
        (PREDICT, {"user_id": -1}, {}, 404, ["/user_id"]),
        (PREDICT, {"user_id": 3, "bookings_365d": -1}, {}, 422, ["/bookings_365d"]),
        (PREDICT, {"user_id": 3, "bookings_365d": 1e39}, {}, 422, ["/bookings_365d"]),
        (PREDICT, {"user_id": 3, "country": 1}, {}, 422, ["/country"]),
        (
            "/predict/conversion_predictor",
            {"property_id": 1, "engagement_date": "x", "click_probability": 1},
            {},
            422,
            ["/engagement_date"],
        ),
        ("/predict/property_recommender", {"user_id": 3, "nights": 1}, {}, 422, ["/nights"]),
        ("/predict/property_recommender", {"country": 3}, {}, 422, ["/country"]),
        ("/predict/property_recommender", {"country": "x" * 500}, {}, 422, ["/country"]),
        ("/predict/property_recommender", {"country": "é" * 300}, {}, 404, ["/country"]),
        (PREDICT, [3], {}, 422, [""]),
        (PREDICT, b'{"user_id"', {}, 400, [""]),
        (PREDICT, b"\xff\xfe", {}, 400, [""]),
        (PREDICT, b" " * 100_001, {}, 413, [""]),
        (PREDICT, {"user_id": 3}, {"content_type": "text/csv"}, 415, ["Content-Type"]),
        (PREDICT, {"user_id": 3}, {"content_encoding": "gzip"}, 415, ["Content-Encoding"]),
        (PREDICT, None, {}, 405, ["method"]),
        (BATCH, [], {}, 422, [""]),
        (BATCH, [{"user_id": 3}] * 501, {}, 422, [""]),
        (BATCH, [{"user_id": 3}, {"user_id": None}], {}, 422, ["/1/user_id"]),
        (BATCH, [{"user_id": -1}, {"user_id": -2}], {}, 404, ["/0/user_id", "/1/user_id"]),
        (BATCH, b"[" * 90_000, {}, 422, ["/0"]),
        (INVOKE, {"dataframe_records": [{"user_id": -1}]}, {}, 404, ["/dataframe_records/0/user_id"]),
        (INVOKE, {"inputs": {"user_id": [-1]}}, {}, 404, ["/inputs/user_id/0"]),
        (INVOKE, {}, {}, 422, ["/dataframe_records"]),
        (INVOKE, {"inputs": [], "dataframe_records": []}, {}, 422, ["/dataframe_records", "/inputs"]),
        (INVOKE, {"inputs": {"user_id": [1, "2"]}}, {}, 422, ["/inputs/user_id/1"]),
        (INVOKE, {"inputs": {"user_id": [1], "other": []}}, {}, 422, ["/inputs/user_id", "/inputs/other"]),
        (INVOKE, {"dataframe_split": {"columns": ["user_id"], "data": [[1, 2]]}}, {}, 422, ["/dataframe_split/data/0"]),
        (
            INVOKE,
            {"dataframe_split": {"columns": ["user_id", "user_id"], "data": [[1, 2]]}},
            {},
            422,
            ["/dataframe_split/columns"],
        ),
        (INVOKE, {"dataframe_split": {"columns": ["user_id"]}}, {}, 422, ["/dataframe_split/data"]),
        ("/predict/no_such_model", {}, {}, 404, ["model"]),
        ("/model_info/no_such_model", None, {}, 404, ["model"]),
        ("/nowhere/%0a", None, {}, 404, ["path"]),
        ("/", None, {}, 404, ["path"]),
    ],
)
def test_an_error_is_a_problem_document_that_names_the_field(
    ask: Ask, path: str, body: Any, headers: dict[str, str], status: int, fields: list[str]
) -> None:
    answer = ask(path, body, **headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status and answer.json["title"] and answer.json["detail"]
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert answer.fields == fields


def test_a_body_that_does_not_come_is_waited_for_no_longer_than_is_allowed(store: Path, tmp_path: Path) -> None:
    text, key = new_key("slow")
    app = application(store, tmp_path, run_key=key, body_seconds=0.05)
    slow = call(app, PREDICT, {"user_id": 3}, text, endless=True)
    assert (slow.status, slow.fields, slow.headers["connection"]) == (408, [""], "close")


def test_a_key_that_was_not_scored_needs_all_features_and_the_model_may_refuse_them(ask: Ask) -> None:
    missing = ask(PREDICT, {"user_id": -1, "country": "Spain"})
    assert missing.status == 404 and "/days_since_last_booking" in missing.fields and "/country" not in missing.fields
    example = ask("/openapi.json").json["paths"]["/predict/conversion_predictor"]["post"]
    key = example["requestBody"]["content"]["application/json"]["examples"]["key"]["value"]
    endless = ask("/predict/customer_ltv_predictor", {"user_id": 1, **dict.fromkeys(ENDLESS, 3e38)})
    assert (endless.status, endless.fields) == (422, [f"/{name}" for name in ENDLESS])
    batch = ask("/predict_batch/customer_ltv_predictor", [{"user_id": 1, **dict.fromkeys(ENDLESS, 3e38)}])
    assert (batch.status, batch.fields) == (422, [f"/0/{name}" for name in ENDLESS])
    refused = ask("/predict/conversion_predictor", {**key, "click_probability": 2})
    assert (refused.status, refused.fields) == (422, ["/click_probability"])


def test_a_version_that_goes_on_answers_at_once_after_a_swap(store: Path, tmp_path: Path) -> None:
    text, key = new_key("tests")
    app = application(store, tmp_path, run_key=key)
    app._store.load_models()
    own, files = tmp_path / "online", read_pointer(store).files
    shutil.copy(own / files["churn_predictor"], own / "next.lmdb")
    write_pointer(own, Pointer({**files, "churn_predictor": "next.lmdb"}))
    app._refresh()
    example = {"user_id": app._store.by_model["churn_predictor"].about.example["user_id"], "country": "Spain"}
    assert call(app, "/model_info/churn_predictor", None, text).json["snapshot"] == "next.lmdb"
    assert call(app, PREDICT, example, text).status == 200
    assert not app._store.has_models_to_load


@pytest.mark.parametrize("broken", ["changed", "added", "other"])
def test_a_model_whose_copy_is_not_what_was_logged_does_not_answer(store: Path, tmp_path: Path, broken: str) -> None:
    (copy,) = (shutil.copytree(store, tmp_path / "online") / "models").glob("churn_predictor-*")
    if broken == "changed":
        pickled = copy / "files/model.pkl"
        pickled.write_bytes(pickled.read_bytes()[:-1] + b"!")
    elif broken == "added":
        (copy / "files/more.py").write_text("")
    else:
        # whole in itself, but not the version that serves
        (other,) = copy.parent.glob("demand_predictor-*")
        shutil.rmtree(copy)
        shutil.copytree(other, copy)
    text, key = new_key("tests")
    (tmp_path / "rates").mkdir()
    app = App(ServingSettings(store=str(tmp_path / "online"), scratch=str(tmp_path / "rates"), run_key=key))
    app._store.load_models()
    example = {"user_id": app._store.by_model["churn_predictor"].about.example["user_id"]}
    assert call(app, PREDICT, example, text).status == 200
    assert call(app, PREDICT, {**example, "country": "Spain"}, text).status == 503
    assert not call(app, "/model_info/churn_predictor", None, text).json["takes_features"]


def test_only_a_valid_key_is_answered_and_only_of_its_models(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "api_keys.json"
    all_models, first = new_key("all")
    churn_alone, second = new_key("churn", ("churn_predictor",))
    expired, third = new_key("old", expires=datetime.now(UTC).date())
    write_keys(file, [first, second])
    assert file.stat().st_mode & 0o077 == 0
    file.chmod(0o640)
    write_keys(file, [first, second, third])
    assert file.stat().st_mode & 0o777 == 0o640
    assert not any(text.encode() in file.read_bytes() for text in (all_models, churn_alone, expired))
    app = application(store, tmp_path, keys=str(file))

    def status(path: str, key: str | None, **headers: str) -> int:
        return call(app, path, None, key, **headers).status

    assert status("/model_info/churn_predictor", churn_alone) == 200
    assert status("/model_info/churn_predictor", None, authorization=f"Bearer {churn_alone}") == 200
    assert status("/model_info/demand_predictor", churn_alone) == 403
    assert list(call(app, "/model_info", None, churn_alone).json["models"]) == ["churn_predictor"]
    assert len(call(app, "/model_info", None, all_models).json["models"]) == 8
    for refused in (None, "", "wb_", expired, all_models[:-1], all_models + "x", first.hash, "é" * 50):
        for path in ("/model_info", "/model_info/churn_predictor"):
            answer = call(app, path, None, refused)
            assert (answer.status, answer.fields) == (401, ["X-API-Key"])
        assert call(app, PREDICT, {"user_id": 3}, refused).status == 401


def test_a_key_is_for_models_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wanderbricks_ml.serving.declared.served_products", lambda: [CHURN])
    file = tmp_path / "api_keys.json"
    add = ["serve-keys", "add", "a caller", "--keys", str(file), "--model", "churn_predictor"]
    refused = CliRunner().invoke(main, [*add, "--model", "churn"])
    assert refused.exit_code == 1 and "there is no model churn; there are churn_predictor" in refused.output
    assert not file.exists()
    assert CliRunner().invoke(main, add).exit_code == 0 and file.is_file()


def test_a_changed_file_of_keys_is_taken_up_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    file = tmp_path / "api_keys.json"
    text, key = new_key("one")
    other_text, other = new_key("other")
    write_keys(file, [key])
    ring = KeyRing(file, [])
    assert ring.holder(text) == key and ring.holder(other_text) is None
    write_keys(file, [other])
    assert ring.holder(text) is None and ring.holder(other_text) == other
    file.write_text('{"keys": [')
    assert ring.holder(other_text) == other
    file.unlink()
    assert ring.holder(other_text) is None
    with pytest.raises(FileNotFoundError):
        KeyRing(file, [])


def test_no_sixty_seconds_hold_more_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers count together."""
    clock = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    workers = [Limiter(tmp_path), Limiter(tmp_path)]
    allowed: list[float] = []
    for step in range(3000):
        wait = workers[step % 2].seconds_to_wait("a", 100)
        if not wait:
            allowed.append(clock)
        else:
            assert 1 <= wait <= SLOTS
        clock += 0.1 if step < 1500 else 0.5
    assert len(allowed) > 300
    assert all(later - first >= 60 for first, later in zip(allowed, allowed[100:], strict=False))
    assert workers[0].seconds_to_wait("b", 100) == 0


def test_who_asks_too_often_is_told_when_to_come_again(store: Path, tmp_path: Path) -> None:
    text, key = new_key("often", per_minute=3)
    app = application(store, tmp_path, run_key=key)
    answers = [call(app, "/model_info", None, text) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= SLOTS


def small_snapshot(store: Path, name: str, users: range, version: int) -> None:
    about = About(
        product="churn",
        model_name="churn_predictor",
        table="churn_predictions",
        key={"user_id": "integer"},
        columns={"user_id": "integer", "model_version": "integer"},
        items=None,
        item_columns={},
        rows=len(users),
        scoring_date=date(2025, 8, version),
        versions=[{"model_version": version}],
        example={"user_id": users[0]},
        exported_at="2025-08-01T00:00:00+00:00",
    )
    encoded = KeyFormat(["integer"]).encoded
    answers = ((encoded([user]), json.dumps({"user_id": user, "model_version": version}).encode()) for user in users)
    write_snapshot(store / name, about, answers)
    write_pointer(store, Pointer({"churn_predictor": name}))


def test_a_new_snapshot_serves_and_a_broken_one_does_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text, key = new_key("swap", per_minute=1000)
    (store := tmp_path / "store").mkdir()
    small_snapshot(store, "one", range(-5, 5), 1)
    app = App(ServingSettings(store=str(store), scratch=str(tmp_path), run_key=key))

    def version(user: int) -> int | None:
        return call(app, PREDICT, {"user_id": user}, text).json.get("model_version")

    assert [version(user) for user in (-5, 4, 5)] == [1, 1, None]
    small_snapshot(store, "two", range(0, 20_000), 2)
    assert version(-5) == 1
    app._refresh()
    assert [version(user) for user in (-5, 4, 19_999)] == [None, 2, 2]
    (store / "three").write_bytes(b"no snapshot")
    write_pointer(store, Pointer({"churn_predictor": "three"}))
    for _ in range(3):
        app._refresh()
    assert version(4) == 2
    assert [record.getMessage().count("three cannot be opened") for record in caplog.records] == [1]
    small_snapshot(store, "four", range(4, 5), 4)
    app._refresh()
    assert version(4) == 4


def test_a_body_that_comes_while_snapshots_change_is_answered_by_the_new_one(tmp_path: Path) -> None:
    text, key = new_key("swap")
    (store := tmp_path / "store").mkdir()
    small_snapshot(store, "one", range(5), 1)
    app = App(ServingSettings(store=str(store), scratch=str(tmp_path), run_key=key))
    small_snapshot(store, "two", range(5), 2)

    def change() -> None:
        app._refresh()
        app._refresh()

    assert call(app, PREDICT, {"user_id": 4}, text, change).json == {"user_id": 4, "model_version": 2}


def test_a_snapshot_needs_keys_once_and_in_order(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keys come twice"):
        small_snapshot(tmp_path, "twice", [1, 1], 1)  # type: ignore[arg-type]
    assert not (tmp_path / "twice").exists()


def test_keys_are_in_the_order_of_their_values() -> None:
    form = KeyFormat(["text", "integer", "date"])
    values = [
        (text, number, day)
        for text in ("", "a", "ab", "b")
        for number in (-(2**63), -1, 0, 2**63 - 1)
        for day in (date.min, date(2025, 1, 1), date.max)
    ]
    encoded = [form.encoded(value) for value in values]
    assert encoded == sorted(encoded) and len(set(encoded)) == len(values)
    with pytest.raises(ValueError, match="64 bits"):
        form.encoded(("a", 2**63, date.min))


def test_a_scoring_is_exported_once_and_a_product_without_rows_is_said(
    fresh: Workspace, store: Path, products: list[ServedProduct], tmp_path: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in store.glob("*.lmdb")}
    assert len(before) == 8
    export(fresh.path / "wanderbricks.duckdb", store, products)
    assert {path.name: path.stat().st_mtime_ns for path in store.glob("*.lmdb")} == before
    database = tmp_path / "w.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema wanderbricks_ml")
    assert export(database, tmp_path / "none", [CHURN]) == {
        "churn_predictor": "table churn_predictions was never built"
    }
    with pytest.raises(FileNotFoundError, match="run dbt build first"):
        export(tmp_path / "nothing.duckdb", tmp_path / "none", [CHURN])


def test_a_number_that_is_none_is_null_and_the_next_scoring_replaces_this_one(tmp_path: Path) -> None:
    database = tmp_path / "w.duckdb"
    # SQL has the apostrophe and the brackets for its own
    store = tmp_path / "o'store [1]"

    def score(day: str, value: str) -> dict[str, Any]:
        with duckdb.connect(str(database)) as connection:
            connection.execute("create schema if not exists wanderbricks_ml")
            connection.execute(
                f"""
                create or replace table wanderbricks_ml.churn_predictions as
                select 7::bigint as user_id, {value}::double as churn_probability, 'churn_predictor' as model_name,
                    1 as model_version, date '{day}' as as_of_date, date '{day}' as scoring_date,
                    timestamp '{day} 01:02:03' as scored_at
                """
            )
        export(database, store, [CHURN])
        file = json.loads((store / "current.json").read_text())["files"]["churn_predictor"]
        return json.loads(Snapshot(store / file).row([7]) or b"")

    assert score("2025-08-01", "'nan'")["churn_probability"] is None
    value = 0.1 + 0.2
    # a day that is scored again is exported again, whatever its clock says
    assert score("2025-08-02", "0.25")["churn_probability"] == 0.25
    row = score("2025-08-02", f"'{value!r}'")
    assert (row["churn_probability"], row["scored_at"]) == (value, "2025-08-02T01:02:03.000000Z")
    for day in range(3, 8):
        score(f"2025-08-0{day}", "0.5")
    assert len(list(store.glob("*.lmdb"))) == 2


def test_a_second_build_of_a_day_leaves_the_models(
    fresh: Workspace, store: Path, products: list[ServedProduct], tmp_path: Path
) -> None:
    """It has nothing to score, and so no examples of the day."""
    database, own = tmp_path / "wanderbricks.duckdb", shutil.copytree(store, tmp_path / "online")
    shutil.copy(fresh.path / "wanderbricks.duckdb", database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from wanderbricks_ml.churn_examples where split = 'score'")
    copies = {path.name for path in (own / "models").iterdir()}
    (old := own / "models/churn_predictor-v0-000000000000").mkdir()
    churn = [product for product in products if product.product == "churn"]
    said = export(database, own, churn, True)
    assert "by key alone" not in said["churn_predictor"]
    assert {path.name for path in old.parent.iterdir()} == copies
    # one is forgotten: the others' features are those that were scored
    before, features = kept(own, "churn_predictor")
    gone = before.example["user_id"]
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from wanderbricks_ml.churn_predictions where user_id = ?", [gone])
    export(database, own, churn)
    after, left = kept(own, "churn_predictor")
    assert after.rows == before.rows - 1 and after.numeric == before.numeric
    assert features.pop(gone) and features == left
    # of one who was not there nothing is known, and a model answers for all or for none
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            """
            insert into wanderbricks_ml.churn_predictions
            select * replace (-1 as user_id) from wanderbricks_ml.churn_predictions order by scoring_date desc limit 1
            """
        )
    export(database, own, churn)
    assert not kept(own, "churn_predictor")[0].numeric


def test_a_second_build_of_a_day_leaves_the_curves(
    fresh: Workspace, store: Path, products: list[ServedProduct], tmp_path: Path
) -> None:
    """It has no scores of the day."""
    database, own = tmp_path / "wanderbricks.duckdb", shutil.copytree(store, tmp_path / "online")
    shutil.copy(fresh.path / "wanderbricks.duckdb", database)
    pricing = [product for product in products if product.curve]
    before, gone = curves(own), min(curves(own))[0]
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from wanderbricks_ml.pricing_scores")
        connection.execute("delete from wanderbricks_ml.pricing_recommendations where property_id = ?", [gone])
    export(database, own, pricing)
    assert all(before.values())
    assert curves(own) == {key: curve for key, curve in before.items() if key[0] != gone}


def curves(store: Path) -> dict[tuple[int, str], bytes | None]:
    """What serves of prices: the curve of each key."""
    snapshot = Snapshot(store / read_pointer(store).files["pricing_optimizer"])
    keys = [(row["property_id"], row["stay_month"]) for row in map(json.loads, snapshot.all_rows())]
    found = {key: snapshot.curve([key[0], date.fromisoformat(key[1])]) for key in keys}
    snapshot.close()
    return found


def kept(store: Path, model: str) -> tuple[About, dict[int, bytes | None]]:
    """What serves of a model, and the features of each of its users."""
    snapshot = Snapshot(store / read_pointer(store).files[model])
    users = [json.loads(row)["user_id"] for row in snapshot.all_rows()]
    features = {user: snapshot.features([user]) for user in users}
    snapshot.close()
    return snapshot.about, features


def test_two_processes_do_not_export_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def look(store: Path) -> Pointer:
        with (store / "export.lock").open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried.append(store)
        return read_pointer(store)

    monkeypatch.setattr("wanderbricks_ml.serving.export.read_pointer", look)
    database = tmp_path / "w.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema wanderbricks_ml")
    export(database, tmp_path / "store", [CHURN])
    assert tried == [tmp_path / "store"]


def test_a_product_that_cannot_be_written_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the command says so by how it ends."""
    database = tmp_path / "wanderbricks.duckdb"
    other = replace(CHURN, product="other", model_name="other", predictions="other_predictions")
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema wanderbricks_ml")
        for table, user in ((other.predictions, "repeat('x', 500)"), (CHURN.predictions, "'7'")):
            connection.execute(
                f"""
                create table wanderbricks_ml.{table} as
                select {user} as user_id, 0.5::double as churn_probability, 'churn_predictor' as model_name,
                    1 as model_version, current_date as as_of_date, current_date as scoring_date,
                    current_timestamp::timestamp as scored_at
                """
            )
    monkeypatch.setattr("wanderbricks_ml.serving.declared.served_products", lambda: [other, CHURN])
    monkeypatch.setenv("WANDERBRICKS_DB", str(database))
    finished = CliRunner().invoke(main, ["online-store", "--without-models", "--store", str(tmp_path / "store")])
    assert finished.exit_code == 1 and "other: not exported" in finished.output
    assert list(read_pointer(tmp_path / "store").files) == ["churn_predictor"]


def test_the_server_takes_names_of_hosts() -> None:
    assert _address("localhost") in ("127.0.0.1", "::1")
    with pytest.raises(ClickException, match="no address"):
        _address("nowhere.invalid")


def test_other_commands_import_nothing_of_the_server() -> None:
    code = (
        "import sys, wanderbricks_ml.commands.cli, wanderbricks_ml.lifecycle.predicting, wanderbricks_ml.gold_plugin; "
        "print(sorted({'granian', 'lmdb', 'msgspec', 'prometheus_client'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def listening(port: int) -> set[str]:
    """The sockets that listen on a port of this machine: each worker has its own."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[9] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"}


@pytest.mark.parametrize("meanwhile", ["export-*", "*.lmdb"], ids=["it copies rows", "it copies models"])
def test_a_keeper_that_is_told_to_stop_stops_whatever_it_does(fresh: Workspace, tmp_path: Path, meanwhile: str) -> None:
    keeper = subprocess.Popen(
        [Path(sys.executable).with_name("wanderbricks"), "online-store", "--store", str(tmp_path), "--every", "1"],
        env={**os.environ, **fresh.environment},
    )
    while not list(tmp_path.glob(meanwhile)):
        assert keeper.poll() is None
        time.sleep(0.01)
    keeper.terminate()
    try:
        assert keeper.wait(60) == 0
    finally:
        keeper.kill()
    export(fresh.path / "wanderbricks.duckdb", tmp_path, [CHURN], with_models=False)
    assert not [*tmp_path.glob("export-*"), *tmp_path.glob("*/copy-*")]


@contextlib.contextmanager
def server(fresh: Workspace, store: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as users start it, with two workers: its process and what it printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["serve", "--port", str(port), "--store", str(store), "--workers", "2", *options]
    process = subprocess.Popen(
        [Path(sys.executable).with_name("wanderbricks"), *command],
        env={**os.environ, **fresh.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline() + process.stdout.readline()
    while process.poll() is None and len(listening(port)) < 2:
        time.sleep(0.05)
    yield process, said
    process.kill()


def test_no_request_that_the_document_lets_think_of_is_answered_with_a_failure(
    fresh: Workspace, store: Path, tmp_path: Path
) -> None:
    """Some thousand, of a model of each kind, valid and not: each refusal is a problem document that names a field."""
    text, key = new_key("fuzz", per_minute=10_000_000)
    write_keys(tmp_path / "keys.json", [key])
    options = ["--keys", str(tmp_path / "keys.json"), "--refresh", "0", "--inference-log", str(tmp_path / "log")]
    with server(fresh, store, *options) as (process, said), (tmp_path / "log.jsonl").open("w") as log:
        assert process.stderr is not None
        # it says a line a request, and would wait for who reads
        reader = threading.Thread(target=shutil.copyfileobj, args=(process.stderr, log), daemon=True)
        reader.start()
        url = said.split()[0]
        wait_for_models(url, text)
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
        paths = r"^/[a-z_.]+$|cancellation|/predict/(property_rec|revenue)|/curve/"
        options = ["--header", f"X-API-Key: {text}", "--checks", f"{checks},named_field", "--include-path-regex", paths]
        bounds = ["--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "7", "--no-color"]
        finished = subprocess.run(
            [Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json", *options, *bounds],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "named_field", "PYTHONPATH": str(PROJECT / "tests")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        tested = re.search(r"(\d+) generated, (\d+) passed", finished.stdout)
        assert tested is not None and int(tested[2]) > 1000, finished.stdout
        process.terminate()
        reader.join(60)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    statuses = {line["status"] for line in lines if "status" in line}
    assert {200, 404, 405, 415, 422} <= statuses and max(statuses) < 500


def wait_for_models(url: str, key: str) -> None:
    """Until every worker has loaded what takes features, as far as asking tells: some in a row say so."""
    request = urllib.request.Request(f"{url}/model_info/cancellation_predictor", headers={"X-API-Key": key})
    in_a_row = 0
    while in_a_row < 20:
        with urllib.request.urlopen(request) as response:
            info = json.load(response)
        in_a_row = in_a_row + 1 if info["takes_features"] and info["takes_new_bookings"] else 0
        time.sleep(0.02 if in_a_row else 0.2)


@pytest.fixture(scope="module")
def served(
    fresh: Workspace, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """A server: its process, what it printed and where its inference log is."""
    log = tmp_path_factory.mktemp("inference_log")
    with server(fresh, store, "--inference-log", str(log)) as (process, said):
        yield process, said, log


def test_the_printed_command_works_a_killed_worker_is_replaced_and_the_log_is_written(
    served: tuple[subprocess.Popen[str], str, Path],
) -> None:
    process, said, log = served
    printed = said.splitlines()[1]
    shown = subprocess.run(["bash", "-c", f"{printed} --silent --fail"], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout)["model_version"] == 1
    key = re.search(r"X-API-Key: ([^']+)", printed)
    assert key is not None

    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    # the store's keeper is a child, too
    first, *_ = (child for child in children if b"online-store" not in Path(f"/proc/{child}/cmdline").read_bytes())
    url = said.split()[0]
    before = listening(int(url.rpartition(":")[2]))
    os.kill(int(first), signal.SIGKILL)
    # what it holds itself is lost with it
    while before <= listening(int(url.rpartition(":")[2])):
        time.sleep(0.01)
    for _ in range(20):
        urllib.request.urlopen(f"{url}/health").close()
    # what the killed worker had not written yet is lost
    subprocess.run(["bash", "-c", f"{printed} --silent --fail"], capture_output=True, check=True)
    request = urllib.request.Request(f"{url}/model_info", headers={"X-API-Key": key[1], "X-Request-ID": 'a"b'})
    with urllib.request.urlopen(request) as response:
        assert '"' not in response.headers["X-Request-ID"]
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert key[1] not in errors
    lines = [json.loads(line) for line in errors.splitlines() if '"route"' in line]
    assert {line["route"] for line in lines} == {"/predict/{model}", "/model_info"}
    assert all(
        set(line) == {"time", "level", "request_id", "route", "model", "key", "status", "rows", "milliseconds"}
        for line in lines
    )
    rows = pq.read_table(log).to_pylist()
    assert rows and all(json.loads(row["answer"])["model_version"] == 1 for row in rows)
    assert datetime.now(UTC) - timedelta(hours=1) < max(row["served_at"] for row in rows)
