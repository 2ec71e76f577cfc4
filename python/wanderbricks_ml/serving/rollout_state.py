"""How far a rollout is: counts that the workers of a machine share, and its step, which outlives them."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.serving.rollout import Rollout

GROUPS = 10
"""Of answers, by deciles of what was published."""

SLOW = 0.01
"""Share of the requests that may take longer than `max_milliseconds`: their 99th percentile."""

_NUMBERS = 3 + 2 * GROUPS
_FLOOR = 1e-4
"""Share that an empty group is taken to have."""


class State(msgspec.Struct, frozen=True):
    """Step, when it began (seconds since 1970), and why the rollout ended; empty while it goes on."""

    step: int = 0
    since: float = 0.0
    ended: str = ""


class Counts:
    """Requests, those that failed and those that were slow, and answers by group beside the champion's to the same.

    Parameters
    ----------
    path
        The file that the workers share.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        # a shadow counts in a thread of its own, and a lock of a file is the process's
        self._taking = threading.Lock()
        with self._alone():
            self._file.truncate(8 * _NUMBERS)
        self._numbers = np.frombuffer(mmap.mmap(self._file.fileno(), 8 * _NUMBERS), dtype=np.int64)

    def add(self, failed: bool, slow: bool, groups: Sequence[int] = (), of_champion: Sequence[int] = ()) -> None:
        """Count a request."""
        with self._alone():
            self._numbers[:3] += (1, failed, slow)
            for group in groups:
                self._numbers[3 + group] += 1
            for group in of_champion:
                self._numbers[3 + GROUPS + group] += 1

    def read(self) -> tuple[int, int, int, Floats, Floats]:
        """Requests, failed ones, slow ones, answers by group, the champion's."""
        with self._alone():
            numbers = self._numbers.copy()
        requests, failed, slow = (int(number) for number in numbers[:3])
        return requests, failed, slow, numbers[3 : 3 + GROUPS].astype(float), numbers[3 + GROUPS :].astype(float)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._taking:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)


def psi(expected: Floats, found: Floats) -> float:
    """Population stability index of counts by group."""
    if not expected.sum() or not found.sum():
        return 0.0
    p, q = (np.maximum(counts / counts.sum(), _FLOOR) for counts in (expected, found))
    return float(((q - p) * np.log(q / p)).sum())


class Progress:
    """A rollout's state and counts.

    Parameters
    ----------
    rollout
        What is to happen.
    kept
        Folder of states, which a restart finds again.
    scratch
        Folder of counts, which the workers of a machine share.
    scoring
        Name of the snapshot: counts of answers from another one do not compare.
    """

    def __init__(self, rollout: Rollout, kept: Path, scratch: Path, scoring: str) -> None:
        self.rollout = rollout
        self._scoring = hashlib.sha256(scoring.encode()).hexdigest()[:8]
        self._scratch = scratch
        kept.mkdir(parents=True, exist_ok=True)
        self._file = kept / f"{rollout.identity}.json"
        self._counts: dict[int, Counts] = {}
        self.state = State()
        self.look()

    @property
    def share(self) -> float:
        """Share of the units that it has now."""
        return 0.0 if self.state.ended else self.rollout.steps[self.state.step]

    @property
    def counts(self) -> Counts:
        """Those of the present step."""
        step = self.state.step
        if step not in self._counts:
            self._counts[step] = Counts(self._scratch / f"{self.rollout.identity}-{self._scoring}-{step}")
        return self._counts[step]

    def look(self) -> State:
        """What another worker may have found since."""
        with self._alone():
            return self._read()

    def judge(self) -> State:
        """Go on to the next step, or end, where it is time to."""
        with self._alone():
            state = self._read()
            if state.ended:
                return state
            why = self._why_it_ends()
            if why:
                self._write(State(state.step, state.since, why))
            elif self._may_go_on(state):
                self._write(State(state.step + 1, time.time()))
            return self.state

    def end(self, why: str) -> State:
        """End it."""
        with self._alone():
            state = self._read()
            if not state.ended:
                self._write(State(state.step, state.since, why))
            return self.state

    def _may_go_on(self, state: State) -> bool:
        is_last = state.step + 1 == len(self.rollout.steps)
        lasted = time.time() - state.since >= 60 * self.rollout.step_minutes
        return not is_last and lasted and self.counts.read()[0] >= self.rollout.min_requests

    def _why_it_ends(self) -> str:
        rollout = self.rollout
        requests, failed, slow, answers, of_champion = self.counts.read()
        if requests < rollout.min_requests:
            return ""
        if failed / requests > rollout.max_error_rate:
            return f"{failed} of {requests} requests failed, more than {rollout.max_error_rate:.2%}"
        if slow / requests > SLOW:
            return f"{slow} of {requests} requests took more than {rollout.max_milliseconds:g} ms, more than {SLOW:.0%}"
        moved = psi(of_champion, answers)
        if moved > rollout.max_psi:
            limit = f"more than {rollout.max_psi:g}"
            return f"answers to {requests} requests are off those of the champion by a PSI of {moved:.2f}, {limit}"
        return ""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> State:
        try:
            self.state = msgspec.json.decode(self._file.read_bytes(), type=State)
        except FileNotFoundError:
            self._write(State(0, time.time()))
        return self.state

    def _write(self, state: State) -> None:
        part = self._file.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(state))
        part.replace(self._file)
        self.state = state
