"""Which version a unit gets while an experiment runs: the twin of macros/experiments, for scores in real time."""

from __future__ import annotations

import hashlib

BUCKETS = 10_000


def bucket(experiment_name: str, unit: int) -> int:
    """The bucket of a unit in an experiment, 0 to 9999, as the macro `experiment_bucket` has it.

    Parameters
    ----------
    experiment_name
        Name in seeds/experiments.csv.
    unit
        User or property.
    """
    # splits traffic and keeps no secret
    digest = hashlib.md5(f"{experiment_name}:{unit}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:7], 16) % BUCKETS


def is_treated(experiment_name: str, share: float, unit: int | None) -> bool:
    """Whether a unit belongs to the treatment arm, as the macro `is_treated` has it; an unknown one does not.

    Parameters
    ----------
    share
        Share of the treatment arm, above 0 and below 1.
    """
    return unit is not None and bucket(experiment_name, unit) < BUCKETS * share
