"""Destinations, hosts and properties: what they are like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import day_number, stream
from wanderbricks_ml.simulator.laws import Laws
from wanderbricks_ml.simulator.places import (
    PLACES,
    PROPERTY_TYPES,
)
from wanderbricks_ml.simulator.presets import Preset

_LISTED_BEFORE = 380
_NIGHT_PRICE = np.array([place.price for place in PLACES])


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
        Factor on demand that anybody can learn from gold: destination, host's rating and whether it is a hotel.
    latent
        Hidden factor on demand, gamma of mean 1 and the preset's shape.
    market_price
        Price of a night that such a property has on average.
    cluster
        Hidden: the taste of users that it is to, 0 where guests have none.
    is_hotel
        Whether any number of guests finds a room on the same night; the description says so.
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
    cluster: Ints
    is_hotel: Bools
    listed: Ints
    delisted: Ints

    @property
    def group(self) -> Ints:
        """Row of each property in the curves of `Demand`."""
        return self.destination * len(PROPERTY_TYPES) + self.property_type


def draw_hosts(preset: Preset, seed: int, shard: int) -> Hosts:
    """Draw what hosts are like."""
    rng = stream(seed, "host_traits", shard)
    return Hosts(
        standing=rng.normal(0, 1, preset.hosts),
        policy=rng.choice(len(POLICY_SHARE), preset.hosts, p=POLICY_SHARE),
        experiments=rng.random(preset.hosts) < 0.5,
    )


def draw_properties(preset: Preset, seed: int, shard: int, hosts: Hosts, laws: Laws) -> Properties:
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
    is_hotel = _hotels(stream(seed, "hotels", shard), count, laws.hotel_share)
    appeal = appeal[destination] * np.exp(0.25 * hosts.standing[host]) * np.where(is_hotel, laws.hotel_size, 1.0)
    latent = rng.gamma(preset.latent_shape, 1 / preset.latent_shape, count)
    delisted = np.where(stays, last + 1_000, rng.integers(earliest, last + 1))
    life = np.clip(delisted, first, last + 1) - np.clip(listed, first, last + 1)
    return Properties(
        destination=destination,
        property_type=property_type,
        host=host,
        bedrooms=bedrooms,
        max_guests=max_guests,
        appeal=appeal,
        latent=latent,
        market_price=market_price,
        cluster=_clusters(stream(seed, "clusters", shard), destination, appeal * latent * life, laws.tastes),
        is_hotel=is_hotel,
        listed=listed,
        delisted=delisted,
    )


def _hosts_of(rng: np.random.Generator, preset: Preset) -> Ints:
    """Draw a host for each property; the first `hosts_with_property` get at least one."""
    letting, count = preset.hosts_with_property, preset.properties
    weight = rng.gamma(0.3, 1, letting) + 1e-6
    more = rng.choice(letting, count - letting, p=weight / weight.sum())
    return rng.permutation(np.concatenate([np.arange(letting), more]))


def _hotels(rng: np.random.Generator, count: int, share: float) -> Bools:
    """Draw which properties are hotels: their share, and no fewer in a small shard by chance."""
    is_hotel = np.zeros(count, bool)
    is_hotel[rng.permutation(count)[: round(share * count)]] = True
    return is_hotel


def _clusters(rng: np.random.Generator, destination: Ints, weight: Floats, clusters: int) -> Ints:
    """Draw a cluster for each property such that those of a destination weigh about as much.

    So a taste says where a user books, not how often. From the heaviest on, each goes to the lightest cluster so far.
    """
    cluster = np.zeros(len(destination), np.int64)
    if clusters > 1:
        loads = rng.random((int(destination.max()) + 1, clusters)) * weight.min()
        for row in np.argsort(-weight, kind="stable"):
            cluster[row] = loads[destination[row]].argmin()
            loads[destination[row], cluster[row]] += weight[row]
    return cluster
