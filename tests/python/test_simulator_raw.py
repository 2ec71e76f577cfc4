"""The raw tables: reproducible, as quirky as the original, and leading to the gold they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.simulator import simulate
from wanderbricks_ml.simulator.raw import raw_tables, write_raw
from wanderbricks_ml.simulator.raw.drawing import ORIGINAL_ROWS

SEED = 7
BOOKING = (
    "booking_id int64, user_id int64, property_id int64, check_in date32[day], check_out date32[day],"
    " guests_count int32, total_amount float, status string, created_at timestamp[us], updated_at timestamp[us]"
)
COLUMNS = {
    "bookings": BOOKING,
    "booking_updates": f"booking_update_id int64, {BOOKING}",
    "payments": "payment_id int64, booking_id int64, amount decimal128(15, 4), payment_method string, status string,"
    " payment_date timestamp[us]",
    "reviews": "review_id int64, booking_id int64, property_id int64, user_id int64, rating double, comment string,"
    " is_deleted bool, created_at timestamp[us], updated_at timestamp[us]",
    "page_views": "view_id int64, user_id int64, property_id int64, device_type string, referrer string,"
    " page_url string, timestamp timestamp[us]",
    "clickstream": "user_id int64, property_id int64, event string, timestamp timestamp[us],"
    " metadata struct<device: string, referrer: string>",
    "properties": "property_id int64, host_id int64, destination_id int64, title string, description string,"
    " base_price float, property_type string, max_guests int32, bedrooms int32, bathrooms int32,"
    " property_latitude float, property_longitude float, created_at date32[day]",
    "users": "user_id int64, email string, name string, country string, user_type string, created_at timestamp[us],"
    " is_business bool, company_name string",
    "hosts": "host_id int64, name string, email string, phone string, is_verified bool, is_active bool,"
    " rating float, country string, joined_at date32[day]",
    "destinations": "destination_id int64, destination string, country string, state_or_province string,"
    " state_or_province_code string, description string",
    "countries": "country string, country_code string, continent string",
    "amenities": "amenity_id int64, name string, category string, icon string",
    "property_amenities": "property_id int64, amenity_id int64",
    "property_images": "image_id int64, property_id int64, url string, sequence int32, is_primary bool,"
    " uploaded_at date32[day]",
    "customer_support_logs": "ticket_id string, user_id int64, support_agent_id string, created_at string, messages"
    " list<item: struct<message: string, sender: string, sentiment: string, timestamp: string>>",
    "employees": "employee_id int64, host_id int64, name string, role string, email string, phone string,"
    " country string, joined_at date32[day], end_service_date date32[day], is_currently_employed bool",
}
STATE = [column.split(" ")[0] for column in BOOKING.split(", ")][1:]
LATEST = f"""
    select
        booking_id,
        {", ".join(f"coalesce(u.{name}, b.{name}) as {name}" for name in STATE)}
    from bookings as b
    left join (
        select *, row_number() over (partition by booking_id order by updated_at desc, booking_update_id desc) as place
        from booking_updates
    ) as u using (booking_id)
    where place = 1 or place is null
