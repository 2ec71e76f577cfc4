"""What a long fit says while it runs: which model it is, and how far."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import xgboost as xgb

logger = logging.getLogger(__name__)

SECONDS = 8.0
"""Least time between two lines of a step."""

_model: ContextVar[str] = ContextVar("model", default="model")


@contextmanager
def of_model(name: str) -> Iterator[None]:
    """Lines of this thread begin with the model's name: dbt fits several models side by side."""
    token = _model.set(name)
    try:
        yield
    finally:
        _model.reset(token)


def name_thread(model: str) -> None:
    """Lines of this thread begin with the model's name for as long as it lives: a thread of a pool inherits none."""
    _model.set(model)


def say(message: str, *values: object) -> None:
    """Log a line about the model at hand."""
    logger.info(f"%s: {message}", _model.get(), *values)


class Steps:
    """Says how many of a known number of steps are done, now and then.

    Parameters
    ----------
    what
        The steps, such as ``rounds``.
    total
        Most of them.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what = what
        self.total = total
        self.started = self.said = time.perf_counter()

    def done(self, number: int) -> None:
        """Steps done so far."""
        now = time.perf_counter()
        if now - self.said >= SECONDS:
            self.said = now
            say("%d of %d %s in %.0f s", number, self.total, self.what, now - self.started)


class Rounds(xgb.callback.TrainingCallback):
    """Says how many of at most `total` rounds of boosting are done."""

    def __init__(self, total: int) -> None:
        self.steps = Steps("rounds at most", total)

    def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:
        self.steps.done(epoch + 1)
        return False
