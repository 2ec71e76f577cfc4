"""The online store: what a product published last, read-only in one memory-mapped file, answered by key."""

from __future__ import annotations

import contextlib
import fcntl
import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from wanderbricks_ml.serving.explanations import Words
from wanderbricks_ml.serving.histories import BookingSql
from wanderbricks_ml.serving.rollout import Rollout

ROWS = b"rows"
FEATURES = b"features"
NEWCOMERS = b"newcomers"
CURVES = b"curves"
HISTORIES = b"histories"
MODELS = "models"
"""Folder of the copies of versions, in that of the store."""
ABOUT = b"about"
LONGEST_TEXT = 400
"""Bytes of a text in a key: LMDB's keys have at most 511."""

Pairs = list[tuple[bytes, bytes]]
"""Keys and what is stored of them."""

_SIGN = 1 << 63
_POINTER = "current.json"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot holds.

    Attributes
    ----------
    product, model_name, table
        The product, its registered model and its public table.
    key
        Columns that a caller names, and their types: `integer`, `date` or `text`.
    columns
        Columns of an answer and their types: those of the key, `number`, `boolean` or `timestamp`.
    items
        Name of the list of ranked rows in an answer; None where an answer is one row.
    item_columns
        Columns of each of these rows.
    rows
        Keys that are answered.
    scoring_date
        The day that was scored.
    versions
        What serves: model_version, model_uri, model_type, as_of_date, fitted_at, verdict, metrics of the test dates.
    numeric, categorical
        Features that were scored; the texts of each categorical one, by whose places rows name them. None where the
        product has not one row of features a key, or the build scored nothing anew.
    further
        Columns of the examples that an answer needs beside what the model predicts.
    predictions
        What the model predicts, in order.
    levels
        Bands of numbers with a name, by the column that has the name: name, lower and upper bound.
    newcomers, newcomer_example
        Column that may be named instead of the key, for those of whom nothing else is known, and one of its values.
    curve
        Numbers of each point of a key's curve; empty where keys have none.
    moved, words
        What contributions to predictions raise or lower, empty where they are not taken apart; and how values of its
        features are said.
    booking
        How features of a booking that does not exist yet are made; None where a product has none to make.
    example
        A key that is there.
    exported_at
        When the snapshot was made.
    """

    product: str
    model_name: str
    table: str
    key: dict[str, str]
    columns: dict[str, str]
    items: str | None
    item_columns: dict[str, str]
    rows: int
    scoring_date: date
    versions: list[dict[str, Any]]
    example: dict[str, Any]
    exported_at: str
    numeric: list[str] = []
    categorical: dict[str, list[str]] = {}
    further: list[str] = []
    predictions: list[str] = []
    levels: dict[str, list[tuple[str, float, float | None]]] = {}
    newcomers: str | None = None
    newcomer_example: str | None = None
    curve: list[str] = []
    moved: str = ""
    words: dict[str, Words] = {}
    booking: BookingSql | None = None

    @property
    def endpoint(self) -> str:
        """Its name among the platform's serving endpoints."""
        return "wanderbricks-" + self.model_name.replace("_", "-")

    @property
    def serving_version(self) -> int:
        """The version that serves who is not scored."""
        numbers = [version["model_version"] for version in self.versions]
        return next((version["model_version"] for version in self.versions if version.get("serves")), max(numbers))


class Pointer(msgspec.Struct, frozen=True):
    """The snapshots that serve, file by model name; and versions that are to get a share of the traffic."""

    files: dict[str, str]
    rollouts: list[Rollout] = []


