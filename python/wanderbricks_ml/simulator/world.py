"""Destinations, hosts, and properties with the versions of their prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from wanderbricks_ml.simulator.columns import (
    DAY,
    OPEN,
    Bools,
    Floats,
    Ints,
    dates,
    day_number,
    joined,
    moments,
    picked,
    stream,
    version_columns,
)
from wanderbricks_ml.simulator.demand import Demand, price_effect
from wanderbricks_ml.simulator.places import (
    COUNTRIES,
    FIRST_NAMES,
    LAST_NAMES,
    PLACES,
    PROPERTY_TYPES,
)
from wanderbricks_ml.simulator.presets import Preset

_LISTED_BEFORE = 380
_TRIALS = np.array([-0.3, -0.2, -0.1, 0.1, 0.2, 0.3])
_NIGHT_PRICE = np.array([place.price for place in PLACES])
_TITLES = ("Studio", "Apartment", "House", "Loft", "Villa", "Residence", "Retreat", "Chalet")


POLICY_SHARE = np.array([0.35, 0.4, 0.25])
"""Shares of the hosts by cancellation policy: flexible, moderate, strict."""


@dataclass(frozen=True)
class Hosts:
    """Hosts in order of host_id, one entry each.

    Attributes
    ----------
    standing
        Standard normal; gold's rating shows it, rounded.
    policy
        Hidden: 0 flexible, 1 moderate, 2 strict.
    experiments
        Hidden: whether the host now and then tries a random price.
    """

    standing: Floats
    policy: Ints
    experiments: Bools


@dataclass(frozen=True)
class Properties:
    """Properties in order of property_id, one entry each.

    Attributes
    ----------
    destination, property_type, host
        Row numbers into the places, `PROPERTY_TYPES` and the hosts.
    bedrooms, max_guests
        Size.
    appeal
        Factor on demand that anybody can learn from gold: destination and host's rating.
    latent
        Hidden factor on demand, gamma of mean 1 and the preset's shape.
    market_price
        Price of a night that such a property has on average.
    listed, delisted
        Days since 1970; `delisted` is the first day on which it cannot be booked any more.
    """

    destination: Ints
    property_type: Ints
    host: Ints
    bedrooms: Ints
    max_guests: Ints
    appeal: Floats
    latent: Floats
    market_price: Floats
    listed: Ints
    delisted: Ints

    @property
    def group(self) -> Ints:
        """Row of each property in the curves of `Demand`."""
        return self.destination * len(PROPERTY_TYPES) + self.property_type


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


def draw_hosts(preset: Preset, seed: int, shard: int) -> Hosts:
    """Draw what hosts are like."""
    rng = stream(seed, "host_traits", shard)
    return Hosts(
        standing=rng.normal(0, 1, preset.hosts),
        policy=rng.choice(len(POLICY_SHARE), preset.hosts, p=POLICY_SHARE),
        experiments=rng.random(preset.hosts) < 0.5,
    )


def draw_properties(preset: Preset, seed: int, shard: int, hosts: Hosts) -> Properties:
    """Draw the properties; destinations differ in popularity and in what is built there."""
    shared = stream(seed, "destinations")
    popularity = shared.gamma(4, 1, preset.destinations)
    appeal = shared.lognormal(0, 0.25, preset.destinations)
    rng = stream(seed, "properties", shard)
    count = preset.properties
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    destination = rng.choice(preset.destinations, count, p=popularity / popularity.sum())
    main_type = np.array([PROPERTY_TYPES.index(place.main_type) for place in PLACES])
    other = rng.choice(len(PROPERTY_TYPES), count, p=[0.45, 0.25, 0.2, 0.1])
    property_type = np.where(rng.random(count) < 0.55, main_type[destination], other)
    bedrooms = 1 + np.minimum(rng.negative_binomial(2, 0.6, count), 6)
    max_guests = np.maximum(1, 2 * bedrooms + rng.integers(-1, 3, count))
    market_price = (
        _NIGHT_PRICE[destination] * np.exp(0.30 * (bedrooms - 2)) * np.array([1.0, 1.1, 0.95, 1.25])[property_type]
    )
    before = rng.random(count) < 0.55
    listed = np.where(
        before,
        first - 1 - rng.integers(0, _LISTED_BEFORE, count),
        rng.integers(first, last - 30, count),
    )
    stays = rng.random(count) < 0.94
    earliest = np.maximum(listed, first) + 20
    host = _hosts_of(rng, preset)
    return Properties(
        destination=destination,
        property_type=property_type,
        host=host,
        bedrooms=bedrooms,
        max_guests=max_guests,
        appeal=appeal[destination] * np.exp(0.25 * hosts.standing[host]),
        latent=rng.gamma(preset.latent_shape, 1 / preset.latent_shape, count),
        market_price=market_price,
        listed=listed,
        delisted=np.where(stays, last + 1_000, rng.integers(earliest, last + 1)),
    )


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


def booking_levels(preset: Preset, properties: Properties, prices: Prices, demand: Demand) -> Floats:
    """Scale each version on its group's curve to attempts to book, shape (V,), for a latent of 1.

    The level is such that the whole period expects `preset.expected_attempts` attempts.
    """
    group = properties.group[prices.owner]
    relative_price = prices.price / properties.market_price[prices.owner]
    relative = properties.appeal[prices.owner] * price_effect(relative_price, demand.price_slope[group])
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    from_day = np.clip(prices.starts / DAY, first, last + 1)
    until = np.minimum(prices.ends / DAY, properties.delisted[prices.owner])
    to_day = np.maximum(np.clip(until, first, last + 1), from_day)
    plain = demand.creations / demand.surge
    so_far = np.concatenate([np.zeros((len(plain), 1)), np.cumsum(plain, axis=1)], axis=1)
    exposure = _between(so_far, group, to_day - first) - _between(so_far, group, from_day - first)
    level: float = preset.expected_attempts / (relative * properties.latent[prices.owner] * exposure).sum()
    return relative * level


def destination_table(preset: Preset) -> pa.Table:
    """dim_destination."""
    places = PLACES[: preset.destinations]
    opened = moments(np.full(len(places), (day_number(preset.first_day) - 400) * DAY))
    return pa.table(
        {
            "destination_id": np.arange(1, len(places) + 1),
            "destination": [place.destination for place in places],
            "country": [place.country for place in places],
            "state_or_province": pa.array([place.state for place in places], pa.string()),
            "state_or_province_code": pa.array([place.code for place in places], pa.string()),
            "description": [f"Stays in {place.destination}, {place.country}" for place in places],
            "record_created_timestamp": opened,
            "record_updated_timestamp": opened,
        }
    )


def property_table(preset: Preset, seed: int, shard: int, properties: Properties, prices: Prices) -> pa.Table:
    """dim_property, one row per price version."""
    rng = stream(seed, "property_attributes", shard)
    count = len(properties.listed)
    places = PLACES[: properties.destination.max() + 1]
    latitude = np.array([place.latitude for place in places])[properties.destination]
    longitude = np.array([place.longitude for place in places])[properties.destination]
    baths = np.maximum(1, properties.bedrooms - rng.integers(0, 2, count))
    title = joined(
        picked(_TITLES, rng.integers(0, len(_TITLES), count)),
        " in ",
        picked([place.destination for place in places], properties.destination),
    )
    description = joined(
        picked(PROPERTY_TYPES, properties.property_type),
        " stay for ",
        pa.array(properties.max_guests),
    )
    spread = rng.normal(0, 0.04, (2, count))
    by_property = pa.table(
        {
            "property_id": np.arange(1, count + 1) + shard * count,
            "host_id": properties.host + 1 + shard * preset.hosts,
            "destination_id": properties.destination + 1,
            "title": title,
            "description": description,
            "property_type": picked(PROPERTY_TYPES, properties.property_type),
            "max_guests": properties.max_guests,
            "bedrooms": properties.bedrooms,
            "bathrooms": baths,
            "property_latitude": (latitude + spread[0]).astype(np.float32),
            "property_longitude": (longitude + spread[1]).astype(np.float32),
            "created_at": dates(properties.listed),
        }
    )
    versions = by_property.take(pa.array(prices.owner))
    return pa.table(
        {
            "property_key": version_keys("p", prices.owner, shard * count),
            **{name: versions[name] for name in versions.column_names},
            "base_price": prices.price.astype(np.float32),
            **version_columns(prices.starts, prices.ends),
        }
    )


def host_table(preset: Preset, seed: int, shard: int, hosts: Hosts, properties: Properties) -> pa.Table:
    """dim_host; some hosts change rating, activity or verification once."""
    rng = stream(seed, "hosts", shard)
    count = preset.hosts
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    listing = np.full(count, last)
    np.minimum.at(listing, properties.host, properties.listed)
    joined_on = np.maximum(listing - rng.exponential(60, count).astype(np.int64), first - 395)
    without = np.arange(count) >= preset.hosts_with_property
    joined_on[without] = rng.integers(first - 300, last - 60, without.sum())
    base = two_versions(rng, joined_on, (last + 1) * DAY, 0.06)
    owner, second = base.owner, base.second
    identity = owner + 1 + shard * count
    rows = len(owner)
    unrated = (rng.random(count) < np.where(without, 0.5, 0.03))[owner] & ~second
    rating = np.clip((4.4 + 0.4 * hosts.standing)[owner] + second * rng.normal(0, 0.3, rows), 1, 5)
    first_name, last_name = _names(rng, count)
    name = joined(first_name, " ", last_name).take(pa.array(owner))
    return pa.table(
        {
            "host_key": version_keys("h", owner, shard * count),
            "host_id": identity,
            "name": name,
            "email": joined("host", pa.array(identity), "@wanderbricks.example"),
            "phone": joined("+1555", pa.array(1_000_000 + identity)),
            "is_verified": (rng.random(count) < 0.8)[owner] | second,
            "is_active": (rng.random(count) < 0.95)[owner] & ~(second & (rng.random(rows) < 0.5)),
            "rating": pa.array(np.round(rating, 1).astype(np.float32), mask=unrated),
            "country": picked(COUNTRIES, rng.integers(0, len(COUNTRIES), count)[owner]),
            "joined_at": dates(joined_on[owner]),
            **version_columns(base.starts, base.ends),
        }
    )


@dataclass(frozen=True)
class Versions:
    """One or two versions of each entity, ordered by entity and time."""

    owner: Ints
    second: Bools
    starts: Ints
    ends: Ints


def two_versions(rng: np.random.Generator, begun: Ints, end: int, share: float) -> Versions:
    """Versions from day `begun` on, a second one for about `share` of the entities.

    `end` is the first second after the simulated period; changes lie before it.
    """
    count = len(begun)
    room = end - (begun + 1) * DAY
    changes = (rng.random(count) < share) & (room > 0)
    moment = (begun + 1) * DAY + (rng.random(count) * np.maximum(room, 1)).astype(np.int64)
    owner = np.repeat(np.arange(count), 1 + changes)
    second = np.zeros(len(owner), bool)
    second[1:] = owner[1:] == owner[:-1]
    starts = np.where(second, moment[owner], begun[owner] * DAY)
    ends = np.where(changes[owner] & ~second, moment[owner], OPEN)
    return Versions(owner, second, starts, ends)


def version_keys(prefix: str, owner: Ints, offset: int) -> pa.Array:
    """Keys such as p-17-2 for the second version of property 17; `offset` is the id before that of row 0."""
    number = np.arange(len(owner)) - np.searchsorted(owner, owner) + 1
    return joined(f"{prefix}-", pa.array(owner + 1 + offset), "-", pa.array(number))


def _names(rng: np.random.Generator, count: int) -> tuple[pa.Array, pa.Array]:
    return (
        picked(FIRST_NAMES, rng.integers(0, len(FIRST_NAMES), count)),
        picked(LAST_NAMES, rng.integers(0, len(LAST_NAMES), count)),
    )


def _hosts_of(rng: np.random.Generator, preset: Preset) -> Ints:
    """Draw a host for each property; the first `hosts_with_property` get at least one."""
    letting, count = preset.hosts_with_property, preset.properties
    weight = rng.gamma(0.3, 1, letting) + 1e-6
    more = rng.choice(letting, count - letting, p=weight / weight.sum())
    return rng.permutation(np.concatenate([np.arange(letting), more]))


def _between(cumulated: Floats, row: Ints, position: Floats) -> Floats:
    """`cumulated` at fractional column `position`, straight between columns."""
    column = np.minimum(position.astype(np.int64), cumulated.shape[1] - 2)
    low, high = cumulated[row, column], cumulated[row, column + 1]
    value: Floats = low + (position - column) * (high - low)
    return value
