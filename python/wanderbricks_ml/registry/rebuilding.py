"""A registry that was deleted, made again from what SQL and the artifacts know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wanderbricks_ml.registry import integrity, store


def artifact_folder() -> Path | None:
    """Where models lie beside a SQLite store; None for another kind of store."""
    store.connect()
    import mlflow

    uri = mlflow.get_tracking_uri()
    return Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts" if uri.startswith("sqlite:") else None


def models_below(folders: Iterable[Path]) -> dict[str, Path]:
    """The logged models below some folders by the digest over their files."""
    found = {}
    for folder in folders:
        for described in sorted(folder.rglob("MLmodel")):
            found[integrity.overall_digest(integrity.file_digests(described.parent))] = described.parent
    return found


def rebuild(registered_name: str, versions: Sequence[Mapping[str, Any]], models: Mapping[str, Path]) -> dict[int, str]:
    """Register the versions of a model under the numbers that the database knows.

    MLflow numbers versions itself, one after the other: a number whose files are gone is registered and deleted again,
    so that the later ones get theirs.

    Parameters
    ----------
    registered_name
        Name in the registry.
    versions
        Rows of the predictor's table: model_version, run_id, artifact_digest.
    models
        Folders by digest; see `models_below`.

    Returns
    -------
    dict
        What became of each version, in words: `there`, `registered`, or `gone: …`.

    Raises
    ------
    RuntimeError
        When the registry has given one of the numbers to something else, or counts on from another number.
    """
    client = store.connect()
    from mlflow.exceptions import MlflowException

    known = {row["model_version"]: row for row in versions}
    there = {int(found.version) for found in store.registered_versions(registered_name)}
    results = {}
    try:
        client.create_registered_model(registered_name)
    except MlflowException as error:
        if error.error_code not in store.EXISTS:
            raise
    for number in range(1, max(known) + 1):
        row = known.get(number)
        if number in there:
            if row is not None:
                results[number] = "there"
            continue
        folder = models.get(row["artifact_digest"]) if row is not None else None
        # without a run, which went with the store
        made = client.create_model_version(registered_name, folder.as_uri() if folder else "file:///gone")
        if int(made.version) != number:
            client.delete_model_version(registered_name, made.version)
            raise RuntimeError(
                f"{registered_name}: the registry numbers on from v{made.version}, so that v{number} cannot be made "
                "again; name an empty store in MLFLOW_TRACKING_URI"
            )
        if folder is None:
            client.delete_model_version(registered_name, made.version)
        if row is not None:
            results[number] = "registered" if folder else "gone: no folder holds files of its digest"
    return results
