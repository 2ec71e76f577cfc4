"""Batch scoring as dbt does it, from a table of DuckDB into a table of DuckDB, beside XGBoost's prediction in place.

Ten million rows of 25 features: 22 numbers, every one of which misses some values, and 3 texts of 4, 6 and 20 values;
keys and a baseline are kept. The model is our logged pipeline: the preprocessing and the estimator that demand has,
200 trees of depth 6. Ours is `engines.DuckDB.predicted` with the predictor of `predicting.score`, written as dbt-duckdb
writes the result of a Python model.

The peer reads the same rows in the same order and batches, fills a block of floats (-1 for what is missing, a one in
the column of a text), predicts it by `Booster.inplace_predict`, and its result is written in the same way. Both are
streams under the same memory limit of DuckDB, beyond which its sort spills. Each runs in a process of its own, in
turn; prints Markdown: the least of the repeats. Imports, and loading the model, are not counted.

    python benchmarks/scoring.py [--rows 10000000] [--repeats 3] [--memory-limit 1GB]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pickle
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import numpy as np
import pyarrow as pa

from wanderbricks_ml.settings import RowSettings

TEXTS = {"kind": 4, "device": 6, "market": 20}
NUMBERS = [f"number_{position:02d}" for position in range(22)]
ROLES = ["baseline", "known", "horizon"]
PRODUCT = RowSettings(
    product="planted",
    model_name="planted_predictor",
    examples="planted_examples",
    label="bookings",
    date="check_in_date",
    keys=("property_id", "check_in_date"),
    numeric=(*ROLES, *NUMBERS[len(ROLES) :]),
    categorical=(*TEXTS,),
    prediction=("predicted_bookings",),
    estimator={"class": "PickUpRegressor"},
)
KEPT = [*PRODUCT.keys, "baseline"]
LEARNED_ROWS = 200_000


def make_examples(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """The table examples: rows to score in no order, and rows to learn from."""
    numbers = ",\n".join(
        f"case when random() > 0.05 then cast(random() * {10 + position} as double) end as {name}"
        for position, name in enumerate(PRODUCT.numeric)
        if name not in ROLES
    )
    texts = ",\n".join(
        f"'{name} ' || cast(floor(random() * {count}) as int) as {name}" for name, count in TEXTS.items()
    )
    connection.execute(
        f"""
        create table examples as
        select
            -- neighbours in the table are far from each other by key
            cast((place * 7919) % {rows + LEARNED_ROWS} as bigint) as property_id,
            date '2025-08-01' + cast(place % 30 as int) as check_in_date,
            case when place < {LEARNED_ROWS} then 'train' else 'score' end as split,
            cast(random() / 10 + 0.01 as double) as baseline,
            cast(floor(random() * 2) as int) as known,
            cast(place % 30 as int) as horizon,
            {numbers},
            {texts}
        from range({rows + LEARNED_ROWS}) as places (place)
        """
    )


def source(connection: duckdb.DuckDBPyConnection) -> Any:
    """The table as an engine reads it."""
    from wanderbricks_ml.lifecycle.engines import Examples

    return Examples(connection.table("examples"), PRODUCT.features, PRODUCT.keys)


def fit(connection: duckdb.DuckDBPyConnection) -> Any:
    """The pipeline that a fit logs."""
    from sklearn.pipeline import Pipeline

    from wanderbricks_ml.estimators.pick_up import PickUpRegressor
    from wanderbricks_ml.features import feature_frame, preprocessing
    from wanderbricks_ml.lifecycle.engines import DuckDB

    batches = list(DuckDB().read(source(connection), ["train"], []))
    preprocess = preprocessing(PRODUCT.features)
    train = preprocess.fit_transform(feature_frame(batches, PRODUCT.features))
    draw = np.random.default_rng(7)
    labels = train[:, 1] + draw.poisson(train[:, 0] * (1 + (train[:, 3] > 5)) * (1 + train[:, -1]))
    estimator = PickUpRegressor(0, 1, 2, n_estimators=200, params={"max_depth": 6, "eta": 0.1, "seed": 7})
    return Pipeline([("preprocess", preprocess), ("estimator", estimator.fit(train, labels))])


def ours(connection: duckdb.DuckDBPyConnection, pipeline: Any) -> Any:
    """What the Python model of a product's scores returns."""
    from wanderbricks_ml.lifecycle import predicting
    from wanderbricks_ml.lifecycle.engines import DuckDB
    from wanderbricks_ml.registry import store

    with mock.patch.object(store, "load", return_value=pipeline):
        predictor = predicting._predictor("folder", PRODUCT)
    constants = {"model_name": pa.scalar(PRODUCT.model_name), "model_version": pa.scalar(1, pa.int32())}
    return DuckDB().predicted(source(connection), [(["score"], predictor, constants)], KEPT, PRODUCT.prediction)


