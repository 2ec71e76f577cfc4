"""Modules that lie elsewhere now, found under their old names.

Stored versions are pickled by module and name, and profiles.yml of those who installed an earlier release names dbt's
plugin: neither is ours to rewrite. A line here costs nothing until somebody asks for the old module.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGE = "wanderbricks_ml"

MODULES: Mapping[str, tuple[str, ...]] = {
    "calibration": ("estimators.calibration",),
    "candidates": ("estimators.model_selection",),
    "cli": ("commands.cli",),
    "forecasting": ("estimators.forecaster", "estimators.combination", "estimators.series"),
    "gold_plugin": ("gold.plugin",),
    "pricing": ("estimators.price_response",),
    "ranking": ("estimators.ranker",),
    "two_part": ("estimators.two_part",),
}
"""Old module, and the modules in which its names are looked for, in order."""


RENAMED: Mapping[str, str] = {"CandidateClassifier": "ModelSelectionClassifier", "CandidateRanker": "LambdaMARTRanker"}
"""Today's name of a class by the earlier one."""


class _OldNames(Loader):
    """An empty module that looks its names up where they are now."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__.removeprefix(f"{PACKAGE}.")

        def found(name: str) -> Any:
            for new in MODULES[old]:
                try:
                    return getattr(importlib.import_module(f"{PACKAGE}.{new}"), RENAMED.get(name, name))
                except AttributeError:
                    continue
            raise AttributeError(f"{PACKAGE}.{old} has moved, and {', '.join(MODULES[old])} has no {name}")

        module.__getattr__ = found  # type: ignore[method-assign]


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, _OldNames()) if package == PACKAGE and name in MODULES else None


def install() -> None:
    """Let old modules be imported; once is enough."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
