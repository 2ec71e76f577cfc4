"""The bootstrap over blocks: how far a number may lie off by chance of which blocks there were."""

from __future__ import annotations

import numpy as np

from wanderbricks_ml.arrays import Floats, Ints


def drawn_blocks(blocks: int, resamples: int, seed: int) -> Ints:
    """How often each block is drawn with replacement, shape (resamples, blocks).

    The same draws for all that is compared, so that what makes a block hard for all cancels (paired cluster bootstrap;
    Efron and Tibshirani 1993).
    """
    drawn: Ints = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples)
    return drawn


def interval_95(values: Floats) -> tuple[float, float]:
    """Percentiles 2.5 and 97.5 of resampled values; those of resamples that have none do not count."""
    lower, upper = np.nanpercentile(values, [2.5, 97.5])
    return float(lower), float(upper)
