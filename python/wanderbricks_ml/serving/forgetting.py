"""A person out of what serving keeps: the inference log, and snapshots of the online store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from wanderbricks_ml.serving.snapshot import read_pointer


def forget_answers(folder: Path, user: str, bookings: Sequence[str], dry_run: bool) -> dict[Path, int]:
    """Take the answers about a person or a booking of theirs out of an inference log.

    Parameters
    ----------
    folder
        Of the log; it may not exist.
    user, bookings
        Ids.
    dry_run
        Count only.

    Returns
    -------
    dict[Path, int]
        Number of such answers by file.
    """
    files = sorted(folder.glob("date=*/hour=*/*.parquet"))
    if not files:
        return {}
    theirs = "coalesce(answer ->> '$.user_id' = $user or list_contains($bookings, answer ->> '$.booking_id'), false)"
    given = {"user": user, "bookings": list(bookings)}
    found = {}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        counted = connection.execute(
            f"""
            select filename, count(*)
            from read_parquet($files, filename = true, hive_partitioning = false)
            where {theirs}
            group by filename
            order by filename
            """,
            {**given, "files": [str(file) for file in files]},
        ).fetchall()
        for name, answers in counted:
            found[Path(name)] = answers
            if dry_run:
                continue
            kept = connection.sql(
                f"select * from read_parquet($file, hive_partitioning = false) where not {theirs}",
                params={**given, "file": name},
            ).to_arrow_table()
            part = Path(name).with_suffix(".part")
            pq.write_table(kept, part, compression="zstd")
            part.replace(name)
    return found


def older_snapshots(store: Path) -> list[Path]:
    """Snapshots that serve no longer; a server that has one open keeps it until it goes over to the newer one."""
    serving = set(read_pointer(store).files.values()) if store.is_dir() else set()
    return [file for file in sorted(store.glob("*.lmdb")) if file.name not in serving]
