"""Gold made of the raw sample schema: what raw has of gold comes out as gold has it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import SEED, made_once
from eased_project import PROJECT
from local_workspace import Workspace
from pandas.testing import assert_frame_equal

from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.simulator.raw import write_raw

FROM_SAMPLES = ("--vars", "{gold: samples}")
# a test reads the manifest
READ = {"DBT_WRITE_JSON": "true"}
KEYS = {
    "dim_user": ["user_id"],
    "dim_host": ["host_id"],
    "dim_property": ["property_id"],
    "dim_destination": ["destination_id"],
    "dim_date": ["date"],
    "fact_booking_detail": ["booking_id"],
    "fact_booking_daily": ["property_id", "check_in_date"],
    "fact_property_engagement": ["property_id", "engagement_date"],
}
VERSION = {"effective_from", "record_created_timestamp", "record_updated_timestamp"}
"""Raw has no versions: they begin when the first build saw them."""
NOT_IN_RAW = {
    "dim_user": VERSION | {"user_key", "email", "name"},
    "dim_host": VERSION | {"host_key", "email", "name", "phone"},
    "dim_property": VERSION | {"property_key"},
    # raw does not say when it was written
    "dim_destination": {"record_created_timestamp", "record_updated_timestamp"},
    "dim_date": set(),
    # payments of a third of the bookings are lost; business is a flag of the user in raw, of the booking in gold
    "fact_booking_detail": {"payment_amount", "payment_method", "is_business_booking"},
    "fact_booking_daily": {"payment_completion_rate"},
    # bookings per view in simulated gold; raw does not say how long somebody looked
    "fact_property_engagement": {"conversion_rate", "avg_time_on_page"},
}
"""Columns whose values raw does not have; a test holds that these differ, and no others."""

PERSON = "select lower(sha256({id} || ':' || {column})) from '{raw}/{table}.parquet'"


def with_visits_of_gold(gold: Path, raw: Path) -> None:
    """Replace the visits, which lie after all bookings, by those that gold counts."""
    engagement = f"from '{gold}/fact_property_engagement.parquet'"
    moment = "cast(engagement_date as timestamp) + to_seconds(number)"
    views = f"""
        select number as view_id, number % unique_user_views + 1 as user_id, property_id, 'mobile' as device_type,
            'ad' as referrer, '/' as page_url, {moment} as timestamp
        {engagement}, range(view_count) as numbers (number)
    """
    events = " union all ".join(
        f"""
        select number as user_id, property_id, '{event}' as event, {moment} as timestamp,
            {{'device': 'mobile', 'referrer': 'ad'}} as metadata
        {engagement}, range({count}) as numbers (number)
        """
        for event, count in (("click", "click_count"), ("search", "search_count"), ("view", "1"), ("filter", "2"))
    )
    for name, query in (("page_views", views), ("clickstream", events)):
        duckdb.execute(f"copy ({query}) to '{raw}/{name}.parquet'")


def with_noise(raw: Path) -> None:
    """Add rows that change nothing: repeated ones, older states, no key, changes after a cancellation."""
    of = {file.stem: f"(from '{file}')" for file in raw.glob("*.parquet")}
    added = {
        "page_views": "from {page_views} where user_id % 3 = 0",
        "clickstream": "from {clickstream} where user_id % 3 = 0",
        "payments": """
            from {payments} where booking_id % 5 = 0
            union all
            select * replace ('failed' as status, payment_date - interval 1 hour as payment_date)
            from {payments} where booking_id % 3 = 0
        """,
        "users": "select * replace (created_at - interval 9 year as created_at, 'Chile' as country) from {users}",
        "bookings": """
            select * replace (updated_at - interval 1 day as updated_at, 1 as guests_count, 'pending' as status)
            from {bookings}
            union all select * replace (null as booking_id) from {bookings}
        """,
        "booking_updates": """
            from {booking_updates} where booking_id % 7 = 0
            union all select * replace (null as booking_id) from {booking_updates}
            union all
            select * replace (
                booking_update_id + 900000 as booking_update_id, null as created_at, null as user_id,
                updated_at + interval 3 day as updated_at
            )
            from {booking_updates} where status = 'cancelled'
        """,
    }
    for name, query in added.items():
        duckdb.execute(f"copy (from {of[name]} union all ({query.format(**of)})) to '{raw}/more.parquet'")
        (raw / "more.parquet").replace(raw / f"{name}.parquet")


def build(workspace: Workspace, raw: Path, *arguments: str) -> None:
    chosen = ("--select", "+gold_checks", *FROM_SAMPLES)
    code = workspace.dbt("build", *chosen, *arguments, WANDERBRICKS_RAW=str(raw), **READ)
    assert code == 0, workspace.log


@pytest.fixture(scope="module")
def made(gold: Path, shared: Path) -> Workspace:
    """Gold from raw; the folder of raw lies in it."""

    def make(folder: Path) -> None:
        write_raw(gold, SEED, folder / "raw")
        with_visits_of_gold(gold, folder / "raw")
        with_noise(folder / "raw")
        build(Workspace(folder, gold / "none"), folder / "raw")

    return Workspace(made_once(shared / "samples", make), gold / "none")


@pytest.fixture(scope="module")
def both(gold: Path, made: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """Views ``direct.<table>`` and ``made.<table>``; of dimensions what is current, of dates those that both have."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{made.path}/wanderbricks.duckdb' as ours (read_only)")
        places = {"direct": f"'{gold}/{{}}.parquet'", "made": "ours.wanderbricks_ml.{}"}
        for schema, place in places.items():
            connection.execute(f"create schema {schema}")
            for name, columns in GOLD_SCHEMAS.items():
                wanted = "is_current" if "is_current" in columns.names else "true"
                if name == "dim_date":
                    days = " intersect ".join(f"select date from {of.format(name)}" for of in places.values())
                    wanted = f"date in ({days})"
                connection.execute(f"create view {schema}.{name} as from {place.format(name)} where {wanted}")
        yield connection


