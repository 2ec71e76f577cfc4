"""What differs between the engines that run dbt's Python models: how rows come in, and how they go out.

DuckDB hands over relations of its own connection, Spark hands over data frames. Everything else works on Arrow.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from wanderbricks_ml.settings import Features

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

BATCH_ROWS = 100_000

SCORES_ON = "WANDERBRICKS_SCORE_ON"
"""Environment variable: ``workers`` (as by default) or ``driver``."""

PLAN_BYTES = 100_000_000
"""Of the functions, with their models, that go to the workers of serverless compute in one query: Spark Connect sends a
query as one message of at most 128 MiB (``grpc.max_send_message_length``), and workers have 1 GB for a function."""

Predictor = Callable[[pa.Table], Mapping[str, pa.Array]]
"""Predictions by column for the rows of a table that holds all features."""

TableFunction = Callable[[pa.Table], pa.Table]
"""Rows to result rows, of whatever number; on Spark it runs on the workers."""

GroupFunction = Callable[["pd.DataFrame"], "pd.DataFrame"]
"""Rows of one group to result rows; on Spark it runs on the workers."""

Scoring = tuple[Sequence[str], Predictor, Mapping[str, pa.Scalar]]
"""Splits to predict, with what, and columns that are the same in all of their rows."""


@dataclass(frozen=True)
class Examples:
    """A product's examples, and how they are read.

    Attributes
    ----------
    relation
        The engine's relation or data frame.
    features
        Columns that the model sees.
    keys
        Columns whose order rows are read in.
    driver_rows
        Rows that one process reads to fit; None where one process reads them all.
    """

    relation: Any
    features: Features
    keys: tuple[str, ...]
    driver_rows: int | None = None


class Engine(Protocol):
    """How a Python model reads its inputs and returns its rows."""

    def rows(self, relation: Any) -> pa.Table:
        """All rows of a small relation."""

    def schema(self, relation: Any) -> pa.Schema:
        """Names and types of a relation's columns."""

    def read(self, examples: Examples, splits: Sequence[str], kept: Sequence[str]) -> Iterator[pa.Table]:
        """Rows of the named splits in the order of their keys, in batches; always one, even if empty.

        Columns: `kept` as they are, then the features that are not kept, numeric ones as float32: half the
        memory of doubles, and what the boosters use. No more rows than `driver_rows` where they can be more than
        one process holds; then a sample that depends on the keys alone.
        """

    def is_beyond_driver(self, examples: Examples, splits: Sequence[str]) -> bool:
        """Whether the named splits have more rows than `driver_rows`, so that the cluster has to fit them."""

    def predicted(
        self, examples: Examples, scorings: Sequence[Scoring], kept: Sequence[str], predictions: Sequence[str]
    ) -> Any:
        """Rows with predictions, in the form that dbt takes.

        For each scoring: its constants, the `kept` columns, and the named `predictions`, doubles. Without any,
        no row, but with the columns that the rows would have.
        """

    def mapped(
        self, relation: Any, parts: Sequence[tuple[str, TableFunction]], columns: Sequence[str], schema: pa.Schema
    ) -> Any:
        """What functions make of the rows that meet the SQL condition of each, in the form that dbt takes.

        They see these columns (SQL expressions) in batches, none of them empty, and return tables of the schema.
        """

    def grouped(
        self, relation: Any, condition: str, keys: Sequence[str], function: GroupFunction, schema: pa.Schema
    ) -> pa.Table:
        """What `function` makes of each group of the rows that meet an SQL condition, in parallel.

        The results are collected: they must not grow with the data.
        """

    def result(self, table: pa.Table) -> Any:
        """A small table in the form that dbt takes."""


def engine_of(session: Any) -> Engine:
    """The engine behind dbt's `session`: a Spark session makes data frames, DuckDB's connection does not."""
    return Spark(session) if hasattr(session, "createDataFrame") else DuckDB()


def projection(kept: Sequence[str], features: Features) -> list[str]:
    """SQL expressions of the columns of `Engine.read`, in the dialect of both engines."""
    return [
        *kept,
        *(f"cast({name} as float) as {name}" for name in features.numeric if name not in kept),
        *(name for name in features.categorical if name not in kept),
    ]


def of_splits(splits: Sequence[str]) -> str:
    """SQL condition of the rows of some splits; of none where there are none."""
    return f"split in ({', '.join(repr(split) for split in splits)})" if splits else "1 = 0"


def _predicted(table: pa.Table, predictor: Predictor, kept: Sequence[str], names: Sequence[str]) -> pa.Table:
    values = predictor(table) if table.num_rows else {name: pa.array([], pa.float64()) for name in names}
    return pa.table({name: table[name] for name in kept} | {name: values[name] for name in names})


def _with_constants(constants: Mapping[str, pa.Scalar], table: pa.Table) -> pa.Table:
    repeated = {name: pa.repeat(value, table.num_rows) for name, value in constants.items()}
    return pa.table({**repeated, **{name: table[name] for name in table.column_names}})


