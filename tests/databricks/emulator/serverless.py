"""Notebooks on serverless compute: a process of their own, which has Spark Connect and no more."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from .notebooks import Secrets, install, run_cells, said_of

# a process for each notebook is forked from one that has imported these, which take seconds
_PROCESSES = multiprocessing.get_context("forkserver")
_IMPORTED = ("pyspark.sql.connect.session", "pyspark.pandas", "mlflow.sklearn", "xgboost", "sklearn.ensemble")
_PROCESSES.set_forkserver_preload(["emulator.server", *_IMPORTED])

UNTOLD = ("WANDERBRICKS_", "DATABRICKS_", "MLFLOW_EXPERIMENT_FOLDER")
"""Environment variables of whoever runs dbt, which no job sees."""


def run(url: str, source: str, name: str, wanted: Sequence[str], secrets: Secrets) -> tuple[str, str] | None:
    """Run a notebook to its end by a Connect server; the error and its trace, None where there is none."""
    answers, its_end = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_notebook, args=(its_end, url, source, name, wanted, secrets), daemon=True)
    process.start()
    its_end.close()
    try:
        found: tuple[str, str] | None = answers.recv()
    except EOFError:
        found = ("The driver ended without a word, as one does that has no memory left", "")
    process.join()
    return found


def _notebook(answers: Connection, url: str, source: str, name: str, wanted: Sequence[str], secrets: Secrets) -> None:
    found = None
    session: Any = None
    try:
        for variable in [variable for variable in os.environ if variable.startswith(UNTOLD)]:
            del os.environ[variable]
        install(wanted)
        from pyspark.sql import SparkSession

        session = SparkSession.builder.remote(url).getOrCreate()
        run_cells(source, name, session, secrets)
    except BaseException as error:
        found = said_of(error, traceback.format_exc())
    finally:
        if session is not None:
            session.stop()
        answers.send(found)
