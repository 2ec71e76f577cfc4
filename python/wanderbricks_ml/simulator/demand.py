"""Expected demand by destination, property type and day, before prices and quality.

A *group* is a destination with a property type: ``destination * len(PROPERTY_TYPES) + type``.
Days are columns: check-in days run from the first day to `MAX_LEAD` days after the last one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanderbricks_ml.simulator.columns import Floats, Ints, day_number, stream
from wanderbricks_ml.simulator.places import PLACES, PROPERTY_TYPES
from wanderbricks_ml.simulator.presets import Preset

MAX_LEAD = 270
ELASTICITY = -1.2
_FOLLOW_UP = 3
_YEAR = 365.25


@dataclass(frozen=True)
class Demand:
    """Expected demand curves, all per property of quality 1 at its market price.

    Attributes
    ----------
    check_in_days, creation_days
        Days since 1970 of the columns below, shapes (D,) and (T,).
    log_season
        Yearly season of each group, centred, shape (G, D).
    check_ins
        Bookings by check-in day, shape (G, D).
    lead_mix
        Share of each lead-time component by destination and check-in day, shape (K, N, D).
    lead_times
        Distribution of the lead time in days by component, shape (K, MAX_LEAD + 1).
    creations
        Bookings by the day they are made, shape (G, T).
    """

    check_in_days: Ints
    creation_days: Ints
    log_season: Floats
    check_ins: Floats
    lead_mix: Floats
    lead_times: Floats
    creations: Floats


def expected_demand(preset: Preset, seed: int) -> Demand:
    """Draw the destinations' seasons, trends and shocks, and what demand follows from them."""
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    days = np.arange(first, last + _FOLLOW_UP + MAX_LEAD + 1)
    # Views precede bookings, so the engagement of the last days needs the bookings just after.
    creation_days = np.arange(first, last + _FOLLOW_UP + 1)
    season = log_season(preset, seed, days)
    destination = np.arange(len(season)) // len(PROPERTY_TYPES)
    check_ins = (
        np.exp(season)
        * (
            weekday_effect(preset, seed, days)
            * holiday_effect(days)
            * trend(preset, seed, days)
            * weekly_shock(preset, seed, days)
        )[destination]
    )
    lead_times = lead_time_distributions()
    lead_mix = lead_time_mix(preset, seed, season)
    return Demand(
        check_in_days=days,
        creation_days=creation_days,
        log_season=season,
        check_ins=check_ins,
        lead_mix=lead_mix,
        lead_times=lead_times,
        creations=creation_rates(check_ins, lead_mix[:, destination], lead_times, creation_days),
    )


def log_season(preset: Preset, seed: int, days: Ints) -> Floats:
    """Yearly season of each group in logs, mean 0 over a year; shape (G, D)."""
    rng = stream(seed, "season")
    places = PLACES[: preset.destinations]
    peak = np.array([float(place.peak_day) for place in places]) + rng.normal(0, 8, len(places))
    amplitude: Floats = rng.lognormal(np.log([place.amplitude for place in places]), 0.15)
    south = np.where([place.latitude < -20 for place in places], _YEAR / 2, 0.0)
    # 1970-01-01 was day 0, so the remainder is the day of the year within a day.
    day_of_year = np.mod(days.astype(np.float64), _YEAR)
    own = amplitude[:, None] * _wave(day_of_year, peak)
    by_type = np.stack(
        [
            np.zeros_like(own),
            0.45 * _wave(day_of_year, 200 + south),
            0.18 * _wave(2 * day_of_year, 2 * (130 + south)),
            0.55 * _wave(day_of_year, 35 + south),
        ],
        axis=1,
    )
    return (own[:, None, :] + by_type).reshape(-1, len(days))


def weekday_effect(preset: Preset, seed: int, days: Ints) -> Floats:
    """Factor of the check-in's weekday by destination, mean 1 over a week; shape (N, D)."""
    strength = stream(seed, "weekday").uniform(0.5, 1.3, preset.destinations)
    monday_first = np.array([0.82, 0.78, 0.84, 1.0, 1.5, 1.3, 0.8])
    by_weekday: Floats = monday_first ** strength[:, None]
    by_weekday /= by_weekday.mean(axis=1, keepdims=True)
    return by_weekday[:, (days + 3) % 7]