class DuckDB:
    """DuckDB's relations, streamed as Arrow; it sorts and spills by itself."""

    def rows(self, relation: Any) -> pa.Table:
        return relation.to_arrow_table()

    def schema(self, relation: Any) -> pa.Schema:
        return relation.limit(0).to_arrow_table().schema

    def read(self, examples: Examples, splits: Sequence[str], kept: Sequence[str]) -> Iterator[pa.Table]:
        reader = (
            examples.relation.filter(of_splits(splits))
            .order(", ".join(examples.keys))
            .project(", ".join(projection(kept, examples.features)))
            .to_arrow_reader(BATCH_ROWS)
        )
        empty = True
        for batch in reader:
            empty = False
            yield pa.Table.from_batches([batch])
        if empty:
            yield reader.schema.empty_table()

    def is_beyond_driver(self, examples: Examples, splits: Sequence[str]) -> bool:
        return False

    def predicted(
        self, examples: Examples, scorings: Sequence[Scoring], kept: Sequence[str], predictions: Sequence[str]
    ) -> pa.RecordBatchReader:
        """The rows are predicted as they are read, once: dbt writes them by a cursor of its own meanwhile."""

        def parts() -> Iterator[pa.Table]:
            for splits, predictor, constants in scorings:
                for batch in self.read(examples, splits, kept):
                    yield _with_constants(constants, _predicted(batch, predictor, kept, predictions))

        # the first part, which is there even without rows, tells the schema
        found = parts()
        first = next(found)
        batches = (batch for part in chain([first], found) for batch in part.to_batches())
        return pa.RecordBatchReader.from_batches(first.schema, batches)

    def mapped(
        self, relation: Any, parts: Sequence[tuple[str, TableFunction]], columns: Sequence[str], schema: pa.Schema
    ) -> pa.RecordBatchReader:
        def made() -> Iterator[pa.RecordBatch]:
            for condition, function in parts:
                reader = relation.filter(condition).project(", ".join(columns)).to_arrow_reader(BATCH_ROWS)
                for batch in filter(len, reader):
                    yield from function(pa.Table.from_batches([batch])).cast(schema).to_batches()

        return pa.RecordBatchReader.from_batches(schema, made())

    def grouped(
        self, relation: Any, condition: str, keys: Sequence[str], function: GroupFunction, schema: pa.Schema
    ) -> pa.Table:
        return _grouped_here(relation.filter(condition).to_arrow_table(), keys, function, schema)

    def result(self, table: pa.Table) -> pa.Table:
        return table