def rows(both: duckdb.DuckDBPyConnection, place: str, table: str) -> pd.DataFrame:
    columns = ", ".join(GOLD_SCHEMAS[table].names)
    found = both.execute(f"select {columns} from {place}.{table} order by {', '.join(KEYS[table])}").df()
    return found.reset_index(drop=True)


@pytest.mark.parametrize("table", GOLD_SCHEMAS)
def test_gold_from_raw_is_gold(both: duckdb.DuckDBPyConnection, table: str) -> None:
    direct, made = rows(both, "direct", table), rows(both, "made", table)
    assert len(direct) > 2
    differing = NOT_IN_RAW[table]
    for column in direct.columns.difference(list(differing)):
        # the simulator rounds the halves of a mean as DuckDB does, and engines do not agree on them
        near = {"check_exact": False, "rtol": 0, "atol": 0.0101} if column.startswith("avg_") else {"check_exact": True}
        assert_frame_equal(direct[[column]], made[[column]], **near)
    assert not [column for column in differing if direct[column].equals(made[column])]


@pytest.mark.parametrize("table", GOLD_SCHEMAS)
def test_types_are_those_of_the_contract(both: duckdb.DuckDBPyConnection, table: str) -> None:
    found = both.sql(f"from made.{table} limit 0").to_arrow_table().schema
    assert {field.name: field.type for field in found} == {field.name: field.type for field in GOLD_SCHEMAS[table]}


def test_payments_that_raw_has_are_golds(both: duckdb.DuckDBPyConnection, made: Workspace) -> None:
    query = """
        select
            count(*),
            bool_and(made.payment_amount = direct.payment_amount and made.payment_method = direct.payment_method)
        from made.fact_booking_detail as made
        join direct.fact_booking_detail as direct using (booking_id)
        where made.payment_amount is not null
    """
    ((paid, equal),) = both.execute(query).fetchall()
    assert equal
    settled = f"from '{made.path}/raw/payments.parquet' where status in ('completed', 'refunded')"
    assert both.execute(f"select count(distinct booking_id) {settled}").fetchall() == [(paid,)]
    assert paid > 1000


def test_people_are_hashes_everywhere(made: Workspace) -> None:
    raw = made.path / "raw"
    for table, key, columns in (
        ("user", "user_id", ("name", "email")),
        ("host", "host_id", ("name", "email", "phone")),
    ):
        for column in columns:
            plain = f"select {column} from '{raw}/{table}s.parquet'"
            for place in (f"dim_{table}", f"{table}_states"):
                assert made.query(f"select count(*) from {place} where {column} in ({plain})") == [(0,)]
            hashes = PERSON.format(id=key, column=column, raw=raw, table=f"{table}s")
            assert made.query(f"select count(*) > 0 and bool_and({column} in ({hashes})) from dim_{table}") == [(True,)]


