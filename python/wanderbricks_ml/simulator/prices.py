"""Prices that hosts ask over time, and what they do to demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanderbricks_ml.arrays import Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, OPEN, day_number, stream
from wanderbricks_ml.simulator.demand import Demand
from wanderbricks_ml.simulator.laws import Laws
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.world import Hosts, Properties

_TRIALS = np.array([-0.3, -0.2, -0.1, 0.1, 0.2, 0.3])


@dataclass(frozen=True)
class Prices:
    """Price versions in order of property and time, tiling each property's life.

    Attributes
    ----------
    owner
        Row of the property.
    starts, ends
        Seconds since 1970; `OPEN` for the version in force.
    price
        Of a night.
    """

    owner: Ints
    starts: Ints
    ends: Ints
    price: Floats

    def at(self, owner: Ints, seconds: Ints) -> Ints:
        """Rows of the versions in force for properties `owner` at `seconds`."""
        origin = self.starts.min()
        span = max(self.starts.max(), seconds.max()) - origin + 1
        keys = self.owner * span + self.starts - origin
        version: Ints = np.searchsorted(keys, owner * span + seconds - origin, side="right") - 1
        return version


def draw_prices(preset: Preset, seed: int, shard: int, properties: Properties, hosts: Hosts, demand: Demand) -> Prices:
    """Draw the prices that hosts ask over time.

    At a revision a host sets a price by taste, by what the property can bear (its hidden demand), by the season and
    by the destination's present shock: prices that follow demand, so that a careless regression finds guests who
    hardly mind a price. Some hosts also try a random level between -30 % and +30 % for some weeks, whatever the
    demand, which identifies the effect at every level.
    """
    rng = stream(seed, "prices", shard)
    count = preset.properties
    first, end = day_number(preset.first_day), (day_number(preset.last_day) + 1) * DAY
    earliest = (np.maximum(properties.listed, first - 60) + 7) * DAY
    room = np.maximum(end - earliest, 0)

    def moments_of(yearly: Floats, most: int) -> tuple[Ints, Ints]:
        number = np.minimum(rng.poisson(yearly * room / (365 * DAY)), most)
        owner = np.repeat(np.arange(count), number)
        return owner, earliest[owner] + (rng.random(len(owner)) * room[owner]).astype(np.int64)

    revised, revised_at = moments_of(np.full(count, 2.0), 12)
    tried, tried_at = moments_of(np.where(hosts.experiments[properties.host], 2.0, 0.0), 12)
    order = np.lexsort((tried_at, tried))
    tried, tried_at = tried[order], tried_at[order]
    tried_until = tried_at + rng.integers(21, 61, len(tried)) * DAY
    offset = rng.choice(_TRIALS, len(tried))
    overlaps = np.zeros(len(tried), bool)
    overlaps[1:] = (tried[1:] == tried[:-1]) & (tried_at[1:] < tried_until[:-1])
    tried, tried_at, tried_until, offset = (values[~overlaps] for values in (tried, tried_at, tried_until, offset))

    owner = np.concatenate([np.arange(count), revised, tried, tried])
    starts = np.concatenate([properties.listed * DAY, revised_at, tried_at, tried_until])
    revision = np.concatenate([np.ones(count + len(revised), bool), np.zeros(2 * len(tried), bool)])
    trial = np.concatenate([np.full(count + len(revised), np.nan), offset, np.zeros(len(tried))])
    keep = starts < end
    owner, starts, revision, trial = owner[keep], starts[keep], revision[keep], trial[keep]
    order = np.lexsort((starts, owner))
    owner, starts, revision, trial = owner[order], starts[order], revision[order], trial[order]

    row = np.arange(len(owner))
    destination = properties.destination[owner]
    column = np.clip(starts // DAY - demand.check_in_days[0], 0, None)
    fashion = rng.normal(0, 0.25, count)
    alertness = rng.gamma(2.0, 0.15, count)
    base = (
        fashion[owner]
        + 0.25 * np.log(properties.latent[owner] + 0.2)
        + alertness[owner] * demand.log_season[properties.group[owner], column]
        + 0.8 * np.log(demand.shock[destination, column])
        + rng.normal(0, 0.05, len(owner))
    )
    # each version has the base of its last revision and the level of its last trial
    last_revision = np.maximum.accumulate(np.where(revision, row, 0))
    is_trial = ~np.isnan(trial)
    last_trial = np.maximum.accumulate(np.where(is_trial, row, -1))
    has_trial = (last_trial >= 0) & (owner[last_trial] == owner)
    level = np.where(has_trial, np.nan_to_num(trial)[last_trial], 0.0)
    price = properties.market_price[owner] * np.exp(base[last_revision]) * (1 + level)
    price = np.round(np.clip(price, 15, 5_000), 2)

    # versions tile: of two at one moment the later one counts, and one without a change is none
    last_of_moment = np.ones(len(owner), bool)
    last_of_moment[:-1] = (owner[1:] != owner[:-1]) | (starts[1:] != starts[:-1])
    owner, starts, price = owner[last_of_moment], starts[last_of_moment], price[last_of_moment]
    changes = np.ones(len(owner), bool)
    changes[1:] = (owner[1:] != owner[:-1]) | (price[1:] != price[:-1])
    owner, starts, price = owner[changes], starts[changes], price[changes]
    ends = np.full(len(owner), OPEN)
    ends[:-1] = np.where(owner[1:] == owner[:-1], starts[1:], OPEN)
    return Prices(owner, starts, ends, price)


def booking_levels(preset: Preset, properties: Properties, prices: Prices, demand: Demand, laws: Laws) -> Floats:
    """Scale each version on its group's curve to attempts to book, shape (V,), for a latent of 1.

    The level is such that the whole period expects `preset.expected_attempts` attempts.
    """
    group = properties.group[prices.owner]
    relative_price = prices.price / properties.market_price[prices.owner]
    relative = properties.appeal[prices.owner] * laws.price_effect(relative_price, demand.price_slope[group])
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    from_day = np.clip(prices.starts / DAY, first, last + 1)
    until = np.minimum(prices.ends / DAY, properties.delisted[prices.owner])
    to_day = np.maximum(np.clip(until, first, last + 1), from_day)
    plain = demand.creations / demand.surge
    so_far = np.concatenate([np.zeros((len(plain), 1)), np.cumsum(plain, axis=1)], axis=1)
    exposure = _between(so_far, group, to_day - first) - _between(so_far, group, from_day - first)
    level: float = preset.expected_attempts / (relative * properties.latent[prices.owner] * exposure).sum()
    return relative * level


def _between(cumulated: Floats, row: Ints, position: Floats) -> Floats:
    """`cumulated` at fractional column `position`, straight between columns."""
    column = np.minimum(position.astype(np.int64), cumulated.shape[1] - 2)
    low, high = cumulated[row, column], cumulated[row, column + 1]
    value: Floats = low + (position - column) * (high - low)
    return value
