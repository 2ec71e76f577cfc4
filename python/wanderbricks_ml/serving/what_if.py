"""Answers for features that differ from those that were scored, by the model itself."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from wanderbricks_ml.registry.copies import copy_name
from wanderbricks_ml.serving.answers import answer
from wanderbricks_ml.serving.asked import NAN, Question
from wanderbricks_ml.serving.explanations import explanation
from wanderbricks_ml.serving.new_bookings import ANSWERED, NewBookings
from wanderbricks_ml.serving.problems import Problem
from wanderbricks_ml.serving.snapshot import Snapshot

logger = logging.getLogger(__name__)

NOT_OF_FEATURES = ("scored_at", "activity")
"""Columns of a row that say nothing of other features, or follow from the old ones; those of the baseline, neither."""

CHECKED_ROWS = 200
"""Rows by which a model is held against its pipeline."""

MOST_NAMED = 20
"""Features that an error names."""

FAR = "they are so far from what it knows that its answer is no number"


class WhatIf:
    """The models behind a snapshot.

    Parameters
    ----------
    snapshot
        With features.
    copies
        Folder of the versions' copies.
    """

    def __init__(self, snapshot: Snapshot, copies: Path) -> None:
        self._snapshot = snapshot
        self._about = snapshot.about
        self._copies = copies
        self._models: dict[int, Any] = {}
        self._failed: dict[int, str] = {}
        self._versions = {version["model_version"]: version for version in self._about.versions}
        # now, as a snapshot is not read by two threads
        self._rows = snapshot.some_features(CHECKED_ROWS)
        self._serving = self._about.serving_version
        self._bookings = NewBookings(snapshot) if self._about.booking else None
        self._bookings_failed = False

    @property
    def is_loaded(self) -> bool:
        """Whether all versions can answer."""
        return self._versions.keys() == self._models.keys()

    @property
    def takes_bookings(self) -> bool:
        """Whether it can answer of bookings that do not exist yet."""
        return self._serving in self._models and self._bookings is not None and self._bookings.is_loaded

    @property
    def has_to_load(self) -> bool:
        """Whether there is something that was not tried yet."""
        return bool(self.copies) or (
            self._bookings is not None and not self._bookings.is_loaded and not self._bookings_failed
        )

    @property
    def copies(self) -> dict[int, Path]:
        """Copies of versions that are there and were not tried yet."""
        found = {}
        for number, version in self._versions.items():
            if number not in self._models and number not in self._failed and version.get("artifact_digest"):
                folder = self._copies / copy_name(self._about.model_name, number, version["artifact_digest"])
                if folder.is_dir():
                    found[number] = folder
        return found

    def adopt(self, before: WhatIf) -> None:
        """Take the loaded models of the snapshot before, where version, files and features are the same."""
        if self._bookings is not None and before._bookings is not None:
            self._bookings.adopt(before._bookings)
        if before._columns != self._columns:
            return
        for number, model in before._models.items():
            mine, theirs = (one._versions.get(number, {}).get("artifact_digest") for one in (self, before))
            if mine and mine == theirs:
                self._models[number] = model

    @property
    def _columns(self) -> tuple[list[str], list[str]]:
        return self._about.numeric, list(self._about.categorical)

    def load(self) -> None:
        """Load the models whose copies are there and proven; one that is not is said once."""
        # late, as it takes seconds and nobody needs it to answer by key
        from wanderbricks_ml.registry.copies import load_copy
        from wanderbricks_ml.serving.model import Model

        for number, folder in self.copies.items():
            try:
                pipeline = load_copy(folder, self._versions[number]["artifact_digest"])
                self._models[number] = Model(pipeline, self._table())
            except Exception as error:
                self._failed[number] = str(error)
                logger.exception("%s v%d answers by key alone", self._about.model_name, number)
        if self._bookings is not None and not self._bookings.is_loaded:
            try:
                self._bookings.load()
            except Exception:
                self._bookings_failed = True
                logger.exception("%s answers of no booking that does not exist yet", self._about.model_name)

    def loaded(self, folder: Path, digest: str) -> Any:
        """A version's model out of a copy that is proven first, held against its pipeline on rows of the snapshot."""
        from wanderbricks_ml.registry.copies import load_copy
        from wanderbricks_ml.serving.model import Model

        return Model(load_copy(folder, digest), self._table())

    def scored(self, key: Sequence[Any]) -> dict[str, Any] | None:
        """Features that a key was scored by, by name; None where it was not."""
        stored = self._snapshot.features(key)
        return None if stored is None else self._decoded(stored)

    def answers(self, questions: Sequence[Question]) -> list[bytes]:
        """Answers to questions with features of their own.

        Raises
        ------
        Problem
            When a key was not scored and features are missing, a model is not there, or refuses the features.
        """
        rows = self._rows_of(questions)
        published = [self._snapshot.row(question.key) for question in questions]
        bases = [None if row is None else msgspec.json.decode(row) for row in published]
        numbers = [self._serving if base is None else base["model_version"] for base in bases]
        found: list[bytes] = [b""] * len(rows)
        for number in set(numbers):
            places = [place for place, one in enumerate(numbers) if one == number]
            predicted = self._predicted(
                number, [rows[place] for place in places], [questions[place] for place in places]
            )
            for place, values in zip(places, predicted, strict=True):
                found[place] = self._written(questions[place], bases[place], rows[place], values, number)
        return found

    def explained(self, question: Question) -> bytes:
        """What moved the answer to a question, with features of its own or those that were scored.

        Raises
        ------
        Problem
            As `answers` does.
        """
        (row,) = self._rows_of([question])
        published = self._snapshot.row(question.key)
        number = self._serving if published is None else msgspec.json.decode(published)["model_version"]
        with self._refusing([question]):
            parts = self._model(number).parts(row)
        if not np.isfinite(parts.margin):
            raise self._refused([question], FAR)
        about = self._about
        key = self._key_of(question, row)
        version = {"model_name": about.model_name, "model_version": number, "scoring_date": about.scoring_date}
        given = {"given_features": sorted(question.features or {})}
        return msgspec.json.encode({**key, **explanation(parts, row, about.words, about.moved), **version, **given})

    def _rows_of(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """Features by name, of each question."""
        bookings = [question.booking for question in questions if question.booking is not None]
        if not bookings:
            return [self._features(question) for question in questions]
        # a request asks for keys or for bookings
        if self._bookings is None or not self._bookings.is_loaded:
            failed = self._bookings_failed
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._about.model_name} answers by booking_id alone: "
                f"{'its SQL cannot be run, the log says why' if failed else 'its SQL is not there yet'}",
                headers=[] if failed else [(b"retry-after", b"5")],
            )
        about, rows = self._about, self._bookings.features(bookings, [question.pointer for question in questions])
        for row in rows:
            row |= {name: NAN if row[name] is None else float(row[name]) for name in (*about.numeric, *about.further)}
        return rows

    def _key_of(self, question: Question, row: Mapping[str, Any]) -> dict[str, Any]:
        """What an answer is about, where it is none that was published."""
        if question.booking is not None:
            return {name: row[name] for name in ANSWERED}
        return dict(zip(self._about.key, question.key, strict=True))

    def _features(self, question: Question) -> dict[str, Any]:
        about = self._about
        stored = self._snapshot.features(question.key)
        given = question.features or {}
        if stored is not None:
            return {**self._decoded(stored), **given}
        missing = [name for name in (*about.numeric, *about.categorical) if name not in given]
        if missing:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                f"this key was not scored on {about.scoring_date}, so that each feature has to be given; "
                f"{len(missing)} are missing",
                [(question.pointer(name), "missing") for name in missing[:MOST_NAMED]],
            )
        return dict(given)

    def _decoded(self, stored: bytes) -> dict[str, Any]:
        """Features by name."""
        about = self._about
        width = len(about.numeric) + len(about.categorical)
        values = np.frombuffer(stored, dtype=np.float32, count=width).tolist()
        row: dict[str, Any] = dict(zip(about.numeric, values, strict=False))
        for (name, texts), code in zip(about.categorical.items(), values[len(about.numeric) :], strict=True):
            row[name] = None if code != code else texts[int(code)]
        further = np.frombuffer(stored[4 * width :], dtype=np.float64).tolist()
        return row | dict(zip(about.further, further, strict=True))

    def _predicted(
        self, number: int, rows: Sequence[Mapping[str, Any]], questions: Sequence[Question]
    ) -> list[dict[str, float]]:
        with self._refusing(questions):
            values = self._model(number).predict(rows)
        if not np.isfinite(values).all():
            raise self._refused(questions, FAR)
        return [dict(zip(self._about.predictions, row, strict=True)) for row in values.tolist()]

    def _model(self, number: int) -> Any:
        model = self._models.get(number)
        if model is None:
            failed = self._failed.get(number)
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"version {number} answers by key alone: "
                f"{'it cannot be loaded, the log says why' if failed else 'its model is not there yet'}",
                headers=[] if failed else [(b"retry-after", b"5")],
            )
        return model

    @contextlib.contextmanager
    def _refusing(self, questions: Sequence[Question]) -> Iterator[None]:
        """Have what a model does not take be the fault of who asks."""
        try:
            yield
        except ValueError as error:
            raise self._refused(questions, str(error)) from error

    def _refused(self, questions: Sequence[Question], why: str) -> Problem:
        fields = [
            (question.pointer(name), "perhaps not of its range")
            for question in questions
            for name in sorted(question.booking or question.features or {})
        ][:MOST_NAMED]
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"the model takes no such features: {why}", fields)

    def _written(
        self,
        question: Question,
        base: Mapping[str, Any] | None,
        row: Mapping[str, Any],
        predicted: dict[str, float],
        number: int,
    ) -> bytes:
        about = self._about
        if base is None:
            key = self._key_of(question, row)
            version = {"model_name": about.model_name, "model_version": number, "scoring_date": about.scoring_date}
        else:
            key, version = {}, {}
            base = {
                name: value
                for name, value in base.items()
                if name not in NOT_OF_FEATURES and not name.startswith("baseline_")
            }
        found = answer(about, predicted, row, self._versions[number])
        if question.booking is not None:
            found["baseline_probability"] = row["rule_probability"]
        given = {"given_features": sorted(question.features or {})}
        return msgspec.json.encode({**key, **(base or {}), **found, **version, **given})

    def _table(self) -> pa.Table:
        """The rows by which a model is checked; here, as pyarrow imports pandas for it, which takes a second."""
        rows, about = [self._decoded(stored) for stored in self._rows], self._about
        numbers = {
            name: pa.array([row[name] for row in rows], pa.float32(), from_pandas=False) for name in about.numeric
        }
        texts = {name: pa.array([row[name] for row in rows], pa.string()) for name in about.categorical}
        return pa.table(numbers | texts)
