"""Whole runs of the cancellation product on tiny gold: what must not be read, who is scored, further columns."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from cut_gold import rewrite_gold
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

from wanderbricks_ml.serving.declared import served_products
from wanderbricks_ml.serving.export import export
from wanderbricks_ml.serving.new_bookings import NewBookings
from wanderbricks_ml.serving.snapshot import Snapshot, read_pointer

# what is not known when a booking is made, or tells of the whole split
NO_FEATURES = ("cancelled", "later_share", "is_open")


@pytest.fixture(scope="module")
def first(gold: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A first build of the product. Tests read it."""
    workspace = Workspace(tmp_path_factory.mktemp("cancellation"), gold, project)
    assert workspace.dbt("build", "--select", "+cancellation_predictions") == 0, workspace.log
    return workspace


def test_every_open_booking_is_scored_and_no_other(first: Workspace, today: date) -> None:
    predictions = first.table("cancellation_predictions")
    expected = first.query(
        f"""
        select booking_id from '{first.gold}/fact_booking_detail.parquet'
        where check_in_date >= date '{today}' and not is_cancelled order by booking_id
        """
    )
    assert len(expected) > 100
    assert sorted(predictions["booking_id"]) == [row[0] for row in expected]
    when_made = first.query("select decision_threshold from cancellation_champion")[0][0]
    assert (predictions["called_when_made"] == (predictions["cancellation_probability"] >= when_made)).all()
    ((now,),) = first.query(
        "select metric_value from cancellation_metrics "
        "where split = 'validation' and metric_name = 'remaining_best_threshold'"
    )
    assert (predictions["predicted_cancellation"] == (predictions["remaining_probability"] >= now)).all()
    assert (predictions["remaining_probability"] <= predictions["cancellation_probability"] + 1e-12).all()
    assert predictions.notna().all().all()


def test_splits_hold_whole_days_of_arrivals(first: Workspace) -> None:
    arrived = first.query(
        f"""
        select split, count(*), count(booking_id)
        from (
            select splits.split, examples.booking_id
            from cancellation_splits as splits
            inner join '{first.gold}/fact_booking_detail.parquet' as bookings
                on bookings.check_in_date between splits.first_check_in and splits.last_check_in
            left join cancellation_examples as examples
                on bookings.booking_id = examples.booking_id and splits.split = examples.split
            where splits.split <> 'score'
        )
        group by split
        """
    )
    assert len(arrived) == 3
    for split, in_gold, in_examples in arrived:
        assert in_gold == in_examples > 100, split


def test_nothing_that_happened_after_a_booking_was_made_is_in_its_features(
    first: Workspace, gold: Path, lenient: Path, today: date, tmp_path: Path
) -> None:
    day = today - timedelta(days=90)
    moment = f"timestamp '{day}'"
    poisoned = rewrite_gold(
        gold,
        tmp_path / "gold",
        {
            # earlier bookings end otherwise where their end comes later, and each later one was made three times over
            "fact_booking_detail": f"""
                with told as (
                    select
                        *,
                        not (is_cancelled and updated_at < {moment}) and check_in_date >= date '{day}' as ends_later
                    from fact_booking_detail
                ),
                ended as (
                    select * exclude (ends_later) replace (
                        is_cancelled <> ends_later as is_cancelled,
                        case when ends_later then greatest(created_at, {moment}) + interval 1 hour else updated_at end
                            as updated_at,
                        case when ends_later then 'pending' else status end as status,
                        cast(case when ends_later then 99999 else payment_amount end as decimal(18, 2))
                            as payment_amount
                    )
                    from told
                )
                from ended
                union all
                select ended.* replace (
                    ended.booking_id + copies.copy * 1000000 as booking_id,
                    true as is_cancelled,
                    cast(99999 as decimal(18, 2)) as total_amount
                )
                from ended
                cross join (values (1), (2)) as copies (copy)
                where ended.created_at >= {moment}
            """,
            "dim_property": f"""
                select * replace (
                    cast(case when effective_from >= {moment} then 100 else 1 end * base_price as float) as base_price
                )
                from dim_property
            """,
        },
    )
    later = Workspace(tmp_path, poisoned, lenient)
    assert later.dbt("build", "--select", "+cancellation_examples") == 0, later.log

    until = f"created_date < date '{day}' and split <> 'score'"
    expected = first.table("cancellation_examples", without=NO_FEATURES, where=until)
    found = later.table("cancellation_examples", without=NO_FEATURES, where=until)
    assert (expected["split"] == "test").sum() > 50
    assert_frame_equal(found, expected, check_exact=True)
    labels = [
        workspace.table("cancellation_examples", where=until).set_index("booking_id")["cancelled"]
        for workspace in (first, later)
    ]
    assert (labels[0] != labels[1]).sum() > 200, "the poison must reach the labels"


