"""Gold made of the raw sample schema, on both engines; by `make test-databricks-all` alone: it takes minutes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from eased_project import PROJECT
from local_workspace import Workspace
from test_parity import assert_same
from workspace import Emulator

from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.simulator import simulate
from wanderbricks_ml.simulator.raw import write_raw

# when which engine first saw a thing, or ran
CLOCKS = ["effective_from", "effective_to", "record_created_timestamp", "record_updated_timestamp"]
CHANCE = {
    "dim_user": ["user_key", *CLOCKS],
    "dim_host": ["host_key", *CLOCKS],
    "dim_property": ["property_key", *CLOCKS],
    "dim_destination": CLOCKS[2:],
}


@pytest.fixture(scope="module")
def built(emulator: Emulator, selected: list[str], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Gold made of raw by both engines, twice: a price has changed, and a user is gone."""
    if selected:
        pytest.skip("gold from raw takes minutes: make test-databricks-all")
    folder = tmp_path_factory.mktemp("samples")
    simulate("tiny", 7, folder / "gold")
    write_raw(folder / "gold", 7, folder / "raw")
    local = Workspace(folder / "local", folder / "none", PROJECT)
    select = ("build", "--select", "+gold_checks", "--vars")
    for _ in range(2):
        here = {"WANDERBRICKS_RAW": str(folder / "raw")}
        assert local.dbt(*select, "{gold: samples}", **here) == 0, local.log
        emulator.control(gold=str(folder / "raw"))
        # beside what the other tests have built
        elsewhere = "{gold: samples, raw_schema: main.gold, schema: from_raw}"
        code = emulator.dbt(*select, elsewhere, project=PROJECT, environment={"WANDERBRICKS_AS_OF": "newest"})
        assert code == 0, emulator.log
        _change(folder / "raw")
    return local


def _change(raw: Path) -> None:
    for table, query in {
        "properties": "select * replace (if(property_id = 7, base_price * 2, base_price) as base_price) from {}",
        "users": "from {} where user_id <> 9",
    }.items():
        file = raw / f"{table}.parquet"
        duckdb.execute(f"copy ({query.format(repr(str(file)))}) to '{raw}/changed.tmp' (format parquet)")
        (raw / "changed.tmp").replace(file)


@pytest.mark.parametrize("table", GOLD_SCHEMAS)
def test_gold_from_raw_agrees(built: Workspace, emulator: Emulator, table: str) -> None:
    columns = [name for name in GOLD_SCHEMAS[table].names if name not in CHANCE.get(table, [])]
    spark = emulator.table(f"select {', '.join(columns)} from main.from_raw.{table}").to_pandas()
    for moment in spark.select_dtypes("datetimetz"):
        # a workspace says that they are UTC
        spark[moment] = spark[moment].dt.tz_convert(None)
    with duckdb.connect(str(built.path / "wanderbricks.duckdb"), read_only=True) as connection:
        # dates as Arrow has them, in both
        rows = connection.sql(f"select {', '.join(columns)} from wanderbricks_ml.{table}").to_arrow_table()
    assert rows.num_rows > 2
    assert_same(table, spark, rows.to_pandas())


def test_both_have_the_versions(built: Workspace, emulator: Emulator) -> None:
    query = """
        select 'price', count(*), count(effective_to) from {0}dim_property where property_id = 7
        union all select 'user', count(*), count(effective_to) from {0}dim_user where user_id = 9
        order by 1
    """
    spark = emulator.table(query.format("main.from_raw.")).to_pandas()
    assert [tuple(row) for row in spark.itertuples(index=False)] == [("price", 2, 1), ("user", 1, 1)]
    assert built.query(query.format("")) == [("price", 2, 1), ("user", 1, 1)]
