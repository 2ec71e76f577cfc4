"""Python models: notebooks that are uploaded, and job runs that execute them on the warehouse's Spark."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .warehouse import Warehouse

WAIT = 20.0
"""Seconds that one poll waits for a run to end."""


@dataclass
class Run:
    """One run of a notebook."""

    name: str
    ended: threading.Event = field(default_factory=threading.Event)
    error: str | None = None
    trace: str | None = None

    @property
    def state(self) -> dict[str, str]:
        """State as the Jobs API tells it."""
        if not self.ended.is_set():
            return {"life_cycle_state": "RUNNING"}
        result = "FAILED" if self.error else "SUCCESS"
        return {"life_cycle_state": "TERMINATED", "result_state": result, "state_message": self.error or ""}


class Dbutils:
    """The little of dbutils that dbt's notebooks call."""

    class library:
        """Library utilities."""

        @staticmethod
        def restartPython() -> None:
            """Nothing to restart: each run has a namespace of its own."""


class Jobs:
    """Notebooks and their runs."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.notebooks: dict[str, str] = {}
        self.runs: dict[int, Run] = {}
        self._numbers = itertools.count(1_000)

    def submit(self, source: str, name: str, wanted: Sequence[str]) -> int:
        """Start a run in the background and return its id."""
        number = next(self._numbers)
        run = self.runs[number] = Run(name)
        threading.Thread(target=self._execute, args=(run, source, wanted), daemon=True).start()
        return number

    def poll(self, number: int) -> Run:
        """The run, after waiting a little for its end."""
        run = self.runs[number]
        run.ended.wait(WAIT)
        return run

    def _execute(self, run: Run, source: str, wanted: Sequence[str]) -> None:
        try:
            install(wanted)
            session = self.warehouse.session()
            read = session.table
            session.table = lambda name: read(self.warehouse.own_catalog(name))  # type: ignore[method-assign]
            namespace: dict[str, Any] = {"spark": session, "dbutils": Dbutils, "__name__": "__main__"}
            for cell in re.split(r"\n# COMMAND -+\n", source):
                lines = [line for line in cell.splitlines() if not line.startswith(("%pip", "# MAGIC %pip"))]
                code = re.sub(
                    r'saveAsTable\("([^"]+)"\)',
                    lambda match: f'saveAsTable("{self.warehouse.own_catalog(match[1])}")',
                    "\n".join(lines),
                )
                exec(compile(code, f"<{run.name}>", "exec"), namespace)
        except BaseException as error:
            run.error = f"{type(error).__name__}: {error}"[:3_000]
            run.trace = traceback.format_exc()[-6_000:]
        finally:
            run.ended.set()


def dependencies(task: Mapping[str, Any], environments: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a task wants installed: a serverless environment's dependencies, or the libraries of a new cluster.

    Raises
    ------
    ValueError
        When the task mixes the two, or has neither, which the Jobs API refuses as well.
    """
    libraries, key = task.get("libraries") or [], task.get("environment_key")
    if "new_cluster" in task:
        if key:
            raise ValueError("a task on a new cluster takes libraries, and no environment_key")
        missing = {"spark_version", "node_type_id", "num_workers"} - set(task["new_cluster"])
        if missing:
            raise ValueError(f"new_cluster lacks {', '.join(sorted(missing))}")
        return [library.get("whl") or library["pypi"]["package"] for library in libraries]
    if libraries:
        raise ValueError("a serverless task takes an environment, and no libraries")
    specs = [environment["spec"] for environment in environments if environment["environment_key"] == key]
    if not specs:
        raise ValueError(f"no environment has the key {key} that the task names")
    return list(specs[0]["dependencies"])


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
