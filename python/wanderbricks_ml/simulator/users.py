"""Users, and which of them made each booking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from wanderbricks_ml.simulator.columns import (
    DAY,
    Bools,
    Floats,
    Ints,
    dates,
    day_number,
    joined,
    picked,
    stream,
    version_columns,
)
from wanderbricks_ml.simulator.places import COMPANIES, COUNTRIES, FIRST_NAMES, LAST_NAMES, PLACES
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.world import two_versions, version_keys

_USER_TYPES = ("individual", "business", "family", "group")
_CREATED_BEFORE = 390


@dataclass(frozen=True)
class Users:
    """Users in order of user_id (row + 1).

    Attributes
    ----------
    created
        Days since 1970.
    country
        Row into `COUNTRIES`.
    is_business
        Whether the account is a company's.
    """

    created: Ints
    country: Ints
    is_business: Bools


def allocate(preset: Preset, seed: int, destination: Ints, listing: Ints) -> Ints:
    """Row of the user of each booking; bookings are in order of creation.

    A share of the users books at all. Each has a rate, a span of activity after which they lapse,
    and a favourite property to whose neighbourhood they tend to return. Users' moments are matched
    to bookings by rank in time, and within short periods by place, so that what users like leaves
    the demand for each property as it was drawn. Some return to where they last stayed.
    """
    rng = stream(seed, "allocation")
    count = len(listing)
    bookers = min(round(preset.booking_users * preset.users), count)
    rate = rng.gamma(0.8, 1.0, bookers)
    slots = 1 + rng.multinomial(count - bookers, rate / rate.sum())
    begun = rng.random(bookers) ** 0.8
    span = rng.exponential(0.5, bookers) + 0.02
    lapsed = np.minimum(begun + span, 1.0)
    # Booking users are spread over the ids like all others.
    row = rng.permutation(preset.users)[:bookers]

    favourite = rng.integers(0, count, bookers)
    booker = np.repeat(np.arange(bookers), slots)
    moment = begun[booker] + rng.random(count) * (lapsed - begun)[booker]
    booker = booker[np.argsort(moment, kind="stable")]
    wish = np.where(rng.random(count) < 0.7, favourite[booker], rng.integers(0, count, count))

    place = destination * (int(listing.max()) + 1) + listing
    period = np.arange(count) // max(64, count // 100)
    by_place = np.lexsort((place, period))
    by_wish = np.lexsort((place[wish], period))
    user = np.empty(count, np.int64)
    user[by_place] = row[booker[by_wish]]
    return _with_returns(rng, user, listing, 0.15)


def draw_users(preset: Preset, seed: int, created: Ints, user: Ints, destination: Ints) -> Users:
    """Draw the users, given who made each booking; they register before their first one.

    `created` is in seconds; bookings are in its order.
    """
    rng = stream(seed, "users")
    count = preset.users
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    registered = rng.integers(first - 300, last + 1, count)
    booker, first_booking = np.unique(user, return_index=True)
    ahead = rng.exponential(45, len(booker)).astype(np.int64)
    registered[booker] = np.maximum(created[first_booking] // DAY - ahead, first - _CREATED_BEFORE)
    country = rng.choice(len(COUNTRIES), count, p=_country_shares(rng))
    home = np.array([COUNTRIES.index(place.country) for place in PLACES])
    domestic = rng.random(len(booker)) < 0.3
    country[booker[domestic]] = home[destination[first_booking[domestic]]]
    return Users(registered, country, rng.random(count) < 0.14)


def user_table(preset: Preset, seed: int, users: Users) -> pa.Table:
    """dim_user; some users move or change their kind of account once."""
    rng = stream(seed, "user_attributes")
    count = len(users.created)
    end = (day_number(preset.last_day) + 1) * DAY
    versions = two_versions(rng, users.created, end, 0.015)
    owner, second = versions.owner, versions.second
    moved = second & (rng.random(len(owner)) < 0.7)
    country = np.where(
        moved,
        (users.country[owner] + rng.integers(1, len(COUNTRIES), len(owner))) % len(COUNTRIES),
        users.country[owner],
    )
    is_business = users.is_business[owner] ^ (second & ~moved)
    private = rng.choice([0, 2, 3], count, p=[0.6, 0.3, 0.1])
    first_name = picked(FIRST_NAMES, rng.integers(0, len(FIRST_NAMES), count)[owner])
    last_name = picked(LAST_NAMES, rng.integers(0, len(LAST_NAMES), count)[owner])
    company = rng.integers(0, len(COMPANIES), count)
    return pa.table(
        {
            "user_key": version_keys("u", owner),
            "user_id": owner + 1,
            "email": joined("user", pa.array(owner + 1), "@mail.example"),
            "name": joined(first_name, " ", last_name),
            "country": picked(COUNTRIES, country),
            "user_type": picked(_USER_TYPES, np.where(is_business, 1, private[owner])),
            "is_business": is_business,
            "company_name": picked(COMPANIES, company[owner], ~is_business),
            "created_at": dates(users.created[owner]),
            **version_columns(versions.starts, versions.ends),
        }
    )


def _country_shares(rng: np.random.Generator) -> Floats:
    """Share of the users by country."""
    weight: Floats = rng.gamma(1.5, 1.0, len(COUNTRIES))
    weight /= weight.sum()
    return weight


def _with_returns(rng: np.random.Generator, user: Ints, listing: Ints, share: float) -> Ints:
    """`user` with some bookings swapped so that guests come back to where they last stayed.

    A share of the bookings that follow another one of the same user is exchanged for the next
    booking of that earlier property, if there is one at about that time.
    """
    count = len(user)
    by_user = np.argsort(user, kind="stable")
    follows = user[by_user[1:]] == user[by_user[:-1]]
    chosen = follows & (rng.random(count - 1) < share)
    earlier, later = by_user[:-1][chosen], by_user[1:][chosen]

    by_listing = np.argsort(listing, kind="stable")
    place = np.empty(count, np.int64)
    place[by_listing] = np.arange(count)
    following = by_listing[np.minimum(place[earlier] + 1, count - 1)]
    fits = (
        (listing[following] == listing[earlier])
        & (following > earlier)
        & (np.abs(following - later) < count // 6)
        & (user[following] != user[later])
    )
    later, following = later[fits], following[fits]
    # Swaps that share a booking would undo one another.
    used = np.bincount(np.concatenate([later, following]), minlength=count)
    single = (used[later] == 1) & (used[following] == 1)
    later, following = later[single], following[single]
    returning = user.copy()
    returning[later], returning[following] = user[following], user[later]
    return returning
