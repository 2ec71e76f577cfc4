"""First imports of large libraries, by one thread at a time.

dbt runs Python models side by side in threads. Modules of a package import each other, and of two threads that import
different ones for the first time one can meet the other's half-made module: "cannot import name 'clone' from partially
initialized module 'sklearn.base'". A model that was pickled imports what its classes come from, too.
"""

from __future__ import annotations

import importlib
import threading

LEARNERS = (
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.impute",
    "sklearn.isotonic",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "xgboost",
)
"""What a model is fitted, loaded or judged with, beside the registry."""

_lock = threading.Lock()


def import_first(*names: str) -> None:
    """Import modules while no other thread does; at once where they have been imported already."""
    with _lock:
        for name in names:
            importlib.import_module(name)
