"""What a notebook of dbt needs of the cluster it runs on."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .catalog import own

Secrets = Mapping[str, Mapping[str, str]]
"""Values by key, by scope."""


def run_cells(source: str, name: str, session: Any, secrets: Secrets) -> None:
    """Run the cells of a notebook with a session of its own, classic or Connect."""
    read = session.table
    session.table = lambda name: read(own(name))
    dbutils = _dbutils(secrets)
    _tell_sdk(dbutils)
    namespace: dict[str, Any] = {"spark": session, "dbutils": dbutils, "__name__": "__main__"}
    for cell in re.split(r"\n# COMMAND -+\n", source):
        lines = [line for line in cell.splitlines() if not line.startswith(("%pip", "# MAGIC %pip"))]
        code = re.sub(r'saveAsTable\("([^"]+)"\)', lambda match: f'saveAsTable("{own(match[1])}")', "\n".join(lines))
        exec(compile(code, f"<{name}>", "exec"), namespace)


def said_of(error: BaseException, trace: str) -> tuple[str, str]:
    """An error and its trace, as long as the Jobs API tells them."""
    return f"{type(error).__name__}: {error}"[:3_000], trace[-6_000:]


def _dbutils(secrets: Secrets) -> Any:
    """The little of dbutils that dbt's notebooks and the package call."""

    def secret(scope: str, key: str) -> str:
        if scope not in secrets or key not in secrets[scope]:
            raise ValueError(f"Secret does not exist with scope: {scope} and key: {key}")
        return secrets[scope][key]

    # nothing to restart: each run has a namespace of its own
    return types.SimpleNamespace(
        library=types.SimpleNamespace(restartPython=lambda: None), secrets=types.SimpleNamespace(get=secret)
    )


def _tell_sdk(dbutils: Any) -> None:
    """Let ``databricks.sdk.runtime`` find dbutils as it does on a cluster."""
    module = types.ModuleType("dbruntime")
    told = types.SimpleNamespace(get_namespace_globals=lambda: {"dbutils": dbutils})
    module.UserNamespaceInitializer = types.SimpleNamespace(getOrCreate=lambda: told)  # type: ignore[attr-defined]
    sys.modules["dbruntime"] = module
    sys.modules.pop("databricks.sdk.runtime", None)


def install(wanted: Sequence[str]) -> None:
    """Make wheels importable, and hold pins against what is installed here already.

    Raises
    ------
    FileNotFoundError
        When a wheel is not there.
    ModuleNotFoundError
        When a pinned package is not installed here in that version.
    """
    for dependency in wanted:
        if dependency.endswith(".whl"):
            if not Path(dependency).is_file():
                raise FileNotFoundError(f"environment dependency {dependency}: no such file in the volume")
            if dependency not in sys.path:
                sys.path.insert(0, dependency)
            continue
        name, _, pinned = dependency.partition("==")
        found = installed_version(name)
        if not pinned or found != pinned:
            raise ModuleNotFoundError(
                f"environment dependency {dependency}: the emulator's environment has {found or 'none'}; "
                "bring dbt_project.yml and tests/databricks/requirements.in together"
            )


def installed_version(name: str) -> str | None:
    """The version of a package in this environment."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
