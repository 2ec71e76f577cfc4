"""How many requests a key has made in the last minute, over all workers of a machine."""

from __future__ import annotations

import fcntl
import mmap
import time
from pathlib import Path

WINDOW = 60
SLOTS = WINDOW + 1
"""Whole seconds that a minute touches, so that no sixty seconds hold more than the limit."""

_BYTES = 8 * (SLOTS + 1)


class Limiter:
    """Counts by key and second, in files that the workers share.

    Parameters
    ----------
    folder
        Folder of the files, empty at first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[str, _Counts] = {}

    def seconds_to_wait(self, key: str, per_minute: int) -> int:
        """Count a request of a key: 0 where it may be answered, else seconds until the next one may."""
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = _Counts(self._folder / key)
        return counts.add(int(time.monotonic()), per_minute)


class _Counts:
    """Requests of one key: a number of the second that was counted last, and a count for each slot."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        self._file.truncate(_BYTES)
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._numbers = memoryview(mmap.mmap(self._file.fileno(), _BYTES)).cast("Q")

    def add(self, now: int, limit: int) -> int:
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            numbers = self._numbers
            last = numbers[0]
            for second in range(max(last + 1, now - WINDOW), now + 1):
                numbers[1 + second % SLOTS] = 0
            # another worker may have read a later second a moment before
            numbers[0] = now = max(last, now)
            if sum(numbers[1:]) < limit:
                numbers[1 + now % SLOTS] += 1
                return 0
            oldest = next(second for second in range(now - WINDOW, now + 1) if numbers[1 + second % SLOTS])
            return oldest + SLOTS - now
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
