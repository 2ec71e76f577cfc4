"""Features and curves of a day that was scored before, out of the snapshot that the store has of it.

A second build of a day has nothing to score, so that its examples and scores are gone; what was published goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import lmdb
import msgspec
from msgspec.structs import replace

from wanderbricks_ml.serving.exported_histories import of_users
from wanderbricks_ml.serving.snapshot import About, Pairs, Snapshot

logger = logging.getLogger(__name__)


def snapshot_with_features(store: Path, product: str, scoring_date: object) -> Path | None:
    """The newest snapshot of a product's day that has features; None where there is none."""
    return _snapshot_of_day(store, product, scoring_date, lambda about: bool(about.numeric))


def snapshot_with_curves(store: Path, product: str, scoring_date: object) -> Path | None:
    """The newest snapshot of a product's day that has curves; None where there is none."""
    return _snapshot_of_day(store, product, scoring_date, lambda about: bool(about.curve))


def _snapshot_of_day(store: Path, product: str, scoring_date: object, has: Callable[[About], bool]) -> Path | None:
    files = sorted(store.glob(f"{product}-{scoring_date}-*.lmdb"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        try:
            snapshot = Snapshot(file)
        except (lmdb.Error, msgspec.DecodeError) as error:
            logger.warning("%s cannot be read, and nothing is taken from it: %s", file, error)
            continue
        snapshot.close()
        if has(snapshot.about):
            return file
    return None


def carried_over(file: Path, about: About, keys: Iterable[bytes]) -> tuple[About, Pairs]:
    """Features of keys out of a snapshot, and what a new one that has them holds.

    Parameters
    ----------
    keys
        Encoded, all of the new snapshot. Where one of them has no features there, none are carried over, as a model's
        answers would be for some of what is served.
    """
    snapshot = Snapshot(file)
    found: Pairs = []
    try:
        for key in keys:
            features = snapshot.features_at(key)
            if features is None:
                return about, []
            # a copy, as the file is closed before it is written
            found.append((key, bytes(features)))
    finally:
        snapshot.close()
    of = snapshot.about
    return replace(about, numeric=of.numeric, categorical=of.categorical, further=of.further), found


def carried_histories(file: Path, about: About, users: set[int]) -> tuple[About, Pairs]:
    """What new bookings are joined to out of a snapshot, of the users who are known, and what a new one holds."""
    snapshot = Snapshot(file)
    try:
        found = snapshot.all_histories()
    finally:
        snapshot.close()
    return replace(about, booking=snapshot.about.booking), of_users(found, users)


def carried_curves(file: Path, about: About, keys: Iterable[bytes]) -> tuple[About, Pairs]:
    """Curves of encoded keys out of a snapshot, where they have one there, and what a new one that has them holds."""
    snapshot = Snapshot(file)
    try:
        found = [(key, curve) for key in keys if (curve := snapshot.curve_at(key)) is not None]
    finally:
        snapshot.close()
    return replace(about, curve=snapshot.about.curve), found