def test_only_models_of_gold_read_raw(made: Workspace) -> None:
    """And nothing reads a source of gold: staging goes on from what is made here."""
    nodes = json.loads((made.path / "target/manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    read = {(source, node["path"].split("/")[0]) for node in nodes for source, _ in node.get("sources", [])}
    # what serving has logged is no gold
    assert read - {("serving", "staging")} == {("samples", "gold")}
    known = {node["name"]: node["depends_on"]["nodes"] for node in nodes if node["name"].endswith("_id_is_known")}
    assert "model.wanderbricks_ml.dim_property" in known["demand_predictions_property_id_is_known"]
    parents = {node["name"]: node["depends_on"]["nodes"] for node in nodes if node["resource_type"] == "model"}
    assert "model.wanderbricks_ml.fact_booking_detail" in parents["stg_bookings"]
    assert set(GOLD_SCHEMAS) <= {parent.split(".")[-1] for parent in parents["gold_checks"]}


def test_what_changes_in_raw_becomes_a_version(made: Workspace, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "next", made.gold)
    raw = workspace.path / "raw"
    shutil.copytree(made.path / "raw", raw)
    shutil.copy(made.path / "wanderbricks.duckdb", workspace.path)
    ((guest, other),) = made.query("select min(user_id), max(user_id) from fact_booking_detail")
    for table, query in {
        "properties": "select * replace (if(property_id = 7, base_price * 2, base_price) as base_price)",
        "hosts": "select * replace ('Somebody' as name)",
        "users": f"select * replace (if(user_id = {other}, 'Chile', country) as country)",
    }.items():
        gone = f"where user_id <> {guest}" if table == "users" else ""
        duckdb.execute(f"copy ({query} from '{raw}/{table}.parquet' {gone}) to '{raw}/changed.parquet'")
        (raw / "changed.parquet").replace(raw / f"{table}.parquet")

    def versions(dimension: str) -> int:
        return int(workspace.query(f"select count(*) from dim_{dimension}")[0][0])

    before = {name: versions(name) for name in ("property", "host", "user")}
    assert workspace.dbt("build", "--empty", "--select", "+gold_checks", *FROM_SAMPLES, WANDERBRICKS_RAW=str(raw)) != 0
    assert "--empty would end every version of users, hosts and properties" in workspace.log
    build(workspace, raw)
    # a name makes no version
    assert {name: versions(name) - number for name, number in before.items()} == {"property": 1, "host": 0, "user": 1}
    two = (
        "select is_current, effective_from, effective_to, base_price from dim_property where property_id = 7 order by 2"
    )
    (first, second) = workspace.query(two)
    assert (first[0], second[0]) == (False, True)
    assert first[2] == second[1]
    assert second[3] == 2 * first[3]
    ((is_current, ended),) = workspace.query(f"select is_current, effective_to from dim_user where user_id = {guest}")
    assert not is_current
    assert ended is not None
    assert workspace.query("select count(*) from gold_checks where status = 'error'") == [(0,)]
    forgotten = ("run-operation", "forget_user", "--args", f"{{user_id: {guest}, dry_run: true}}")
    assert workspace.dbt(*forgotten, *FROM_SAMPLES, WANDERBRICKS_RAW=str(raw)) == 0, workspace.log
    assert all(f'"{table}":' in workspace.log for table in ("user_states", "dim_user", "fact_booking_detail"))


def test_raw_that_is_not_there_is_named(gold: Path, made: Workspace, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(made.path / "raw", raw)
    (raw / "payments.parquet").unlink()
    hosts = pq.read_table(raw / "hosts.parquet")
    pq.write_table(hosts.drop_columns(["joined_at"]), raw / "hosts.parquet")
    workspace = Workspace(tmp_path / "work", gold, PROJECT)
    select = ("build", "--select", "+gold_checks", *FROM_SAMPLES)
    assert workspace.dbt(*select, WANDERBRICKS_RAW=str(raw)) != 0
    assert "samples does not fit models/gold/_samples.yml; nothing was built" in workspace.log
    assert f"payments: expected a table, found no {raw}/payments.parquet" in workspace.log
    assert "hosts.joined_at: expected DATE, found no such column" in workspace.log
