"""The part of this package that a logged model carries, so that it loads and predicts where the package is not."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

PACKAGE = "wanderbricks_ml"

MODULES = (
    "__init__",
    "arrays",
    "features",
    "libraries",
    "moved",
    "progress",
    "settings",
    "surroundings",
    "text_encoder",
)
"""Modules that fits are pickled from, or that these import; beside the estimators, which are carried whole."""


def write_code(folder: str) -> str:
    """Write what a model carries below `folder`, to be logged with it, and return its place."""
    # the package may be in a wheel
    written, source = Path(folder) / PACKAGE, resources.files(PACKAGE)
    (written / "estimators").mkdir(parents=True)
    for name in MODULES:
        (written / f"{name}.py").write_bytes((source / f"{name}.py").read_bytes())
    for file in (source / "estimators").iterdir():
        if file.name.endswith(".py"):
            (written / "estimators" / file.name).write_bytes(file.read_bytes())
    return str(written)


@contextlib.contextmanager
def without_carried_code() -> Iterator[None]:
    """Within, MLflow loads or logs a model; its code does not stay before this package on the process's path."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
