"""Python models: notebooks that are uploaded, and job runs that execute them on the warehouse's Spark."""

from __future__ import annotations

import itertools
import re
import sys
import threading
import traceback
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

    def submit(self, source: str, name: str, dependencies: list[str]) -> int:
        """Start a run in the background and return its id."""
        number = next(self._numbers)
        run = self.runs[number] = Run(name)
        threading.Thread(target=self._execute, args=(run, source, dependencies), daemon=True).start()
        return number

    def poll(self, number: int) -> Run:
        """The run, after waiting a little for its end."""
        run = self.runs[number]
        run.ended.wait(WAIT)
        return run

    def _execute(self, run: Run, source: str, dependencies: list[str]) -> None:
        try:
            self._install(dependencies)
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

    @staticmethod
    def _install(dependencies: list[str]) -> None:
        """Make wheels importable, as a serverless environment would install them; the rest is here already."""
        for dependency in dependencies:
            if dependency.endswith(".whl"):
                if not Path(dependency).is_file():
                    raise FileNotFoundError(f"environment dependency {dependency}: no such file in the volume")
                if dependency not in sys.path:
                    sys.path.insert(0, dependency)
