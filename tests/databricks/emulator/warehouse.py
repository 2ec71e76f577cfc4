"""A SQL warehouse: statements run as they come, but for a short list of rewrites that is counted."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession, types

from .delta import delta_jar

CATALOG = "main"
"""The one Unity Catalog of the workspace; Spark's own catalog stands for it."""

METADATA_VIEWS = {
    "table_tags": "catalog_name string, schema_name string, table_name string, tag_name string, tag_value string",
    "column_tags": "catalog_name string, schema_name string, table_name string, column_name string, tag_name string, "
    "tag_value string",
    "column_masks": "table_catalog string, table_schema string, table_name string, column_name string, "
    "mask_name string, using_columns string, catalog_name string, schema_name string",
    "row_filters": "table_catalog string, table_schema string, table_name string, filter_name string, "
    "filter_catalog string, filter_schema string, target_columns string",
    "table_constraints": "constraint_catalog string, constraint_schema string, constraint_name string, "
    "table_catalog string, table_schema string, table_name string, constraint_type string",
    "key_column_usage": "constraint_catalog string, constraint_schema string, constraint_name string, "
    "table_catalog string, table_schema string, table_name string, column_name string, ordinal_position int, "
    "position_in_unique_constraint int",
    "referential_constraints": "constraint_catalog string, constraint_schema string, constraint_name string, "
    "unique_constraint_catalog string, unique_constraint_schema string, unique_constraint_name string",
}
"""Views of information_schema that are empty here: open-source Spark has no tags, masks, filters or keys."""

TABLES = (
    "table_catalog string, table_schema string, table_name string, table_type string, data_source_format string, "
    "table_owner string, comment string, last_altered string"
)
COLUMNS = (
    "table_catalog string, table_schema string, table_name string, column_name string, ordinal_position int, "
    "data_type string, full_data_type string, comment string, is_nullable string"
)
VIEWS = "table_catalog string, table_schema string, table_name string, view_definition string"


def start_spark(folder: Path, memory: str) -> SparkSession:
    """A Spark session on two cores with Delta Lake, its warehouse and metastore in `folder`; ANSI SQL, UTC."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.jars": str(delta_jar(folder)),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.sources.default": "delta",
        # fails an assertion of its own on joins of the one-row literals that dbt's unit tests are made of
        "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.ReorderJoin",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder}/metastore;create=true",
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={folder}/derby.log",
    }
    builder = SparkSession.builder.master("local[2]").appName("databricks-emulator").enableHiveSupport()
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
    """

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        self.rewrites: Counter[str] = Counter()

    def session(self, schema: str | None = None) -> SparkSession:
        """A new session; its schema need not exist yet, as on a warehouse."""
        session = self.spark.newSession()
        if schema and session.catalog.databaseExists(schema):
            session.sql(f"use `{schema}`")
        return session

    def run(self, session: SparkSession, statement: str) -> DataFrame:
        """Run one statement."""
        sql = re.sub(r"^\s*/\*.*?\*/", "", statement, count=1, flags=re.S).strip()
        for name, pattern, rewrite in REWRITES:
            match = re.match(pattern, sql, flags=re.I | re.S)
            if match:
                self.rewrites[name] += 1
                return rewrite(session, match)
        if re.search(r"information_schema`?\s*\.", sql, flags=re.I):
            self.rewrites["information_schema"] += 1
            return self._query_metadata(session, sql)
        return session.sql(self.own_catalog(sql))

    def own_catalog(self, sql: str) -> str:
        """`sql` with Spark's own catalog in the place of the workspace's."""
        replaced, count = re.subn(rf"(?<![\w.`'])`?{CATALOG}`?\.(?=[`\w])", "`spark_catalog`.", sql)
        replaced, more = re.subn(rf"\b(in|catalog|use)\s+`?{CATALOG}`?(?=\s|$)", r"\1 `spark_catalog`", replaced)
        self.rewrites["catalog name"] += bool(count or more)
        return replaced

    def _query_metadata(self, session: SparkSession, sql: str) -> DataFrame:
        tables, columns, views = [], [], []
        for schema in [row[0] for row in session.sql("show schemas").collect()]:
            for row in session.sql(f"show tables in `{schema}`").collect():
                if row.isTemporary:
                    continue
                fields, details = describe(session, f"`spark_catalog`.`{schema}`.`{row.tableName}`")
                key = (CATALOG, schema, row.tableName)
                kind = details.get("Type", "MANAGED")
                source = (details.get("Provider") or "").upper() or None
                owner, comment = details.get("Owner"), details.get("Comment")
                tables.append((*key, kind, source, owner, comment, "2026-01-01 00:00:00"))
                if kind == "VIEW":
                    views.append((*key, details.get("View Text")))
                columns += [(*key, name, at, kind, kind, text, "YES") for at, (name, kind, text) in enumerate(fields)]
        rows: dict[str, tuple[list[Any], str]] = {
            "tables": (tables, TABLES),
            "columns": (columns, COLUMNS),
            "views": (views, VIEWS),
            **{name: ([], schema) for name, schema in METADATA_VIEWS.items()},
        }
        for name, (values, schema) in rows.items():
            session.createDataFrame(values, schema).createOrReplaceTempView(f"metadata_{name}")
        view = r"`?\w+`?\s*\.\s*`?information_schema`?\s*\.\s*`?(\w+)`?"
        return session.sql(re.sub(view, r"metadata_\1", sql, flags=re.I))


