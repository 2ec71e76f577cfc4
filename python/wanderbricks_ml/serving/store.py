"""The snapshots that a worker serves, exchanged when the store names others."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from wanderbricks_ml.serving.asked import Asked, Question
from wanderbricks_ml.serving.metrics import tell_serving
from wanderbricks_ml.serving.rollout import Rollout
from wanderbricks_ml.serving.snapshot import MODELS, Snapshot, read_pointer
from wanderbricks_ml.serving.what_if import WhatIf

logger = logging.getLogger(__name__)


class Served:
    """A snapshot, and how requests for it are read."""

    def __init__(self, path: Path, most_rows: int) -> None:
        self.snapshot = Snapshot(path)
        self.about = about = self.snapshot.about
        self.asked = Asked(
            about.model_name,
            about.key,
            most_rows,
            about.numeric,
            list(about.categorical),
            about.newcomers,
            about.booking.attributes if about.booking else None,
        )
        self.what_if = WhatIf(self.snapshot, path.parent / MODELS) if about.numeric else None
        numbers = [version["model_version"] for version in self.about.versions]
        self.only_version: int | None = numbers[0] if len(numbers) == 1 else None

    def row(self, question: Question) -> bytes | None:
        """What was published for a question without features; None where nothing was."""
        if question.newcomer is not None:
            return self.snapshot.newcomer(question.newcomer)
        return self.snapshot.row(question.key)

    @property
    def age_days(self) -> int:
        """Days since the day that was scored."""
        return (datetime.now(UTC).date() - self.about.scoring_date).days

    def info(self) -> dict[str, Any]:
        """What `/model_info` says of it."""
        about = self.about
        newest = about.versions[-1]
        return {
            "model_name": about.model_name,
            "endpoint": about.endpoint,
            "model_uri": newest.get("model_uri"),
            "model_type": newest.get("model_type"),
            "version": newest["model_version"],
            "as_of": newest.get("as_of_date"),
            "metrics": newest.get("metrics", {}),
            "scoring_date": about.scoring_date.isoformat(),
            "features_age_days": self.age_days,
            "keys": about.rows,
            "takes_features": self.what_if is not None and self.what_if.is_loaded,
            "takes_new_bookings": self.what_if is not None and self.what_if.takes_bookings,
            "snapshot": self.snapshot.path.name,
            "exported_at": about.exported_at,
            "versions": about.versions,
        }


class Store:
    """All snapshots of a folder by model name; `refresh` goes over to what the folder names now.

    Parameters
    ----------
    folder
        Where `export` writes.
    most_rows
        Rows that a request may ask for.
    """

    def __init__(self, folder: Path, most_rows: int) -> None:
        self._folder = folder
        self._most_rows = most_rows
        self.by_model: dict[str, Served] = {}
        self.by_name: dict[str, Served] = {}
        self._left: list[Snapshot] = []
        self._unreadable: set[str] = set()
        self.rollouts: list[Rollout] = []

    @property
    def has_models_to_load(self) -> bool:
        """Whether there is something to load that was not tried yet."""
        return any(served.what_if is not None and served.what_if.has_to_load for served in self.by_model.values())

    def load_models(self) -> None:
        """Load what has come since; it takes seconds, and may run beside answers, but not beside `refresh`."""
        for served in list(self.by_model.values()):
            if served.what_if is not None:
                served.what_if.load()

    def refresh(self) -> bool:
        """Open snapshots that are new; whether there were any.

        Requests are answered in one go, so none holds what is closed here, one refresh after it was left.
        """
        for snapshot in self._left:
            snapshot.close()
        self._left = []
        pointer = read_pointer(self._folder)
        self.rollouts, files = pointer.rollouts, pointer.files
        if {model: served.snapshot.path.name for model, served in self.by_model.items()} == files:
            return False
        self._unreadable &= set(files.values())
        found: dict[str, Served] = {}
        for model, name in files.items():
            served = before = self.by_model.get(model)
            if served is None or served.snapshot.path.name != name:
                try:
                    served = Served(self._folder / name, self._most_rows)
                except (OSError, lmdb.Error, msgspec.DecodeError) as error:
                    # what serves goes on; the next refresh tries again
                    if name not in self._unreadable:
                        logger.error("%s goes on as it was, as %s cannot be opened: %s", model, name, error)
                        self._unreadable.add(name)
                else:
                    tell_serving(model, served.about.scoring_date, served.about.rows)
                    if before and before.what_if and served.what_if:
                        # else the same version would be away for the seconds that its load takes
                        served.what_if.adopt(before.what_if)
            if served is not None:
                found[model] = served
        if found == self.by_model:
            return False
        self._left = [served.snapshot for served in self.by_model.values() if served not in found.values()]
        self.by_model = found
        self.by_name = found | {served.about.endpoint: served for served in found.values()}
        return True
