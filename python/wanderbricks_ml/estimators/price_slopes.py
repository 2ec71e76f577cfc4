"""Slopes of demand in price by market: each market's own likelihood, and what all of them share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wanderbricks_ml.arrays import Floats, Ints


class Slopes(NamedTuple):
    """Slope of each market and its standard error; `common` is the slope of all markets as one."""

    slope: Floats
    error: Floats
    common: float


def market_slopes(y: Floats, expected: Floats, surprise: Floats, unit: Ints, window: Ints, market: Ints) -> Slopes:
    """Maximise the Poisson likelihood of ``unit level * window level * expected * exp(-slope * surprise)``.

    Parameters
    ----------
    y, expected
        Bookings, and what is expected of them without price, shape (rows,).
    surprise
        Relative price less its expectation, shape (rows,).
    unit, window
        Property, and selling window of a market, whose own levels are concentrated out, numbered from 0, shape (rows,).
    market
        Group with a slope of its own, numbered from 0, shape (rows,).
    """
    levels = (unit, window)
    start, _ = _newton(y, expected, surprise, levels, np.zeros_like(market), np.zeros(1), 1e-4)
    each = np.full(int(market.max()) + 1, start[0])
    slope, error = _newton(y, expected, surprise, levels, market, each, 1.0)
    return Slopes(slope, error, float(start[0]))


def _newton(
    y: Floats, expected: Floats, surprise: Floats, levels: tuple[Ints, Ints], group: Ints, start: Floats, prior: float
) -> tuple[Floats, Floats]:
    """Slopes and standard errors by group; a normal prior of precision `prior` around `start` keeps them finite."""
    slope, groups = start.copy(), len(start)
    mean: Floats = expected
    for _ in range(30):
        mean = _with_totals(y, expected * np.exp(-np.clip(slope[group] * surprise, -5, 5)), levels)
        within = _centred(surprise, mean, levels)
        score = -np.bincount(group, (y - mean) * within, groups) - prior * (slope - start)
        information = np.bincount(group, mean * within**2, groups) + prior
        step = np.clip(score / information, -0.5, 0.5)
        slope = slope + step
        if np.abs(step).max() < 1e-3:
            break
    # clustered by property, whose rows share bookings and vary more than Poisson counts; few properties have most of a
    # market's bookings, so each counts as if it had been left out (CR3)
    cell, inverse = np.unique(np.stack([levels[0], group]), axis=1, return_inverse=True)
    leverage = np.minimum(np.bincount(inverse.ravel(), mean * within**2) / information[cell[1]], 0.9)
    by_cell = np.bincount(inverse.ravel(), (y - mean) * within) / (1 - leverage)
    clustered = np.sqrt(np.bincount(cell[1], by_cell**2, groups)) / information
    return slope, np.maximum(clustered, 1 / np.sqrt(information))


def _with_totals(y: Floats, mean: Floats, levels: tuple[Ints, Ints], sweeps: int = 5) -> Floats:
    """`mean` scaled until it has the totals of y by property and by window (iterative proportional fitting)."""
    for _ in range(sweeps):
        # the property last: its total is met exactly; half a booking keeps an empty window from a level of 0
        for level, extra in ((levels[1], 0.5), (levels[0], 0.0)):
            total = np.bincount(level, mean)
            mean = mean * ((np.bincount(level, y) + extra) / np.maximum(total + extra, 1e-12))[level]
    return mean


def _centred(values: Floats, weight: Floats, levels: tuple[Ints, Ints], sweeps: int = 5) -> Floats:
    """`values` less their weighted means by window and by property."""
    for _ in range(sweeps):
        for level in (levels[1], levels[0]):
            total = np.maximum(np.bincount(level, weight), 1e-12)
            values = values - (np.bincount(level, weight * values) / total)[level]
    return values


def shrunk(slopes: Slopes) -> tuple[Floats, Floats, tuple[float, float]]:
    """Posterior means and standard deviations, and mean and standard deviation for a market not seen.

    Empirical Bayes, normal-normal (Efron and Morris 1975): the variance between markets is what the standard errors
    do not explain. No slope is below 0.
    """
    variance = slopes.error**2
    between = float(np.var(slopes.slope))
    for _ in range(100):
        weight = 1 / (variance + between)
        mean = float(np.average(slopes.slope, weights=weight))
        before = between
        between = max(0.0, float(np.average((slopes.slope - mean) ** 2 - variance, weights=weight)))
        if abs(between - before) < 1e-9:
            break
    own = between / (between + variance)
    posterior = own * slopes.slope + (1 - own) * mean
    uncertain = 1 / float(np.sum(1 / (variance + between)))
    deviation = np.sqrt(own * variance + (1 - own) ** 2 * uncertain)
    return np.maximum(posterior, 0.0), deviation, (max(mean, 0.0), float(np.sqrt(between + uncertain)))
