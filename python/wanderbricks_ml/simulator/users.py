"""Users: who they are, how often they want to travel, where and at what price, and when they lapse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, dates, day_number, joined, picked, stream, version_columns
from wanderbricks_ml.simulator.dimensions import two_versions, version_keys
from wanderbricks_ml.simulator.laws import Laws
from wanderbricks_ml.simulator.places import COMPANIES, COUNTRIES, FIRST_NAMES, LAST_NAMES
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.prices import Prices
from wanderbricks_ml.simulator.stays import Attempts
from wanderbricks_ml.simulator.world import Properties

REGIONS = 6
"""Users of a country belong to the region ``row of the country % REGIONS``, which decides where they like to go."""

BUDGET_SHARE = np.array([0.4, 0.35, 0.25])
"""Shares of the users by class of budget; there are as many classes as thirds of the price of a night."""

BUDGETS = len(BUDGET_SHARE)

WISH = np.array([[0.62, 0.30, 0.08], [0.28, 0.42, 0.30], [0.08, 0.30, 0.62]])
"""Weight of a user's class (columns) for an attempt in each price third (rows)."""

RATE_SHAPE = 1.5
"""Shape of the gamma distribution, of mean 1, of a booker's rate."""

LIFETIME = 700.0
"""Mean days from registration until a user lapses; exponential."""

MONTH_DAYS = 30
"""Length of the months by which the market of users is reckoned."""

_USER_TYPES = ("individual", "business", "family", "group")
_CREATED_BEFORE = 390


@dataclass(frozen=True)
class Users:
    """Users in order of user_id.

    Attributes
    ----------
    created, lapsed
        Days since 1970; `lapsed`, hidden, is the first day without any booking.
    country
        Row into `COUNTRIES`.
    is_business
        Whether the account is a company's.
    rate
        Hidden weight of the user among all attempts; 0 for who never books.
    budget
        Hidden class, 0 to 2.
    flaky
        Hidden: cancels more often.
    family
        Hidden taste: probability of each further guest.
    taste
        Hidden: cluster of properties that the user likes.
    tastes
        Number of tastes.
    """

    created: Ints
    lapsed: Ints
    country: Ints
    is_business: Bools
    rate: Floats
    budget: Ints
    flaky: Bools
    family: Floats
    taste: Ints
    tastes: int

    @property
    def cell(self) -> Ints:
        """Region, budget and taste: users of a cell differ only in rate and lifetime."""
        return (self.country % REGIONS * BUDGETS + self.budget) * self.tastes + self.taste


