"""The gold contract is the same wherever it is written, and a build holds gold to it."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from dbt.adapters.duckdb.credentials import Attachment, DuckDBCredentials
from dbt_command import run_dbt
from eased_project import PROJECT

from wanderbricks_ml.gold import plugin
from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.simulator import simulate

ARROW_TYPES = {
    "STRING": pa.string(),
    "BIGINT": pa.int64(),
    "INT": pa.int32(),
    "FLOAT": pa.float32(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DECIMAL(18,2)": pa.decimal128(18, 2),
    "DECIMAL(10,2)": pa.decimal128(10, 2),
    "DECIMAL(5,2)": pa.decimal128(5, 2),
}


def declared_tables() -> dict[str, dict[str, Any]]:
    """Return the tables of source gold by name, as _gold.yml declares them."""
    document = yaml.safe_load((PROJECT / "models/gold/_gold.yml").read_text(encoding="utf-8"))
    (gold,) = (source for source in document["sources"] if source["name"] == "gold")
    return {table["name"]: table for table in gold["tables"]}


def is_nullable(column: Mapping[str, Any]) -> bool:
    return bool(column.get("config", {}).get("meta", {}).get("nullable", False))


def unique_keys(table: Mapping[str, Any]) -> list[str]:
    """Return the key by which gold_checks tells the rows of `table` apart."""
    return list(table["config"]["meta"]["key"])


def test_sources_equal_arrow_schemas() -> None:
    declared = {
        name: [(column["name"], ARROW_TYPES[column["data_type"]]) for column in table["columns"]]
        for name, table in declared_tables().items()
    }
    schemas = {name: [(field.name, field.type) for field in schema] for name, schema in GOLD_SCHEMAS.items()}
    assert declared == schemas
    assert list(declared) == list(schemas) == list(plugin.GOLD_TABLES)


def test_sources_equal_the_platforms_schema() -> None:
    # no YAML, which dbt would read as the project's
    with (PROJECT / "tests/python/platform_gold.csv").open(encoding="utf-8") as file:
        platform = [(row["table_name"], row) for row in csv.DictReader(file)]
    tables = declared_tables()
    assert list(tables) == list(dict.fromkeys(name for name, _ in platform))
    for name, table in tables.items():
        columns = [column for of_table, column in platform if of_table == name]
        expected = [(column["column_name"], column["type"], column["is_nullable"] == "true") for column in columns]
        assert [(c["name"], c["data_type"], is_nullable(c)) for c in table["columns"]] == expected
        assert unique_keys(table) == [column["column_name"] for column in columns if column["is_key"] == "true"]


def test_every_table_and_column_is_described() -> None:
    for table in declared_tables().values():
        assert table["description"].startswith("One row per")
        assert all(column["description"] for column in table["columns"])


@pytest.fixture(scope="module")
def tiny_gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "gold"
    simulate(preset="tiny", seed=3, out=folder)
    return folder


@pytest.fixture
def gold(tiny_gold: Path) -> dict[str, pa.Table]:
    """Return the simulated tables by name, for a test to tamper with."""
    return {name: pq.read_table(tiny_gold / f"{name}.parquet") for name in GOLD_SCHEMAS}


def build_point_in_time(
    tables: Mapping[str, pa.Table], folder: Path, variables: str = "{}"
) -> subprocess.CompletedProcess[str]:
    """Write `tables` as gold and run dbt on it; all that it leaves behind lies in `folder`."""
    (folder / "gold").mkdir()
    for name, table in tables.items():
        pq.write_table(table, folder / "gold" / f"{name}.parquet")
    environment = {
        "WANDERBRICKS_GOLD": str(folder / "gold"),
        "WANDERBRICKS_DB": str(folder / "new" / "wanderbricks.duckdb"),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    told = ["run", "--select", "point_in_time", "--target", "dev", "--vars", variables]
    return run_dbt(told, PROJECT, environment)


def built_tables(folder: Path) -> list[str]:
    with duckdb.connect(str(folder / "new" / "wanderbricks.duckdb"), read_only=True) as database:
        rows = database.sql("select table_name from information_schema.tables").fetchall()
    return [name for (name,) in rows]


def recast(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Return `table` with the columns named in `types` cast to them."""
    fields = [pa.field(f.name, types.get(f.name, f.type)) for f in table.schema]
    return table.cast(pa.schema(fields))


