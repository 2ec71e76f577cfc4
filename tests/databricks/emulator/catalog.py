"""Unity Catalog as far as the adapter asks: keys, not-nulls and tags of tables, and information_schema.

Open-source Delta Lake knows no keys and tags, and cannot set a column of a table that exists to not null. So a key and
a tag are kept as properties of the table, and a not-null as a check constraint, which Delta Lake enforces: all of them
go away when the table is dropped or replaced, and `show tblproperties` does not tell of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession, types

CATALOG = "main"
"""The one Unity Catalog of the workspace; Spark's own catalog stands for it."""

KEY, TAG, NOT_NULL = "emulator.key.", "emulator.tag.", "emulator_not_null_"
CHECK = "delta.constraints."
HIDDEN = (KEY, TAG, CHECK + NOT_NULL)


def own(name: str) -> str:
    """A table's name with Spark's own catalog in the place of the workspace's."""
    return re.sub(rf"^`?{CATALOG}`?\.", "`spark_catalog`.", name.strip())


@dataclass(frozen=True)
class Table:
    """What the catalog knows of a table."""

    schema: str
    name: str
    columns: list[tuple[str, str, str | None]]
    """Name, type and comment of each column."""

    details: dict[str, str]
    properties: dict[str, str]

    @property
    def key(self) -> tuple[str, str, str]:
        return CATALOG, self.schema, self.name

    def named(self, prefix: str) -> list[tuple[str, str]]:
        """Properties that begin with a prefix, without it."""
        found = sorted(self.properties.items())
        return [(name.removeprefix(prefix), value) for name, value in found if name.startswith(prefix)]

    @property
    def not_null(self) -> set[str]:
        return {column for column, _ in self.named(CHECK + NOT_NULL)}


def table(session: SparkSession, name: str) -> Table:
    """Look a table or view up, by its name in Spark's own catalog."""
    columns: list[tuple[str, str, str | None]] = []
    details: dict[str, str] = {}
    in_columns = True
    for row in session.sql(f"describe table extended {name}").collect():
        if row.col_name == "" or row.col_name.startswith("#"):
            in_columns = False
        elif in_columns:
            columns.append((row.col_name, row.data_type, row.comment))
        else:
            details[row.col_name] = row.data_type
    properties = {}
    if details.get("Provider") == "delta":
        properties = {row.key: row.value for row in session.sql(f"show tblproperties {name}").collect()}
    # a temporary view has no schema
    schema, identifier = (part.strip("`") for part in ["", *name.split(".")][-2:])
    return Table(schema, identifier, columns, details, properties)


def tables(session: SparkSession, names: set[str]) -> list[Table]:
    """All tables and views, or those of the given names."""
    return [
        table(session, f"`spark_catalog`.`{row.namespace}`.`{row.tableName}`")
        for schema in session.sql("show schemas").collect()
        for row in session.sql(f"show tables in `{schema.namespace}`").collect()
        if not row.isTemporary and (not names or row.tableName in names)
    ]


def _tables(found: Table) -> list[tuple[Any, ...]]:
    details = found.details
    source = (details.get("Provider") or "").upper() or None
    kind = details.get("Type", "MANAGED")
    return [(*found.key, kind, source, details.get("Owner"), details.get("Comment"), "2026-01-01 00:00:00")]


def _columns(found: Table) -> list[tuple[Any, ...]]:
    return [
        (*found.key, name, at, kind, kind, comment, "NO" if name in found.not_null else "YES")
        for at, (name, kind, comment) in enumerate(found.columns)
    ]


def _views(found: Table) -> list[tuple[Any, ...]]:
    is_view = found.details.get("Type") == "VIEW"
    return [(*found.key, found.details.get("View Text"))] if is_view else []


def _table_constraints(found: Table) -> list[tuple[Any, ...]]:
    checks = [(name, "CHECK") for name, _ in found.named(CHECK) if not name.startswith(NOT_NULL)]
    keys = [(name, "PRIMARY KEY") for name, _ in found.named(KEY)]
    return [(CATALOG, found.schema, name, *found.key, kind) for name, kind in keys + checks]


def _key_column_usage(found: Table) -> list[tuple[Any, ...]]:
    return [
        (CATALOG, found.schema, name, *found.key, column, at, None)
        for name, columns in found.named(KEY)
        for at, column in enumerate(columns.split(","), start=1)
    ]


def _table_tags(found: Table) -> list[tuple[Any, ...]]:
    return [(*found.key, name, value) for name, value in found.named(TAG)]


def _nothing(found: Table) -> list[tuple[Any, ...]]:
    return []


NAMED = "table_catalog string, table_schema string, table_name string, "
TAGGED = "catalog_name string, schema_name string, table_name string, "
CONSTRAINED = "constraint_catalog string, constraint_schema string, constraint_name string, "

