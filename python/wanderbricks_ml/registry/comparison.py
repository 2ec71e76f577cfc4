"""Two versions on the same test rows: the difference of a metric, and how much of it may be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wanderbricks_ml.bootstrap import drawn_blocks, interval_95

RESAMPLES = 2_000
SEED = 7


@dataclass(frozen=True)
class Difference:
    """A metric of two versions in a segment, and the second less the first with its 95 % interval."""

    segment: str
    value: float
    other_value: float
    difference: float
    lower: float | None
    """None where there are fewer than two blocks, as is `upper`."""
    upper: float | None
    blocks: int
    rows: int


def differences(
    losses: Sequence[Mapping[str, Any]], version: int, other_version: int, resamples: int = RESAMPLES, seed: int = SEED
) -> list[Difference]:
    """Paired differences by segment, the one of all rows first.

    Parameters
    ----------
    losses
        Rows of macro ``paired_losses``: model_version, segment, block, loss, weight, row_count.
    version, other_version
        The versions; the difference is the second's metric less the first's.
    resamples, seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        When the versions were not evaluated on the same rows.
    """
    by_segment: dict[str, dict[str, dict[int, Mapping[str, Any]]]] = {}
    for row in losses:
        by_segment.setdefault(row["segment"], {}).setdefault(row["block"], {})[row["model_version"]] = row
    found = []
    for segment in sorted(by_segment, key=lambda name: (name != "all", name)):
        pairs = []
        for block, versions in sorted(by_segment[segment].items()):
            first, second = versions.get(version), versions.get(other_version)
            if first is None or second is None or first["row_count"] != second["row_count"]:
                raise ValueError(
                    f"the versions were not evaluated on the same rows: block {block} of {segment} differs"
                )
            pairs.append((first, second))
        value, other_value, lower, upper = paired_difference(
            np.array([float(first["loss"]) for first, _ in pairs]),
            np.array([float(second["loss"]) for _, second in pairs]),
            np.array([float(first["weight"]) for first, _ in pairs]),
            resamples,
            seed,
        )
        rows = sum(int(first["row_count"]) for first, _ in pairs)
        found.append(Difference(segment, value, other_value, other_value - value, lower, upper, len(pairs), rows))
    return found


def paired_difference(
    losses: np.ndarray, other_losses: np.ndarray, weights: np.ndarray, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float, float | None, float | None]:
    """Two metrics of the form sum(loss) / sum(weight), and the interval of the second less the first.

    Parameters
    ----------
    losses, other_losses, weights
        Sums by block, shape (blocks,).

    Returns
    -------
    tuple
        Both metrics, lower and upper end; the ends are None with fewer than two blocks.
    """
    total = weights.sum()
    if total == 0:
        return float("nan"), float("nan"), None, None
    value, other_value = float(losses.sum() / total), float(other_losses.sum() / total)
    blocks = len(weights)
    if blocks < 2:
        return value, other_value, None, None
    drawn = drawn_blocks(blocks, resamples, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        gained = (drawn @ (other_losses - losses)) / (drawn @ weights)
    return value, other_value, *interval_95(gained)
