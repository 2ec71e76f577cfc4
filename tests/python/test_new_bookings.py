"""Bookings that do not exist yet: their features are those that the examples have once they do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from asgi_caller import Answer, call
from local_workspace import Workspace

from wanderbricks_ml.registry.store import connect
from wanderbricks_ml.serving.app import App
from wanderbricks_ml.serving.declared import served_products
from wanderbricks_ml.serving.export import export
from wanderbricks_ml.serving.keys import new_key
from wanderbricks_ml.serving.settings import ServingSettings
from wanderbricks_ml.serving.snapshot import Pointer, Snapshot, read_pointer, write_pointer

Ask = Callable[..., Answer]

MODEL = "cancellation_predictor"
PREDICT, BATCH, EXPLAIN = f"/predict/{MODEL}", f"/predict_batch/{MODEL}", f"/explain/{MODEL}"
INVOKE = "/serving-endpoints/wanderbricks-cancellation-predictor/invocations"

OF_THE_KEY = ("scored_at", "as_of_date", "booking_id")
"""Columns of the public table that a booking without an id has not."""


@pytest.fixture(scope="module")
def store(yesterday: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the model of the day before serves."""
    folder = tmp_path_factory.mktemp("online")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in yesterday.environment.items():
            patch.setenv(name, value)
        products = [product for product in served_products() if product.model_name == MODEL]
        # a process knows one store of MLflow, and here that of this workspace
        connect.cache_clear()
        said = export(yesterday.path / "wanderbricks.duckdb", folder, products, with_models=True)
        connect.cache_clear()
    assert "by key alone" not in said[MODEL]
    return folder


def application(store: Path, folder: Path) -> tuple[App, str]:
    """An application on a copy of a store, and a key for it."""
    own = shutil.copytree(store, folder / "online", dirs_exist_ok=True)
    (folder / "rates").mkdir()
    text, key = new_key("tests", per_minute=1_000_000)
    return App(ServingSettings(store=str(own), scratch=str(folder / "rates"), run_key=key, most_rows=500)), text