def in_place(connection: duckdb.DuckDBPyConnection, pipeline: Any) -> Any:
    """The same columns by the booster alone."""
    from wanderbricks_ml.lifecycle.engines import DuckDB

    booster, pick_up = pipeline["estimator"].booster_, pipeline["estimator"].pick_up_
    encoder = pipeline["preprocess"].named_transformers_["categorical"]
    categories = [pa.array(known) for known in encoder.categories_]
    width = len(PRODUCT.numeric) + sum(map(len, categories))
    batches = DuckDB().read(source(connection), ["score"], KEPT)

    def predicted() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            block = np.empty((batch.num_rows, width), dtype=np.float32)
            for position, name in enumerate(PRODUCT.numeric):
                block[:, position] = batch[name].fill_null(-1).to_numpy()
            position = len(PRODUCT.numeric)
            for name, known in zip(PRODUCT.categorical, categories, strict=True):
                ones = np.eye(len(known), dtype=np.float32)
                block[:, position : position + len(known)] = ones[pa.compute.index_in(batch[name], known).to_numpy()]
                position += len(known)
            margin = np.log(block[:, 0] * pick_up[block[:, 2].astype(np.int64)]).astype(np.float32)
            values = block[:, 1] + booster.inplace_predict(block, base_margin=margin)
            yield pa.record_batch(
                {
                    "model_name": pa.repeat(PRODUCT.model_name, batch.num_rows),
                    "model_version": pa.repeat(pa.scalar(1, pa.int32()), batch.num_rows),
                    **{name: batch[name].combine_chunks() for name in KEPT},
                    PRODUCT.prediction[0]: pa.array(values.astype(np.float64)),
                }
            )

    stream = predicted()
    first = next(stream)

    def whole() -> Iterator[pa.RecordBatch]:
        yield first
        yield from stream

    return pa.RecordBatchReader.from_batches(first.schema, whole())


WAYS = {"ours": ours, "in place": in_place}


def connected(folder: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """The benchmark's database."""
    connection = duckdb.connect(str(folder / "scoring.duckdb"), config={"threads": 2, "memory_limit": memory_limit})
    return connection.execute("set enable_progress_bar = false")


def prepare(folder: Path, rows: int, memory_limit: str) -> None:
    """Write the examples, and the model beside them."""
    with connected(folder, memory_limit) as connection:
        make_examples(connection, rows)
        (folder / "pipeline.pkl").write_bytes(pickle.dumps(fit(connection)))


def measure(folder: Path, way: str, memory_limit: str) -> None:
    """Score once and write what it took, imports and the connection not counted."""
    pipeline = pickle.loads((folder / "pipeline.pkl").read_bytes())
    with connected(folder, memory_limit) as connection:
        table = f'"{way}"'
        connection.execute(f"drop table if exists {table}")
        started, wall = time.process_time(), time.perf_counter()
        result = WAYS[way](connection, pipeline)
        # as dbt-duckdb materializes what a Python model returns
        writer = connection.cursor()
        writer.register("result", result)
        writer.execute(f"create table {table} as select * from result")
        taken = {"cpu": time.process_time() - started, "wall": time.perf_counter() - wall}
    taken["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    (folder / "taken.json").write_text(json.dumps(taken))


def alone(function: Any, *arguments: Any) -> None:
    """Run a function in a process of its own.

    Raises
    ------
    RuntimeError
        When it does not end well.
    """
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{function.__name__}{arguments} ended with {process.exitcode}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory-limit", default="1GB", help="of DuckDB, beyond which it spills")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    taken: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone(prepare, folder, given.rows, given.memory_limit)
        for _ in range(given.repeats):
            for way, runs in taken.items():
                alone(measure, folder, way, given.memory_limit)
                runs.append(json.loads((folder / "taken.json").read_text()))
        with connected(folder, given.memory_limit) as connection:
            count, apart = connection.execute(
                "select count(*), max(abs(o.predicted_bookings - p.predicted_bookings)) from ours as o "
                'inner join "in place" as p using (property_id, check_in_date)'
            ).fetchall()[0]
    if count != given.rows or apart > 1e-5:
        raise RuntimeError(f"the ways differ: {count:,} rows meet, {apart} apart")
    least = {way: {what: min(run[what] for run in runs) for what in runs[0]} for way, runs in taken.items()}
    print("| way | CPU s | wall s | peak, GB | rows per CPU second | throughput, of in place |")
    print("| --- | --- | --- | --- | --- | --- |")
    for way, cost in least.items():
        print(
            f"| {way}, {given.rows:,} x {len(PRODUCT.features.names)} | {cost['cpu']:.1f} | "
            f"{cost['wall']:.1f} | {cost['peak']:.2f} | {given.rows / cost['cpu']:,.0f} | "
            f"{least['in place']['cpu'] / cost['cpu']:.0%} |"
        )


if __name__ == "__main__":
    main()