def load_gold(warehouse: Warehouse, gold: Path) -> None:
    """Replace schema ``gold`` by the tables of a gold folder."""
    session = warehouse.session()
    session.sql("create schema if not exists gold")
    for file in sorted(gold.glob("*.parquet")):
        frame = session.read.parquet(str(file))
        frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true").saveAsTable(f"gold.{file.stem}")


def describe(session: SparkSession, table: str) -> tuple[list[tuple[str, str, str | None]], dict[str, str]]:
    """Columns (name, type, comment) and details of a table, from `describe table extended`."""
    columns: list[tuple[str, str, str | None]] = []
    details: dict[str, str] = {}
    in_columns = True
    for row in session.sql(f"describe table extended {table}").collect():
        if row.col_name == "" or row.col_name.startswith("#"):
            in_columns = False
        elif in_columns:
            columns.append((row.col_name, row.data_type, row.comment))
        else:
            details[row.col_name] = row.data_type
    return columns, details


def type_json(kind: types.DataType) -> dict[str, Any]:
    """A type as `describe … as json` writes it."""
    if isinstance(kind, types.StructType):
        fields = [{"name": f.name, "type": type_json(f.dataType), "nullable": f.nullable} for f in kind]
        return {"name": "struct", "fields": fields}
    if isinstance(kind, types.ArrayType):
        return {"name": "array", "element_type": type_json(kind.elementType)}
    if isinstance(kind, types.MapType):
        return {"name": "map", "key_type": type_json(kind.keyType), "value_type": type_json(kind.valueType)}
    if isinstance(kind, types.DecimalType):
        return {"name": "decimal", "precision": kind.precision, "scale": kind.scale}
    return {"name": kind.simpleString()}


def _own(name: str) -> str:
    return re.sub(rf"^`?{CATALOG}`?\.", "`spark_catalog`.", name.strip())


def _describe_as_json(session: SparkSession, match: re.Match[str]) -> DataFrame:
    name = _own(match[1])
    _, details = describe(session, name)
    columns = [
        {
            "name": field.name,
            "type": type_json(field.dataType),
            "nullable": field.nullable,
            **({"comment": field.metadata["comment"]} if "comment" in field.metadata else {}),
        }
        for field in session.table(name).schema
    ]
    found = {
        "table_name": details.get("Name", name).split(".")[-1],
        "type": details.get("Type"),
        "provider": details.get("Provider"),
        "owner": details.get("Owner"),
        "comment": details.get("Comment"),
        "view_text": details.get("View Text"),
        "columns": columns,
    }
    found = {key: value for key, value in found.items() if value is not None}
    return session.createDataFrame([(json.dumps(found),)], "json_metadata string")