@pytest.fixture(scope="module")
def served(store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[App, Ask]:
    app, text = application(store, tmp_path_factory.mktemp("serving"))
    app._store.load_models()
    return app, lambda path, body, **headers: call(app, path, body, text, **headers)


@pytest.fixture(scope="module")
def ask(served: tuple[App, Ask]) -> Ask:
    return served[1]


@pytest.fixture
def booking(served: tuple[App, Ask]) -> dict[str, Any]:
    """Fields that can be asked about."""
    about = served[0]._store.by_model[MODEL].about
    assert about.booking is not None
    return dict(about.booking.example)


def asked(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a booking of gold."""
    return {
        "property_id": row["property_id"],
        "user_id": row["user_id"],
        "check_in_date": row["check_in_date"].isoformat(),
        "check_out_date": row["check_out_date"].isoformat(),
        "guests": row["guests_count"],
        "total_amount": float(row["total_amount"]),
        "is_business_booking": row["is_business_booking"],
    }


def of_next_day(workspace: Workspace, made: date) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Fields of the bookings of a day, and the rows that the examples have of them on the next one."""
    detail = f"{workspace.gold}/fact_booking_detail.parquet"
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb"), read_only=True) as connection:
        found = []
        for query in (
            f"""
            select bookings.* from '{detail}' as bookings
            inner join wanderbricks_ml.cancellation_examples using (booking_id)
            where created_date = ? order by booking_id
            """,
            "from wanderbricks_ml.cancellation_examples where created_date = ? order by booking_id",
        ):
            result = connection.execute(query, [made])
            names = [column[0] for column in result.description or []]
            found.append([dict(zip(names, row, strict=True)) for row in result.fetchall()])
    return [
        (asked(fields) | {"bookings_alike": int(example["bookings_alike"])}, example)
        for fields, example in zip(*found, strict=True)
    ]


def test_features_and_probability_are_those_of_the_examples_once_the_booking_is_in_gold(
    served: tuple[App, Ask], fresh: Workspace, today: date
) -> None:
    """`fresh` is what the next day's build makes of gold to which the day's bookings have come."""
    app, ask = served
    one = app._store.by_model[MODEL]
    day = today - timedelta(days=1)
    assert one.about.scoring_date == day and one.what_if is not None and one.what_if._bookings is not None
    bookings = of_next_day(fresh, day)
    assert len(bookings) > 10
    names = [*one.about.numeric, *one.about.categorical]
    assert len(names) > 40
    answers = ask(BATCH, [fields for fields, _ in bookings]).json
    for (fields, example), in_batch in zip(bookings, answers, strict=True):
        question = one.asked.one(json_of(fields))
        assert question.booking is not None
        (described,) = one.what_if._bookings.features([question.booking], [question.pointer])
        assert {name: described[name] for name in names} == {name: example[name] for name in names}
        answer = ask(PREDICT, fields).json
        assert answer == in_batch
        by_features = ask(PREDICT, {"booking_id": -1, **{name: example[name] for name in names}}).json
        assert answer["cancellation_probability"] == pytest.approx(by_features["cancellation_probability"], rel=1e-9)
        assert answer["remaining_probability"] == pytest.approx(answer["cancellation_probability"], rel=1e-9)
        assert answer["baseline_probability"] == example["rule_probability"]
        assert answer["destination_id"] == example["destination_id"]
    assert len({answer["cancellation_probability"] for answer in answers}) > 5


def json_of(value: Any) -> bytes:
    """As a caller sends it."""
    return msgspec.json.encode(value)


def test_an_answer_has_the_columns_of_the_public_table(ask: Ask, yesterday: Workspace, booking: dict[str, Any]) -> None:
    columns = {row[0] for row in yesterday.query("describe cancellation_predictions")}
    answer = ask(PREDICT, booking).json
    assert set(answer) == columns - set(OF_THE_KEY) | {"created_date", "given_features"}
    assert answer["revenue_at_risk"] == pytest.approx(
        answer["remaining_probability"] * booking["total_amount"], abs=0.01
    )


def test_each_form_has_the_same_answer_and_reasons_are_its_own(ask: Ask, booking: dict[str, Any]) -> None:
    answer = ask(PREDICT, booking).json
    late = {**booking, "check_in_date": (date.fromisoformat(booking["check_in_date"]) + timedelta(90)).isoformat()}
    later = ask(PREDICT, late).json
    assert later["cancellation_probability"] != answer["cancellation_probability"]
    assert ask(BATCH, [booking, late]).json == [answer, later]
    for form in (
        {"dataframe_records": [booking, late]},
        {"inputs": [booking, late]},
        {"inputs": {name: [booking[name], late[name]] for name in booking}},
        {"dataframe_split": {"columns": list(booking), "data": [list(booking.values()), list(late.values())]}},
        {"inputs": {name: [float(of) if isinstance(of, int) else of] * 2 for name, of in booking.items()}},
    ):
        predictions = ask(INVOKE, form).json["predictions"]
        assert predictions[0] == answer and len(predictions) == 2
    reasons = ask(EXPLAIN, booking).json
    assert reasons["property_id"] == booking["property_id"] and len(reasons["reasons"]) == 3


@pytest.mark.parametrize(
    ("changed", "status", "fields"),
    [
        ({"nights": -1}, 422, ["/nights"]),
        ({"nights": 2.5}, 422, ["/nights"]),
        ({"nights": None}, 422, ["/nights"]),
        ({"guests": 0}, 422, ["/guests"]),
        ({"bookings_alike": 0}, 422, ["/bookings_alike"]),
        ({"bookings_alike": 1.5}, 422, ["/bookings_alike"]),
        ({"total_amount": -1}, 422, ["/total_amount"]),
        ({"total_amount": "300"}, 422, ["/total_amount"]),
        ({"check_in_date": "1999-01-01"}, 422, ["/check_in_date"]),
        ({"check_in_date": "9999-01-01"}, 422, ["/check_in_date"]),
        ({"check_in_date": "tomorrow"}, 422, ["/check_in_date"]),
        ({"created_date": "1999-01-01"}, 422, ["/created_date"]),
        ({"created_date": "9999-12-31"}, 422, ["/check_in_date"]),
        ({"check_out_date": "9999-12-31"}, 422, ["/nights"]),
        ({"nights": ..., "check_out_date": "9999-12-31"}, 422, ["/check_out_date"]),
        ({"nights": ...}, 422, ["/nights"]),
        ({"check_in_date": ...}, 422, ["/check_in_date"]),
        ({"country": ...}, 422, ["/user_id"]),
        ({"user_id": 1}, 422, ["/country"]),
        ({"country": ..., "user_id": -5}, 404, ["/user_id"]),
        ({"country": 7}, 422, ["/country"]),
        ({"property_id": -5}, 404, ["/property_id"]),
        ({"is_business_booking": 1}, 422, ["/is_business_booking"]),
        ({"lead_days": 3}, 422, ["/lead_days"]),
    ],
)
def test_what_cannot_be_is_a_problem_that_names_the_field(
    ask: Ask, booking: dict[str, Any], changed: dict[str, Any], status: int, fields: list[str]
) -> None:
    asking = {name: value for name, value in {**booking, **changed}.items() if value is not ...}
    answer = ask(PREDICT, asking)
    assert (answer.status, answer.fields) == (status, fields), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    batch = ask(BATCH, [booking, asking])
    assert (batch.status, batch.fields) == (status, [f"/1{field}" for field in fields])
    by_column = ask(INVOKE, {"inputs": {name: [value] for name, value in asking.items()}})
    assert by_column.status == status
    if status == 404:
        assert by_column.fields == [f"/inputs{field}/0" for field in fields]


def test_a_batch_is_of_keys_or_of_bookings(ask: Ask, booking: dict[str, Any]) -> None:
    mixed = ask(BATCH, [booking, {"booking_id": 1}])
    assert (mixed.status, mixed.fields) == (422, ["/0/property_id"])


def test_it_is_said_when_it_is_not_there_yet_and_a_swap_leaves_it_there(
    store: Path, tmp_path: Path, booking: dict[str, Any]
) -> None:
    app, text = application(store, tmp_path)
    early = call(app, PREDICT, booking, text)
    assert early.status == 503 and early.headers["retry-after"]
    app._store.load_models()
    answer = call(app, PREDICT, booking, text).json
    own, files = tmp_path / "online", read_pointer(store).files
    shutil.copy(own / files[MODEL], own / "next.lmdb")
    write_pointer(own, Pointer({MODEL: "next.lmdb"}))
    app._refresh()
    app._refresh()
    info = call(app, f"/model_info/{MODEL}", None, text).json
    assert (info["snapshot"], info["takes_new_bookings"]) == ("next.lmdb", True)
    assert call(app, PREDICT, booking, text).json == answer


def test_a_second_build_of_a_day_leaves_all_but_who_was_forgotten(
    yesterday: Workspace, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has nothing to score, and so no examples and no histories of the day."""
    for name, value in yesterday.environment.items():
        monkeypatch.setenv(name, value)
    database, own = tmp_path / "wanderbricks.duckdb", shutil.copytree(store, tmp_path / "online")
    shutil.copy(yesterday.path / "wanderbricks.duckdb", database)
    ((gone,),) = yesterday.query("select min(user_id) from cancellation_histories")
    before = histories(own)
    assert [key for key in before if of_user(key, gone)]
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from wanderbricks_ml.cancellation_examples where split = 'score'")
        connection.execute("delete from wanderbricks_ml.cancellation_histories")
        connection.execute("delete from wanderbricks_ml.user_versions where user_id = ?", [gone])
    products = [product for product in served_products() if product.model_name == MODEL]
    export(database, own, products)
    assert read_pointer(own).files != read_pointer(store).files
    assert histories(own) == {key: row for key, row in before.items() if not of_user(key, gone)}


def histories(store: Path) -> dict[bytes, bytes]:
    snapshot = Snapshot(store / read_pointer(store).files[MODEL])
    found = dict(snapshot.all_histories())
    snapshot.close()
    return found


def of_user(key: bytes, user: int) -> bool:
    number = (user + (1 << 63)).to_bytes(8)
    return key in (
        b"user_versions\0" + number,
        b"user_features\0" + number,
        b"cancellation_histories\0user\0%d\0" % user,
    )
