"""A SQL warehouse: statements run as they come, but for a short list of rewrites that is counted."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from . import catalog
from .catalog import CATALOG, own
from .delta import delta_jar

KEPT_CHARACTERS = 400
"""Of each statement, for tests that ask which ones a build emitted."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_spark(folder: Path, memory: str, partitions: int, file_mb: int, large: bool) -> SparkSession:
    """A Spark session on two cores with Delta Lake, its tables in `folder`, its catalog in memory; ANSI, UTC."""
    # many different queries on few rows: the second compiler costs more than it gains (without room for its code the
    # first one gives up), and so do a page that nobody opens with every plan in words, and checksums of files
    compiler = "" if large else "-XX:TieredStopAtLevel=1 "
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.jars": str(delta_jar(folder)),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.databricks.delta.optimize.maxFileSize": str(file_mb * 1024**2),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.sources.default": "delta",
        # fails an assertion of its own on joins of the one-row literals that dbt's unit tests are made of
        "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.ReorderJoin",
        # serverless compute has nothing else
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(free_port()),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # plans die young; and the classes that Spark writes are no reason to collect what lives
        "spark.driver.extraJavaOptions": f"{compiler}-XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -XX:NewRatio=1 "
        "-XX:MetaspaceSize=512m",
    }
    if not large:
        # each aggregate and sort of a task takes a page and keeps it: by default 64 MB of zeros, for a few rows
        settings["spark.buffer.pageSize"] = "1m"
        settings["spark.sql.ui.explainMode"] = "simple"
        settings["spark.sql.maxPlanStringLength"] = "10"
        settings["spark.hadoop.fs.file.impl"] = "org.apache.hadoop.fs.RawLocalFileSystem"
    builder = SparkSession.builder.master("local[2]").appName("databricks-emulator")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


class Warehouse:
    """Runs SQL as the adapter emits it.

    Attributes
    ----------
    rewrites
        How often each kind of statement had to be put differently for open-source Spark.
    history
        The beginning of each statement, in the order in which they came.
    """

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        self.rewrites: Counter[str] = Counter()
        self.history: list[str] = []
        self._comments: dict[SparkSession, dict[str, list[str]]] = {}

    @property
    def shuffled(self) -> int:
        """Bytes that shuffles have written since Spark began."""
        executors = self.spark.sparkContext._jsc.sc().statusStore().executorList(False)
        return sum(int(executors.apply(place).totalShuffleWrite()) for place in range(executors.size()))

    @property
    def connect_url(self) -> str:
        """Where Spark Connect is had, on the same catalog."""
        return f"sc://127.0.0.1:{self.spark.sparkContext.getConf().get('spark.connect.grpc.binding.port')}"

    def session(self, schema: str | None = None) -> SparkSession:
        """A new session; its schema need not exist yet, as on a warehouse."""
        session = self.spark.newSession()
        if schema and session.catalog.databaseExists(schema):
            session.sql(f"use `{schema}`")
        return session

    def run(self, session: SparkSession, statement: str, values: dict[str, str] | None = None) -> DataFrame:
        """Run one statement, with values for the parameters that it names."""
        sql = re.sub(r"^\s*/\*.*?\*/", "", statement, count=1, flags=re.S).strip()
        self.history.append(" ".join(sql[:KEPT_CHARACTERS].split()))
        comment = re.match(COMMENT_ON_COLUMN, sql, flags=re.I | re.S)
        if comment:
            self.rewrites["comment on column"] += 1
            waiting = self._comments.setdefault(session, {}).setdefault(own(comment[1]), [])
            waiting.append(f"{comment[2]} comment {comment[3]}")
            return session.sql("select 1 limit 0")
        self.write_comments(session)
        for name, pattern, rewrite in REWRITES:
            match = re.match(pattern, sql, flags=re.I | re.S)
            if match:
                self.rewrites[name] += 1
                return rewrite(session, match)
        if re.search(r"information_schema`?\s*\.", sql, flags=re.I):
            self.rewrites["information_schema"] += 1
            return catalog.query_information_schema(session, sql)
        if values:
            # names put together from values come out as the workspace's
            values = {name: "spark_catalog" if value == CATALOG else value for name, value in values.items()}
        return session.sql(self.own_catalog(sql), args=values)

    def write_comments(self, session: SparkSession) -> None:
        """Write the comments on columns that wait: one transaction for a table, where each would take its own."""
        for table, columns in self._comments.pop(session, {}).items():
            session.sql(f"alter table {table} alter column {', '.join(columns)}")

    def own_catalog(self, sql: str) -> str:
        """`sql` with Spark's own catalog in the place of the workspace's."""
        replaced, count = re.subn(rf"(?<![\w.`'])`?{CATALOG}`?\.(?=[`\w])", "`spark_catalog`.", sql)
        replaced, more = re.subn(rf"\b(in|catalog|use)\s+`?{CATALOG}`?(?=\s|$)", r"\1 `spark_catalog`", replaced)
        self.rewrites["catalog name"] += bool(count or more)
        return replaced