class KeyFormat:
    """Keys as bytes in the order of their values.

    Parameters
    ----------
    types
        `integer`, `date` or `text` of each part.
    """

    def __init__(self, types: Sequence[str]) -> None:
        self._types = tuple(types)
        self._fixed = None
        if "text" not in self._types:
            self._fixed = struct.Struct(">" + "".join("Q" if kind == "integer" else "I" for kind in self._types))

    def encoded(self, values: Sequence[Any]) -> bytes:
        """A key's bytes.

        Raises
        ------
        ValueError
            When a number or a text is more than a key can hold.
        """
        try:
            return self._bytes(values)
        except (OverflowError, struct.error) as error:
            raise ValueError("a whole number of a key has 64 bits") from error

    def _bytes(self, values: Sequence[Any]) -> bytes:
        if self._fixed:
            return self._fixed.pack(
                *(
                    value + _SIGN if kind == "integer" else value.toordinal()
                    for kind, value in zip(self._types, values, strict=True)
                )
            )
        parts = []
        for kind, value in zip(self._types, values, strict=True):
            if kind == "integer":
                parts.append((value + _SIGN).to_bytes(8))
            elif kind == "date":
                parts.append(value.toordinal().to_bytes(4))
            else:
                text = value.encode()
                if len(text) > LONGEST_TEXT:
                    raise ValueError(f"a key's text has at most {LONGEST_TEXT} bytes")
                parts.append(text + b"\0")
        return b"".join(parts)


_TEXT = KeyFormat(["text"])


class DamagedStoreError(ValueError):
    """A file of the store that cannot be read; says what to do."""

    def __init__(self, file: Path, error: Exception) -> None:
        super().__init__(
            f"{file} cannot be read ({error}): remove the folder {file.parent}, and wanderbricks online-store writes "
            "it anew"
        )


class Snapshot:
    """A product's snapshot, opened to be read.

    Parameters
    ----------
    path
        The file; nobody writes to it any more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # no lock file: a read-only file system has room for none, and nothing changes
        self._environment = lmdb.open(
            str(path), readonly=True, lock=False, subdir=False, max_dbs=6, create=False, readahead=False
        )
        about = self._environment.open_db(ABOUT, create=False)
        rows = self._environment.open_db(ROWS, create=False)
        with self._environment.begin(db=about) as transaction:
            self.about = msgspec.json.decode(transaction.get(b"about") or b"", type=About)
        self._format = KeyFormat(list(self.about.key.values()))
        self._features = self._environment.open_db(FEATURES, create=False) if self.about.numeric else None
        self._newcomers = self._environment.open_db(NEWCOMERS, create=False) if self.about.newcomers else None
        self._curves = self._environment.open_db(CURVES, create=False) if self.about.curve else None
        self._histories = self._environment.open_db(HISTORIES, create=False) if self.about.booking else None
        self._reading = self._environment.begin(db=rows)

    def features(self, values: Sequence[Any]) -> bytes | None:
        """The features of a key: 32-bit floats of numeric and categorical ones, then 64-bit ones of `further`."""
        return self._found(self._features, self._format, values)

    def features_at(self, key: bytes) -> bytes | None:
        """The features of an encoded key."""
        return None if self._features is None else self._reading.get(key, db=self._features)

    def some_features(self, most: int) -> list[bytes]:
        """Features of the first keys."""
        if self._features is None:
            return []
        cursor = self._reading.cursor(self._features)
        return [value for _, value in zip(range(most), cursor.iternext(keys=False), strict=False)]

    def curve(self, values: Sequence[Any]) -> bytes | None:
        """The points of a key's curve, a JSON list."""
        return self._found(self._curves, self._format, values)

    def curve_at(self, key: bytes) -> bytes | None:
        """The same of an encoded key."""
        return None if self._curves is None else self._reading.get(key, db=self._curves)

    def history(self, table: str, key: Sequence[Any], types: Iterable[str]) -> bytes | None:
        """The row of a table that a new booking is joined to, a JSON object, or the list of all where it has no key."""
        return self._found(self._histories, KeyFormat(["text", *types]), [table, *key])

    def all_histories(self) -> Pairs:
        """Every such row by its encoded key, in order; copies, as the file may be closed before they are written."""
        if self._histories is None:
            return []
        return [(bytes(key), bytes(row)) for key, row in self._reading.cursor(self._histories).iternext()]

    def row(self, values: Sequence[Any]) -> bytes | None:
        """The answer to a key, a JSON object; None where it was not scored."""
        try:
            return self._reading.get(self._format.encoded(values))
        except ValueError:
            return None

    def newcomer(self, value: str) -> bytes | None:
        """The answer to what is known of one who is new; None where nothing is."""
        return self._found(self._newcomers, _TEXT, [value])

    def _found(self, database: Any, keys: KeyFormat, values: Sequence[Any]) -> bytes | None:
        """What a database has of a key; None where there is no such database, or a key that none can be."""
        if database is None:
            return None
        try:
            return self._reading.get(keys.encoded(values), db=database)
        except ValueError:
            return None

    def all_newcomers(self) -> list[str]:
        """What may be named, in order."""
        if self._newcomers is None:
            return []
        cursor = self._reading.cursor(self._newcomers)
        return [bytes(key[:-1]).decode() for key in cursor.iternext(values=False)]

    def all_rows(self) -> Iterator[bytes]:
        """Every answer, in order of the keys."""
        return iter(self._reading.cursor().iternext(keys=False))

    def close(self) -> None:
        """Let go of the file."""
        self._reading.abort()
        self._environment.close()


