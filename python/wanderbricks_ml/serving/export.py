"""From the database of a build to the online store."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from msgspec.structs import replace

from wanderbricks_ml.gold.files import parquet, quoted_path
from wanderbricks_ml.serving.copied_models import clear_models, copy_models, proofs_of
from wanderbricks_ml.serving.declared import ServedProduct
from wanderbricks_ml.serving.exported_features import (
    FeatureColumns,
    feature_columns,
    feature_words,
    features_query,
    keyed_features,
)
from wanderbricks_ml.serving.exported_histories import (
    booking_sql,
    copy_histories,
    copy_users,
    keyed_histories,
    known_users,
    users_state,
)
from wanderbricks_ml.serving.exported_rollouts import rollouts
from wanderbricks_ml.serving.histories import VIEWS
from wanderbricks_ml.serving.kept_features import (
    carried_curves,
    carried_histories,
    carried_over,
    snapshot_with_curves,
    snapshot_with_features,
)
from wanderbricks_ml.serving.rows_query import curves_query, newcomers_query, rows_query
from wanderbricks_ml.serving.snapshot import (
    MODELS,
    About,
    KeyFormat,
    Pointer,
    alone,
    read_pointer,
    write_pointer,
    write_snapshot,
)

logger = logging.getLogger(__name__)

SCHEMA = "wanderbricks_ml"

OF_THE_SCORING = ("model_name", "model_version", "as_of_date", "scoring_date", "scored_at")
"""Columns that all rows of one answer share, where an answer is a ranking."""

KINDS = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DATE": "date",
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp",
}
"""Types of columns as callers know them; all others are numbers."""

FORMAT = 6
"""Number of what a snapshot holds: files of another are written anew."""

LEVELS = {"confidence": "confidence_levels", "ltv_segment": "ltv_segments", "churn_risk": "churn_risk_levels"}
"""Seeds that give a number its name, by the column of a public table that has it."""

KEPT_FILES = 2
"""Snapshots of a product that stay: the one that serves, and the one that a server may still have open."""


FAILED = "goes on with what it had"
"""How what is said of a model begins whose rows could not be brought."""


class Unpublished(Exception):
    """A product has no rows to serve; the message says why."""


def export(database: Path, store: Path, products: Sequence[ServedProduct], with_models: bool = False) -> dict[str, str]:
    """Bring the newest scoring of each product to the store, and have it serve.

    A scoring that is there already is left as it is. A product that cannot be exported goes on with what it had.

    Parameters
    ----------
    database
        The DuckDB file of a build. It is held for reading for no longer than a copy of the rows takes, as no build can
        write meanwhile.
    store
        Folder of the snapshots; made if it is not there.
    with_models
        Whether the models go along, which takes seconds, for questions with features of their own.

    Returns
    -------
    dict
        What was found of each model, in words.

    Raises
    ------
    FileNotFoundError
        When there is no such database, or dbt has built nothing into it.
    duckdb.IOException
        When a build is writing to it.
    """
    if not database.is_file():
        raise FileNotFoundError(f"there is no database {database}: run dbt build first, or name another")
    store.mkdir(parents=True, exist_ok=True)
    with alone(store):
        return _exported(database, store, products, with_models)


def _exported(database: Path, store: Path, products: Sequence[ServedProduct], with_models: bool) -> dict[str, str]:
    for left in (*store.glob("export-*"), *(store / MODELS).glob("copy-*")):
        # of one that was killed, as nobody else writes now
        shutil.rmtree(left)
    pointer = read_pointer(store)
    before = pointer.files
    files = dict(before)
    said: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir=store, prefix="export-") as folder:
        copied, proofs = _copied(database, store, Path(folder), products, said)
        for product, about, name in copied:
            try:
                if not (store / name).is_file():
                    _written(Path(folder), store, product, about, name)
            except Exception as error:
                # one that cannot be written keeps no other from its newest rows
                logger.exception("%s goes on with what it had", product.model_name)
                said[product.model_name] = f"{FAILED}: {error}"
                proofs.pop(product.model_name, None)
                continue
            files[product.model_name] = name
            said[product.model_name] = f"{about.rows} keys of {about.scoring_date}"
    arms = rollouts(database, [(product, about) for product, about, _ in copied], proofs, pointer.rollouts, _version)
    if with_models:
        # before their snapshots serve, so that servers find them
        copy_models(store / MODELS, proofs, said)
    if (files, arms) != (before, pointer.rollouts):
        write_pointer(store, Pointer(files, arms))
        _clear(store, set(files.values()))
    if with_models:
        clear_models(store / MODELS, proofs)
    return said


def _written(folder: Path, store: Path, product: ServedProduct, about: About, name: str) -> None:
    """Write a snapshot from the Parquet files of a folder."""
    rows = _keyed(folder / f"{product.product}.parquet", list(about.key.values()))
    features: Iterable[tuple[bytes, bytes]] = ()
    histories: Iterable[tuple[bytes, bytes]] = keyed_histories(folder) if about.booking else ()
    if about.numeric:
        columns = FeatureColumns(about.numeric, about.categorical, about.further)
        file = folder / f"{product.product}-features.parquet"
        features = keyed_features(file, list(about.key.values()), columns)
    elif product.numeric and (earlier := snapshot_with_features(store, product.product, about.scoring_date)):
        kept = [*rows]
        about, features = carried_over(earlier, about, (key for key, _ in kept))
        rows = iter(kept)
        if about.numeric and product.product in VIEWS:
            about, histories = carried_histories(earlier, about, known_users(folder))
    curves: list[tuple[bytes, bytes]] = []
    if product.curve:
        curves = [*_keyed(folder / f"{product.product}-curves.parquet", list(about.key.values()))]
        if curves:
            about = replace(about, curve=list(product.curve))
        elif before := snapshot_with_curves(store, product.product, about.scoring_date):
            kept = [*rows]
            about, curves = carried_curves(before, about, (key for key, _ in kept))
            rows = iter(kept)
    newcomers = []
    if about.newcomers:
        newcomers = [*_keyed(folder / f"{product.product}-newcomers.parquet", ["text"])]
        example = msgspec.json.decode(newcomers[0][1])[about.newcomers] if newcomers else None
        about = replace(about, newcomer_example=example)
    # not at its place, where nothing may be that is not whole
    write_snapshot(folder / name, about, rows, features, newcomers, curves, histories)
    (folder / name).replace(store / name)


def _copied(
    database: Path, store: Path, folder: Path, products: Sequence[ServedProduct], said: dict[str, str]
) -> tuple[list[tuple[ServedProduct, About, str]], dict[str, list[dict[str, Any]]]]:
    """Parquet files of the newest scorings that the store lacks; what all are, and what proves their versions."""
    found, proofs = [], {}
    with duckdb.connect(str(database), read_only=True) as connection:
        try:
            connection.execute(f"use {SCHEMA}")
        except duckdb.CatalogException as error:
            raise FileNotFoundError(
                f"nothing was built into {database}: run dbt build first, or name another"
            ) from error
        # a table that was not built is none, whatever of this program has its name
        connection.execute("set python_enable_replacements = false")
        for product in products:
            try:
                about, name = _about(connection, product)
            except Unpublished as reason:
                said[product.model_name] = str(reason)
                continue
            except duckdb.Error as error:
                said[product.model_name] = f"{FAILED}: {error}"
                continue
            if not (store / name).is_file():
                query = rows_query(product, about)
                connection.execute(f"copy ({query}) to {parquet(folder, product.product)}")
                if product.newcomers:
                    query = newcomers_query(product, about)
                    try:
                        connection.execute(f"copy ({query}) to {parquet(folder, f'{product.product}-newcomers')}")
                    except (duckdb.CatalogException, duckdb.BinderException) as error:
                        logger.warning("%s is asked by key alone: %s", product.model_name, error)
                        about = replace(about, newcomers=None)
                if product.curve:
                    query = curves_query(product, about)
                    connection.execute(f"copy ({query}) to {parquet(folder, f'{product.product}-curves')}")
                if about.numeric:
                    columns = FeatureColumns(about.numeric, about.categorical, about.further)
                    query = features_query(product, columns, about.scoring_date)
                    connection.execute(f"copy ({query}) to {parquet(folder, f'{product.product}-features')}")
                if about.booking:
                    copy_histories(connection, about.booking, about.scoring_date, folder)
                elif product.product in VIEWS and not about.numeric:
                    copy_users(connection, folder)
            found.append((product, about, name))
            # a second build of a day has no examples of it; the snapshot of the first still has
            if about.numeric or snapshot_with_features(store, product.product, about.scoring_date):
                proofs[product.model_name] = proofs_of(connection, product, about)
    return found, proofs


def _about(connection: duckdb.DuckDBPyConnection, product: ServedProduct) -> tuple[About, str]:
    """What a product's newest scoring is, and the name of its snapshot.

    Raises
    ------
    Unpublished
        When there is none.
    """
    table = product.predictions
    try:
        described = connection.execute(f"describe {table}").fetchall()
    except duckdb.CatalogException as error:
        raise Unpublished(f"table {table} was never built") from error
    types = {column: KINDS.get(kind, "number") for column, kind, *_ in described}
    key = ", ".join(f'"{name}"' for name in product.key)
    found = connection.execute(
        f"""
        select
            scoring_date, count(distinct ({key})), max(scored_at), list_sort(list(distinct model_version)), count(*),
            bit_xor(hash(scored))
        from {table} as scored
        where scoring_date = (select max(scoring_date) from {table})
        group by scoring_date
        """
    ).fetchall()
    if not found:
        raise Unpublished(f"{table} has no rows: no version has served yet")
    scoring_date, keys, scored_at, versions, rows, content = found[0]
    example = connection.execute(
        f"select {key} from {table} where scoring_date = ? order by {key} limit 1", [scoring_date]
    ).fetchall()[0]
    columns = feature_columns(connection, product, scoring_date, keys)
    shared = [name for name in types if product.items is None or name in (*product.key, *OF_THE_SCORING)]
    about = About(
        product=product.product,
        model_name=product.model_name,
        table=table,
        key={name: types[name] for name in product.key},
        columns={name: types[name] for name in shared},
        items=product.items,
        item_columns={name: kind for name, kind in types.items() if name not in shared},
        rows=keys,
        scoring_date=scoring_date,
        versions=[_version(connection, product, version) for version in versions],
        example=dict(zip(product.key, example, strict=True)),
        exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        numeric=columns.numeric,
        categorical=columns.categorical,
        further=columns.further,
        predictions=list(product.predictions_of_model),
        levels=_levels(connection, types),
        newcomers=product.newcomers,
        moved=product.moved,
        words=feature_words(connection, product),
        # without the examples of a day there are no histories of it either
        booking=booking_sql(connection, product.product, SCHEMA, scoring_date) if columns.numeric else None,
    )
    told = [product.moved, msgspec.to_builtins(about.words)]
    if product.product in VIEWS:
        told += [users_state(connection)]
    facts = [FORMAT, str(scoring_date), str(scored_at), versions, rows, content, described, told]
    identity = json.dumps(facts, default=str)
    return about, f"{product.product}-{scoring_date}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.lmdb"


def _levels(connection: duckdb.DuckDBPyConnection, types: dict[str, str]) -> dict[str, list[Any]]:
    """The bands of a public table's columns that are such names."""
    return {
        column: connection.execute(f"select {column}, lower_bound, upper_bound from {seed} order by 2").fetchall()
        for column, seed in LEVELS.items()
        if column in types
    }


