"""Importers: every rule on small handmade files, the keys on the real ones."""

from __future__ import annotations

import csv
import gzip
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.gold.countries import country_name, without_holidays
from wanderbricks_ml.importers import identity
from wanderbricks_ml.importers.hotel_bookings import HotelBookingsCounts, import_hotel_bookings
from wanderbricks_ml.importers.hotel_bookings.parsed import BOOKING_ATTRIBUTES, HINDSIGHT_ATTRIBUTES
from wanderbricks_ml.importers.inside_airbnb import InsideAirbnbCounts, import_inside_airbnb

REAL_DATA = Path(os.environ.get("WANDERBRICKS_REAL_DATA", ""))
SINGAPORE = REAL_DATA / "inside_airbnb_singapore"
HOTELS = REAL_DATA / "hotel_bookings" / "hotel_bookings.csv.gz"

needs_real_data = pytest.mark.skipif(
    not os.environ.get("WANDERBRICKS_REAL_DATA"), reason="WANDERBRICKS_REAL_DATA names no folder of published data"
)

Row = Mapping[str, object]


@pytest.fixture(autouse=True)
def hash_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(identity.KEY_VARIABLE, "for tests")


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_gold(folder: Path) -> dict[str, pa.Table]:
    return {name: pq.read_table(folder / f"{name}.parquet") for name in GOLD_SCHEMAS}


def rows_by(table: pa.Table, *keys: str) -> dict[Any, dict[str, Any]]:
    rows = table.to_pylist()
    return {row[keys[0]] if len(keys) == 1 else tuple(row[key] for key in keys): row for row in rows}


