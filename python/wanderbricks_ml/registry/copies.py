"""Copies of registered versions for servers that do not know the registry; proven when made, and again when loaded."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wanderbricks_ml.libraries import LEARNERS, import_first
from wanderbricks_ml.registry import integrity, store

FILES = "files"
RECORD = "record.json"
PIPELINE = "model.pkl"


def copy_name(model_name: str, version: int, digest: str) -> str:
    """Name of a version's copy."""
    return f"{model_name}-v{version}-{digest[:12]}"


def make_copy(model_name: str, version: Mapping[str, Any], place: Path) -> Path:
    """Copy the files of a version that are proven to be those that were logged, and what proves them.

    Parameters
    ----------
    version
        Row of the predictor's table.
    place
        Folder of the copies.

    Raises
    ------
    RuntimeError
        When the version cannot be proven; see `store.verified`.
    """
    target = place / copy_name(model_name, version["model_version"], version["artifact_digest"])
    if target.is_dir():
        return target
    source = store.verified(model_name, version)
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix="copy-") as folder:
        part = Path(folder) / target.name
        added = shutil.ignore_patterns(*integrity.WRITTEN_BY_MLFLOW, integrity.COMPILED)
        shutil.copytree(source, part / FILES, ignore=added)
        proof = {name: version[name] for name in ("model_version", "artifact_digest", "artifact_files")}
        (part / RECORD).write_text(json.dumps(proof), encoding="utf-8")
        store.copy_signature(str(version["run_id"]), part)
        # what was copied may have been changed since it was proven
        check_copy(part, version["artifact_digest"])
        part.replace(target)
    return target


def check_copy(folder: Path, digest: str) -> dict[str, str]:
    """See that a copy is what was logged.

    Parameters
    ----------
    digest
        That of the predictor's table.

    Returns
    -------
    dict[str, str]
        What each file is proven to be.

    Raises
    ------
    RuntimeError
        When a file is not as it was logged, or WANDERBRICKS_VERIFY_KEY is set and no signature by that key vouches for
        the files.
    """
    expected: dict[str, str] = json.loads(json.loads((folder / RECORD).read_text(encoding="utf-8"))["artifact_files"])
    problems = integrity.differences(expected, integrity.file_digests(folder / FILES))
    if integrity.overall_digest(expected) != digest:
        problems.append("its record is not that of the version")
    if integrity.key_is_set(integrity.VERIFY_KEY):
        signature = folder / store.SIGNATURE
        if signature.is_file():
            problem = integrity.signature_problem(folder / FILES, signature)
            problems += [problem] if problem else []
        else:
            problems.append(f"{integrity.VERIFY_KEY} is set, but there is no {store.SIGNATURE}")
    if problems:
        raise RuntimeError(
            f"{folder.name} is not what was logged and is not loaded: {'; '.join(problems)} (in {folder})"
        )
    return expected


def load_copy(folder: Path, digest: str) -> Any:
    """The fit that serves, a scikit-learn pipeline, of a copy that is proven first; see `check_copy`."""
    expected = check_copy(folder, digest)
    import_first(*LEARNERS)
    import cloudpickle

    pickled = (folder / FILES / PIPELINE).read_bytes()
    if hashlib.sha256(pickled).hexdigest() != expected[PIPELINE]:
        raise RuntimeError(f"{folder.name} was changed while it was read and is not loaded")
    return cloudpickle.loads(pickled)
