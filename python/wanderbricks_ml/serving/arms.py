"""Requests that another version than the published one answers: canaries, and shadows, which no caller sees."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.registry.copies import copy_name
from wanderbricks_ml.serving import metrics
from wanderbricks_ml.serving.answers import answer
from wanderbricks_ml.serving.asked import Question
from wanderbricks_ml.serving.assignment import is_treated
from wanderbricks_ml.serving.rollout import CANARY, SHADOW, Rollout
from wanderbricks_ml.serving.rollout_state import GROUPS, Progress
from wanderbricks_ml.serving.snapshot import MODELS
from wanderbricks_ml.serving.store import Served

logger = logging.getLogger(__name__)

MOST_SHADOWS = 4
"""Requests that wait for a shadow; of further ones it says nothing."""

SAMPLED = 2_000
"""Published answers whose deciles are the groups in which answers are compared."""

Tell = Callable[[list[bytes]], None]


class Asked:
    """What a version is asked: places in the request, published rows, features."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.published: list[dict[str, Any]] = []
        self.features: list[dict[str, Any]] = []


class Arm:
    """A version beside the one that is published, on one snapshot.

    Parameters
    ----------
    rollout
        What the seed says.
    served
        The snapshot.
    progress
        How far it is.
    """

    def __init__(self, rollout: Rollout, served: Served, progress: Progress) -> None:
        self.rollout = rollout
        self.served = served
        self.progress = progress
        self.model: Any = None
        self.failed = ""
        about = served.about
        self.predicted = next(name for name in about.predictions if name in about.columns)
        values = [msgspec.json.decode(row)[self.predicted] for row in _sample(served.snapshot.all_rows(), about.rows)]
        known = [value for value in values if value is not None]
        self._edges = np.quantile(known, np.arange(1, GROUPS) / GROUPS) if known else np.zeros(GROUPS - 1)

    @property
    def is_on(self) -> bool:
        """Whether it answers."""
        return self.model is not None and not self.progress.state.ended

    def asked(self, questions: Sequence[Question]) -> Asked:
        """Which questions of a request are its own: keys alone, of units that the hash gives to it, with features."""
        rollout, about, found = self.rollout, self.served.about, Asked()
        share, names = self.progress.share, list(about.key)
        of_key = names.index(rollout.unit) if rollout.unit in names else None
        for place, question in enumerate(questions):
            if question.features is not None or question.newcomer is not None:
                continue
            if of_key is not None and not is_treated(rollout.rollout_name, share, question.key[of_key]):
                continue
            row = self.served.snapshot.row(question.key)
            if row is None:
                continue
            published = msgspec.json.decode(row)
            if of_key is None and not is_treated(rollout.rollout_name, share, published[rollout.unit]):
                continue
            features = self.served.what_if.scored(question.key) if self.served.what_if else None
            if features is not None:
                found.places.append(place)
                found.published.append(published)
                found.features.append(features)
        return found

    def written(self, asked: Asked, values: Floats) -> list[bytes]:
        """Answers as the public table would have them."""
        about, version = self.served.about, self.rollout.version
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        found = []
        for published, features, row in zip(asked.published, asked.features, values.tolist(), strict=True):
            said = answer(about, dict(zip(about.predictions, row, strict=True)), features, version)
            new = {**published, **said, "model_version": self.rollout.number}
            found.append(msgspec.json.encode(new | ({"scored_at": now} if "scored_at" in new else {})))
        return found

    def count(self, outcome: str, seconds: float, asked: Asked, answers: Sequence[bytes] = ()) -> None:
        """Count a request that it answered, failed, or was too slow for."""
        said = [msgspec.json.decode(one)[self.predicted] for one in answers]
        was = [row[self.predicted] for row in asked.published] if said else []
        slow = outcome == "slow" or (outcome == "answered" and 1e3 * seconds > self.rollout.max_milliseconds)
        self.progress.counts.add(outcome == "failed", slow, self._groups(said), self._groups(was))
        metrics.tell_arm(self.rollout.model_name, self.rollout.number, self.rollout.mode, outcome, seconds)

    def _groups(self, values: Sequence[Any]) -> list[int]:
        known = [value for value in values if value is not None]
        groups: list[int] = np.searchsorted(self._edges, known, side="left").tolist()
        return groups


