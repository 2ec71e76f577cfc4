"""What was asked and answered, in Parquet files by hour; `stg_inference_log` reads them for monitoring."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from wanderbricks_ml.serving.metrics import LOST

logger = logging.getLogger(__name__)

SCHEMA = pa.schema(
    [
        ("served_at", pa.timestamp("us", tz="UTC")),
        ("request_id", pa.string()),
        ("route", pa.string()),
        ("model_name", pa.string()),
        ("answer", pa.string()),
        ("asked", pa.string()),
        ("arm", pa.string()),
        ("model_version", pa.int32()),
        ("status", pa.int16()),
        ("milliseconds", pa.float64()),
    ]
)
"""A row for each answered row, and one for a request that was refused or failed.

`answer` is the JSON of a row of the public table: its key, model_version and as_of_date among it; null where there was
none. `asked` is the JSON of the features that were given, null where none were. `model_version` is told where no answer
has it. Status and milliseconds are those of the whole request.
"""

CHAMPION = "champion"
"""The arm of what was published: in an experiment, too, where the version tells who got which."""

MOST_ROWS = 100_000
"""Rows that wait to be written; what comes beyond is counted as lost."""


class Entry(NamedTuple):
    """What the log has of one row: see `SCHEMA`."""

    answer: bytes | None = None
    asked: bytes | None = None
    arm: str = CHAMPION
    model_version: int | None = None


class InferenceLog:
    """Collects the rows of a worker and writes them every few seconds, in a thread.

    Parameters
    ----------
    folder
        Folder of the log; files are ``date=…/hour=…/<host>-<worker>-<time>.parquet``.
    days
        Days that it is kept.
    every
        Seconds between two files.
    """

    def __init__(self, folder: Path, days: int, every: float = 30.0) -> None:
        self._folder = folder
        self._days = days
        self._every = every
        self._rows: list[tuple[Any, ...]] = []
        self._taking = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inference log", daemon=True)
        self._thread.start()

    def add(
        self, request_id: str, route: str, model: str, entries: Sequence[Entry], status: int, milliseconds: float
    ) -> None:
        """Take the rows of a request."""
        if len(self._rows) + len(entries) > MOST_ROWS:
            LOST.inc(len(entries))
            return
        now = datetime.now(UTC)
        with self._taking:
            self._rows.extend((now, request_id, route, model, *entry, status, milliseconds) for entry in entries)

    def close(self) -> None:
        """Write what is left."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        # else rows could join a list that is written already
        with self._taking:
            rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            by_hour: dict[datetime, list[Any]] = {}
            for row in rows:
                by_hour.setdefault(row[0].replace(minute=0, second=0, microsecond=0), []).append(row)
            for hour, of_hour in by_hour.items():
                self._write(hour, of_hour)
        except (OSError, pa.ArrowException):
            LOST.inc(len(rows))
            logger.exception("the inference log could not take %d rows", len(rows))

    def _write(self, hour: datetime, rows: list[Any]) -> None:
        folder = self._folder / f"date={hour.date()}" / f"hour={hour.hour:02d}"
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            self._clear(hour.date())
        file = folder / f"{socket.gethostname()}-{os.getpid()}-{int(rows[0][0].timestamp() * 1e6)}.parquet"
        columns = [
            pa.array(column, type=field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
        ]
        part = file.with_suffix(".part")
        pq.write_table(pa.table(columns, schema=SCHEMA), part, compression="zstd")
        part.replace(file)

    def _clear(self, today: date) -> None:
        """Remove days that are older than the log is kept."""
        oldest = f"date={today - timedelta(days=self._days)}"
        for folder in self._folder.glob("date=*"):
            if folder.name < oldest:
                shutil.rmtree(folder, ignore_errors=True)