def write_snapshot(
    path: Path,
    about: About,
    rows: Iterable[tuple[bytes, bytes]],
    features: Iterable[tuple[bytes, bytes]] = (),
    newcomers: Iterable[tuple[bytes, bytes]] = (),
    curves: Iterable[tuple[bytes, bytes]] = (),
    histories: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Write a snapshot, whole at once.

    Parameters
    ----------
    path
        The file; another of that name is replaced.
    rows, features, newcomers, curves, histories
        Keys and answers, keys and features, values and answers, keys and curves, keys and rows of a new booking's
        histories, in order of the keys or values.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    environment = lmdb.open(
        str(part), subdir=False, lock=False, max_dbs=6, map_size=1 << 26, sync=False, metasync=False
    )
    of_key = {ROWS: rows, FEATURES: features, NEWCOMERS: newcomers, CURVES: curves, HISTORIES: histories}
    for name, pairs in of_key.items():
        database = environment.open_db(name)
        for batch in _batches(pairs, 10_000):
            while True:
                try:
                    with environment.begin(write=True, db=database) as transaction:
                        _, added = transaction.cursor().putmulti(batch, append=True)
                    break
                except lmdb.MapFullError:
                    environment.set_mapsize(environment.info()["map_size"] * 2)
            if added < len(batch):
                raise ValueError(f"{about.table}: keys come twice, or not in their order")
    named = environment.open_db(ABOUT)
    with environment.begin(write=True, db=named) as transaction:
        transaction.put(b"about", msgspec.json.encode(about))
    environment.sync(True)
    environment.close()
    part.replace(path)


def _batches(rows: Iterable[tuple[bytes, bytes]], size: int) -> Iterator[list[tuple[bytes, bytes]]]:
    batch: list[tuple[bytes, bytes]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


@contextlib.contextmanager
def alone(store: Path) -> Iterator[None]:
    """Have nobody else write to a store meanwhile: a server's keeper, `online-store` and `forget` may at once."""
    with (store / "export.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_pointer(store: Path) -> Pointer:
    """Which snapshots of a store serve; none where nothing was exported.

    Raises
    ------
    DamagedStoreError
        When the file that names them cannot be read.
    """
    try:
        return msgspec.json.decode((store / _POINTER).read_bytes(), type=Pointer)
    except FileNotFoundError:
        return Pointer({})
    except msgspec.DecodeError as error:
        raise DamagedStoreError(store / _POINTER, error) from error


def write_pointer(store: Path, pointer: Pointer) -> None:
    """Have a store's servers go over to these snapshots."""
    part = store / f"{_POINTER}.part"
    part.write_bytes(msgspec.json.encode(pointer))
    part.replace(store / _POINTER)
