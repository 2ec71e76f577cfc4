"""Sizes and periods of the simulated platforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    expected_bookings
        Expected number of bookings created in the period.
    booking_users
        Share of the users who book at least once.
    growth
        Mean yearly growth of demand per property, in logs.
    engagement_days
        Engagement is kept for this many days up to `last_day`.
    views_per_booking
        Page views per expected booking, before those of the guests who do book.
    """

    first_day: date
    last_day: date
    destinations: int
    properties: int
    hosts: int
    hosts_with_property: int
    users: int
    expected_bookings: int
    booking_users: float
    growth: float
    engagement_days: int
    views_per_booking: float


PRESETS: Mapping[str, Preset] = {
    "tiny": Preset(
        first_day=date(2024, 2, 1),
        last_day=date(2025, 7, 31),
        destinations=4,
        properties=60,
        hosts=40,
        hosts_with_property=25,
        users=800,
        expected_bookings=6_000,
        booking_users=0.65,
        growth=0.1,
        engagement_days=547,
        views_per_booking=20,
    ),
    "dev": Preset(
        first_day=date(2022, 8, 1),
        last_day=date(2025, 7, 31),
        destinations=12,
        properties=2_000,
        hosts=2_200,
        hosts_with_property=450,
        users=25_000,
        expected_bookings=150_000,
        booking_users=0.65,
        growth=0.1,
        engagement_days=400,
        views_per_booking=25,
    ),
    "reference": Preset(
        first_day=date(2022, 12, 8),
        last_day=date(2025, 7, 30),
        destinations=42,
        properties=18_163,
        hosts=19_384,
        hosts_with_property=3_817,
        users=124_259,
        expected_bookings=72_000,
        booking_users=0.44,
        growth=0.25,
        engagement_days=120,
        views_per_booking=80,
    ),
}