"""
KEYS = [
    ("booking_updates", "booking_id", "bookings", "booking_id"),
    ("payments", "booking_id", "bookings", "booking_id"),
    ("reviews", "booking_id", "bookings", "booking_id"),
    *((child, "user_id", "users", "user_id") for child in ("bookings", "reviews", "page_views", "clickstream")),
    ("customer_support_logs", "user_id", "users", "user_id"),
    *(
        (child, "property_id", "properties", "property_id")
        for child in ("bookings", "reviews", "page_views", "clickstream", "property_amenities", "property_images")
    ),
    ("properties", "host_id", "hosts", "host_id"),
    ("employees", "host_id", "hosts", "host_id"),
    ("properties", "destination_id", "destinations", "destination_id"),
    ("property_amenities", "amenity_id", "amenities", "amenity_id"),
    *((child, "country", "countries", "country") for child in ("users", "hosts", "destinations", "employees")),
]


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulator") / "gold"
    simulate("tiny", SEED, out)
    return out


@pytest.fixture(scope="module")
def raw(gold: Path) -> Path:
    write_raw(gold, SEED, gold.parent / "raw")
    return gold.parent / "raw"


@pytest.fixture(scope="module")
def data(gold: Path, raw: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for folder, names in ((gold, GOLD_SCHEMAS), (raw, COLUMNS)):
            for name in names:
                connection.execute(f"create view {name} as from '{folder / name}.parquet'")
        connection.execute(f"create view latest as {LATEST}")
        yield connection


def value(data: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = data.execute(query).fetchone()
    assert row is not None
    return row[0]


def rows(data: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(value(data, f"select count(*) from {table}"))


def digests(folder: Path) -> dict[str, str]:
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}


def test_same_seed_writes_the_same_bytes(gold: Path, raw: Path, tmp_path: Path) -> None:
    write_raw(gold, SEED, tmp_path)
    assert digests(tmp_path) == digests(raw)


def test_gold_has_the_bytes_that_it_has_without_raw(gold: Path, raw: Path, tmp_path: Path) -> None:
    simulate("tiny", SEED, tmp_path)
    assert digests(tmp_path) == digests(gold)


def test_other_seed_writes_other_bytes(gold: Path, raw: Path, tmp_path: Path) -> None:
    write_raw(gold, SEED + 1, tmp_path)
    one, other = digests(raw), digests(tmp_path)
    # Gold's dimensions and the lists are not drawn, and every property has its images.
    fixed = {"properties", "hosts", "destinations", "countries", "amenities", "property_images"}
    assert {name for name in one if one[name] == other[name]} == fixed


def test_writes_the_tables_and_nothing_else(raw: Path) -> None:
    assert set(digests(raw)) == set(COLUMNS)


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_and_types_are_as_listed(raw: Path, table: str) -> None:
    schema = pq.read_schema(raw / f"{table}.parquet")
    found = ", ".join(f"{field.name} {field.type}" for field in schema)
    assert found.replace("list<element:", "list<item:") == COLUMNS[table]


def test_latest_state_of_every_booking_is_golds(data: duckdb.DuckDBPyConnection) -> None:
    columns = "booking_id, user_id, property_id, {}, {}, guests_count, {}, status, created_at, updated_at"
    latest = columns.format("check_in", "check_out", "round(cast(total_amount as double), 2)::decimal(18, 2)")
    expected = columns.format("check_in_date", "check_out_date", "total_amount")
    assert rows(data, "latest") == rows(data, "fact_booking_detail") > 0
    difference = f"select {expected} from fact_booking_detail except select {latest} from latest"
    assert data.execute(difference).fetchall() == []


def test_only_stale_bookings_have_updates_and_show_an_earlier_state(data: duckdb.DuckDBPyConnection) -> None:
    joined = "bookings as b join fact_booking_detail as g using (booking_id)"
    updated = "booking_id in (select booking_id from booking_updates)"
    is_stale = "b.updated_at < g.updated_at and b.status <> g.status"
    assert value(data, f"select bool_and(({is_stale}) = ({updated})) from {joined}")
    assert value(data, f"select bool_and(b.updated_at >= b.created_at) from {joined}")


def test_some_updates_change_dates_guests_and_amount(data: duckdb.DuckDBPyConnection) -> None:
    joined = "bookings as b join latest as l using (booking_id)"
    for name in ("check_in", "check_out", "guests_count", "total_amount"):
        assert 0.03 < value(data, f"select avg(cast(b.{name} <> l.{name} as int)) from {joined}") < 0.12
    possible = "check_out > check_in and check_in >= cast(created_at as date) and guests_count > 0 and total_amount > 0"
    assert value(data, f"select bool_and({possible}) from bookings")


def test_some_updates_lack_the_moment_of_booking(data: duckdb.DuckDBPyConnection) -> None:
    share = "select avg(cast(created_at is null as int)) from booking_updates"
    assert value(data, share) == pytest.approx(0.3, abs=0.02)
    assert value(data, "select count(*) from bookings where created_at is null") == 0


def test_updates_lie_between_the_booking_and_its_final_state(data: duckdb.DuckDBPyConnection) -> None:
    joined = "booking_updates as u join bookings as b using (booking_id) join latest as l using (booking_id)"
    assert value(data, f"select bool_and(u.updated_at between b.updated_at and l.updated_at) from {joined}")


def test_status_is_stale_in_the_originals_proportions(data: duckdb.DuckDBPyConnection) -> None:
    query = "select status, count(*) / sum(count(*)) over () from {} group by status"
    shown = dict(data.execute(query.format("bookings")).fetchall())
    cancelled = dict(data.execute(query.format("fact_booking_detail")).fetchall())["cancelled"]
    expected = {"pending": 0.44, "completed": 0.10, "cancelled": min(cancelled, 0.21)}
    # What gold lacks in cancellations shows as confirmed.
    expected["confirmed"] = 1 - sum(expected.values())
    assert shown == pytest.approx(expected, abs=0.005)


def test_updates_repeat_and_tie_in_the_originals_proportions(data: duckdb.DuckDBPyConnection) -> None:
    updates = rows(data, "booking_updates")
    updated = value(data, "select count(distinct booking_id) from booking_updates")
    distinct = value(data, "select count(distinct booking_update_id) from booking_updates")
    ties = value(data, "select count(*) - count(distinct (booking_id, updated_at)) from booking_updates")
    assert updated / rows(data, "bookings") == pytest.approx(0.66, abs=0.01)
    assert updates / rows(data, "bookings") == pytest.approx(83_068 / 72_247, rel=0.01)
    assert distinct / updates == pytest.approx(1 - 7_943 / 83_068, abs=0.002)
    assert ties == pytest.approx(updates * 486 / 83_068, abs=1)


def test_only_the_id_tells_the_final_state_of_a_tie(data: duckdb.DuckDBPyConnection) -> None:
    tied = """
        select booking_id, arg_max(status, booking_update_id) as later, arg_min(status, booking_update_id) as earlier
        from booking_updates
        group by booking_id, updated_at
        having count(*) > 1
    """
    joined = f"({tied}) join fact_booking_detail using (booking_id)"
    assert value(data, f"select count(*) > 0 and bool_and(later = status and earlier <> status) from {joined}")


@pytest.mark.parametrize(
    ("table", "column", "share", "tolerance"),
    [
        ("payments", "payment_id", 45_173 / 49_638, 0.002),
        ("reviews", "review_id", 1_000 / 99_793, 0.0005),
        ("page_views", "view_id", 5_000 / 500_000, 0.0005),
    ],
)
def test_ids_repeat_as_in_the_original(
    data: duckdb.DuckDBPyConnection, table: str, column: str, share: float, tolerance: float
) -> None:
    distinct = value(data, f"select count(distinct {column}) from {table}")
    assert distinct / rows(data, table) == pytest.approx(share, abs=tolerance)


def test_some_bookings_are_paid_and_their_payments_sum_up_to_golds(data: duckdb.DuckDBPyConnection) -> None:
    booked = value(data, "select count(distinct booking_id) from payments")
    assert booked / rows(data, "bookings") == pytest.approx(0.64, abs=0.005)
    settled = "payments where status in ('completed', 'refunded')"
    paid = f"select booking_id, sum(amount) as paid from {settled} group by booking_id"
    assert rows(data, f"({paid})") / booked == pytest.approx(0.92, abs=0.02)
    other = f"({paid}) join fact_booking_detail using (booking_id) where paid is distinct from payment_amount"
    assert rows(data, other) == 0


def test_some_payments_failed_or_are_pending(data: duckdb.DuckDBPyConnection) -> None:
    charged = rows(data, "payments where status <> 'refunded'")
    for status, share in (("failed", 0.03), ("pending", 0.05)):
        assert rows(data, f"payments where status = '{status}'") / charged == pytest.approx(share, abs=0.015)
    unsettled = "select booking_id from payments where status in ('failed', 'pending')"
    assert rows(data, f"payments where status = 'refunded' and booking_id in ({unsettled})") == 0


def test_refunds_are_exact_negatives_of_what_was_paid(data: duckdb.DuckDBPyConnection) -> None:
    refunds = rows(data, "payments where status = 'refunded'")
    assert refunds / rows(data, "payments") == pytest.approx(3_400 / 49_638, abs=0.01)
    pairs = """
        payments as r join payments as c
        on c.booking_id = r.booking_id and c.amount = -r.amount and c.payment_date < r.payment_date
        where r.status = 'refunded' and c.status = 'completed' and r.amount < 0
    """
    assert rows(data, pairs) == refunds
    assert rows(data, "payments where amount < 0") == refunds


def test_reviews_are_of_the_guests_completed_stays(data: duckdb.DuckDBPyConnection) -> None:
    stays = "reviews as r join fact_booking_detail as g using (booking_id, user_id, property_id)"
    fits = "g.status = 'completed' and r.created_at >= g.updated_at and r.updated_at >= r.created_at"
    assert rows(data, f"{stays} where {fits}") == rows(data, "reviews")
    assert value(data, "select bool_and(is_deleted = (rating is null)) from reviews")
    assert value(data, "select avg(cast(is_deleted as int)) from reviews") == pytest.approx(0.0048, abs=0.003)


@pytest.mark.parametrize("table", ["page_views", "clickstream"])
def test_visits_come_after_all_bookings(data: duckdb.DuckDBPyConnection, table: str) -> None:
    month = "select date_trunc('month', max(created_at)) + interval 2 month from fact_booking_detail"
    assert value(data, f"select bool_and(date_trunc('month', timestamp) = ({month})) from {table}")
    assert value(data, f"select min(timestamp) > (select max(updated_at) from fact_booking_detail) from {table}")


@pytest.mark.parametrize(("child", "column", "parent", "key"), KEYS)
def test_keys_refer_to_existing_rows(
    data: duckdb.DuckDBPyConnection, child: str, column: str, parent: str, key: str
) -> None:
    assert rows(data, f"{parent}") == value(data, f"select count(distinct {key}) from {parent}")
    assert rows(data, f"{child} where {column} in (select {key} from {parent})") == rows(data, child) > 0


@pytest.mark.parametrize("table", sorted(ORIGINAL_ROWS))
def test_row_counts_are_in_proportion(data: duckdb.DuckDBPyConnection, table: str) -> None:
    base = {"property_amenities": "properties", "property_images": "properties", "employees": "hosts"}
    base |= {"properties": "properties", "hosts": "hosts"}
    per = base.get(table, "bookings")
    assert rows(data, table) / rows(data, per) == pytest.approx(ORIGINAL_ROWS[table] / ORIGINAL_ROWS[per], rel=0.02)


def test_properties_have_distinct_amenities_and_one_primary_image(data: duckdb.DuckDBPyConnection) -> None:
    assert rows(data, "amenities") == 38
    pairs = "select count(distinct (property_id, amenity_id)) from property_amenities"
    assert value(data, pairs) == rows(data, "property_amenities")
    assert value(data, "select count(distinct property_id) from property_amenities") == rows(data, "properties")
    primary = "select property_id from property_images group by all having count(*) filter (where is_primary) = 1"
    assert rows(data, f"({primary})") == rows(data, "properties")


@pytest.mark.parametrize(("table", "dimension"), [("users", "user"), ("hosts", "host"), ("properties", "property")])
def test_dimensions_are_golds_current_versions(data: duckdb.DuckDBPyConnection, table: str, dimension: str) -> None:
    columns = ", ".join(column.split(" ")[0] for column in COLUMNS[table].split(", "))
    current = f"select {columns} from dim_{dimension} where is_current"
    assert rows(data, table) == rows(data, f"({current})") > 0
    # users.created_at is a moment in raw alone
    by_day = "select * replace (cast(created_at as date) as created_at)" if table == "users" else ""
    assert data.execute(f"{current} except {by_day} from {table}").fetchall() == []


def test_countries_have_codes_and_continents(data: duckdb.DuckDBPyConnection) -> None:
    assert rows(data, "countries") == value(data, "select count(distinct country_code) from countries") == 168
    assert value(data, "select bool_and(regexp_full_match(country_code, '[A-Z]{2}')) from countries")
    assert value(data, "select count(distinct continent) from countries") == 6


def test_refuses_a_country_without_code(gold: Path) -> None:
    tables = {name: pq.read_table(gold / f"{name}.parquet") for name in GOLD_SCHEMAS}
    hosts = tables["dim_host"]
    place = hosts.schema.get_field_index("country")
    elsewhere = pa.array(["Atlantis"] * hosts.num_rows)
    tables["dim_host"] = hosts.set_column(place, "country", elsewhere)
    with pytest.raises(ValueError, match="Atlantis"):
        raw_tables(tables, SEED)