def with_channel(gold: Path, out: Path) -> Path:
    """Write gold with two further booking columns: a channel that tells of the outcome, and a number that does not."""
    rewrite_gold(gold, out, {})
    path = out / "fact_booking_detail.parquet"
    table = pq.read_table(path)
    told = duckdb.sql(
        f"""
        select
            case
                when booking_id % 5 = 0 then null
                when is_cancelled = (hash(booking_id) % 4 > 0) then 'agency'
                else 'direct'
            end as channel,
            cast(hash(booking_id) % 3 as tinyint) as special_requests
        from '{gold}/fact_booking_detail.parquet'
        """
    ).to_arrow_table()
    for name in told.column_names:
        table = table.append_column(name, told[name].combine_chunks())
    pq.write_table(table, path)
    return out


VARIABLES = ("--vars", json.dumps({"booking_attributes": ["channel", "special_requests"]}))


@pytest.fixture(scope="module")
def told(gold: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A first build with further booking columns. What comes later in this file builds on it."""
    folder = tmp_path_factory.mktemp("told")
    workspace = Workspace(folder, with_channel(gold, folder / "gold"), project)
    assert workspace.dbt("build", "--select", "+cancellation_predictions", *VARIABLES) == 0, workspace.log
    return workspace


def test_further_booking_columns_teach_the_model(first: Workspace, told: Workspace) -> None:
    auc = (
        "select metric_value from cancellation_metrics where split = 'test' and metric_name = 'auc' and segment = 'all'"
    )
    assert told.query(auc)[0][0] > first.query(auc)[0][0] + 0.05
    ((channel, requests),) = told.query(
        "select max(attribute_channel), max(attribute_special_requests) from cancellation_examples"
    )
    assert (channel, requests) == ("direct", 2), "values come in their own types"
    # a value's history counts from arrivals before the booking, as everybody's does
    wrong = told.query(
        """
        select count(*)
        from cancellation_examples as examples
        where attribute_channel_decided <> (
            select count(*)
            from cancellation_examples as earlier
            where earlier.attribute_channel = examples.attribute_channel
                and earlier.check_in_date < examples.created_date
        )
        -- days between two splits hold arrivals that are no examples
        and split = 'train' and attribute_channel is not null
        """
    )
    assert wrong == [(0,)]


def test_a_new_booking_has_the_features_that_it_has_once_it_is_in_gold(
    told: Workspace, today: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of what serves; then it comes to gold, and the next day's examples are built. Guests are known, and new."""
    for name, value in told.environment.items():
        monkeypatch.setenv(name, value)
    products = [product for product in served_products() if product.product == "cancellation"]
    export(told.path / "wanderbricks.duckdb", tmp_path, products)
    snapshot = Snapshot(tmp_path / read_pointer(tmp_path).files["cancellation_predictor"])
    about, bookings = snapshot.about, NewBookings(snapshot)
    bookings.load()
    ((known,),) = told.query("select min(user_id) from cancellation_histories")
    ((property_id,),) = told.query("select min(property_id) from cancellation_histories")
    of_all = {"property_id": property_id, "guests": 3, "is_business_booking": True, "nights": 4}
    asked: list[dict[str, Any]] = [
        {"user_id": known, "attribute_channel": "agency", "attribute_special_requests": 2, "total_amount": 412.35},
        {"country": "Spain", "user_type": "family", "attribute_channel": None, "total_amount": 199.99},
        {"country": "Spain", "user_type": "couple", "attribute_channel": "none has it", "total_amount": 0.0},
    ]
    asked = [{**of_all, **one, "check_in_date": today + timedelta(9 + 9 * place)} for place, one in enumerate(asked)]
    # two rooms of a group, one of them with a guest more
    room = {**asked[-1], "check_in_date": today + timedelta(99), "bookings_alike": 2}
    asked += [room, room | {"guests": 4}]
    described = bookings.features(asked, [str] * len(asked))
    snapshot.close()

    add_bookings(told.gold, [{"user_id": 900_000 + place, **one} for place, one in enumerate(asked)], today)
    next_day = today + timedelta(days=1)
    assert told.dbt("run", "--select", "+cancellation_examples", *VARIABLES, as_of=next_day) == 0, told.log
    names = [*about.numeric, *about.categorical]
    assert {"attribute_channel_decided", "attribute_special_requests", "attribute_channel"} <= set(names)
    listed = f"select {', '.join(names)} from cancellation_examples where booking_id < 0 order by booking_id desc"
    assert [tuple(row[name] for name in names) for row in described] == told.query(listed)


def add_bookings(gold: Path, bookings: list[dict[str, Any]], day: date) -> None:
    """Write bookings that were made on a day to gold, with ids below 0, and the guests who signed up for them."""
    made = f"timestamp '{day} 12:00:00'"

    def rewritten(table: str, rows: str) -> None:
        file = gold / f"{table}.parquet"
        schema = pq.read_schema(file)
        whole = duckdb.sql(f"from '{file}' union all by name ({rows})").to_arrow_table()
        pq.write_table(whole.select(schema.names).cast(schema), file)

    for place, one in enumerate(bookings):
        arrival, channel = one["check_in_date"], one.get("attribute_channel")
        rewritten(
            "fact_booking_detail",
            f"""
            select * replace (
                -1 - {place} as booking_id, {one["user_id"]} as user_id, {one["guests"]} as guests_count,
                {made} as created_at, {made} as updated_at,
                {made} as record_created_timestamp, {made} as record_updated_timestamp,
                false as is_cancelled, 'confirmed' as status,
                date '{arrival}' as check_in_date, date '{arrival}' + {one["nights"]} as check_out_date,
                {one["nights"]} as nights_booked, cast({one["total_amount"]} as decimal(18, 2)) as total_amount,
                true as is_business_booking, {f"'{channel}'" if channel else "null"} as channel,
                {one.get("attribute_special_requests", "null")} as special_requests
            )
            from '{gold}/fact_booking_detail.parquet'
            where property_id = {one["property_id"]} and booking_id >= 0
            order by created_at desc limit 1
            """,
        )
        if "country" in one:
            rewritten(
                "dim_user",
                f"""
                select * replace (
                    {one["user_id"]} as user_id, 'u-{one["user_id"]}-1' as user_key, cast({made} as date) as created_at,
                    '{one["country"]}' as country, '{one["user_type"]}' as user_type, {made} as effective_from,
                    {made} as record_created_timestamp, {made} as record_updated_timestamp,
                    null as effective_to, true as is_current
                )
                from '{gold}/dim_user.parquet' order by user_key limit 1
                """,
            )


def test_a_date_is_no_booking_attribute(gold: Path, tmp_path: Path) -> None:
    rewrite_gold(gold, tmp_path / "gold", {})
    path = tmp_path / "gold" / "fact_booking_detail.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("quoted_on", table["check_in_date"]), path)
    run = Workspace(tmp_path, tmp_path / "gold")
    code = run.dbt("build", "--select", "point_in_time", "--vars", json.dumps({"booking_attributes": ["quoted_on"]}))
    assert code == 2
    assert "fact_booking_detail.quoted_on: expected a number, a boolean or text, found DATE" in run.log
