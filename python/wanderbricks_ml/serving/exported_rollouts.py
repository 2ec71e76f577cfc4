"""Which versions are to get a share of the traffic, from the seed `traffic` of a build."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from msgspec.structs import replace

from wanderbricks_ml.serving.copied_models import proofs_of
from wanderbricks_ml.serving.declared import ServedProduct
from wanderbricks_ml.serving.rollout import CANARY, Rollout, of_row
from wanderbricks_ml.serving.snapshot import About

logger = logging.getLogger(__name__)

SCHEMA = "wanderbricks_ml"

Facts = Callable[[duckdb.DuckDBPyConnection, ServedProduct, int], dict[str, Any]]


def rollouts(
    database: Path,
    found: Sequence[tuple[ServedProduct, About]],
    proofs: dict[str, list[dict[str, Any]]],
    before: Sequence[Rollout],
    facts: Facts,
) -> list[Rollout]:
    """The rows of the seed that can begin, or go on; of the others the log says why not.

    Parameters
    ----------
    database
        The DuckDB file of a build. Where another one writes to it meanwhile, nothing changes.
    found
        Products that are served, and their snapshots.
    proofs
        What proves the versions of those that take features; those of the rollouts are added.
    before
        Rollouts that the store has already: their versions have passed the gate.
    facts
        What is known of a version, as `About.versions` has it.
    """
    try:
        connection = duckdb.connect(str(database), read_only=True)
    except duckdb.IOException:
        return list(before)
    with connection:
        connection.execute(f"use {SCHEMA}")
        try:
            result = connection.execute("select * from traffic")
        except duckdb.CatalogException:
            return []
        names = [column[0] for column in result.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        served = {about.model_name: (product, about) for product, about in found}
        chosen: dict[str, Rollout] = {}
        for row in rows:
            model = row["model_name"]
            try:
                if model in chosen:
                    raise ValueError("its model has another row")
                if model not in served or model not in proofs:
                    raise ValueError("there is no such model that answers to features and has rows to serve")
                product, about = served[model]
                chosen[model] = _rollout(connection, row, product, about, before, facts)
                proofs[model] += proofs_of(connection, product, replace(about, versions=[chosen[model].version]))
            except ValueError as error:
                logger.warning("traffic: row %s does not count: %s", row["rollout_name"], error)
    return list(chosen.values())


def _rollout(
    connection: duckdb.DuckDBPyConnection,
    row: Mapping[str, str | None],
    product: ServedProduct,
    about: About,
    before: Sequence[Rollout],
    facts: Facts,
) -> Rollout:
    written = row["model_version"] or ""
    number = int(written) if written.isdigit() else 0
    version = facts(connection, product, number)
    if not version.get("artifact_digest"):
        raise ValueError(f"{about.model_name} has no version {written} that was logged with a digest")
    if any(one["model_version"] == number for one in about.versions):
        raise ValueError(f"v{number} serves already, as the champion table says")
    if any(one.get("experiment_name") for one in about.versions):
        raise ValueError("an experiment splits its model's traffic")
    if _is_archived(connection, about.model_name, number):
        raise ValueError(f"v{number} is archived")
    wanted = of_row(row, product.unit if product.unit in about.columns else next(iter(about.key)), version)
    known = any(one.model_name == about.model_name and one.number == number and one.mode == CANARY for one in before)
    passes = version.get("passes", known or _has_served(connection, product, number))
    if wanted.mode == CANARY and not passes:
        raise ValueError(
            f"v{number} does not pass the gate, and may be a shadow alone: {version.get('verdict', 'no verdict')}"
        )
    if version.get("decision_threshold") is None:
        version["decision_threshold"] = _threshold(connection, product, about, number)
    if product.task == "probability" and version["decision_threshold"] is None:
        raise ValueError(f"v{number} was never judged, and so has no threshold at which its probabilities are cut")
    return wanted


def _is_archived(connection: duckdb.DuckDBPyConnection, model: str, number: int) -> bool:
    try:
        found = connection.execute(
            """
            select action from registry_decisions where model_name = ? and model_version = ?
            order by decision_id desc limit 1
            """,
            [model, number],
        ).fetchall()
    except duckdb.CatalogException:
        return False
    return found == [("archive",)]


def _has_served(connection: duckdb.DuckDBPyConnection, product: ServedProduct, number: int) -> bool:
    query = f"select count(*) from {product.predictions} where model_version = ?"
    return bool(connection.execute(query, [number]).fetchall()[0][0])


def _threshold(
    connection: duckdb.DuckDBPyConnection, product: ServedProduct, about: About, number: int
) -> float | None:
    """At which a version's probabilities are cut that the newest build has not considered."""
    if product.decision_threshold is not None:
        return product.decision_threshold
    found = connection.execute(
        f"""
        select metric_value from {product.product}_metrics
        where model_version = ? and split = 'validation' and segment = 'all' and metric_name = 'best_threshold'
        order by as_of_date desc limit 1
        """,
        [number],
    ).fetchall()
    return found[0][0] if found else None
