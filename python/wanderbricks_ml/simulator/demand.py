"""Expected demand by destination, property type and day, before prices and quality.

A *group* is a destination with a property type: ``destination * len(PROPERTY_TYPES) + type``.
Days are columns: check-in days run from the first day to `MAX_LEAD` days after the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wanderbricks_ml.arrays import Floats, Ints
from wanderbricks_ml.simulator.columns import day_number, stream
from wanderbricks_ml.simulator.places import PLACES, PROPERTY_TYPES
from wanderbricks_ml.simulator.presets import Preset

MAX_LEAD = 365
WEEKLY_SHOCK, DAILY_SHOCK = (0.85, 0.16), (0.5, 0.18)
"""Two AR(1) shocks of a destination, by week and by day of check-in: autocorrelation and standard deviation of the
logarithm."""

_COMPETITION = 0.25
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
    expected
        Attempts to book by check-in day, before shocks, shape (G, D).
    shock
        Factor of each destination by check-in day, shape (N, D).
    lead_mix
        Share of each lead-time component by destination and check-in day, shape (K, N, D).
    lead_times
        Distribution of the lead time in days by component, shape (K, MAX_LEAD + 1).
    surge
        Factor on all attempts by the day on which they are made, 1 without a planted shock, shape (T,).
    creations
        Attempts to book by the day they are made, shape (G, T).
    price_slope
        Each group's sensitivity to the price, relative to the market's, for `Laws.price_effect`; shape (G,).
    """

    check_in_days: Ints
    creation_days: Ints
    log_season: Floats
    expected: Floats
    shock: Floats
    lead_mix: Floats
    lead_times: Floats
    surge: Floats
    creations: Floats
    price_slope: Floats

    @property
    def check_ins(self) -> Floats:
        """Attempts to book by check-in day, shape (G, D)."""
        return self.expected * self.shock[self.destination]

    @property
    def destination(self) -> Ints:
        """Destination of each group, shape (G,)."""
        return np.arange(len(self.log_season)) // len(PROPERTY_TYPES)

    def booked_ahead(self, destination: int) -> Floats:
        """Share of the attempts for each check-in day made at least L days before it, shape (D, MAX_LEAD + 2)."""
        mix = self.lead_mix[:, destination].T @ self.lead_times
        ahead = np.zeros((len(mix), MAX_LEAD + 2))
        ahead[:, :-1] = np.cumsum(mix[:, ::-1], axis=1)[:, ::-1]
        return ahead


def expected_demand(preset: Preset, seed: int, surges: Sequence[tuple[int, float]] = ()) -> Demand:
    """Draw the destinations' seasons, events, trends and shocks, and what demand follows from them.

    `surges` are planted shocks: (day since 1970, factor on all attempts made from it on).
    """
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    days = np.arange(first, last + MAX_LEAD + 1)
    creation_days = np.arange(first, last + 1)
    season = log_season(preset, seed, days)
    destination = np.arange(len(season)) // len(PROPERTY_TYPES)
    expected = (
        np.exp(season)
        * (
            weekday_effect(preset, seed, days)
            * holiday_effect(days)
            * event_effect(preset, seed, days)
            * trend(preset, seed, days)
        )[destination]
    )
    shock = destination_shock(preset, seed, days)
    lead_times = lead_time_distributions()
    lead_mix = lead_time_mix(preset, seed, season)
    surge = np.ones(len(creation_days))
    for day, factor in surges:
        surge[creation_days >= day] *= factor
    check_ins = expected * shock[destination]
    return Demand(
        check_in_days=days,
        creation_days=creation_days,
        log_season=season,
        expected=expected,
        shock=shock,
        lead_mix=lead_mix,
        lead_times=lead_times,
        surge=surge,
        creations=surge * creation_rates(check_ins, lead_mix[:, destination], lead_times, creation_days),
        # revenue per attempt is largest at 1 / slope of the market price
        price_slope=np.clip(stream(seed, "price_slope").lognormal(0.1, 0.4, len(season)), 0.5, 2.4),
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
            0.3 * _wave(day_of_year, 200 + south),
            0.12 * _wave(2 * day_of_year, 2 * (130 + south)),
            0.36 * _wave(day_of_year, 35 + south),
        ],
        axis=1,
    )
    return (own[:, None, :] + by_type).reshape(-1, len(days))


