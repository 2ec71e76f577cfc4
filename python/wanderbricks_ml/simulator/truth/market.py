"""What a world's properties can be seen to do, day by day, and the shocks that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, ragged_arange
from wanderbricks_ml.simulator.demand import DAILY_SHOCK, MAX_LEAD, WEEKLY_SHOCK

if TYPE_CHECKING:
    from wanderbricks_ml.simulator import World


MOST_PROPERTIES = 2_000

_DAYS_BEFORE = 70


@dataclass(frozen=True)
class Market:
    """What a world's properties can be seen to do, day by day.

    Attributes
    ----------
    unit
        Attempts expected of a latent of 1, by property and day of creation, shape (P, T).
    level
        Level of the price in force at the start of each day, shape (P, T).
    open_unit
        `unit` less the attempts whose first night is taken.
    open_before
        The same at the start of the day: what is booked on the day itself still counts as open.
    booked
        Parties who booked before each day, shape (P, T + 1).
    exposure
        Sum of `open_unit` before each day, shape (P, T + 1).
    ahead
        Parties that one expects without shocks, by destination and check-in day, made L days before it or earlier,
        shape (N, D, MAX_LEAD + 2).
    """

    world: World
    unit: Floats
    level: Floats
    open_unit: Floats
    open_before: Floats
    booked: Floats
    exposure: Floats
    ahead: Floats

    @classmethod
    def of(cls, world: World) -> Market:
        demand, properties, stays = world.demand, world.properties, world.stays
        count = min(len(properties.listed), MOST_PROPERTIES)
        first, days = demand.creation_days[0], len(demand.creation_days)
        group = properties.group[:count]
        # the price in force at the start of the day; on the day of listing the first one
        starts = np.clip(-(-world.prices.starts // DAY) - first, 0, days)
        ends = np.clip(-(-world.prices.ends // DAY) - first, 0, days)
        owned = world.prices.owner < count
        column, version = ragged_arange(starts[owned], np.maximum(ends - starts, 0)[owned])
        level = np.zeros((count, days))
        level[world.prices.owner[owned][version], column] = world.levels[owned][version]
        unit = level * demand.creations[group, :]
        listed = np.maximum(properties.listed[:count] - first, 0)
        gone = np.clip(properties.delisted[:count] - first, 0, days)
        alive = (np.arange(days) >= listed[:, None]) & (np.arange(days) < gone[:, None])
        unit = np.where(alive, unit, 0.0)
        taken = np.zeros(count * days)
        taken_today = np.zeros(count * days)
        for pair in _taken_nights(world, count):
            rate = pair.share * demand.check_ins[properties.group[pair.listing], pair.night] * demand.surge[pair.day]
            taken += np.bincount(pair.listing * days + pair.day, rate, minlength=count * days)
            taken_today += np.bincount(pair.listing * days + pair.day, rate * pair.is_new, minlength=count * days)
        open_unit = np.maximum(unit - taken.reshape(count, days) * level * alive, 0.0)
        open_before = np.maximum(unit - (taken - taken_today).reshape(count, days) * level * alive, 0.0)
        rows = (stays.listing < count) & stays.is_first
        booked = np.zeros((count, days + 1))
        np.add.at(booked, (stays.listing[rows], stays.created[rows] // DAY - first + 1), 1)
        booked = np.cumsum(booked, axis=1)
        exposure = np.zeros((count, days + 1))
        np.cumsum(open_unit, axis=1, out=exposure[:, 1:])
        shape = world.preset.latent_shape
        strength = level * alive * (shape + booked[:, :-1]) / (shape + exposure[:, :-1]) * demand.surge
        return cls(world, unit, level, open_unit, open_before, booked, exposure, _expected_ahead(world, strength))

    def latent(self, column: int) -> Floats:
        """Expected latent of each property at the start of day `column`."""
        shape = self.world.preset.latent_shape
        return (shape + self.booked[:, column]) / (shape + self.exposure[:, column])


class _TakenNights(NamedTuple):
    """Nights that are taken, by the days on which somebody else might have tried to begin a stay there.

    Columns count days from the first; `share` of the attempts for the night are made on the day. `is_new` on the day
    on which the night was booked.
    """

    listing: Ints
    night: Ints
    day: Ints
    share: Floats
    is_new: Bools


def _taken_nights(world: World, count: int) -> Iterator[_TakenNights]:
    """All taken nights of the first `count` properties, in pieces; a hotel's are not."""
    demand, stays = world.demand, world.stays
    ahead = np.stack([demand.booked_ahead(n) for n in range(world.preset.destinations)])
    first, days = demand.creation_days[0], len(demand.creation_days)
    rows = np.flatnonzero((stays.listing < count) & ~world.properties.is_hotel[stays.listing])
    created, cancelled = stays.created // DAY, stays.cancelled_at // DAY
    for chunk in np.array_split(rows, max(1, len(rows) // 20_000)):
        night, stay = ragged_arange(stays.check_in[chunk], stays.nights[chunk])
        row = chunk[stay]
        until = np.minimum(np.minimum(cancelled[row], night), first + days - 1)
        day, pair = ragged_arange(created[row], np.maximum(until - created[row] + 1, 0))
        row, night = row[pair], night[pair]
        near = night - day <= MAX_LEAD
        day, row, night = day[near], row[near], night[near]
        destination = world.properties.destination[stays.listing[row]]
        lead, column = night - day, night - first
        share = ahead[destination, column, lead] - ahead[destination, column, lead + 1]
        # the first and the last day count in part
        part = np.where(day == created[row], 0.5, 1.0) * np.where(day == cancelled[row], 0.5, 1.0)
        yield _TakenNights(stays.listing[row], column, day - first, part * share, day == created[row])


def _expected_ahead(world: World, strength: Floats) -> Floats:
    """`Market.ahead`, given each property's expected latent times level by day of creation, shape (P, T)."""
    demand, properties = world.demand, world.properties
    count, days = strength.shape
    group = properties.group[:count]
    nights = demand.expected.shape[1]
    result = np.zeros((world.preset.destinations, nights, MAX_LEAD + 2))
    by_group = np.zeros((len(demand.expected), days))
    np.add.at(by_group, group, strength)
    night, lead = np.arange(nights)[:, None], np.arange(MAX_LEAD + 1)
    made = night - lead
    inside = (made >= 0) & (made < days)
    column = np.clip(made, 0, days - 1)
    for destination in range(world.preset.destinations):
        ahead = demand.booked_ahead(destination)
        tried = np.zeros((nights, MAX_LEAD + 1))
        for row in np.flatnonzero(demand.destination == destination):
            tried += demand.expected[row][:, None] * by_group[row][column]
        result[destination, :, :-1] = np.where(inside, tried * (ahead[:, :-1] - ahead[:, 1:]), 0.0)
    size = result[0].size
    for pair in _taken_nights(world, count):
        rate = (
            pair.share * demand.expected[properties.group[pair.listing], pair.night] * strength[pair.listing, pair.day]
        )
        places = properties.destination[pair.listing]
        cell = pair.night * (MAX_LEAD + 2) + pair.night - pair.day
        for place in np.unique(places):
            of_place = places == place
            result[place] -= np.bincount(cell[of_place], rate[of_place], minlength=size).reshape(result[0].shape)
    np.maximum(result, 0.0, out=result)
    return np.cumsum(result[:, :, ::-1], axis=2)[:, :, ::-1]


def expected_shock(market: Market, column: int, horizon: int) -> Floats:
    """Expected shock of each destination from the snapshot to `horizon` days after it, shape (N, horizon + 1)."""
    world = market.world
    demand, stays = world.demand, world.stays
    snapshot = demand.creation_days[0] + column
    begin = max(column - _DAYS_BEFORE, 0)
    days = np.arange(begin, column + horizon + 1)
    count = len(market.unit)
    expected = market.ahead[:, days, np.clip(days - column + 1, 0, MAX_LEAD + 1)]
    counts = np.zeros_like(expected)
    at = stays.check_in - demand.creation_days[0] - begin
    rows = (stays.created < snapshot * DAY) & (stays.listing < count) & (at >= 0) & (at < len(days)) & stays.is_first
    np.add.at(counts, (world.properties.destination[stays.listing[rows]], at[rows]), 1)
    weeks = days // 7
    covariance = WEEKLY_SHOCK[1] ** 2 * WEEKLY_SHOCK[0] ** np.abs(weeks[:, None] - weeks)
    covariance += DAILY_SHOCK[1] ** 2 * DAILY_SHOCK[0] ** np.abs(days[:, None] - days)
    precision, variance = np.linalg.inv(covariance), covariance[0, 0]
    # Laplace: Newton steps to the mode of Poisson counts under the Gaussian prior
    mode = np.zeros_like(expected)
    for _ in range(30):
        rate = expected * np.exp(mode - variance / 2)
        curvature = precision + rate[:, :, None] * np.eye(len(days))
        step = np.linalg.solve(curvature, (counts - rate - mode @ precision)[:, :, None])[:, :, 0]
        mode += step
        if np.abs(step).max() < 1e-6:
            break
    left = np.diagonal(np.linalg.inv(curvature), axis1=1, axis2=2)
    factor: Floats = np.exp(mode + left / 2 - variance / 2)
    return factor[:, column - begin :]