def holiday_effect(days: Ints) -> Floats:
    """Factor of check-ins around Christmas and New Year, 1 May and mid-August; shape (D,)."""
    stamp = days.astype("datetime64[D]")
    month = stamp.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (stamp - stamp.astype("datetime64[M]")).astype(np.int64) + 1
    factor = np.ones(len(days))
    factor[(month == 12) & (day >= 21)] = 1.5
    factor[((month == 4) & (day >= 28)) | ((month == 5) & (day <= 1))] = 1.3
    factor[(month == 8) & (day >= 8) & (day <= 16)] = 1.15
    return factor


def trend(preset: Preset, seed: int, days: Ints) -> Floats:
    """Factor of growth of each destination since the first day; shape (N, D)."""
    yearly = stream(seed, "trend").normal(preset.growth, 0.08, preset.destinations)
    growth: Floats = np.exp(yearly[:, None] * (days - days[0]) / _YEAR)
    return growth


def weekly_shock(preset: Preset, seed: int, days: Ints) -> Floats:
    """Slow AR(1) shock of each destination by week, which no forecast can know; shape (N, D)."""
    persistence, spread = 0.85, 0.18
    weeks = (days - days[0]) // 7
    noise = stream(seed, "shock").normal(0, 1, (preset.destinations, int(weeks[-1]) + 1))
    noise[:, 1:] *= np.sqrt(1 - persistence**2)
    level = np.empty_like(noise)
    level[:, 0] = noise[:, 0]
    for week in range(1, level.shape[1]):
        level[:, week] = persistence * level[:, week - 1] + noise[:, week]
    factor: Floats = np.exp(spread * level - spread**2 / 2)
    return factor[:, weeks]


def lead_time_distributions() -> Floats:
    """Lead time by component (last minute, planned, far ahead), each summing to 1; shape (K, L)."""
    lead = np.arange(MAX_LEAD + 1) + 0.5
    shape, mean = np.array([[1.0], [1.4], [5.0]]), np.array([[4.0], [38.0], [112.0]])
    log_density = (shape - 1) * np.log(lead) - lead * shape / mean
    density: Floats = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    density /= density.sum(axis=1, keepdims=True)
    return density


def lead_time_mix(preset: Preset, seed: int, season: Floats) -> Floats:
    """Share of each lead-time component; guests plan the high season ahead. Shape (K, N, D)."""
    own = stream(seed, "lead_mix").normal(0, 0.25, (3, preset.destinations, 1))
    by_destination = season.reshape(preset.destinations, len(PROPERTY_TYPES), -1).mean(axis=1)
    logits = np.log([0.29, 0.51, 0.20])[:, None, None] + own
    logits = logits + np.array([-0.4, 0.0, 0.6])[:, None, None] * by_destination
    share: Floats = np.exp(logits)
    share /= share.sum(axis=0)
    return share


def creation_rates(check_ins: Floats, lead_mix: Floats, lead_times: Floats, creation_days: Ints) -> Floats:
    """Move expected check-ins back by their lead time to the day when they are booked.

    `lead_mix` is by group here, shape (K, G, D); returns shape (G, T).
    """
    size = check_ins.shape[1] + lead_times.shape[1]
    # A correlation with the lead time, summed over its components.
    ahead = np.fft.rfft(check_ins * lead_mix, size) * np.fft.rfft(lead_times, size).conj()[:, None]
    rates = np.fft.irfft(ahead.sum(axis=0), size)[:, : len(creation_days)]
    return np.maximum(rates, 0.0)


def price_effect(price: Floats, market_price: Floats) -> Floats:
    """Factor on demand of a price against what the market asks for such a property."""
    factor: Floats = (price / market_price) ** ELASTICITY
    return factor


def _wave(day: Floats, peak: Floats) -> Floats:
    """Cosine of period one year with its maximum at `peak`; shape (N, D)."""
    wave: Floats = np.cos(2 * np.pi * (day - peak[:, None]) / _YEAR)
    return wave
