"""The emulator itself: what it rewrites, what it refuses, and how it answers."""

from __future__ import annotations

import datetime
import decimal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sql import Error
from workspace import Emulator


@pytest.fixture(scope="module")
def table(emulator: Emulator) -> Iterator[str]:
    """A small table with a key that may be declared."""
    emulator.table("create schema if not exists main.checks")
    emulator.table(
        "create or replace table main.checks.things using delta cluster by (id, day) as "
        "select 1 as id, date'2025-01-01' as day, 'a' as word"
    )
    yield "`main`.`checks`.`things`"
    emulator.table("drop table main.checks.things")
    emulator.table("drop schema main.checks")


def fails(emulator: Emulator, statement: str) -> str:
    """The message with which a statement fails."""
    with pytest.raises(Error) as error:
        emulator.table(statement)
    return str(error.value)


def test_it_listens_on_the_loopback_address_only(emulator: Emulator) -> None:
    assert emulator.control()
    outward = socket.gethostbyname(socket.gethostname())
    for address in {outward} - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((address, emulator.port), timeout=2).close()
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{emulator.port:04X} 00000000:0000 0A" in listening
    assert f"00000000:{emulator.port:04X} 00000000:0000 0A" not in listening


def test_an_endpoint_that_it_lacks_is_refused_by_name(emulator: Emulator) -> None:
    answer = emulator.request("POST", "/ws/api/2.0/clusters/create")
    assert answer["error_code"] == "ENDPOINT_NOT_FOUND"
    assert "POST /api/2.0/clusters/create" in answer["message"]


def test_a_wrong_token_is_refused(emulator: Emulator) -> None:
    answer = emulator.request("POST", "/ws/api/2.0/sql/sessions", {}, token="wrong")
    assert answer["error_code"] == "PERMISSION_DENIED"


def test_a_statement_that_spark_does_not_know_fails(emulator: Emulator) -> None:
    assert "PARSE_SYNTAX_ERROR" in fails(emulator, "optimise harder")
    assert "row_access" in fails(emulator, "select * from system.information_schema.row_access")


def test_types_and_many_rows_arrive(emulator: Emulator) -> None:
    row = emulator.table(
        "select 1 as i, cast(2 as bigint) as b, 0.5d as d, cast(1.25 as decimal(9, 2)) as m, true as t, 'x' as s, "
        "date'2025-01-02' as day, cast(null as string) as missing"
    ).to_pylist()
    assert row == [
        {
            "i": 1,
            "b": 2,
            "d": 0.5,
            "m": decimal.Decimal("1.25"),
            "t": True,
            "s": "x",
            "day": datetime.date(2025, 1, 2),
            "missing": None,
        }
    ]
    assert emulator.table("select id from range(150000)").num_rows == 150_000
    assert emulator.table("select 1 as i where false").num_rows == 0


def test_keys_have_unity_catalogs_conditions(emulator: Emulator, table: str) -> None:
    key = f"alter table {table} add constraint things_key primary key (id, day timeseries);"
    assert "is nullable" in fails(emulator, key)
    for column in ("id", "day"):
        emulator.table(f"alter table {table} change column `{column}` set not null ;")
    assert "no column other" in fails(emulator, key.replace("(id", "(other"))
    assert "TIMESERIES" in fails(emulator, key.replace("(id", "(id timeseries"))
    emulator.table(key)
    assert "primary key already" in fails(emulator, key)
    assert "emulator_not_null_id" in fails(emulator, f"insert into {table} values (null, date'2025-01-02', 'b')")
    named = "where table_name = 'things'"
    kinds = emulator.table(f"select constraint_type from system.information_schema.table_constraints {named}")
    assert kinds.to_pylist() == [{"constraint_type": "PRIMARY KEY"}]
    shown = emulator.table(f"show tblproperties {table}").to_pylist()
    assert not [row for row in shown if "emulator" in row["key"]]
    assert {"key": "clusteringColumns", "value": '[["id"],["day"]]'} in shown
    emulator.table(f"alter table {table} drop constraint things_key cascade;")
    emulator.table(f"alter table {table} alter column `id` drop not null;")
    assert emulator.table(f"select 1 from system.information_schema.key_column_usage {named}").num_rows == 0
    nullable = emulator.table(
        f"select column_name from system.information_schema.columns {named} and is_nullable = 'YES'"
    )
    assert {row["column_name"] for row in nullable.to_pylist()} == {"id", "word"}