def load_gold(warehouse: Warehouse, gold: Path) -> None:
    """Replace schema ``gold`` by the tables of a gold folder."""
    session = warehouse.session()
    session.sql("create schema if not exists gold")
    for file in sorted(gold.glob("*.parquet")):
        frame = session.read.parquet(str(file))
        frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true").saveAsTable(f"gold.{file.stem}")


def _describe_as_json(session: SparkSession, match: re.Match[str]) -> DataFrame:
    return session.createDataFrame([(json.dumps(catalog.described(session, own(match[1]))),)], "json_metadata string")


def _use_catalog(session: SparkSession, match: re.Match[str]) -> DataFrame:
    # the adapter goes back to the catalog that it found in force, which is Spark's own
    if match[1].strip("`; \n").lower() not in (CATALOG, "spark_catalog"):
        raise ValueError(f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{match[1].strip()}' was not found")
    return session.sql("set catalog spark_catalog")


def _show_schemas(session: SparkSession, match: re.Match[str]) -> DataFrame:
    return session.sql(f"show schemas in `spark_catalog`{match[1]}")


def _show_tables_extended(session: SparkSession, match: re.Match[str]) -> DataFrame:
    # as on Databricks: one text for each table, with the workspace's catalog and the columns' long names
    schema, rows = own(match[1]), []
    names = {"bigint": "long", "int": "integer"}
    for row in session.sql(f"show tables in {schema} like '{match[2]}'").collect():
        if row.isTemporary:
            continue
        found = catalog.table(session, f"{schema}.`{row.tableName}`")
        told = {"Catalog": CATALOG, "Database": row.namespace, "Table": row.tableName}
        kept = ("Owner", "Type", "Provider", "Location", "Comment")
        told |= {key: found.details[key] for key in kept if key in found.details}
        lines = [f"{key}: {value}" for key, value in told.items()]
        lines += [
            "Schema: root",
            *(f" |-- {name}: {names.get(kind, kind)} (nullable = true)" for name, kind, _ in found.columns),
        ]
        rows.append((row.namespace, row.tableName, False, "\n".join(lines) + "\n"))
    return session.createDataFrame(rows, "namespace string, tableName string, isTemporary boolean, information string")


Rewrite = Callable[[SparkSession, "re.Match[str]"], DataFrame]

COMMENT_ON_COLUMN = r"comment\s+on\s+column\s+(.+)\.(`[^`]+`|\w+)\s+is\s+(.*)$"
ALTER = r"alter\s+table\s+(\S+)\s+"

REWRITES: list[tuple[str, str, Rewrite]] = [
    ("use catalog", r"use\s+catalog\s+(.*)$", _use_catalog),
    ("describe as json", r"describe\s+(?:table\s+)?extended\s+(.+?)\s+as\s+json\s*$", _describe_as_json),
    (
        "set not null",
        rf"{ALTER}(?:change|alter)\s+(?:column\s+)?(\S+)\s+set\s+not\s+null",
        catalog.set_not_null,
    ),
    ("drop not null", rf"{ALTER}alter\s+column\s+(\S+)\s+drop\s+not\s+null", catalog.drop_not_null),
    ("add key", rf"{ALTER}add\s+constraint\s+(\S+)\s+primary\s+key\s*\(([^)]*)\)", catalog.add_key),
    ("drop key", rf"{ALTER}drop\s+constraint\s+(\S+)\s+cascade", catalog.drop_key),
    ("set tags", rf"{ALTER}set\s+tags\s*\((.*)\)", catalog.set_tags),
    ("show tblproperties", r"show\s+tblproperties\s+(\S+?)\s*;?\s*$", catalog.show_properties),
    ("show table extended", r"show\s+table\s+extended\s+in\s+(\S+)\s+like\s+'([^']*)'\s*$", _show_tables_extended),
    ("show schemas in catalog", r"show\s+schemas\s+in\s+(?:catalog\s+)?`?main`?(.*)$", _show_schemas),
]
"""Statements of Databricks that open-source Spark and Delta Lake have in other words or not at all. Nothing else is
changed; what Spark then rejects fails."""