def query(tables: Mapping[str, pa.Table], sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.execute(sql).fetchall()


def assert_sound(tables: Mapping[str, pa.Table]) -> None:
    """Keys, references, versions and the calendar, as the models rely on them."""
    for name, key in {
        "fact_booking_detail": "booking_id",
        "fact_booking_daily": "property_id, check_in_date",
        "dim_user": "user_key",
        "dim_host": "host_key",
        "dim_property": "property_key",
        "dim_destination": "destination_id",
        "dim_date": "date",
    }.items():
        twice = query(tables, f"select {key} from {name} group by all having count(*) > 1")
        assert not twice, f"{name}: {key} is not unique"
    assert not query(
        tables,
        "select property_id from dim_property group by property_id, effective_from having count(*) > 1",
    )
    for entity in ["user", "host", "property"]:
        lost = query(
            tables,
            f"""
            select booking_id
            from fact_booking_detail as booking
            left join dim_{entity} as version
                on booking.{entity}_id = version.{entity}_id
                and booking.created_at >= version.effective_from
                and booking.created_at < coalesce(version.effective_to, timestamp '9999-01-01')
            group by booking_id
            having count(version.{entity}_id) <> 1
            """,
        )
        assert not lost, f"bookings without just one {entity} version in force"
        gaps = query(
            tables,
            f"""
            select {entity}_id
            from (
                select
                    *,
                    lead(effective_from) over (partition by {entity}_id order by effective_from)
                        as next_from
                from dim_{entity}
            )
            -- A property may be gone after its last version.
            where (effective_to is distinct from next_from and not ('{entity}' = 'property' and next_from is null))
                or is_current <> (effective_to is null)
                or effective_to <= effective_from
            """,
        )
        assert not gaps, f"dim_{entity}: versions do not tile"
    assert not query(
        tables,
        "from fact_booking_detail anti join dim_destination using (destination_id)",
    )
    assert not query(tables, "from dim_property anti join dim_destination using (destination_id)")
    assert not query(tables, "from dim_property anti join dim_host using (host_id)")
    assert not query(
        tables,
        """
        from fact_booking_detail
        where updated_at < created_at
            or check_out_date - check_in_date <> nights_booked
            or days_between_booking_and_checkin <> check_in_date - created_at::date
            or total_amount < 0
            or guests_count < 1
            or is_cancelled <> (status = 'cancelled')
        """,
    )
    assert query(
        tables,
        """
        select
            min(date) <= (select min(created_at)::date from fact_booking_detail)
            and max(date) >= (
                select max(greatest(check_out_date, updated_at::date)) + 400
                from fact_booking_detail
            )
            and count(*) = max(date) - min(date) + 1
        from dim_date
        """,
    ) == [(True,)]
    assert query(tables, "select sum(booking_count), sum(total_booking_value) from fact_booking_daily") == query(
        tables, "select count(*), sum(total_amount) from fact_booking_detail"
    )
    nullable = {
        "company_name", "effective_to", "rating", "description", "property_latitude",
        "property_longitude", "state_or_province", "state_or_province_code", "is_holiday",
        "payment_amount", "payment_method", "avg_time_on_page",
    }  # fmt: skip
    for name, schema in GOLD_SCHEMAS.items():
        for column in set(schema.names) - nullable:
            assert tables[name].column(column).null_count == 0, f"{name}.{column} has nulls"
    assert tables["fact_property_engagement"].num_rows == 0


# Inside Airbnb


def listing(**given: object) -> Row:
    return {
        "id": 1,
        "last_scraped": "2023-06-01",
        "name": "Flat · 2 bedrooms",
        "host_id": 10,
        "host_name": "Ada",
        "host_since": "2020-01-01",
        "host_location": "Lyon, France",
        "host_identity_verified": "t",
        "neighbourhood": "Croix-Rousse, France",
        "neighbourhood_cleansed": "Croix-Rousse",
        "neighbourhood_group_cleansed": "North",
        "latitude": "45.77",
        "longitude": "4.83",
        "room_type": "Entire home/apt",
        "accommodates": 4,
        "bathrooms": "",
        "bathrooms_text": "1.5 shared baths",
        "bedrooms": "",
        "price": "$1,200.50",
        "minimum_nights": 2,
        "first_review": "",
        "review_scores_rating": "",
    } | given


def review(number: object, day: str, listing_id: object = 1, **given: object) -> Row:
    return {
        "listing_id": listing_id,
        "id": number,
        "date": day,
        "reviewer_id": 77,
        "reviewer_name": "Grace",
        "comments": 'She said "fine",\nand left',
    } | given


def airbnb(
    folder: Path,
    snapshots: Iterable[Sequence[Row]],
    reviews: Sequence[Row],
    calendar: Sequence[Row] | None = None,
    **options: Any,
) -> tuple[InsideAirbnbCounts, dict[str, pa.Table]]:
    listings = [write_csv(folder / f"listings_{number}.csv", rows) for number, rows in enumerate(snapshots)]
    counts = import_inside_airbnb(
        listings,
        [write_csv(folder / "reviews.csv", reviews)],
        folder / "gold",
        None if calendar is None else write_csv(folder / "calendar.csv", calendar),
        **({"max_odd": 1} | options),
    )
    tables = read_gold(folder / "gold")
    assert_sound(tables)
    return counts, tables


@pytest.mark.parametrize("names", [("old", "new"), ("new", "old")])
def test_reviews_of_several_scrapes_are_one_set(tmp_path: Path, names: tuple[str, str]) -> None:
    listings = [
        write_csv(tmp_path / "listings_0.csv", [listing(id=1), listing(id=2)]),
        write_csv(tmp_path / "listings_1.csv", [listing(id=1, last_scraped="2023-12-01")]),
    ]
    files = {
        "old": [review(5, "2023-02-10"), review(6, "2023-03-10", 2), review(7, "2023-04-10", 3)],
        # the second guest has another name by now
        "new": [review(5, "2023-02-10", reviewer_name="Joan"), review(8, "2023-11-10")],
    }
    counts = import_inside_airbnb(
        listings, [write_csv(tmp_path / f"{name}.csv", files[name]) for name in names], tmp_path / "gold"
    )
    tables = read_gold(tmp_path / "gold")
    assert_sound(tables)
    assert tables["fact_booking_detail"]["booking_id"].to_pylist() == [5, 6, 8], "listing 2 is gone, its review is not"
    assert (counts.review_rows_read, counts.reviews_of_earlier_files, counts.reviews_conflicting) == (5, 1, 0)
    assert counts.reviews_of_unknown_listing == 1
    (ended,) = [row for row in tables["dim_property"].to_pylist() if row["property_id"] == 2]
    assert ended["effective_to"] == datetime(2023, 12, 1)


@pytest.mark.parametrize("again", [(), ("--reviews",)])
def test_several_files_by_one_option_or_by_each_its_own(tmp_path: Path, again: tuple[str, ...]) -> None:
    homes = write_csv(tmp_path / "homes.csv", [listing()])
    first = write_csv(tmp_path / "first.csv", [review(5, "2023-02-10")])
    second = write_csv(tmp_path / "second.csv", [review(6, "2023-03-10")])
    arguments = ["--listings", homes, "--reviews", first, *again, second, "--out", tmp_path / "gold"]
    result = CliRunner().invoke(main, ["import", "inside-airbnb", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert read_gold(tmp_path / "gold")["fact_booking_detail"]["booking_id"].to_pylist() == [5, 6]
    result = CliRunner().invoke(main, ["import", "inside-airbnb", *map(str, arguments), "Spain"])
    assert "unexpected extra argument" in result.output


def test_a_review_is_a_completed_booking(tmp_path: Path) -> None:
    counts, tables = airbnb(tmp_path, [[listing()]], [review(5, "2023-05-10")])
    booking = rows_by(tables["fact_booking_detail"], "booking_id")[5]
    check_in = datetime(2023, 5, 8)
    assert booking == {
        "booking_id": 5,
        "user_id": 77,
        "host_id": 10,
        "property_id": 1,
        "destination_id": 1,
        "check_in_date": date(2023, 5, 8),
        "check_out_date": date(2023, 5, 10),
        "guests_count": 2,
        "nights_booked": 2,
        "total_amount": Decimal("2401.00"),
        "payment_amount": Decimal("2401.00"),
        "payment_method": None,
        "status": "completed",
        "created_at": check_in,
        "updated_at": check_in,
        "days_between_booking_and_checkin": 0,
        "is_cancelled": False,
        "is_business_booking": False,
        "record_created_timestamp": check_in,
        "record_updated_timestamp": check_in,
    }
    assert (counts.bookings, counts.users, counts.properties) == (1, 1, 1)
    (home,) = tables["dim_property"].to_pylist()
    assert home["property_type"] == "Entire home/apt"
    assert (home["max_guests"], home["bedrooms"], home["bathrooms"]) == (4, 2, 2)
    assert home["base_price"] == 1200.5
    assert home["created_at"] == date(2023, 5, 8)
    assert home["record_created_timestamp"] == datetime(2023, 6, 1)
    (area,) = tables["dim_destination"].to_pylist()
    assert (area["destination"], area["country"], area["state_or_province"]) == (
        "Croix-Rousse",
        "France",
        "North",
    )


@pytest.mark.parametrize(
    ("minimum", "bound", "nights", "cut"),
    [("", 30, 1, 0), (0, 30, 1, 0), (30, 30, 30, 0), (92, 30, 30, 1), (92, 7, 7, 1)],
)
def test_stays_are_the_bounded_minimum(tmp_path: Path, minimum: object, bound: int, nights: int, cut: int) -> None:
    counts, tables = airbnb(
        tmp_path,
        [[listing(minimum_nights=minimum)]],
        [review(5, "2023-05-10")],
        max_nights=bound,
    )
    assert tables["fact_booking_detail"].column("nights_booked").to_pylist() == [nights]
    assert counts.bookings_with_stay_cut == cut
    assert counts.nights_assumed == (minimum == "")


def test_reviews_are_dropped_and_counted(tmp_path: Path) -> None:
    counts, tables = airbnb(
        tmp_path,
        [[listing()]],
        [
            review(5, "2023-05-10"),
            review(5, "2023-05-10"),
            review(5, "2023-05-11"),
            review(6, "2023-05-12", listing_id=404),
            review(7, "2023-06-02"),
            review(8, "some day"),
            review("", "2023-05-10"),
            review("", "2023-05-10"),
            review(9, "2023-06-01"),
        ],
    )
    assert tables["fact_booking_detail"].column("booking_id").to_pylist() == [5, 9]
    assert rows_by(tables["fact_booking_detail"], "booking_id")[5]["check_out_date"] == date(2023, 5, 10)
    assert counts.review_rows_read == 9
    assert (counts.reviews_duplicate, counts.reviews_conflicting) == (1, 1)
    assert counts.reviews_of_unknown_listing == 1
    assert counts.reviews_after_scrape == 1
    assert counts.reviews_unreadable == 3
    assert counts.bookings == 2


def test_listings_are_dropped_and_counted(tmp_path: Path) -> None:
    counts, tables = airbnb(
        tmp_path,
        [[listing(), listing(), listing(price="$5"), listing(id="x"), listing(id=3, last_scraped="")]],
        [review(5, "2023-05-10")],
    )
    assert tables["dim_property"].column("base_price").to_pylist() == [1200.5]
    assert counts.listing_rows_read == 5
    assert (counts.listing_rows_duplicate, counts.listing_rows_conflicting) == (1, 1)
    assert counts.listing_rows_unreadable == 2


def test_a_snapshot_makes_a_version_only_when_something_changed(tmp_path: Path) -> None:
    june, july, august = "2023-06-01", "2023-07-01", "2023-08-01"
    stable = {"id": 2, "host_id": 20, "host_name": "Lin", "price": "$50"}
    counts, tables = airbnb(
        tmp_path,
        [
            [listing(last_scraped=august, price="$90"), listing(last_scraped=august, **stable)],
            [listing(last_scraped=june, price="$80"), listing(last_scraped=june, **stable)],
            [
                listing(last_scraped=july, price="$80", minimum_nights=9),
                listing(last_scraped=july, **stable),
            ],
        ],
        [
            review(5, "2023-05-10"),
            review(6, "2023-07-20"),
            review(7, "2023-08-04"),
            review(8, "2023-08-01", reviewer_id=78),
        ],
    )
    versions = [
        (row["property_id"], row["base_price"], row["effective_from"], row["effective_to"])
        for row in tables["dim_property"].to_pylist()
    ]
    assert versions == [
        (1, 80.0, datetime(2023, 5, 8), datetime(2023, 8, 1)),
        (1, 90.0, datetime(2023, 8, 1), None),
        (2, 50.0, datetime(2023, 6, 1), None),
    ]
    assert tables["dim_host"].num_rows == 2
    bookings = rows_by(tables["fact_booking_detail"], "booking_id")
    # Of the July snapshot's minimum stay, at the price in force on check-in.
    assert bookings[6]["nights_booked"] == 9
    assert bookings[8]["total_amount"] == Decimal("160.00")
    assert counts.reviews_after_scrape == 1
    assert (counts.property_versions, counts.host_versions) == (3, 2)


def test_host_versions_and_a_change_of_host(tmp_path: Path) -> None:
    _, tables = airbnb(
        tmp_path,
        [
            [
                listing(review_scores_rating="4.0"),
                listing(id=2, review_scores_rating="5.0"),
                listing(id=3, host_id=30, host_since="2023-05-20", host_location="Austin, TX"),
            ],
            [
                listing(last_scraped="2023-07-01", review_scores_rating="4.0"),
                listing(id=2, last_scraped="2023-07-01", host_id=30, host_since="2023-05-20"),
            ],
        ],
        [review(5, "2023-05-10"), review(6, "2023-05-11", listing_id=3)],
    )
    hosts = [
        (row["host_id"], row["rating"], row["joined_at"], row["effective_from"], row["country"])
        for row in tables["dim_host"].to_pylist()
    ]
    assert hosts == [
        (10, 4.5, date(2020, 1, 1), datetime(2020, 1, 1), "France"),
        (10, 4.0, date(2020, 1, 1), datetime(2023, 7, 1), "France"),
        (30, None, date(2023, 5, 9), datetime(2023, 5, 9), "United States"),
        (30, None, date(2023, 5, 9), datetime(2023, 7, 1), "France"),
    ]
    owners = [row["host_id"] for row in tables["dim_property"].to_pylist() if row["property_id"] == 2]
    assert owners == [10, 30]


def test_empty_prices(tmp_path: Path) -> None:
    elsewhere = {"neighbourhood_cleansed": "Vaise"}
    counts, tables = airbnb(
        tmp_path,
        [
            [
                listing(id=1, price="$100"),
                listing(id=2, price="$300"),
                listing(id=3, price=""),
                listing(id=4, price="", **elsewhere),
                listing(id=5, price="$0.00", room_type="Private room"),
                listing(id=6, price=""),
                listing(id=7, price="$500", **elsewhere, room_type="Shared room"),
                listing(id=8, price="$40", room_type="Shared room"),
            ],
            [listing(id=8, last_scraped="2023-07-01", price="", room_type="Shared room")],
        ],
        [review(5, "2023-05-10")],
        calendar=[
            {"listing_id": 6, "date": "2023-06-01", "price": "$1,000.00"},
            {"listing_id": 6, "date": "2023-06-02", "price": "$2,000.00"},
            {"listing_id": 6, "date": "2023-06-03", "price": ""},
        ],
    )
    prices = {row["property_id"]: row["base_price"] for row in tables["dim_property"].to_pylist()}
    assert prices == {1: 100, 2: 300, 3: 200, 4: 200, 5: 200, 6: 1500, 7: 500, 8: 40}
    assert counts.prices_from_calendar == 1
    assert counts.prices_from_earlier_snapshot == 1
    assert counts.prices_from_neighbourhood == 1
    assert counts.prices_from_room_type == 1
    assert counts.prices_from_all == 1
    assert counts.property_versions == 8


def test_a_price_that_is_a_slip_of_the_pen_counts_as_empty(tmp_path: Path) -> None:
    homes = [listing(id=number, price="$100") for number in range(1, 4)]
    counts, tables = airbnb(
        tmp_path, [[*homes, listing(id=4, price="$10,000"), listing(id=5, price="$10,001")]], [review(5, "2023-05-10")]
    )
    assert tables["dim_property"].column("base_price").to_pylist() == [100, 100, 100, 10_000, 100]
    assert (counts.prices_absurd, counts.prices_from_neighbourhood) == (1, 1)


def test_rooms_and_capacity(tmp_path: Path) -> None:
    counts, tables = airbnb(
        tmp_path,
        [
            [
                listing(id=1, bedrooms="3.0", bathrooms="2.5"),
                listing(id=2, name="Loft · Studio · 1 bed", bathrooms_text="Shared half-bath"),
                listing(id=3, name="Quiet place", bathrooms_text="", accommodates=""),
                listing(id=4, name="11 bedrooms", bathrooms_text="0 baths", accommodates=1),
                listing(id=5, bedrooms=-1, bathrooms=201, accommodates=-1, latitude=910, longitude="-181"),
            ]
        ],
        [review(5, "2023-05-10", 3), review(6, "2023-05-10", 4)],
    )
    rooms = {
        row["property_id"]: (row["bedrooms"], row["bathrooms"], row["max_guests"])
        for row in tables["dim_property"].to_pylist()
    }
    assert rooms == {1: (3, 3, 4), 2: (0, 1, 4), 3: (1, 1, 2), 4: (11, 0, 1), 5: (2, 2, 2)}
    places = [(row["property_latitude"], row["property_longitude"]) for row in tables["dim_property"].to_pylist()]
    assert places[3] != (None, None) == places[4]
    assert tables["fact_booking_detail"].column("guests_count").to_pylist() == [2, 1]
    assert counts.bedrooms_from_name == 3
    assert counts.bedrooms_assumed == 1
    assert counts.bathrooms_assumed == 1
    assert counts.capacity_assumed == 2


@pytest.mark.parametrize(
    ("places", "locations", "option", "expected"),
    [
        (["Bugis, Singapore", "Paris, France", "Novena , Singapore"], [""], None, "Singapore"),
        (["Neighborhood highlights"], ["Berlin, Germany"], None, "Germany"),
        ([""], ["US"], None, "unknown"),
        (["Bugis, Singapore"], [""], "Malaysia", "Malaysia"),
    ],
)
def test_country(tmp_path: Path, places: list[str], locations: list[str], option: str | None, expected: str) -> None:
    homes = [
        listing(id=number, neighbourhood=place, host_location=locations[0])
        for number, place in enumerate(places, start=1)
    ]
    counts, tables = airbnb(tmp_path, [homes], [review(5, "2023-05-10")], country=option)
    assert counts.country == expected
    assert set(tables["dim_destination"].column("country").to_pylist()) == {expected}


def test_no_personal_text_reaches_gold(tmp_path: Path) -> None:
    counts, tables = airbnb(
        tmp_path,
        [[listing(), listing(id=2, host_id=20), listing(id=3, host_id=30, host_name="")]],
        [review(5, "2023-05-10"), review(6, "2023-05-10", reviewer_id=78, reviewer_name="Ada")],
    )
    ada = hmac.new(b"for tests", b"Ada", hashlib.sha256).hexdigest()
    assert tables["dim_host"].column("name").to_pylist() == [ada, ada, "unknown"]
    assert rows_by(tables["dim_user"], "user_id")[78]["name"] == ada
    assert counts.names_hashed == 2
    assert not counts.hash_key_is_temporary
    everything = str([table.to_pylist() for table in tables.values()])
    assert not any(text in everything for text in ["Ada", "Grace", "She said", "Flat"])


def test_without_a_key_hashes_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(identity.KEY_VARIABLE)
    caplog.set_level("INFO")
    names = []
    for _ in range(2):
        counts, tables = airbnb(tmp_path, [[listing()]], [review(5, "2023-05-10")])
        assert counts.hash_key_is_temporary
        names += tables["dim_host"].column("name").to_pylist()
    assert names[0] != names[1]
    assert "WANDERBRICKS_HASH_KEY is not set" in caplog.text


def test_keyed_hash_keeps_order_and_nulls() -> None:
    key = identity.HashingKey(b"k", is_temporary=False)
    hashes = identity.keyed_hash(pa.chunked_array([["b", None], ["a", "b"]]), key).to_pylist()
    assert hashes[0] == hashes[3] == hmac.new(b"k", b"b", hashlib.sha256).hexdigest()
    assert hashes[1] is None
    assert hashes[2] not in (hashes[0], None)
    assert identity.keyed_hash(pa.chunked_array([], pa.string()), key).to_pylist() == []


def test_prices_first_quoted_far_into_a_file(tmp_path: Path) -> None:
    """A quote character guessed from the first 20,480 rows would be none here."""
    nights = [
        {"listing_id": 1, "date": "2023-06-01", "price": "$10.00" if row < 30_000 else "$1,000.00"}
        for row in range(70_000)
    ]
    _, tables = airbnb(tmp_path, [[listing(price="")]], [review(5, "2023-05-10")], calendar=nights)
    assert tables["dim_property"].column("base_price").to_pylist() == [1000]


def test_a_given_key_gives_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for _ in range(2):
        airbnb(tmp_path, [[listing(), listing(id=2)]], [review(5, "2023-05-10")])
        files.append({path.name: path.read_bytes() for path in (tmp_path / "gold").iterdir()})
    assert files[0] == files[1]


def test_missing_values_of_r_are_no_places_and_no_people(tmp_path: Path) -> None:
    counts, tables = airbnb(
        tmp_path,
        [
            [
                listing(neighbourhood_cleansed="NA", price="$80"),
                listing(id=2, host_name="NULL", room_type="None", price="NA", bedrooms="N/A"),
                listing(id="NaN"),
            ]
        ],
        [review(5, "2023-05-10"), review(6, "2023-05-10", 2), review("NA", "2023-05-10", 2)],
    )
    (home,) = tables["dim_property"].to_pylist()
    # Of the listing without a neighbourhood, too, is the price known.
    assert (home["property_id"], home["property_type"], home["base_price"]) == (2, "unknown", 640.25)
    assert tables["dim_host"].column("name").to_pylist() == ["unknown"]
    assert tables["dim_destination"].column("destination").to_pylist() == ["Croix-Rousse"]
    assert (counts.listing_rows_unreadable, counts.reviews_of_unknown_listing, counts.reviews_unreadable) == (2, 1, 1)
    assert counts.prices_of_others == 1


def test_listings_gone_from_a_later_scrape_end_there(tmp_path: Path) -> None:
    june, july, august = ({"last_scraped": f"2023-0{month}-01"} for month in (6, 7, 8))
    counts, tables = airbnb(
        tmp_path,
        [
            # Scraped over two days, in two files: one scrape.
            [listing(**june), listing(id=2, **june), listing(id=3, **june), listing(id=4, **june)],
            [listing(id=5, last_scraped="2023-05-31"), listing(id=6, last_scraped="2023-06-02")],
            [listing(**july), listing(id=3, price="$9", **july), listing(id=5, **july), listing(id=6, **july)],
            [listing(**august), listing(id=2, **august), listing(id=5, **august), listing(id=6, **august)],
        ],
        [review(5, "2023-05-10"), review(6, "2023-07-20", 4)],
    )
    ends = {
        (row["property_id"], row["effective_from"]): (row["effective_to"], row["is_current"])
        for row in tables["dim_property"].to_pylist()
    }
    assert ends == {
        (1, datetime(2023, 5, 8)): (None, True),
        (2, datetime(2023, 6, 1)): (None, True),  # hidden in July
        (3, datetime(2023, 6, 1)): (datetime(2023, 7, 1), False),
        (3, datetime(2023, 7, 1)): (datetime(2023, 8, 1), False),
        (4, datetime(2023, 6, 1)): (datetime(2023, 7, 19), False),  # a guest came on the 18th
        (5, datetime(2023, 5, 31)): (None, True),
        (6, datetime(2023, 6, 2)): (None, True),
    }
    assert counts.properties_gone == 2


def test_ratings_are_brought_to_one_scale_by_scrape(tmp_path: Path) -> None:
    def scrape(day: str, *ratings: object) -> list[Row]:
        return [
            listing(id=number, host_id=number, last_scraped=day, review_scores_rating=rating)
            for number, rating in enumerate(ratings, start=1)
        ]

    counts, tables = airbnb(
        tmp_path,
        [
            scrape("2020-06-01", 96, 100, 20, 250),
            scrape("2021-06-01", 9.6, 10, 7, 96),
            scrape("2023-06-01", 4.8, 5, 96, 1),
        ],
        [review(5, "2020-05-10")],
    )
    ratings = [(row["host_id"], row["rating"]) for row in tables["dim_host"].to_pylist()]
    assert [(host, rating and round(rating, 4)) for host, rating in ratings] == [
        (1, 4.8), (2, 5.0), (3, 1.0), (3, 3.5), (3, None), (4, None), (4, 1.0),
    ]  # fmt: skip
    assert (counts.ratings_rescaled, counts.ratings_out_of_range) == (8, 3)


def test_ids_in_scientific_notation_are_not_merged(tmp_path: Path) -> None:
    counts, tables = airbnb(
        tmp_path,
        [[listing(), listing(id="6.12E+17"), listing(id="6.12E+17", host_id=11)]],
        [review(5, "2023-05-10"), review("8.9E+17", "2023-05-10"), review("8.9E+17", "2023-05-11")],
    )
    assert tables["dim_property"].column("property_id").to_pylist() == [1]
    assert tables["fact_booking_detail"].column("booking_id").to_pylist() == [5]
    assert (counts.listing_rows_unreadable, counts.reviews_unreadable) == (2, 2)


def test_dates_and_prices_of_a_spreadsheet(tmp_path: Path) -> None:
    _, tables = airbnb(
        tmp_path,
        [
            [
                listing(last_scraped="6/1/2023", host_since="12/31/2019", price="1.234,00 €", first_review="5/1/2021"),
                listing(id=2, last_scraped="6/1/2023", host_since="1/2/2020", price="85,50 €"),
            ]
        ],
        [review(5, "5/31/2023"), review(6, "5/1/2023")],
    )
    homes = tables["dim_property"].to_pylist()
    assert [home["base_price"] for home in homes] == [1234, 85.5]
    assert homes[0]["created_at"] == date(2021, 5, 1)
    assert tables["dim_host"].column("joined_at").to_pylist() == [date(2019, 12, 31)]
    assert tables["fact_booking_detail"].column("check_out_date").to_pylist() == [date(2023, 5, 31), date(2023, 5, 1)]


def test_what_looks_odd_is_said_at_the_end_and_too_much_of_it_writes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    homes, reviews = [listing(), listing(id=2)], [review(5, "2023-05-10"), review(6, "some day")]
    reviews += [review(7 + number, "2023-05-10", 404) for number in range(3)]
    with pytest.raises(click.ClickException, match=r"listing in none of the listings files: 3 of 5 \(60%\).*--max-odd"):
        airbnb(tmp_path, [homes], reviews, max_odd=0.5)
    assert not (tmp_path / "gold").exists()
    caplog.clear()
    airbnb(tmp_path, [homes], reviews, max_odd=0.6, country="Atlantis")
    odd = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert odd == [
        "Odd: dropped: no id, listing, reviewer or date: 1 of 5 (20%)",
        "Odd: dropped: listing in none of the listings files: 3 of 5 (60%)",
        "Odd: reviews.csv date: 1 of 5 values are unreadable and count as missing",
        "Odd: country Atlantis: no holidays of it are in seeds/holidays.csv, so that forecasts know none; "
        "add it to gold/countries.py and run python -m wanderbricks_ml.gold.holidays",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("belgium", "Belgium"), ("USA", "United States"), ("Türkiye", "Türkiye"), ("The Netherlands", "Netherlands")],
)
def test_country_names_are_those_of_the_holidays(given: str, expected: str) -> None:
    assert country_name(given) == expected
    assert without_holidays([expected]) == []
    assert "the files do not name the country" in without_holidays(["unknown"])[0]


def test_airbnb_input_that_cannot_be_used(tmp_path: Path) -> None:
    homes = write_csv(tmp_path / "homes.csv", [listing()])
    stays = write_csv(tmp_path / "stays.csv", [review(5, "2023-05-10")])
    short = write_csv(tmp_path / "short.csv", [{"listing_id": 1, "date": "2023-05-10"}])
    header = tmp_path / "header.csv"
    header.write_text("listing_id,id,date,reviewer_id\n")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    foreign = write_csv(tmp_path / "foreign.csv", [review(5, "2023-05-10", 404)])
    unpriced = write_csv(tmp_path / "unpriced.csv", [listing(price="")])
    unreadable = write_csv(tmp_path / "unreadable.csv", [listing(id="x")])
    torn = tmp_path / "torn.csv.gz"
    torn.write_bytes(gzip.compress(b"listing_id,id,date,reviewer_id\n1,5,2023-05-10,7\n")[:-12])
    for listings, reviews, message in [
        (homes, tmp_path / "none.csv", "none.csv: no such file"),
        (homes, short, "short.csv: lacks the columns id, reviewer_id"),
        (homes, header, "header.csv: has a header but no row"),
        (homes, empty, "empty.csv: the file is empty"),
        (homes, foreign, "foreign.csv: no row is left .1 unknown listing.; check .* listing_id"),
        (homes, torn, "torn.csv.gz: "),
        (unpriced, stays, "unpriced.csv: no value of the column price can be read; .*--calendar"),
        (unreadable, stays, "unreadable.csv: no row is left; id, host_id"),
    ]:
        with pytest.raises(click.ClickException, match=message):
            import_inside_airbnb([listings], [reviews], tmp_path / "gold")
    assert not (tmp_path / "gold").exists()


# Hotel bookings


def stay(**given: object) -> Row:
    return {
        "hotel": "City Hotel",
        "is_canceled": 0,
        "lead_time": 10,
        "arrival_date_year": 2016,
        "arrival_date_month": "March",
        "arrival_date_week_number": 10,
        "arrival_date_day_of_month": 5,
        "stays_in_weekend_nights": 1,
        "stays_in_week_nights": 2,
        "adults": 2,
        "children": "1.0",
        "babies": 0,
        "meal": "BB       ",
        "country": "PRT",
        "market_segment": "Online TA",
        "distribution_channel": "TA/TO",
        "is_repeated_guest": 0,
        "previous_cancellations": 0,
        "previous_bookings_not_canceled": 0,
        "reserved_room_type": "A               ",
        "assigned_room_type": "B",
        "booking_changes": 0,
        "deposit_type": "No Deposit",
        "agent": "          9",
        "company": "       NULL",
        "days_in_waiting_list": 0,
        "customer_type": "Transient",
        "adr": "80.5",
        "required_car_parking_spaces": 0,
        "total_of_special_requests": 1,
        "reservation_status": "Check-Out",
        "reservation_status_date": "2016-03-08",
    } | given


def hotels(
    folder: Path, rows: Sequence[Row], drop_duplicates: bool = False
) -> tuple[HotelBookingsCounts, dict[str, pa.Table]]:
    counts = import_hotel_bookings(write_csv(folder / "hotels.csv", rows), folder / "gold", drop_duplicates, max_odd=1)
    tables = read_gold(folder / "gold")
    assert_sound(tables)
    return counts, tables


def test_a_row_is_a_booking(tmp_path: Path) -> None:
    counts, tables = hotels(tmp_path, [stay()])
    (booking,) = tables["fact_booking_detail"].to_pylist()
    assert booking["check_in_date"] == date(2016, 3, 5)
    assert booking["check_out_date"] == date(2016, 3, 8)
    assert booking["created_at"] == datetime(2016, 2, 24)
    assert booking["updated_at"] == datetime(2016, 3, 8)
    assert booking["days_between_booking_and_checkin"] == 10
    assert (booking["guests_count"], booking["nights_booked"]) == (3, 3)
    assert booking["total_amount"] == booking["payment_amount"] == Decimal("241.50")
    assert (booking["status"], booking["is_business_booking"]) == ("completed", False)
    (room,) = tables["dim_property"].to_pylist()
    assert (room["property_type"], room["base_price"], room["max_guests"]) == (
        "Room type A",
        80.5,
        3,
    )
    assert room["created_at"] == date(2016, 2, 24)
    (place,) = tables["dim_destination"].to_pylist()
    assert (place["destination"], place["country"]) == ("Lisbon", "Portugal")
    assert counts.bookings == counts.rows_read == 1


def test_only_what_is_known_at_booking_goes_along(tmp_path: Path) -> None:
    _, tables = hotels(tmp_path, [stay()])
    detail = tables["fact_booking_detail"]
    extra = detail.column_names[len(GOLD_SCHEMAS["fact_booking_detail"]) :]
    assert extra == [*BOOKING_ATTRIBUTES, *HINDSIGHT_ATTRIBUTES]
    assert "required_car_parking_spaces" not in BOOKING_ATTRIBUTES, "nobody with a space ever cancelled"
    assert not set(extra) & {
        "booking_changes",
        "assigned_room_type",
        "days_in_waiting_list",
        "reservation_status",
        "reservation_status_date",
    }
    (booking,) = detail.to_pylist()
    assert (booking["meal"], booking["agent"], booking["company"]) == ("BB", "9", None)
    assert (booking["reserved_room_type"], booking["children"]) == ("A", 1)


@pytest.mark.parametrize(
    ("given", "updated", "paid"),
    [
        ({"reservation_status_date": "2016-03-01"}, datetime(2016, 3, 1), 0),
        ({"reservation_status": "No-Show", "reservation_status_date": "2016-03-05"},
         datetime(2016, 3, 5), 0),
        ({"deposit_type": "Non Refund", "reservation_status_date": "2016-02-25"},
         datetime(2016, 2, 25), Decimal("241.50")),
        ({"reservation_status_date": "2016-01-01"}, datetime(2016, 2, 24), 0),
    ],
)  # fmt: skip
def test_cancelled_bookings(tmp_path: Path, given: dict[str, object], updated: datetime, paid: object) -> None:
    counts, tables = hotels(tmp_path, [stay(is_canceled=1, **({"reservation_status": "Canceled"} | given))])
    (booking,) = tables["fact_booking_detail"].to_pylist()
    assert (booking["status"], booking["is_cancelled"]) == ("cancelled", True)
    assert booking["updated_at"] == updated
    assert booking["payment_amount"] == paid
    assert counts.bookings_cancelled == 1
    assert counts.bookings_no_show == (given.get("reservation_status") == "No-Show")
    assert counts.updates_moved == (given["reservation_status_date"] == "2016-01-01")


def test_hotel_rows_are_dropped_and_adjusted_and_counted(tmp_path: Path) -> None:
    counts, tables = hotels(
        tmp_path,
        [
            stay(),
            stay(adults=0, children="NA", babies=0),
            stay(adr=5400),
            stay(adr="-6.38"),
            stay(adr="dear"),
            stay(arrival_date_month="Brumaire"),
            stay(lead_time=-1),
            stay(stays_in_weekend_nights=0, stays_in_week_nights=0, agent=3),
            stay(country="       NULL", children=" NA"),
            stay(hotel="Resort Hotel", market_segment="Corporate"),
            stay(stays_in_week_nights=365),
            stay(adults=501),
            stay(stays_in_weekend_nights=-1, stays_in_week_nights=3),
            stay(adults=-1, children=3),
        ],
    )
    bookings = rows_by(tables["fact_booking_detail"], "booking_id")
    assert list(bookings) == [1, 4, 9, 10]
    assert bookings[4]["total_amount"] == 0
    assert (bookings[9]["guests_count"], bookings[9]["children"]) == (2, None)
    assert bookings[10]["is_business_booking"]
    users = rows_by(tables["dim_user"], "user_id")
    assert (users[9]["country"], users[10]["user_type"]) == ("unknown", "business")
    assert [(row["destination"], row["country"]) for row in tables["dim_destination"].to_pylist()] == [
        ("Algarve", "Portugal"),
        ("Lisbon", "Portugal"),
    ]
    assert counts == HotelBookingsCounts(
        rows_read=14,
        rows_unreadable=7,
        rows_without_guests=1,
        rows_without_nights=1,
        rows_with_absurd_rate=1,
        bookings=4,
        rates_negative=1,
        countries_unknown=1,
        properties=2,
        destinations=2,
    )


def test_duplicates_are_kept_unless_told(tmp_path: Path) -> None:
    rows = [stay(), stay(), stay(booking_changes=1)]
    kept, _ = hotels(tmp_path, rows)
    assert (kept.duplicates_read, kept.rows_duplicate, kept.bookings) == (1, 0, 3)
    dropped, tables = hotels(tmp_path, rows, drop_duplicates=True)
    assert (dropped.duplicates_read, dropped.rows_duplicate, dropped.bookings) == (1, 1, 2)
    assert tables["fact_booking_detail"].column("booking_id").to_pylist() == [1, 3]


def test_rows_of_different_guests_are_no_duplicates(tmp_path: Path) -> None:
    rows = [stay(row_id=number, name=f"Guest {number}") for number in range(3)]
    counts, _ = hotels(tmp_path, [*rows, rows[0]], drop_duplicates=True)
    assert (counts.duplicates_read, counts.bookings) == (1, 3)


def test_columns_that_are_not_needed_may_be_absent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    needed = {
        "hotel", "is_canceled", "lead_time", "arrival_date_year", "arrival_date_month", "arrival_date_day_of_month",
        "stays_in_weekend_nights", "stays_in_week_nights", "adr", "reserved_room_type", "adults",
        "reservation_status_date",
    }  # fmt: skip
    _, tables = hotels(tmp_path, [{name: value for name, value in stay().items() if name in needed}])
    (booking,) = tables["fact_booking_detail"].to_pylist()
    assert (booking["guests_count"], booking["company"], booking["is_business_booking"]) == (2, None, False)
    assert tables["fact_booking_detail"].schema.field("company").type == pa.string()
    assert "done without: country, reservation_status, market_segment" in caplog.text


def test_hotel_files_of_other_tools(tmp_path: Path) -> None:
    rows = [
        stay(arrival_date_month="Mar", reservation_status_date="8/3/2016", adr="80,5", is_canceled="FALSE"),
        stay(arrival_date_month=3, reservation_status_date="31/3/2016", adr="1.080,50", is_canceled="TRUE"),
        stay(arrival_date_year=16, reservation_status_date="8/3/2016", adr="80,5"),
    ]
    counts, tables = hotels(tmp_path, rows)
    first, second = tables["fact_booking_detail"].to_pylist()
    assert (first["check_in_date"], first["updated_at"]) == (date(2016, 3, 5), datetime(2016, 3, 8))
    assert (first["total_amount"], second["total_amount"]) == (Decimal("241.50"), Decimal("3241.50"))
    assert (second["is_cancelled"], counts.rows_unreadable) == (True, 1)


def test_base_price_does_not_look_ahead(tmp_path: Path) -> None:
    first = date(2016, 1, 1)

    def made(days: int, adr: float, room: str) -> Row:
        arrival = first + timedelta(days=days)
        return stay(
            lead_time=0,
            arrival_date_year=arrival.year,
            arrival_date_month=arrival.strftime("%B"),
            arrival_date_day_of_month=arrival.day,
            reserved_room_type=room,
            reservation_status_date=arrival + timedelta(days=3),
            adr=adr,
        )

    counts, tables = hotels(
        tmp_path,
        [
            *(made(days, adr, "A") for days, adr in [(0, 10), (5, 0), (89, 30), (90, 999)]),
            *(made(days, adr, "B") for days, adr in [(0, 0), (120, 70), (100, 50)]),
            made(0, 0, "C"),
        ],
    )
    prices = [row["base_price"] for row in tables["dim_property"].to_pylist()]
    assert prices == [20, 50, 35]
    assert counts.properties_priced_late == 2


def test_hotel_input_that_cannot_be_used(tmp_path: Path) -> None:
    lacking = write_csv(
        tmp_path / "lacking.csv",
        [{name: value for name, value in stay().items() if name not in {"adr", "meal", "hotel"}}],
    )
    hopeless = write_csv(tmp_path / "hopeless.csv", [stay(adr="dear"), stay(adults=0, children=0)])
    free = write_csv(tmp_path / "free.csv", [stay(adr=0)])
    for path, message in [
        (lacking, "lacking.csv: lacks the columns hotel, adr; its header has the columns is_canceled"),
        (hopeless, "hopeless.csv: no row is left .1 no guests, 1 unreadable.; .* adr, adults"),
        (free, "free.csv: no row has a rate above 0 in the column adr"),
    ]:
        with pytest.raises(click.ClickException, match=message):
            import_hotel_bookings(path, tmp_path / "gold")
    assert not (tmp_path / "gold").exists()


# Command line


def test_commands(tmp_path: Path) -> None:
    homes = write_csv(tmp_path / "homes.csv", [listing()])
    stays = write_csv(tmp_path / "stays.csv", [review(5, "2023-05-10")])
    rooms = write_csv(tmp_path / "rooms.csv", [stay()])
    for arguments in [
        ["inside-airbnb", "--listings", homes, "--listings", homes, "--reviews", stays],
        ["hotel-bookings", "--csv", rooms],
    ]:
        out = tmp_path / str(arguments[0])
        result = CliRunner().invoke(main, ["import", *map(str, arguments), "--out", str(out)])
        assert result.exit_code == 0, result.output
        assert_sound(read_gold(out))
    result = CliRunner().invoke(main, ["import", "hotel-bookings", "--csv", str(homes), "--out", str(tmp_path / "no")])
    assert result.exit_code == 1
    assert "homes.csv: lacks the columns hotel, is_canceled, lead_time" in result.output


# Real files


@needs_real_data
def test_singapore(tmp_path: Path) -> None:
    counts = import_inside_airbnb(
        [SINGAPORE / "listings.csv.gz"],
        [SINGAPORE / "reviews.csv.gz"],
        tmp_path / "gold",
        SINGAPORE / "calendar.csv.gz",
    )
    assert (counts.properties, counts.bookings, counts.users) == (3483, 35698, 32992)
    assert counts.country == "Singapore"
    assert (counts.bedrooms_from_name, counts.bedrooms_assumed) == (1485, 3)
    assert_sound(read_gold(tmp_path / "gold"))


@needs_real_data
def test_portuguese_hotels(tmp_path: Path) -> None:
    counts = import_hotel_bookings(HOTELS, tmp_path / "gold")
    assert (counts.rows_read, counts.bookings) == (86561, 85846)
    assert (counts.duplicates_read, counts.bookings_no_show) == (24721, 954)
    assert counts.rows_unreadable == 0
    assert_sound(read_gold(tmp_path / "gold"))
