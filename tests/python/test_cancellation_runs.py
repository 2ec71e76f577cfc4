"""Whole runs of the cancellation product on tiny gold: what must not be read, who is scored, further columns."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from cut_gold import rewrite_gold
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

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


def test_further_booking_columns_teach_the_model(first: Workspace, gold: Path, project: Path, tmp_path: Path) -> None:
    told = Workspace(tmp_path, with_channel(gold, tmp_path / "gold"), project)
    variables = json.dumps({"booking_attributes": ["channel", "special_requests"]})
    assert told.dbt("build", "--select", "+cancellation_predictions", "--vars", variables) == 0, told.log

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


def test_a_date_is_no_booking_attribute(gold: Path, tmp_path: Path) -> None:
    rewrite_gold(gold, tmp_path / "gold", {})
    path = tmp_path / "gold" / "fact_booking_detail.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("quoted_on", table["check_in_date"]), path)
    run = Workspace(tmp_path, tmp_path / "gold")
    code = run.dbt("build", "--select", "point_in_time", "--vars", json.dumps({"booking_attributes": ["quoted_on"]}))
    assert code == 2
    assert "fact_booking_detail.quoted_on: expected a number, a boolean or text, found DATE" in run.log