def weekday_effect(preset: Preset, seed: int, days: Ints) -> Floats:
    """Factor of the check-in's weekday by destination, mean 1 over a week; shape (N, D)."""
    strength = stream(seed, "weekday").uniform(0.5, 1.3, preset.destinations)
    monday_first = np.array([0.98, 0.85, 0.80, 0.97, 1.18, 1.24, 0.98])
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


def event_effect(preset: Preset, seed: int, days: Ints) -> Floats:
    """Factor of two yearly events of each destination, in the same week every year; shape (N, D)."""
    rng = stream(seed, "events")
    day_of_year = np.mod(days.astype(np.float64), _YEAR)
    factor = np.ones((preset.destinations, len(days)))
    for _ in range(2):
        begin = rng.uniform(0, _YEAR, (preset.destinations, 1))
        length, height = rng.uniform(3, 8, (preset.destinations, 1)), rng.uniform(1.25, 2.0, (preset.destinations, 1))
        factor *= np.where(np.mod(day_of_year - begin, _YEAR) < length, height, 1.0)
    return factor


def trend(preset: Preset, seed: int, days: Ints) -> Floats:
    """Factor of growth of each destination's demand per listing since the first day; shape (N, D).

    New listings share what comes: the preset's growth is before that competition.
    """
    rng = stream(seed, "trend")
    years = (days - days[0]) / _YEAR
    yearly = rng.normal(preset.growth, 0.08, preset.destinations)
    listings = 1 + rng.uniform(0.1, 0.5, preset.destinations)[:, None] * years
    growth: Floats = np.exp(yearly[:, None] * years) * listings**-_COMPETITION
    return growth


def destination_shock(preset: Preset, seed: int, days: Ints) -> Floats:
    """Factor of slow and of quick shocks, of mean 1, known only from bookings; shape (N, D)."""
    weeks = (days - days[0]) // 7
    slow = _autoregressive(seed, "weekly_shock", preset.destinations, int(weeks[-1]) + 1, *WEEKLY_SHOCK)
    quick = _autoregressive(seed, "daily_shock", preset.destinations, len(days), *DAILY_SHOCK)
    variance = WEEKLY_SHOCK[1] ** 2 + DAILY_SHOCK[1] ** 2
    factor: Floats = np.exp(slow[:, weeks] + quick - variance / 2)
    return factor


def lead_time_distributions() -> Floats:
    """Lead time by component (last minute, planned, far ahead), each summing to 1; shape (K, L)."""
    lead = np.arange(MAX_LEAD + 1) + 0.5
    shape, mean = np.array([[1.13], [0.87], [2.44]]), np.array([[1.0], [26.7], [120.4]])
    log_density = (shape - 1) * np.log(lead) - lead * shape / mean
    density: Floats = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    density /= density.sum(axis=1, keepdims=True)
    return density


def lead_time_mix(preset: Preset, seed: int, season: Floats) -> Floats:
    """Share of each lead-time component; guests plan the high season ahead. Shape (K, N, D)."""
    own = stream(seed, "lead_mix").normal(0, 0.25, (3, preset.destinations, 1))
    by_destination = season.reshape(preset.destinations, len(PROPERTY_TYPES), -1).mean(axis=1)
    logits = np.log([0.12, 0.50, 0.38])[:, None, None] + own
    logits = logits + np.array([-0.6, 0.0, 1.0])[:, None, None] * by_destination
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


def _autoregressive(seed: int, name: str, series: int, length: int, persistence: float, spread: float) -> Floats:
    """Stationary AR(1) series of mean 0, shape (series, length)."""
    noise = stream(seed, name).normal(0, spread, (series, length))
    noise[:, 1:] *= np.sqrt(1 - persistence**2)
    level: Floats = np.empty_like(noise)
    level[:, 0] = noise[:, 0]
    for step in range(1, length):
        level[:, step] = persistence * level[:, step - 1] + noise[:, step]
    return level


def _wave(day: Floats, peak: Floats) -> Floats:
    """Cosine of period one year with its maximum at `peak`; shape (N, D)."""
    wave: Floats = np.cos(2 * np.pi * (day - peak[:, None]) / _YEAR)
    return wave