def _use_catalog(session: SparkSession, match: re.Match[str]) -> DataFrame:
    # the adapter goes back to the catalog that it found in force, which is Spark's own
    if match[1].strip("`; \n").lower() not in (CATALOG, "spark_catalog"):
        raise ValueError(f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{match[1].strip()}' was not found")
    return session.sql("set catalog spark_catalog")


def _comment_on_column(session: SparkSession, match: re.Match[str]) -> DataFrame:
    return session.sql(f"alter table {_own(match[1])} alter column {match[2]} comment {match[3]}")


def _set_not_null(session: SparkSession, match: re.Match[str]) -> DataFrame:
    column = match[2].strip("`")
    return session.sql(f"alter table {_own(match[1])} add constraint not_null_{column} check (`{column}` is not null)")


def _add_key(session: SparkSession, match: re.Match[str]) -> DataFrame:
    # keys are for information only in Unity Catalog, and unknown to Delta Lake
    return session.sql(f"select 1 where exists (select * from {_own(match[1])} limit 0)")


def _show_schemas(session: SparkSession, match: re.Match[str]) -> DataFrame:
    return session.sql(f"show schemas in `spark_catalog`{match[1]}")


def _set_tags(session: SparkSession, match: re.Match[str]) -> DataFrame:
    return session.sql(f"select 1 where exists (select * from {_own(match[1])} limit 0)")


def _show_tables_extended(session: SparkSession, match: re.Match[str]) -> DataFrame:
    # as on Databricks: one text for each table, with the workspace's catalog and the columns' long names
    schema, rows = _own(match[1]), []
    names = {"bigint": "long", "int": "integer"}
    for row in session.sql(f"show tables in {schema} like '{match[2]}'").collect():
        if row.isTemporary:
            continue
        columns, details = describe(session, f"{schema}.`{row.tableName}`")
        told = {"Catalog": CATALOG, "Database": row.namespace, "Table": row.tableName}
        told |= {key: details[key] for key in ("Owner", "Type", "Provider", "Location", "Comment") if key in details}
        lines = [f"{key}: {value}" for key, value in told.items()]
        lines += [
            "Schema: root",
            *(f" |-- {name}: {names.get(kind, kind)} (nullable = true)" for name, kind, _ in columns),
        ]
        rows.append((row.namespace, row.tableName, False, "\n".join(lines) + "\n"))
    return session.createDataFrame(rows, "namespace string, tableName string, isTemporary boolean, information string")


Rewrite = Callable[[SparkSession, "re.Match[str]"], DataFrame]

REWRITES: list[tuple[str, str, Rewrite]] = [
    ("use catalog", r"use\s+catalog\s+(.*)$", _use_catalog),
    ("describe as json", r"describe\s+(?:table\s+)?extended\s+(.+?)\s+as\s+json\s*$", _describe_as_json),
    ("comment on column", r"comment\s+on\s+column\s+(.+)\.(`[^`]+`|\w+)\s+is\s+(.*)$", _comment_on_column),
    (
        "set not null",
        r"alter\s+table\s+(\S+)\s+(?:change|alter)\s+(?:column\s+)?(\S+)\s+set\s+not\s+null",
        _set_not_null,
    ),
    ("add key", r"alter\s+table\s+(\S+)\s+add\s+constraint\s+\S+\s+(?:primary|foreign)\s+key", _add_key),
    ("set tags", r"alter\s+(?:table|view)\s+(\S+)\s+set\s+tags\s*\(", _set_tags),
    ("show table extended", r"show\s+table\s+extended\s+in\s+(\S+)\s+like\s+'([^']*)'\s*$", _show_tables_extended),
    ("show schemas in catalog", r"show\s+schemas\s+in\s+(?:catalog\s+)?`?main`?(.*)$", _show_schemas),
]
"""Statements of Databricks that open-source Spark and Delta Lake have in other words or not at all. Nothing else is
changed; what Spark then rejects fails."""
