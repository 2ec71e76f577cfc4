"""The models of what a store serves, proven and copied beside it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import duckdb

from wanderbricks_ml.serving.declared import ServedProduct
from wanderbricks_ml.serving.snapshot import About

logger = logging.getLogger(__name__)


def copy_models(place: Path, proofs: dict[str, list[dict[str, Any]]], said: dict[str, str]) -> None:
    """Have the store hold the versions that serve, proven to be those that were logged."""
    from wanderbricks_ml.registry.copies import make_copy

    for model, versions in proofs.items():
        for version in versions:
            try:
                make_copy(model, version, place)
            except RuntimeError as error:
                said[model] += f"; by key alone, as {error}"
            except Exception as error:
                logger.exception("%s v%s cannot be copied", model, version["model_version"])
                said[model] += f"; by key alone, as {error}"


def clear_models(place: Path, proofs: dict[str, list[dict[str, Any]]]) -> None:
    """Remove versions that serve no longer, of the models whose versions are known."""
    from wanderbricks_ml.registry.copies import copy_name

    for model, versions in proofs.items():
        wanted = {copy_name(model, version["model_version"], version["artifact_digest"]) for version in versions}
        for folder in place.glob(f"{model}-v*-*"):
            if folder.name not in wanted:
                shutil.rmtree(folder, ignore_errors=True)


def proofs_of(connection: duckdb.DuckDBPyConnection, product: ServedProduct, about: About) -> list[dict[str, Any]]:
    """The rows of the predictor's table by which the versions of a snapshot are proven."""
    names = ("model_version", "model_uri", "run_id", "artifact_digest", "artifact_files")
    numbers = ", ".join(str(version["model_version"]) for version in about.versions)
    query = f"select {', '.join(names)} from {product.model_name} where model_version in ({numbers})"
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query).fetchall()]