VIEWS: dict[str, tuple[str, Callable[[Table], list[tuple[Any, ...]]]]] = {
    "tables": (
        NAMED + "table_type string, data_source_format string, table_owner string, comment string, last_altered string",
        _tables,
    ),
    "columns": (
        NAMED + "column_name string, ordinal_position int, data_type string, full_data_type string, comment string, "
        "is_nullable string",
        _columns,
    ),
    "views": (NAMED + "view_definition string", _views),
    "table_constraints": (CONSTRAINED + NAMED + "constraint_type string", _table_constraints),
    "key_column_usage": (
        CONSTRAINED + NAMED + "column_name string, ordinal_position int, position_in_unique_constraint int",
        _key_column_usage,
    ),
    "referential_constraints": (
        CONSTRAINED + "unique_constraint_catalog string, unique_constraint_schema string, "
        "unique_constraint_name string",
        _nothing,
    ),
    "table_tags": (TAGGED + "tag_name string, tag_value string", _table_tags),
    "column_tags": (TAGGED + "column_name string, tag_name string, tag_value string", _nothing),
    "column_masks": (
        NAMED + "column_name string, mask_name string, using_columns string, catalog_name string, schema_name string",
        _nothing,
    ),
    "row_filters": (
        NAMED + "filter_name string, filter_catalog string, filter_schema string, target_columns string",
        _nothing,
    ),
}
"""Views of information_schema: columns, and rows of a table. The empty ones are of things that nobody can declare
here."""

VIEW = r"`?\w+`?\s*\.\s*`?information_schema`?\s*\.\s*`?(\w+)`?"


def query_information_schema(session: SparkSession, sql: str) -> DataFrame:
    """Run a query of information_schema; tables that it names are the only ones that are looked up."""
    views = {name.lower() for name in re.findall(VIEW, sql, flags=re.I)}
    unknown = views - set(VIEWS)
    if unknown:
        raise ValueError(f"the emulator's information_schema has no {', '.join(sorted(unknown))}")
    told = any(VIEWS[view][1] is not _nothing for view in views)
    names = set(re.findall(r"table_name\s*=\s*'([^']+)'", sql, flags=re.I))
    found = tables(session, names) if told else []
    for view in views:
        schema, rows = VIEWS[view]
        values = [row for each in found for row in rows(each)]
        session.createDataFrame(values, schema).createOrReplaceTempView(f"metadata_{view}")
    return session.sql(re.sub(VIEW, lambda match: f"metadata_{match[1].lower()}", sql, flags=re.I))


def add_key(session: SparkSession, match: re.Match[str]) -> DataFrame:
    """`alter table T add constraint N primary key (a, b timeseries)`, with the conditions of Unity Catalog."""
    found = table(session, own(match[1]))
    kinds = {name: kind for name, kind, _ in found.columns}
    columns = []
    for part in match[3].split(","):
        column, *word = part.replace("`", "").split()
        if column not in kinds:
            raise ValueError(f"[UNRESOLVED_COLUMN] key {match[2]}: {found.name} has no column {column}")
        if column not in found.not_null:
            raise ValueError(f"key {match[2]}: column {column} of {found.name} is nullable; set it to not null first")
        if word and (word != ["timeseries"] or kinds[column] not in ("date", "timestamp")):
            raise ValueError(f"key {match[2]}: {part.strip()}: only a date or a timestamp can be TIMESERIES")
        columns.append(column)
    if found.named(KEY):
        raise ValueError(f"{found.name} has a primary key already: {found.named(KEY)[0][0]}")
    return set_properties(session, match[1], {KEY + match[2].strip("`"): ",".join(columns)})


def set_tags(session: SparkSession, match: re.Match[str]) -> DataFrame:
    """`alter table T set tags ('a' = 'b', …)`."""
    return set_properties(session, match[1], {TAG + name: value for name, value in re.findall(PAIR, match[2])})


PAIR = r"'([^']+)'\s*=\s*'([^']*)'"


def set_properties(session: SparkSession, name: str, properties: dict[str, str]) -> DataFrame:
    """Set properties of a table."""
    pairs = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
    return session.sql(f"alter table {own(name)} set tblproperties ({pairs})")


def set_not_null(session: SparkSession, match: re.Match[str]) -> DataFrame:
    """`alter table T change column c set not null`, which Delta Lake checks here and on every write."""
    column = match[2].strip("`")
    return session.sql(f"alter table {own(match[1])} add constraint {NOT_NULL}{column} check (`{column}` is not null)")


def drop_not_null(session: SparkSession, match: re.Match[str]) -> DataFrame:
    """`alter table T alter column c drop not null`."""
    return session.sql(f"alter table {own(match[1])} drop constraint {NOT_NULL}{match[2].strip('`')}")


def drop_key(session: SparkSession, match: re.Match[str]) -> DataFrame:
    """`alter table T drop constraint N cascade`, which the adapter says of primary keys alone."""
    return session.sql(f"alter table {own(match[1])} unset tblproperties ('{KEY}{match[2].strip('`')}')")


def show_properties(session: SparkSession, match: re.Match[str]) -> DataFrame:
    """`show tblproperties T` without those that stand for something else."""
    shown = session.sql(f"show tblproperties {own(match[1])}")
    for prefix in HIDDEN:
        shown = shown.where(~shown.key.startswith(prefix))
    return shown


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


def described(session: SparkSession, name: str) -> dict[str, Any]:
    """A table as `describe table extended … as json` tells of it."""
    found = table(session, name)
    columns = [
        {
            "name": column,
            "type": type_json(types.DataType.fromDDL(kind)),
            "nullable": column not in found.not_null,
            **({} if comment is None else {"comment": comment}),
        }
        for column, kind, comment in found.columns
    ]
    told = {
        "table_name": found.name,
        "type": found.details.get("Type"),
        "provider": found.details.get("Provider"),
        "owner": found.details.get("Owner"),
        "comment": found.details.get("Comment"),
        "view_text": found.details.get("View Text"),
        "columns": columns,
    }
    return {key: value for key, value in told.items() if value is not None}