class Arms:
    """All arms of a worker.

    Parameters
    ----------
    store
        Folder of the snapshots, and of the copies of versions.
    kept
        Folder of what outlives a restart.
    scratch
        Folder that the workers of a machine share.
    """

    def __init__(self, store: Path, kept: Path, scratch: Path) -> None:
        self._copies = store / MODELS
        self._kept = kept
        self._scratch = scratch
        self._pool = ThreadPoolExecutor(1, "arms")
        self._shadows: list[Future[None]] = []
        self._told: dict[str, tuple[int, str]] = {}
        self.by_model: dict[str, Arm] = {}

    def take(self, rollouts: Sequence[Rollout], by_model: Mapping[str, Served]) -> None:
        """Go over to these rollouts on these snapshots."""
        found: dict[str, Arm] = {}
        for rollout in rollouts:
            served, before = by_model.get(rollout.model_name), self.by_model.get(rollout.model_name)
            if served is None or served.what_if is None:
                continue
            if before and before.rollout == rollout and before.served is served:
                found[rollout.model_name] = before
                continue
            progress = Progress(rollout, self._kept, self._scratch, served.snapshot.path.name)
            arm = found[rollout.model_name] = Arm(rollout, served, progress)
            if before and _files(before) == _files(arm):
                arm.model = before.model
        for name, gone in self.by_model.items():
            if name not in found:
                metrics.tell_share(name, gone.rollout.number, gone.rollout.mode, 0.0)
        self.by_model = found

    @property
    def has_models_to_load(self) -> bool:
        """Whether there are copies that were not tried yet."""
        return any(self._copy(arm) is not None for arm in self.by_model.values())

    def load_models(self) -> None:
        """Load them; it takes seconds, and may run beside answers."""
        for arm in list(self.by_model.values()):
            folder = self._copy(arm)
            if folder is None or arm.served.what_if is None:
                continue
            try:
                arm.model = arm.served.what_if.loaded(folder, arm.rollout.version["artifact_digest"])
            except Exception as error:
                arm.failed = str(error)
                logger.exception("%s v%d answers nothing", arm.rollout.model_name, arm.rollout.number)

    def _copy(self, arm: Arm) -> Path | None:
        if arm.model is not None or arm.failed or arm.progress.state.ended:
            return None
        rollout = arm.rollout
        folder = self._copies / copy_name(rollout.model_name, rollout.number, rollout.version["artifact_digest"])
        return folder if folder.is_dir() else None

    def judge(self) -> None:
        """See which are to go on to their next step, or to end; what is new is said in the log."""
        for model, arm in self.by_model.items():
            state = arm.progress.judge() if arm.is_on else arm.progress.look()
            rollout = arm.rollout
            metrics.tell_share(model, rollout.number, rollout.mode, arm.progress.share if arm.is_on else 0.0)
            known = self._told.get(rollout.identity)
            if known == (state.step, state.ended):
                continue
            self._told[rollout.identity] = (state.step, state.ended)
            told = (rollout.rollout_name, rollout.mode, model, rollout.number)
            if state.ended:
                metrics.ENDED.labels(model, str(rollout.number)).inc()
                logger.error("%s, a %s of %s v%d, is rolled back: %s", *told, state.ended)
            else:
                logger.warning("%s, a %s of %s v%d, has %g %% of the units", *told, 100 * arm.progress.share)

    async def canaries(self, model: str, questions: Sequence[Question]) -> dict[int, bytes]:
        """Answers of a canary by place in the request; what it fails to say in time, the champion says."""
        arm = self.by_model.get(model)
        if arm is None or arm.rollout.mode != CANARY or not arm.is_on:
            return {}
        asked, begun = Asked(), time.perf_counter()
        try:
            asked = arm.asked(questions)
            if not asked.places:
                return {}
            predicting = asyncio.get_running_loop().run_in_executor(self._pool, _predicted, arm, asked)
            values = await asyncio.wait_for(predicting, arm.rollout.max_milliseconds / 1e3)
            answers = arm.written(asked, values)
        except TimeoutError:
            arm.count("slow", time.perf_counter() - begun, asked)
            return {}
        except Exception:
            self._failed(arm, asked, begun)
            return {}
        arm.count("answered", time.perf_counter() - begun, asked, answers)
        return dict(zip(asked.places, answers, strict=True))

    def shadow(self, model: str, questions: Sequence[Question], tell: Tell) -> None:
        """Have a shadow answer, too, in its own time; `tell` gets the answers."""
        arm = self.by_model.get(model)
        if arm is None or arm.rollout.mode != SHADOW or not arm.is_on:
            return
        asked, begun = Asked(), time.perf_counter()
        try:
            asked = arm.asked(questions)
        except Exception:
            self._failed(arm, asked, begun)
        if not asked.places:
            return
        self._shadows = [shadow for shadow in self._shadows if not shadow.done()]
        if len(self._shadows) >= MOST_SHADOWS:
            metrics.tell_arm(model, arm.rollout.number, SHADOW, "dropped", None)
            return
        self._shadows.append(self._pool.submit(self._shadowed, arm, asked, tell))

    def _shadowed(self, arm: Arm, asked: Asked, tell: Tell) -> None:
        begun = time.perf_counter()
        try:
            answers = arm.written(asked, _predicted(arm, asked))
            arm.count("answered", time.perf_counter() - begun, asked, answers)
            tell(answers)
        except Exception:
            self._failed(arm, asked, begun)

    def _failed(self, arm: Arm, asked: Asked, begun: float) -> None:
        if not arm.progress.counts.read()[1]:
            # one of them is enough, each is counted
            logger.exception("%s v%d failed to answer", arm.rollout.model_name, arm.rollout.number)
        arm.count("failed", time.perf_counter() - begun, asked)

    def told(self, model: str) -> dict[str, Any] | None:
        """What `/model_info` says of a model's rollout."""
        arm = self.by_model.get(model)
        if arm is None:
            return None
        state = arm.progress.state
        return {
            "rollout_name": arm.rollout.rollout_name,
            "model_version": arm.rollout.number,
            "mode": arm.rollout.mode,
            "share": arm.progress.share if arm.is_on else 0.0,
            "state": "rolled back" if state.ended else "failed" if arm.failed else "on" if arm.is_on else "loading",
            "reason": state.ended or arm.failed or None,
        }


def _predicted(arm: Arm, asked: Asked) -> Floats:
    values: Floats = arm.model.predict(asked.features)
    if not np.isfinite(values).all():
        raise ValueError("an answer is no number")
    return values


def _files(arm: Arm) -> tuple[Any, list[str], list[str]]:
    """What a loaded model is of: one that goes on answers through the exchange of a snapshot."""
    about = arm.served.about
    return arm.rollout.version["artifact_digest"], about.numeric, list(about.categorical)


def _sample(rows: Any, count: int) -> list[bytes]:
    """Every so many of the rows."""
    every = max(1, count // SAMPLED)
    return [row for place, row in enumerate(rows) if place % every == 0]