def test_comments_and_tags_are_told(emulator: Emulator, table: str) -> None:
    from databricks import sql

    connection = sql.connect(
        server_hostname=f"http://127.0.0.1:{emulator.port}/ws",
        http_path="/sql/1.0/warehouses/emulator",
        access_token="emulator",
        use_sea=True,
        enable_telemetry=False,
    )
    with connection, connection.cursor() as cursor:
        for column, comment in (("id", "Number."), ("word", "It\\'s a word")):
            cursor.execute(f"comment on column {table}.`{column}` is '{comment}'")
        cursor.execute(f"alter table {table} set tags ('owner' = 'us', 'contains_pii' = 'no')")
    named = "where table_name = 'things' order by 1"
    comments = emulator.table(f"select column_name, comment from system.information_schema.columns {named}").to_pylist()
    assert {row["column_name"]: row["comment"] for row in comments} == {
        "id": "Number.",
        "day": None,
        "word": "It's a word",
    }
    tags = emulator.table(f"select tag_name, tag_value from system.information_schema.table_tags {named}").to_pylist()
    assert tags == [{"tag_name": "contains_pii", "tag_value": "no"}, {"tag_name": "owner", "tag_value": "us"}]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"environment_key": "absent"}, "no environment has the key absent"),
        ({"environment_key": "e", "libraries": [{"whl": "x.whl"}]}, "takes an environment, and no libraries"),
        ({"environment_key": "e", "new_cluster": {}}, "takes libraries, and no environment_key"),
        ({"new_cluster": {"num_workers": 1}}, "new_cluster lacks node_type_id, spark_version"),
    ],
)
def test_a_job_that_the_api_would_refuse(emulator: Emulator, task: dict[str, object], message: str) -> None:
    environments = [{"environment_key": "e", "spec": {"dependencies": []}}]
    answer = emulator.request(
        "POST", "/ws/api/2.2/jobs/runs/submit", {"tasks": [task], "environments": environments, "run_name": "refused"}
    )
    assert message in answer["message"]


def test_a_pin_that_the_environment_lacks_ends_the_job(emulator: Emulator) -> None:
    answer = run(emulator, "x = 1", ["xgboost==0.1"])
    assert "environment dependency xgboost==0.1: the emulator's environment has 3" in answer["error"]


CONNECT = """
import pyarrow as pa
from wanderbricks_ml.lifecycle.engines import engine_of
engine = engine_of(spark)
assert "connect" in type(spark).__module__, type(spark)
"""


def test_serverless_compute_is_spark_connect_without_our_environment(emulator: Emulator) -> None:
    told = "\nimport os\nassert not [name for name in os.environ if name.startswith('WANDERBRICKS_')]"
    assert run(emulator, f"{CONNECT}{told}", [str(emulator.wheel)]) == {"error": None, "error_trace": None}
    answer = run(emulator, f"{CONNECT}\nspark.sparkContext", [str(emulator.wheel)])
    assert "JVM_ATTRIBUTE_NOT_SUPPORTED" in answer["error"]


def test_a_driver_that_dies_ends_the_job(emulator: Emulator) -> None:
    assert "The driver ended without a word" in run(emulator, "import os\nos._exit(9)", [])["error"]


def test_no_rows_are_a_data_frame_on_serverless_compute(emulator: Emulator) -> None:
    """What a fit job returns when no fit is due."""
    source = f"""{CONNECT}
from wanderbricks_ml.registry.versions import VERSION_SCHEMA
frame = engine.result(VERSION_SCHEMA.empty_table())
assert frame.count() == 0
assert frame.columns == VERSION_SCHEMA.names
assert dict(frame.dtypes)["fitted_at"] == "timestamp"
"""
    answer = run(emulator, source, [str(emulator.wheel)])
    assert answer["error"] is None, answer["error"]


