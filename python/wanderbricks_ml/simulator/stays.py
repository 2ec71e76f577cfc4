"""Attempts to book, and which of them find the calendar free.

An attempt is for a check-in day and some nights. A property's night can be booked by one guest at a time, unless it is
a hotel: an attempt whose first night is taken comes to nothing, one that runs into a taken night ends the day before.
Cancelled stays free their nights from the moment of the cancellation on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, stream
from wanderbricks_ml.simulator.demand import MAX_LEAD, Demand
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.prices import Prices
from wanderbricks_ml.simulator.world import Properties

MAX_NIGHTS = 14
STAY_FURTHER = np.array([2.4, 3.4, 2.4, 3.5])
"""Mean nights after the first, by property type, of a private guest."""

BUSINESS_STAY = 0.45
"""Business stays have this share of the further nights."""

STAY_SHAPE = 2.5
"""Shape of the gamma distribution, of mean 1, of the further nights' mean."""

WEEK_SHARE = 0.035
"""Share of the stays that are for a week, whatever else."""

_NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Attempts:
    """Attempts to book in the order in which they are made.

    Attributes
    ----------
    listing
        Row of the property.
    check_in
        Days since 1970.
    created
        Seconds since 1970.
    version
        Row of the price version in force at `created`.
    """

    listing: Ints
    check_in: Ints
    created: Ints
    version: Ints

    @property
    def lead(self) -> Ints:
        """Whole days between the attempt and check-in."""
        return self.check_in - self.created // DAY

    def of(self, rows: Bools) -> Attempts:
        """Some of them, in the same order."""
        return Attempts(self.listing[rows], self.check_in[rows], self.created[rows], self.version[rows])


