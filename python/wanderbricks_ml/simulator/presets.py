"""Sizes and periods of the simulated platforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True)
class Preset:
    """Size, period and level of one simulated platform.

    Attributes
    ----------
    first_day, last_day
        First and last day with booking creations; nothing is known after `last_day`.
    destinations, properties, hosts, hosts_with_property, users
        Numbers of entities.
    expected_attempts
        Expected number of attempts to book in the period; those that find the calendar full come to nothing.
    booking_users
        Share of the users who would ever book.
    growth
        Mean yearly growth of demand per property, in logs.
    engagement_days
        Engagement is kept for this many days up to `last_day`.
    clicks_per_booking
        Clicks on a property's page per attempt to book.
    latent_shape
        Shape of the gamma distribution, of mean 1, of what makes properties of equal looks differ in demand.
    shards
        The platform is this many times as large: shards have users, hosts and properties of their own and
        share destinations, seasons and shocks. All numbers here are of one shard.
    """

    first_day: date
    last_day: date
    destinations: int
    properties: int
    hosts: int
    hosts_with_property: int
    users: int
    expected_attempts: int
    booking_users: float
    growth: float
    engagement_days: int
    clicks_per_booking: float
    latent_shape: float
    shards: int = 1


_REFERENCE = Preset(
    first_day=date(2022, 12, 8),
    last_day=date(2025, 7, 30),
    destinations=42,
    properties=18_163,
    hosts=19_384,
    hosts_with_property=3_817,
    users=124_259,
    expected_attempts=73_500,
    booking_users=0.95,
    growth=0.25,
    engagement_days=120,
    clicks_per_booking=16,
    latent_shape=4.0,
)

PRESETS: Mapping[str, Preset] = {
    "tiny": Preset(
        first_day=date(2022, 8, 1),
        last_day=date(2025, 7, 31),
        destinations=4,
        properties=90,
        hosts=40,
        hosts_with_property=25,
        users=2_500,
        expected_attempts=14_000,
        booking_users=0.65,
        growth=0.1,
        engagement_days=547,
        clicks_per_booking=4,
        latent_shape=1.2,
    ),
    "dev": Preset(
        first_day=date(2022, 8, 1),
        last_day=date(2025, 7, 31),
        destinations=12,
        properties=2_000,
        hosts=2_200,
        hosts_with_property=450,
        users=25_000,
        expected_attempts=185_000,
        booking_users=0.65,
        growth=0.1,
        engagement_days=400,
        clicks_per_booking=5,
        latent_shape=1.2,
    ),
    "reference": _REFERENCE,
    "x10": replace(_REFERENCE, shards=10),
    "x100": replace(_REFERENCE, shards=100),
}