ENGINE = """
import datetime
import pandas as pd
from wanderbricks_ml.lifecycle.engines import Examples
from wanderbricks_ml.settings import Features
frame = spark.range(1000).selectExpr("id", "'score' as split", "cast(id as double) as x", "id % 3 as c")
examples = Examples(frame, Features(("x",), ("c",)), ("id",), driver_rows=300)
(read,) = engine.read(examples, ["score"], ["id"])
assert 200 < read.num_rows < 400, "a sample"
assert not engine.is_beyond_driver(examples, ["score"]), "xgboost.spark does not run there"

def doubled(rows):
    return {"y": pa.array(2 * rows["x"].to_numpy().astype("float64"))}

fixed = {"model_version": pa.scalar(3, pa.int32()), "day": pa.scalar(datetime.date(2025, 1, 1), pa.date32())}
made = engine.predicted(examples, [(["score"], doubled, fixed)], ["id"], ["y"]).toArrow()
assert made.num_rows == 1000 and made["y"].to_pylist() == [2.0 * number for number in made["id"].to_pylist()]
none = engine.predicted(examples, [([], doubled, fixed)], ["id"], ["y"])
assert none.count() == 0 and none.columns == made.column_names
schema = pa.schema([("c", pa.int64()), ("n", pa.int64())])

def counted(rows):
    return pd.DataFrame({"c": [rows["c"].iloc[0]], "n": [len(rows)]})

assert sorted(engine.grouped(frame, "split = 'score'", ["c"], counted, schema)["n"].to_pylist()) == [333, 333, 334]
ids = pa.schema([("id", pa.int64())])
assert engine.mapped(frame, [], ["id"], ids).count() == 0
assert engine.mapped(frame, [("c = 1", lambda rows: rows)], ["id"], ids).count() == 333
engine.result(made).write.format("delta").mode("overwrite").saveAsTable("a_result")
assert spark.table("a_result").count() == 1000
spark.sql("drop table a_result")
"""


def test_rows_are_read_predicted_mapped_grouped_and_written_on_serverless_compute(emulator: Emulator) -> None:
    answer = run(emulator, CONNECT + ENGINE, [str(emulator.wheel)])
    assert answer["error"] is None, answer["error_trace"]


def test_the_driver_makes_the_same_rows_where_workers_lack_the_packages(emulator: Emulator) -> None:
    lacking = """
import os
os.environ["WANDERBRICKS_SCORE_ON"] = "driver"
from pyspark.sql.connect.group import GroupedData
GroupedData.applyInPandas = spark.range(1).__class__.mapInArrow = None
"""
    # Delta keeps what it knew of a path that is gone
    again = ENGINE.replace("a_result", "another_result")
    answer = run(emulator, CONNECT + lacking + again, [str(emulator.wheel)])
    assert answer["error"] is None, answer["error_trace"]


LARGE = """
from pyspark.sql.connect.client import ChannelBuilder
from wanderbricks_ml.lifecycle import engines
from wanderbricks_ml.lifecycle.engines import Examples
from wanderbricks_ml.settings import Features
assert engines.PLAN_BYTES < 0.9 * ChannelBuilder.GRPC_MAX_MESSAGE_LENGTH_DEFAULT, "and room for the query itself"
frame = spark.range(10).selectExpr("id", "'score' as split", "cast(id as double) as x")
examples = Examples(frame, Features(("x",), ()), ("id",))
half = bytes(engines.PLAN_BYTES // 2)
same = lambda rows: {"y": pa.array([float(len(half))] * len(rows))}
engine.predicted(examples, [(["score"], same, {})], ["id"], ["y"])
for refused in (
    lambda: engine.predicted(examples, [(["score"], same, {})] * 2, ["id"], ["y"]),
    lambda: engine.mapped(frame, [("true", same)] * 2, ["id"], pa.schema([("id", pa.int64())])),
):
    try:
        refused()
    except RuntimeError as error:
        assert "the models of this query are 100 MB" in str(error) and "score_on: driver" in str(error), error
    else:
        raise AssertionError("a query that Spark Connect would not send")
os.environ["WANDERBRICKS_SCORE_ON"] = "driver"
assert engine.predicted(examples, [(["score"], same, {})] * 2, ["id"], ["y"]).count() == 20
"""


def test_models_that_no_query_can_carry_are_refused_with_what_to_do(emulator: Emulator) -> None:
    answer = run(emulator, f"import os\n{CONNECT}{LARGE}", [str(emulator.wheel)])
    assert answer["error"] is None, answer["error_trace"]


def run(emulator: Emulator, source: str, dependencies: list[str]) -> dict[str, str]:
    """Run a notebook to its end and return its output."""
    import base64

    content = base64.b64encode(source.encode()).decode()
    emulator.request("POST", "/ws/api/2.0/workspace/import", {"path": "/notebook", "content": content})
    body = {
        "run_name": "notebook",
        "tasks": [{"notebook_task": {"notebook_path": "/notebook"}, "environment_key": "e"}],
        "environments": [{"environment_key": "e", "spec": {"dependencies": dependencies}}],
    }
    number = emulator.request("POST", "/ws/api/2.2/jobs/runs/submit", body)["run_id"]
    # one that is still at work has no error either
    while emulator.request("GET", f"/ws/api/2.2/jobs/runs/get?run_id={number}")["status"]["state"] == "RUNNING":
        pass
    return emulator.request("GET", f"/ws/api/2.2/jobs/runs/get-output?run_id={number}")
