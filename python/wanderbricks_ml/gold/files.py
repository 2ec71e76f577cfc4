"""Gold as it lies in a folder: one Parquet file a table, or the folder of files that Spark writes.

dbt loads it in every run, so that nothing but the standard library is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PARQUET = b"PAR1"
SQLITE = b"SQLite format 3"


class Unreadable(Exception):
    """A table that cannot be read; the message says what was found, and what to do."""


class Scan(NamedTuple):
    """How DuckDB reads a table: its files, and the folders such as ``year=2024`` that hold a column."""

    files: tuple[Path, ...]
    partitions: frozenset[str] = frozenset()

    @property
    def flags(self) -> frozenset[str]:
        """Columns of the folders that are true or false, which DuckDB takes for text."""
        values = [part.partition("=")[::2] for part in self.partitions]
        others = {column for column, value in values if value.lower() not in ("true", "false")}
        return frozenset(column for column, _ in values) - others

    @property
    def sql(self) -> str:
        """A table function; columns are found by name, as the files of one folder may differ in their order."""
        listed = ", ".join(map(quoted_path, self.files))
        partitioned = bool(self.partitions)
        options = ", union_by_name = true" if len(self.files) > 1 or partitioned else ""
        return f"read_parquet([{listed}], hive_partitioning = {str(partitioned).lower()}{options})"


def place(folder: Path, table: str) -> Path | None:
    """File or folder of a table; None where there is none.

    Spark writes a folder by the name that it is given, with or without the ending.
    """
    for candidate in (folder / f"{table}.parquet", folder / table):
        if candidate.exists() and (candidate.suffix or candidate.is_dir()):
            return candidate
    return None


def scan(folder: Path, table: str) -> Scan | None:
    """Return how to read a table of `folder`; None where there is no such table.

    Raises
    ------
    Unreadable
        When there is something by that name which is no Parquet.
    """
    found = place(folder, table)
    if found is None:
        text = next((file for file in sorted(folder.glob(f"{table}.*")) if file.is_file()), None)
        if text is None:
            return None
        raise Unreadable(f"found {text}; {_conversion(text, folder / f'{table}.parquet')}")
    if found.is_file():
        _look_at(found)
        return Scan((found,))
    if (found / "_delta_log").exists():
        raise Unreadable(
            f"found {found}, a Delta table, whose files hold deleted rows too; export it: "
            "spark.read.format('delta').load(…).write.parquet(…)"
        )
    files = tuple(sorted(_data_files(found)))
    if not files:
        raise Unreadable(f"found {found}, a folder without a *.parquet file; write the table again")
    for file in files:
        _look_at(file)
    folders = {part for file in files for part in file.relative_to(found).parts[:-1]}
    return Scan(files, frozenset(part for part in folders if "=" in part))


def no_database(file: Path) -> str:
    """Say what lies in the place of the database file that DuckDB should not be asked to open; empty where none does.

    Of a file of SQLite, such as MLflow's, DuckDB would download an extension, and then write tables into it.
    """
    if file.is_dir():
        return "is a folder"
    if file.is_file():
        with file.open("rb") as opened:
            if opened.read(len(SQLITE)) == SQLITE:
                return "is a file of SQLite, such as MLflow's store"
    return ""


def quoted(text: str) -> str:
    """Return a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet(folder: Path, name: str) -> str:
    """Return a SQL literal of the file ``<name>.parquet`` in a folder, to write."""
    return quoted(str(folder / f"{name}.parquet"))


def quoted_path(path: Path) -> str:
    """Return a SQL literal of a file to read, in which no character is a wild card."""
    return quoted("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))


def _data_files(folder: Path) -> Iterator[Path]:
    """Yield what Spark reads of a folder: no file or folder whose name begins with an underscore or a dot."""
    for file in folder.rglob("*.parquet"):
        if file.is_file() and not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts):
            yield file


def _look_at(file: Path) -> None:
    """Raise where a file is no whole Parquet file, which begins and ends with the same four letters."""
    try:
        with file.open("rb") as opened:
            start = opened.read(64)
            size = file.stat().st_size
            opened.seek(max(size - 4, 0))
            end = opened.read(4)
    except OSError as error:
        raise Unreadable(f"found {file}, which cannot be read ({error.strerror}); give the right to read it") from error
    if size == 0:
        raise Unreadable(f"found {file}, which is empty (0 bytes); copy or write it again")
    if start[:4] == PARQUET and (end != PARQUET or size < 12):
        raise Unreadable(f"found {file}, which ends in the middle ({size} bytes); copy or write it again")
    if start[:4] != PARQUET:
        kind = "text, such as CSV" if _is_text(start) else "no Parquet"
        raise Unreadable(f"found {file}, which holds {kind}; {_conversion(file, file)}")


def _is_text(start: bytes) -> bool:
    try:
        return start.decode("utf-8", "ignore").replace("\n", " ").replace("\r", " ").replace("\t", " ").isprintable()
    except UnicodeDecodeError:
        return False


def _conversion(source: Path, target: Path) -> str:
    """Say how to make Parquet of a file, in DuckDB's SQL where it is text with separators."""
    if source == target:
        source = source.with_suffix(".csv")
        return f"if it is CSV, name it {source.name} and run {_copy(source, target)}"
    if {".csv", ".tsv", ".txt"} & set(source.suffixes):
        return f"run {_copy(source, target)}"
    return f"write it as {target.name}, in Parquet"


def _copy(source: Path, target: Path) -> str:
    query = f"copy (from read_csv({quoted(str(source))})) to {quoted(str(target))} (format parquet)"
    return f'duckdb.sql("""{query}""") in Python'