def draw_attempts(
    preset: Preset, seed: int, shard: int, properties: Properties, prices: Prices, levels: Floats, demand: Demand
) -> Attempts:
    """Draw attempts as a Poisson process over properties, check-in days and lead times.

    Each property's process is drawn at its highest level, by check-in day, moved back by a lead
    time, and thinned to the level of the price in force at that moment. Check-ins before the
    listing and attempts outside the property's life or the period fall away.
    """
    rng = stream(seed, "attempts", shard)
    group = properties.group
    first = demand.check_in_days[0]
    opening = np.searchsorted(prices.owner, np.arange(len(group)))
    strongest = demand.surge.max()
    highest = properties.latent * np.maximum.reduceat(levels, opening) * strongest
    cumulated = np.cumsum(demand.check_ins, axis=1)
    total = cumulated[:, -1]
    share = cumulated / total[:, None]
    unlisted = np.clip(properties.listed - first, 0, None)
    missed = np.where(unlisted > 0, share[group, np.maximum(unlisted - 1, 0)], 0.0)
    drawn = rng.poisson(highest * total[group] * (1 - missed))
    listing = np.repeat(np.arange(len(group)), drawn)

    position = missed[listing] + rng.random(len(listing)) * (1 - missed[listing])
    rows = np.arange(len(share))[:, None]
    flat = np.searchsorted((share + rows).ravel(), group[listing] + position, side="right")
    column = np.clip(flat - group[listing] * share.shape[1], 0, share.shape[1] - 1)
    check_in = first + column
    lead = _lead_times(rng, demand, properties.destination[listing], column)
    created = (check_in - lead) * DAY + _time_of_day(rng, len(lead))

    end = (demand.creation_days[-1] + 1) * DAY
    listed = np.maximum(properties.listed, first)[listing] * DAY
    alive = (created >= listed) & (created < np.minimum(properties.delisted[listing] * DAY, end))
    listing, check_in, created = listing[alive], check_in[alive], created[alive]
    version = prices.at(listing, created)
    surge = demand.surge[created // DAY - demand.creation_days[0]]
    rate = properties.latent[listing] * levels[version] * surge
    kept = rng.random(len(listing)) * highest[listing] < rate
    order = np.lexsort((check_in[kept], listing[kept], created[kept]))
    return Attempts(*(values[kept][order] for values in (listing, check_in, created, version)))


def draw_nights(rng: np.random.Generator, property_type: Ints, business: Bools, lead: Ints) -> Ints:
    """Wished length of stay, 1 to `MAX_NIGHTS`: longer when planned ahead, and now and then a week."""
    further = STAY_FURTHER[property_type] * np.where(business, BUSINESS_STAY, 1.0) * planned_stay(lead)
    drawn = rng.poisson(further * rng.gamma(STAY_SHAPE, 1 / STAY_SHAPE, len(further)))
    nights = 1 + np.minimum(drawn, MAX_NIGHTS - 1)
    return np.where(rng.random(len(nights)) < WEEK_SHARE, 7, nights)


def planned_stay(lead: Ints) -> Floats:
    """Factor on the further nights by lead time in days."""
    factor: Floats = np.exp(0.2 * (np.log1p(lead) - 3.6))
    return factor


def fit_calendar(attempts: Attempts, nights: Ints, cancelled: Ints, properties: int) -> Ints:
    """Nights that each attempt gets: 0 where its first night is taken.

    Parameters
    ----------
    attempts
        In order of creation.
    nights
        Wished nights.
    cancelled
        Second since 1970 from which the stay would be cancelled; the largest integer for never.
    properties
        Number of properties.
    """
    count = len(attempts.listing)
    got = np.zeros(count, np.int64)
    if not count:
        return got
    origin = attempts.created.min()
    first = attempts.check_in.min()
    made = (attempts.created - origin).astype(np.int32)
    freed = np.where(cancelled == np.iinfo(np.int64).max, _NEVER, cancelled - origin).astype(np.int32)
    # the second until which each night is taken; a free night's lies in the past
    taken = np.full((properties, int(attempts.check_in.max() - first) + 1 + MAX_NIGHTS), -1, np.int32)
    order = np.argsort(attempts.listing, kind="stable")
    number = np.bincount(attempts.listing, minlength=properties)
    begin = np.cumsum(number) - number
    busiest = np.argsort(-number, kind="stable")
    reach = np.arange(MAX_NIGHTS)
    # the k-th attempts of all properties at once: each property's calendar is its own
    for k in range(int(number.max())):
        having = busiest[: np.searchsorted(-number[busiest], -k, side="left")]
        row = order[begin[having] + k]
        column = (attempts.check_in[row] - first)[:, None] + reach
        until = taken[having[:, None], column]
        blocked = until > made[row][:, None]
        gap = np.where(blocked.any(axis=1), blocked.argmax(axis=1), MAX_NIGHTS)
        stay = np.minimum(nights[row], gap)
        got[row] = stay
        taken[having[:, None], column] = np.where(reach < stay[:, None], freed[row][:, None], until)
    return got


def _lead_times(rng: np.random.Generator, demand: Demand, destination: Ints, column: Ints) -> Ints:
    """Lead time in days for check-ins at `destination` on the days of `column`."""
    mix = demand.lead_mix[:, destination, column]
    pick = rng.random(len(column))
    component = (pick > mix[0]).astype(np.int64) + (pick > mix[0] + mix[1])
    cumulated = np.cumsum(demand.lead_times, axis=1)
    cumulated /= cumulated[:, -1:]
    key = (cumulated + np.arange(len(cumulated))[:, None]).ravel()
    flat = np.searchsorted(key, component + rng.random(len(column)), side="right")
    lead: Ints = np.clip(flat - component * (MAX_LEAD + 1), 0, MAX_LEAD)
    return lead


def _time_of_day(rng: np.random.Generator, count: int) -> Ints:
    """Seconds since midnight, mostly in the afternoon and evening."""
    return (rng.beta(3.0, 2.0, count) * DAY).astype(np.int64).clip(0, DAY - 1)