@dataclass(frozen=True)
class Choice:
    """How attempts find their users.

    Attributes
    ----------
    first_day
        Day since 1970 at which month 0 begins; months have 30 days here.
    weight
        Rates of the users active in each month, by cell, shape (C, M).
    share
        Probability of each cell by destination, cluster, price third and month, shape (N, K, 3, M, C).
    thirds
        Bounds of the price thirds.
    """

    first_day: int
    weight: Floats
    share: Floats
    thirds: Floats

    def month(self, day: Ints) -> Ints:
        """Month of a day since 1970."""
        return np.clip((day - self.first_day) // MONTH_DAYS, 0, self.weight.shape[1] - 1)

    def third(self, price: Floats) -> Ints:
        """Third of the price of a night."""
        return np.searchsorted(self.thirds, price, side="right")


def draw_users(preset: Preset, seed: int, shard: int, laws: Laws) -> Users:
    """Draw the users; some registered before the first day."""
    shared = stream(seed, "countries")
    country_share = shared.gamma(1.5, 1.0, len(COUNTRIES))
    rng = stream(seed, "users", shard)
    count = preset.users
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    before = rng.random(count) < 0.3
    created = np.where(
        before, rng.integers(first - _CREATED_BEFORE, first, count), rng.integers(first, last + 1, count)
    )
    books = rng.random(count) < preset.booking_users
    return Users(
        created=created,
        lapsed=created + 1 + rng.exponential(LIFETIME, count).astype(np.int64),
        country=rng.choice(len(COUNTRIES), count, p=country_share / country_share.sum()),
        is_business=rng.random(count) < 0.14,
        rate=np.where(books, rng.gamma(RATE_SHAPE, 1 / RATE_SHAPE, count), 0.0),
        budget=rng.choice(BUDGETS, count, p=BUDGET_SHARE),
        flaky=rng.random(count) < laws.flaky_share,
        family=rng.beta(2.0, 3.0, count),
        taste=stream(seed, "tastes", shard).integers(0, laws.tastes, count),
        tastes=laws.tastes,
    )


def draw_choice(preset: Preset, seed: int, users: Users, attempts: Attempts, prices: Prices, laws: Laws) -> Choice:
    """Weigh the cells of users for each destination, cluster, price third and month."""
    first, last = day_number(preset.first_day), day_number(preset.last_day)
    months = (last - first) // MONTH_DAYS + 1
    fondness = stream(seed, "fondness").lognormal(0, 0.6, (preset.destinations, REGIONS))
    tastes = laws.tastes
    cells = REGIONS * BUDGETS * tastes
    begin = first + MONTH_DAYS * np.arange(months)
    days = np.minimum(users.lapsed[:, None], begin + MONTH_DAYS) - np.maximum(users.created[:, None], begin)
    active = users.rate[:, None] * np.clip(days, 0, MONTH_DAYS) / MONTH_DAYS
    weight: Floats = np.stack(
        [np.bincount(users.cell, active[:, month], minlength=cells) for month in range(months)], axis=1
    )
    affinity = np.where(np.eye(tastes, dtype=bool), 1.0, laws.dislike)
    liking = (
        fondness[:, None, None, :, None, None]
        * WISH[None, None, :, None, :, None]
        * affinity[None, :, None, None, None, :]
    )
    share = liking.reshape(preset.destinations, tastes, BUDGETS, 1, cells) * weight.T
    share /= share.sum(axis=-1, keepdims=True)
    price = prices.price[attempts.version]
    return Choice(first, weight, share, np.quantile(price, [1 / 3, 2 / 3]))


def choose_users(
    seed: int,
    shard: int,
    users: Users,
    choice: Choice,
    attempts: Attempts,
    properties: Properties,
    prices: Prices,
    laws: Laws,
) -> tuple[Ints, Bools]:
    """Row of the user who makes each attempt, and whether they are an earlier guest of the property who returns.

    The others are drawn by rate and taste.
    """
    rng = stream(seed, "choice", shard)
    count = len(attempts.listing)
    day = attempts.created // DAY
    parent = earlier_attempts(rng, attempts, laws)
    user = np.full(count, -1)
    fresh = parent < 0
    destination = properties.destination[attempts.listing]
    third = choice.third(prices.price[attempts.version])
    cluster = properties.cluster[attempts.listing]
    shares = np.cumsum(choice.share, axis=-1)[destination, cluster, third, choice.month(day)]
    cell = (rng.random(count)[:, None] > shares[:, :-1]).sum(axis=1)
    order = np.argsort(users.cell, kind="stable")
    cumulated = np.cumsum(users.rate[order])
    bounds = np.searchsorted(users.cell[order], np.arange(choice.weight.shape[0] + 1))
    low = np.concatenate([[0.0], cumulated])[bounds[:-1]]
    high = np.concatenate([[0.0], cumulated])[bounds[1:]]

    def draw(rows: Ints) -> None:
        pending, rounds = rows, 0
        while len(pending):
            rounds += 1
            if rounds % 50 == 0:
                # a small cell may have nobody active on the day
                cell[pending] = rng.integers(0, len(low), len(pending))
            point = low[cell[pending]] + rng.random(len(pending)) * (high - low)[cell[pending]]
            drawn = order[np.minimum(np.searchsorted(cumulated, point, side="right"), len(order) - 1)]
            there = (users.created[drawn] <= day[pending]) & (day[pending] < users.lapsed[drawn])
            user[pending[there]] = drawn[there]
            pending = pending[~there]

    returned = np.zeros(count, bool)
    draw(np.flatnonzero(fresh))
    open_rows = np.flatnonzero(~fresh)
    while len(open_rows):
        ready = user[parent[open_rows]] >= 0
        rows = open_rows[ready]
        guest = user[parent[rows]]
        returns = day[rows] < users.lapsed[guest]
        user[rows[returns]] = guest[returns]
        returned[rows[returns]] = True
        draw(rows[~returns])
        open_rows = open_rows[~ready]
    return user, returned


def user_table(preset: Preset, seed: int, shard: int, users: Users) -> pa.Table:
    """dim_user; some users move or change their kind of account once."""
    rng = stream(seed, "user_attributes", shard)
    count = len(users.created)
    end = (day_number(preset.last_day) + 1) * DAY
    versions = two_versions(rng, users.created, end, 0.015)
    owner, second = versions.owner, versions.second
    identity = owner + 1 + shard * count
    moved = second & (rng.random(len(owner)) < 0.7)
    country = np.where(
        moved,
        (users.country[owner] + rng.integers(1, len(COUNTRIES), len(owner))) % len(COUNTRIES),
        users.country[owner],
    )
    is_business = users.is_business[owner] ^ (second & ~moved)
    private = np.where(users.family > 0.55, 2, np.where(rng.random(count) < 0.12, 3, 0))
    first_name = picked(FIRST_NAMES, rng.integers(0, len(FIRST_NAMES), count)[owner])
    last_name = picked(LAST_NAMES, rng.integers(0, len(LAST_NAMES), count)[owner])
    company = rng.integers(0, len(COMPANIES), count)
    return pa.table(
        {
            "user_key": version_keys("u", owner, shard * count),
            "user_id": identity,
            "email": joined("user", pa.array(identity), "@mail.example"),
            "name": joined(first_name, " ", last_name),
            "country": picked(COUNTRIES, country),
            "user_type": picked(_USER_TYPES, np.where(is_business, 1, private[owner])),
            "is_business": is_business,
            "company_name": picked(COMPANIES, company[owner], ~is_business),
            "created_at": dates(users.created[owner]),
            **version_columns(versions.starts, versions.ends),
        }
    )


def earlier_attempts(rng: np.random.Generator, attempts: Attempts, laws: Laws) -> Ints:
    """For a share of the attempts the row of an earlier one at the same property, -1 for the others."""
    listing = attempts.listing
    count = len(listing)
    order = np.argsort(listing, kind="stable")
    number = np.bincount(listing, minlength=1)
    begin = (np.cumsum(number) - number)[listing[order]]
    place = np.arange(count) - begin
    share = laws.return_share * (place / (place + laws.return_scale) if laws.return_form == "growing" else 1.0)
    returns = (rng.random(count) < share) & (place > 0)
    if laws.return_form == "recent":
        # a property's earlier attempts side by side, each as wide as it is likely
        day = attempts.created[order] / DAY
        edge = np.concatenate([[0.0], np.cumsum(np.exp((day - day.min(initial=np.inf)) / laws.return_scale))])
        point = edge[begin] + rng.random(count) * (edge[begin + place] - edge[begin])
        earlier = np.clip(np.searchsorted(edge, point, side="right") - 1, begin, begin + np.maximum(place - 1, 0))
    else:
        earlier = begin + (rng.random(count) * place).astype(np.int64)
    parent = np.full(count, -1)
    parent[order[returns]] = order[earlier[returns]]
    return parent