def test_all_that_is_wrong_is_listed_before_anything_is_built(gold: dict[str, pa.Table], tmp_path: Path) -> None:
    del gold["dim_host"]
    gold["dim_property"] = gold["dim_property"].drop_columns(["base_price", "description"])
    gold["dim_user"] = recast(gold["dim_user"], {"created_at": pa.timestamp("us")})
    gold["dim_destination"] = recast(gold["dim_destination"], {"destination_id": pa.string()})
    gold["fact_booking_detail"] = gold["fact_booking_detail"].slice(0, 0)
    run = build_point_in_time(gold, tmp_path, "{booking_attributes: [lead_channel, status]}")
    assert run.returncode == 2, run.stdout
    lines = [line.strip() for line in run.stdout.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("gold does not fit"))
    problems = lines[start + 1 : lines.index("", start)]
    assert [line.split(";")[0] for line in problems] == [
        "dim_user.created_at: expected DATE, found TIMESTAMP",
        f"dim_host: expected a table, found no {tmp_path}/gold/dim_host.parquet",
        "dim_property.description: expected STRING, found no such column",
        "dim_property.base_price: expected FLOAT, found no such column",
        "dim_destination.destination_id: expected BIGINT, found VARCHAR",
        "fact_booking_detail: expected rows, found none",
        "fact_booking_detail.lead_channel: expected by var booking_attributes, found no such column",
        "fact_booking_detail.status: expected a further column in var booking_attributes, found one of the contract",
    ]
    assert all(";" in line for line in problems), "each line says what to do"
    assert built_tables(tmp_path) == []


def test_types_that_hold_the_same_values_are_accepted(gold: dict[str, pa.Table], tmp_path: Path) -> None:
    bookings = recast(
        gold["fact_booking_detail"],
        {
            "booking_id": pa.int32(),
            "property_id": pa.uint16(),
            "nights_booked": pa.int8(),
            "guests_count": pa.int64(),
            "total_amount": pa.float64(),
            "payment_amount": pa.decimal128(38, 4),
            "status": pa.dictionary(pa.int8(), pa.string()),
            "created_at": pa.timestamp("ns"),
            "updated_at": pa.timestamp("us", tz="UTC"),
        },
    )
    channel = pc.cast(bookings["booking_id"], pa.string())
    gold["fact_booking_detail"] = bookings.append_column("channel", channel)
    gold["dim_property"] = recast(gold["dim_property"], {"base_price": pa.decimal128(38, 9)})
    nothing = pa.nulls(gold["dim_date"].num_rows)
    dates = gold["dim_date"].drop_columns(["is_holiday"])
    gold["dim_date"] = dates.append_column("is_holiday", nothing)
    gold["fact_property_engagement"] = gold["fact_property_engagement"].slice(0, 0)
    run = build_point_in_time(gold, tmp_path, "{booking_attributes: [channel]}")
    assert run.returncode == 0, run.stdout
    assert built_tables(tmp_path) == ["point_in_time"]


@pytest.mark.parametrize(
    ("named_by_user", "table", "simulated"),
    [(False, None, True), (False, "dim_date", False), (True, None, False)],
)
def test_only_an_empty_default_folder_is_simulated(
    named_by_user: bool,
    table: str | None,
    simulated: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("data/gold")
    if table is not None:
        folder.mkdir(parents=True)
        (folder / f"{table}.parquet").touch()
    monkeypatch.delenv("WANDERBRICKS_GOLD", raising=False)
    if named_by_user:
        monkeypatch.setenv("WANDERBRICKS_GOLD", str(folder))
    calls: list[Path] = []
    monkeypatch.setattr("wanderbricks_ml.simulator.simulate", lambda preset, seed, out: calls.append(out))
    plugin.Plugin(name="gold", plugin_config={})
    assert calls == ([folder] if simulated else [])


def test_a_name_without_a_database_is_looked_for_among_ours_and_made_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDERBRICKS_DB", str(tmp_path / "ours.duckdb"))
    monkeypatch.setenv("WANDERBRICKS_GOLD", str(tmp_path))
    ours = Attachment(path="data/wanderbricks.duckdb", alias="wanderbricks")
    credentials = DuckDBCredentials(database="wanderbricks", schema="wanderbricks_ml", attach=[ours])
    made = plugin.Plugin(name="gold", plugin_config={}, credentials=credentials)
    with duckdb.connect() as connection:
        connection.execute(ours.to_sql())
        with connection.cursor() as first:
            made.configure_cursor(first)
            first.execute("create schema wanderbricks.wanderbricks_ml")
            first.execute("create table wanderbricks.wanderbricks_ml.demand_predictions as select 7 as bookings")
        with connection.cursor() as second:
            made.configure_cursor(second)
            assert second.execute("from wanderbricks_ml.demand_predictions").fetchall() == [(7,)]
            second.execute("create table intermediate as select 1 as one")
        assert connection.execute("from memory.main.intermediate").fetchall() == [(1,)]


def test_holidays_seed_is_what_its_generator_writes() -> None:
    pytest.importorskip("holidays", reason="only the seed's generator needs the package")
    from wanderbricks_ml.gold.holidays import YEARS, Holiday, public_holidays

    with (PROJECT / "seeds/holidays.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            Holiday(row["country"], date.fromisoformat(row["holiday_date"]), row["holiday_name"])
            for row in csv.DictReader(file)
        ]
    assert {row.holiday_date.year for row in rows} == set(YEARS)
    assert rows == list(public_holidays())


def test_holidays_seed_covers_the_simulated_destinations() -> None:
    pytest.importorskip("holidays", reason="only the seed's generator needs the package")
    from wanderbricks_ml.gold.countries import COUNTRY_CODES
    from wanderbricks_ml.simulator.places import COUNTRIES

    assert set(COUNTRIES) <= set(COUNTRY_CODES)