def _version(connection: duckdb.DuckDBPyConnection, product: ServedProduct, version: int) -> dict[str, Any]:
    """What a caller may know of a version that serves."""

    def row(query: str) -> dict[str, Any]:
        try:
            result = connection.execute(query, [version])
        except duckdb.CatalogException:
            return {}
        names = [column[0] for column in result.description or []]
        return next((dict(zip(names, map(_plain, values), strict=True)) for values in result.fetchall()), {})

    fitted = row(
        f"""
        select model_uri, as_of_date, fitted_at, recipe, artifact_digest
        from {product.model_name}
        where model_version = ?
        """
    )
    champion = row(
        f"""
        select role, passes, serves, verdict, decision_threshold, experiment_name
        from {product.product}_champion
        where model_version = ?
        """
    )
    try:
        metrics = connection.execute(
            f"""
            select metric_name, metric_value, baseline_value
            from {product.product}_metrics
            where model_version = ? and split = 'test' and segment = 'all' and isfinite(metric_value)
            qualify as_of_date = max(as_of_date) over ()
            order by metric_name
            """,
            [version],
        ).fetchall()
    except duckdb.CatalogException:
        metrics = []
    remaining = row(
        f"""
        select max_by(metric_value, as_of_date) as remaining_threshold
        from {product.product}_metrics
        where model_version = ? and split = 'validation' and segment = 'all'
            and metric_name = 'remaining_best_threshold'
        """
    )
    return {
        "model_version": version,
        "model_type": product.task,
        **fitted,
        **champion,
        **{name: value for name, value in remaining.items() if value is not None},
        "metrics": {name: {"value": value, "baseline": _plain(baseline)} for name, value, baseline in metrics},
    }


def _keyed(file: Path, types: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    encoded = KeyFormat(types).encoded
    with duckdb.connect() as connection:
        result = connection.execute(f"select * from read_parquet({quoted_path(file)}, file_row_number = false)")
        while batch := result.fetchmany(20_000):
            for *key, answer in batch:
                yield encoded(key), answer.encode()


def _clear(store: Path, serving: set[str]) -> None:
    """Remove snapshots that no server can have open any longer."""
    by_product: dict[str, list[Path]] = {}
    for path in sorted(store.glob("*.lmdb"), key=lambda path: path.stat().st_mtime, reverse=True):
        if path.name not in serving:
            by_product.setdefault(path.name.split("-")[0], []).append(path)
    for older in by_product.values():
        for path in older[KEPT_FILES - 1 :]:
            path.unlink()


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value if value is None or isinstance(value, (int, str, bool)) else value.isoformat()
