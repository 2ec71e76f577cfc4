"""Python models: notebooks that are uploaded, and job runs that execute them on the warehouse's Spark."""

from __future__ import annotations

import itertools
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import serverless
from .notebooks import install, run_cells, said_of
from .warehouse import Warehouse

WAIT = 50.0
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


class Jobs:
    """Notebooks and their runs.

    Attributes
    ----------
    secrets
        Values of the workspace's secrets by key, by scope.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.notebooks: dict[str, str] = {}
        self.runs: dict[int, Run] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self._numbers = itertools.count(1_000)

    def submit(self, source: str, name: str, wanted: Sequence[str], on_cluster: bool) -> int:
        """Start a run in the background and return its id: on a cluster, else on serverless compute."""
        number = next(self._numbers)
        run = self.runs[number] = Run(name)
        threading.Thread(target=self._execute, args=(run, source, wanted, on_cluster), daemon=True).start()
        return number

    def poll(self, number: int) -> Run:
        """The run, after waiting a little for its end."""
        run = self.runs[number]
        run.ended.wait(WAIT)
        return run

    def _execute(self, run: Run, source: str, wanted: Sequence[str], on_cluster: bool) -> None:
        try:
            if on_cluster:
                install(wanted)
                run_cells(source, run.name, self.warehouse.session(), self.secrets)
            else:
                found = serverless.run(self.warehouse.connect_url, source, run.name, wanted, self.secrets)
                run.error, run.trace = found or (None, None)
        except BaseException as error:
            run.error, run.trace = said_of(error, traceback.format_exc())
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