class Spark:
    """Spark's data frames: the sample to fit comes to the driver, scoring stays on the workers.

    Unless `SCORES_ON` says ``driver``, for workers that lack our packages: then rows come to the driver to be
    predicted, mapped and grouped as well. What that takes of its memory is the operator's to judge.
    """

    def __init__(self, session: Any) -> None:
        self.session = session

    def rows(self, relation: Any) -> pa.Table:
        return relation.toArrow()

    def schema(self, relation: Any) -> pa.Schema:
        from pyspark.sql.pandas.types import to_arrow_schema

        return to_arrow_schema(relation.schema)

    def read(self, examples: Examples, splits: Sequence[str], kept: Sequence[str]) -> Iterator[pa.Table]:
        chosen, keys = examples.relation.where(of_splits(splits)), examples.keys
        share = 1.0 if examples.driver_rows is None else examples.driver_rows / max(chosen.count(), 1)
        if share < 1:
            logger.info("more rows of %s than driver_rows = %s: a sample", ", ".join(splits), examples.driver_rows)
            chosen = chosen.where(f"pmod(xxhash64({', '.join(keys)}), 1000000) < {share * 1e6:.0f}")
        ordered = chosen.orderBy(*keys).selectExpr(*projection(kept, examples.features))
        yield ordered.toArrow()

    def is_beyond_driver(self, examples: Examples, splits: Sequence[str]) -> bool:
        limit = examples.driver_rows
        # serverless compute, which is Spark Connect alone, does not run xgboost.spark: there a sample has to do
        if limit is None or not hasattr(self.session, "sparkContext"):
            return False
        return examples.relation.where(of_splits(splits)).count() > limit

    def predicted(
        self, examples: Examples, scorings: Sequence[Scoring], kept: Sequence[str], predictions: Sequence[str]
    ) -> Any:
        from pyspark.sql import functions, types

        result = None
        self._allow([predictor for _, predictor, _ in scorings])
        for splits, predictor, constants in scorings:
            chosen = examples.relation.where(of_splits(splits)).selectExpr(*projection(kept, examples.features))
            if scores_on_driver():
                here = _with_constants(constants, _in_batches(chosen, predictor, kept, predictions))
                part = self.result(here)
                result = part if result is None else result.unionByName(part)
                continue
            schema = types.StructType(
                [chosen.schema[name] for name in kept]
                + [types.StructField(name, types.DoubleType()) for name in predictions]
            )

            def scored(batches: Iterator[pa.RecordBatch], predictor: Predictor = predictor) -> Iterator[pa.RecordBatch]:
                for batch in batches:
                    yield from _predicted(pa.Table.from_batches([batch]), predictor, kept, predictions).to_batches()

            rows = chosen.mapInArrow(scored, schema)
            fixed = [
                functions.lit(value.as_py()).cast(_spark_type(value.type)).alias(name)
                for name, value in constants.items()
            ]
            part = rows.select(*fixed, *schema.names)
            result = part if result is None else result.unionByName(part)
        return result

    def mapped(
        self, relation: Any, parts: Sequence[tuple[str, TableFunction]], columns: Sequence[str], schema: pa.Schema
    ) -> Any:
        from pyspark.sql.pandas.types import from_arrow_schema

        result = None
        self._allow([function for _, function in parts])
        # without any part no row, but with the columns that rows would have
        for condition, function in parts or [("1 = 0", _unchanged)]:

            def made(batches: Iterator[pa.RecordBatch], function: TableFunction = function) -> Iterator[pa.RecordBatch]:
                for batch in filter(len, batches):
                    yield from function(pa.Table.from_batches([batch])).cast(schema).to_batches()

            chosen = relation.where(condition).selectExpr(*columns)
            if scores_on_driver():
                batches = chosen.toArrow().to_batches(BATCH_ROWS)
                found = [function(pa.Table.from_batches([batch])).cast(schema) for batch in filter(len, batches)]
                part = self.result(pa.concat_tables([schema.empty_table(), *found]))
                result = part if result is None else result.unionByName(part)
                continue
            part = chosen.mapInArrow(made, from_arrow_schema(schema))
            result = part if result is None else result.unionByName(part)
        return result

    def grouped(
        self, relation: Any, condition: str, keys: Sequence[str], function: GroupFunction, schema: pa.Schema
    ) -> pa.Table:
        from pyspark.sql.pandas.types import from_arrow_schema

        if scores_on_driver():
            return _grouped_here(relation.where(condition).toArrow(), keys, function, schema)
        made = relation.where(condition).groupBy(*keys).applyInPandas(function, from_arrow_schema(schema))
        return made.toArrow().cast(schema)

    def _allow(self, functions: Sequence[Callable[..., Any]]) -> None:
        """Refuse functions that are too much for one query to carry to the workers.

        Raises
        ------
        RuntimeError
            When they are more than `PLAN_BYTES`; says what else can be done.
        """
        # a cluster broadcasts them, and Spark Connect does not
        if scores_on_driver() or hasattr(self.session, "sparkContext"):
            return
        from pyspark import cloudpickle

        size = sum(len(cloudpickle.dumps(function)) for function in functions)
        if size > PLAN_BYTES:
            raise RuntimeError(
                f"the models of this query are {size / 1e6:.0f} MB, and serverless compute takes no more than "
                f"{PLAN_BYTES / 1e6:.0f} MB to its workers; predict on the driver (--vars 'score_on: driver'; all rows "
                "come to it), or on a job cluster (--vars 'submission_method: job_cluster'), or fit a smaller model"
            )

    def result(self, table: pa.Table) -> Any:
        from pyspark.sql.pandas.types import from_arrow_schema

        # Spark Connect infers none where there are no rows
        return self.session.createDataFrame(table, schema=from_arrow_schema(table.schema))


def scores_on_driver() -> bool:
    """Whether what runs on workers runs on the driver instead (var ``score_on``)."""
    return os.environ.get(SCORES_ON, "") == "driver"


def _in_batches(chosen: Any, predictor: Predictor, kept: Sequence[str], names: Sequence[str]) -> pa.Table:
    """Predictions of a data frame's rows, all of them in this process."""
    table = chosen.toArrow()
    batches = [pa.Table.from_batches([batch]) for batch in table.to_batches(BATCH_ROWS)] or [table]
    return pa.concat_tables([_predicted(batch, predictor, kept, names) for batch in batches])


def _grouped_here(table: pa.Table, keys: Sequence[str], function: GroupFunction, schema: pa.Schema) -> pa.Table:
    """What a function makes of each group of a table's rows, in threads of this process."""
    from wanderbricks_ml.progress import Steps

    ordered = table.sort_by([(key, "ascending") for key in keys])
    groups = [rows for _, rows in ordered.to_pandas().groupby(list(keys), sort=True)]
    parts = []
    steps = Steps(f"series by {', '.join(keys)}", len(groups))
    # threads: what takes longest here runs in processes of its own (Stan) or lets go of the lock (NumPy)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for part in pool.map(function, groups):
            parts.append(pa.Table.from_pandas(part, schema=schema, preserve_index=False))
            steps.done(len(parts))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _unchanged(rows: pa.Table) -> pa.Table:
    return rows


def _spark_type(kind: pa.DataType) -> str:
    return {pa.int32(): "int", pa.date32(): "date", pa.string(): "string"}[kind]
