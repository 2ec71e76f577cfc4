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
_NIGHT_PRICE = np.array([place.price for place in PLACES])
_TITLES = ("Studio", "Apartment", "House", "Loft", "Villa", "Residence", "Retreat", "Chalet")


@dataclass(frozen=True)
class Properties:
    """Properties in order of property_id (row + 1), one entry each.

    Attributes
    ----------
    destination, property_type, host
        Row numbers into the places, `PROPERTY_TYPES` and the hosts.
    bedrooms, max_guests
        Size.
    quality
        Hidden factor on demand.
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
    quality: Floats
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


def draw_properties(preset: Preset, seed: int) -> Properties:
    """Draw the properties; destinations differ in popularity and in what is built there."""
    rng = stream(seed, "properties")
    count = preset.properties
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    popularity = rng.gamma(4, 1, preset.destinations)
    destination = rng.choice(preset.destinations, count, p=popularity / popularity.sum())
    main_type = np.array([PROPERTY_TYPES.index(place.main_type) for place in PLACES])
    other = rng.choice(len(PROPERTY_TYPES), count, p=[0.45, 0.25, 0.2, 0.1])
    property_type = np.where(rng.random(count) < 0.55, main_type[destination], other)
    bedrooms = 1 + np.minimum(rng.negative_binomial(2, 0.6, count), 6)
    max_guests = np.maximum(1, 2 * bedrooms + rng.integers(-1, 3, count))
    market_price = (
        _NIGHT_PRICE[destination] * np.exp(0.24 * (bedrooms - 2)) * np.array([1.0, 1.1, 0.95, 1.25])[property_type]
    )
    appeal = rng.lognormal(0, 0.25, preset.destinations)
    quality = rng.gamma(2.0, 0.5, count) * rng.lognormal(0, 0.35, count) * appeal[destination]
    before = rng.random(count) < 0.55
    listed = np.where(
        before,
        first - 1 - rng.integers(0, _LISTED_BEFORE, count),
        rng.integers(first, last - 30, count),
    )
    stays = rng.random(count) < 0.94
    earliest = np.maximum(listed, first) + 20
    delisted = np.where(stays, last + 1_000, rng.integers(earliest, last + 1))
    return Properties(
        destination=destination,
        property_type=property_type,
        host=_hosts_of(rng, preset),
        bedrooms=bedrooms,
        max_guests=max_guests,
        quality=quality,
        market_price=market_price,
        listed=listed,
        delisted=delisted,
    )


def draw_prices(preset: Preset, seed: int, properties: Properties, demand: Demand) -> Prices:
    """Draw the prices that hosts ask over time: a taste, a walk, and in part the season."""
    rng = stream(seed, "prices")
    count = preset.properties
    first, end = day_number(preset.first_day), (day_number(preset.last_day) + 1) * DAY
    earliest = (np.maximum(properties.listed, first - 60) + 7) * DAY
    changes = np.minimum(rng.poisson(1.5 * np.maximum(end - earliest, 0) / (365 * DAY)), 8)
    changed = np.repeat(np.arange(count), changes)
    begun = earliest[changed]
    moment = begun + (rng.random(len(changed)) * (end - begun)).astype(np.int64)
    owner = np.concatenate([np.arange(count), changed])
    starts = np.concatenate([properties.listed * DAY, moment])
    order = np.lexsort((starts, owner))
    owner, starts = owner[order], starts[order]
    fresh = np.ones(len(owner), bool)
    fresh[1:] = (owner[1:] != owner[:-1]) | (starts[1:] != starts[:-1])
    owner, starts = owner[fresh], starts[fresh]
    ends = np.full(len(owner), OPEN)
    ends[:-1] = np.where(owner[1:] == owner[:-1], starts[1:], OPEN)

    opening = np.searchsorted(owner, np.arange(count))
    is_opening = np.zeros(len(owner), bool)
    is_opening[opening] = True
    walk = np.cumsum(np.where(is_opening, 0.0, rng.normal(0.01, 0.09, len(owner))))
    walk -= walk[opening][owner]
    taste = rng.normal(0, 0.2, count) + 0.2 * np.log(properties.quality)
    alertness = rng.gamma(2.0, 0.15, count)
    column = np.clip(starts // DAY - demand.check_in_days[0], 0, None)
    season = demand.log_season[properties.group[owner], column]
    price = properties.market_price[owner] * np.exp(taste[owner] + walk + alertness[owner] * season)
    return Prices(owner, starts, ends, np.round(np.clip(price, 15, 5_000), 2))


def booking_levels(preset: Preset, properties: Properties, prices: Prices, demand: Demand) -> Floats:
    """Scale each version on its group's curve to expected bookings, shape (V,).

    The level is such that the whole period expects `preset.expected_bookings`.
    """
    relative = properties.quality[prices.owner] * price_effect(prices.price, properties.market_price[prices.owner])
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    from_day = np.clip(prices.starts / DAY, first, last + 1)
    until = np.minimum(prices.ends / DAY, properties.delisted[prices.owner])
    to_day = np.maximum(np.clip(until, first, last + 1), from_day)
    so_far = np.concatenate([np.zeros((len(demand.creations), 1)), np.cumsum(demand.creations, axis=1)], axis=1)
    group = properties.group[prices.owner]
    exposure = _between(so_far, group, to_day - first) - _between(so_far, group, from_day - first)
    level: float = preset.expected_bookings / (relative * exposure).sum()
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


def property_table(seed: int, properties: Properties, prices: Prices) -> pa.Table:
    """dim_property, one row per price version."""
    rng = stream(seed, "property_attributes")
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
            "property_id": np.arange(1, count + 1),
            "host_id": properties.host + 1,
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
            "property_key": version_keys("p", prices.owner),
            **{name: versions[name] for name in versions.column_names},
            "base_price": prices.price.astype(np.float32),
            **version_columns(prices.starts, prices.ends),
        }
    )


def host_table(preset: Preset, seed: int, properties: Properties) -> pa.Table:
    """dim_host; some hosts change rating, activity or verification once."""
    rng = stream(seed, "hosts")
    count = preset.hosts
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    listing = np.full(count, last)
    np.minimum.at(listing, properties.host, properties.listed)
    joined_on = np.maximum(listing - rng.exponential(60, count).astype(np.int64), first - 395)
    without = np.arange(count) >= preset.hosts_with_property
    joined_on[without] = rng.integers(first - 300, last - 60, without.sum())
    base = two_versions(rng, joined_on, (last + 1) * DAY, 0.02)
    owner, second = base.owner, base.second
    rows = len(owner)
    unrated = (rng.random(count) < np.where(without, 0.5, 0.03))[owner] & ~second
    rating = np.clip(rng.normal(4.4, 0.4, count)[owner] + second * rng.normal(0, 0.3, rows), 1, 5)
    first_name, last_name = _names(rng, count)
    name = joined(first_name, " ", last_name).take(pa.array(owner))
    return pa.table(
        {
            "host_key": version_keys("h", owner),
            "host_id": owner + 1,
            "name": name,
            "email": joined("host", pa.array(owner + 1), "@wanderbricks.example"),
            "phone": joined("+1555", pa.array(1_000_000 + owner)),
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


def version_keys(prefix: str, owner: Ints) -> pa.Array:
    """Keys such as p-17-2 for the second version of property 17."""
    number = np.arange(len(owner)) - np.searchsorted(owner, owner) + 1
    return joined(f"{prefix}-", pa.array(owner + 1), "-", pa.array(number))


def _names(rng: np.random.Generator, count: int) -> tuple[pa.Array, pa.Array]:
    return (
        picked(FIRST_NAMES, rng.integers(0, len(FIRST_NAMES), count)),
        picked(LAST_NAMES, rng.integers(0, len(LAST_NAMES), count)),
    )


def _hosts_of(rng: np.random.Generator, preset: Preset) -> Ints:
    """Draw a host for each property; the first `hosts_with_property` get at least one."""
    letting, count = preset.hosts_with_property, preset.properties
    weight = rng.gamma(0.8, 1, letting)
    more = rng.choice(letting, count - letting, p=weight / weight.sum())
    return rng.permutation(np.concatenate([np.arange(letting), more]))


def _between(cumulated: Floats, row: Ints, position: Floats) -> Floats:
    """`cumulated` at fractional column `position`, straight between columns."""
    column = np.minimum(position.astype(np.int64), cumulated.shape[1] - 2)
    low, high = cumulated[row, column], cumulated[row, column + 1]
    value: Floats = low + (position - column) * (high - low)
    return value
