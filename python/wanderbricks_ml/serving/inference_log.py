"""What was served, in Parquet files by hour, for whoever asks what was answered; no model reads it."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

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
    ]
)
"""An answer is the JSON of a row of the public table: its key, model_version and as_of_date among it."""

MOST_ROWS = 100_000
"""Rows that wait to be written; what comes beyond is counted as lost."""


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
        self._rows: list[tuple[datetime, str, str, str, bytes]] = []
        self._taking = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inference log", daemon=True)
        self._thread.start()

    def add(self, request_id: str, route: str, model: str, answers: list[bytes]) -> None:
        """Take the rows of a request."""
        if len(self._rows) + len(answers) > MOST_ROWS:
            LOST.inc(len(answers))
            return
        now = datetime.now(UTC)
        with self._taking:
            self._rows.extend((now, request_id, route, model, answer) for answer in answers)

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
