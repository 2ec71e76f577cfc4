"""Inference logs of days before the point in time, as no server that runs now can write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wanderbricks_ml.serving.inference_log import SCHEMA, Entry


def log_of_day(
    folder: Path,
    day: date,
    model: str,
    entries: Sequence[Entry],
    status: int = 200,
    milliseconds: float = 1.0,
    columns: Sequence[str] = SCHEMA.names,
) -> None:
    """Log a request with these rows at noon; `columns` are those that the release which wrote it knew."""
    served_at = datetime.combine(day, time(12), UTC)
    rows = [
        dict(
            zip(
                SCHEMA.names,
                [served_at, "r", "/predict_batch/{model}", model, *entry, status, milliseconds],
                strict=True,
            )
        )
        for entry in entries
    ]
    place = folder / f"date={day}" / "hour=12"
    place.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, schema=SCHEMA).select(columns)
    pq.write_table(table, place / f"{len([*place.iterdir()])}.parquet")


def moved(log: Path, folder: Path, day: date) -> None:
    """Write what a server has just logged as that of a day."""
    for number, file in enumerate(sorted(log.rglob("*.parquet"))):
        table = pq.read_table(file, partitioning=None)
        age = datetime.combine(day, time(12), UTC) - table["served_at"][0].as_py()
        times = [(served_at + age).replace(microsecond=0) for served_at in table["served_at"].to_pylist()]
        table = table.set_column(0, SCHEMA.field(0), pa.array(times, SCHEMA.field(0).type))
        place = folder / f"date={day}" / "hour=12"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, place / f"moved-{number}.parquet")
