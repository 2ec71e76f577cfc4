"""A version that is to get a share of the traffic: what the seed `traffic` says of it, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

CANARY = "canary"
SHADOW = "shadow"


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the seed `traffic`, and the version that it names.

    Attributes
    ----------
    rollout_name
        Part of the hash that splits the units.
    model_name, mode
        The model, and `canary` or `shadow`.
    version
        What the store has of the version: see `About.versions`.
    unit
        Column by which traffic is split, of the key or of the published row.
    steps
        Shares of the units, above 0 and at most 1, one after the other.
    step_minutes
        How long a step lasts at least.
    min_requests
        Requests of a step without which nothing is judged.
    max_error_rate
        Share of the requests that may fail.
    max_milliseconds
        Time that an answer may take in 99 of 100 requests. A canary's that takes longer is not waited for.
    max_psi
        How far the answers may be from those of the champion to the same requests.
    """

    rollout_name: str
    model_name: str
    mode: str
    version: dict[str, Any]
    unit: str
    steps: list[float]
    step_minutes: float
    min_requests: int
    max_error_rate: float
    max_milliseconds: float
    max_psi: float

    @property
    def number(self) -> int:
        """The version."""
        return int(self.version["model_version"])

    @property
    def identity(self) -> str:
        """A name for its files: another where a cell of the row changes, which begins it anew."""
        facts = [
            *(self.mode, self.number, self.version["artifact_digest"], self.unit, self.steps, self.step_minutes),
            *(self.min_requests, self.max_error_rate, self.max_milliseconds, self.max_psi),
        ]
        digest = hashlib.sha256(msgspec.json.encode([self.rollout_name, *facts])).hexdigest()[:12]
        return f"{self.model_name}-v{self.number}-{digest}"


def of_row(row: Mapping[str, str | None], unit: str, version: dict[str, Any]) -> Rollout:
    """A row of the seed, all text.

    Raises
    ------
    ValueError
        When a cell is wrong; the message names it.
    """
    steps = [_number(row, "steps", part, 0, 100) / 100 for part in (row["steps"] or "").split()]
    if not steps or steps != sorted(steps) or steps[0] <= 0:
        raise ValueError("steps are rising percentages above 0, such as 5 25 100")
    if row["mode"] not in (CANARY, SHADOW):
        raise ValueError(f"mode is {CANARY} or {SHADOW}")
    if not row["rollout_name"]:
        raise ValueError("rollout_name is missing")
    return Rollout(
        rollout_name=row["rollout_name"],
        model_name=row["model_name"] or "",
        mode=row["mode"],
        version=version,
        unit=unit,
        steps=steps,
        step_minutes=_number(row, "step_minutes", row["step_minutes"], 0),
        min_requests=int(_number(row, "min_requests", row["min_requests"], 1)),
        max_error_rate=_number(row, "max_error_rate", row["max_error_rate"], 0, 1),
        max_milliseconds=_number(row, "max_milliseconds", row["max_milliseconds"], 1, 60_000),
        max_psi=_number(row, "max_psi", row["max_psi"], 0),
    )


def _number(row: Mapping[str, str | None], name: str, text: str | None, least: float, most: float = 1e9) -> float:
    try:
        value = float(text or "")
    except ValueError as error:
        raise ValueError(f"{name} is no number: {text!r}") from error
    if not least <= value <= most:
        raise ValueError(f"{name} is not between {least:g} and {most:g}: {text}")
    return value
