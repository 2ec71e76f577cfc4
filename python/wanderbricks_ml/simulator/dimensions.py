"""Gold's dimensions of destinations, properties and hosts, with their versions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Bools, Ints
from wanderbricks_ml.simulator.columns import (
    DAY,
    OPEN,
    dates,
    day_number,
    joined,
    moments,
    picked,
    stream,
    version_columns,
)
from wanderbricks_ml.simulator.places import (
    COUNTRIES,
    FIRST_NAMES,
    LAST_NAMES,
    PLACES,
    PROPERTY_TYPES,
)
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.prices import Prices
from wanderbricks_ml.simulator.world import Hosts, Properties

_TITLES = ("Studio", "Apartment", "House", "Loft", "Villa", "Residence", "Retreat", "Chalet")


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
        picked((" stay for ", " stay in a hotel for "), properties.is_hotel.astype(np.int64)),
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
