"""The best possible predictions, for comparison: expectations given what can be seen at the snapshot.

Truth knows how the platform works (seasons, slopes, distributions of what is hidden) but not what was drawn for a
single property, host or user: that it infers from history, as a model must. No model can be better on average.

Demand
    Attempts at a property are Poisson with rate ``latent * unit rate``; the latent is gamma, so that after N
    bookings in an exposure of E (unit rates while the first night was free) its mean is ``(k + N) / (k + E)``.
    A destination's shocks are inferred from the bookings on the books of its days (Poisson counts, Gaussian
    prior, Laplace approximation). Expected check-ins are the bookings on the books plus, over the days until
    check-in, the rate of attempts times the probability that the night is still free then: nights that are free
    at the snapshot are lost at the rate of attempts that would cover them (first order), taken ones are freed by
    a cancellation.
Conversion
    Clicks are attempts and idle clicks, independent Poisson numbers, so that given K clicks the number that
    books is binomial; the probability of any booking is ``1 - (1 - p) ** K``.
Cancellation
    Logistic given lead time, price and business, with the host's policy and the user's flakiness inferred by
    Bayes' rule from earlier bookings whose outcome is known.
Users
    Gamma-distributed rates and exponential lifetimes, as in the Pareto/NBD model (Schmittlein, Morrison and
    Colombo 1987), in the time of the market: exposure is the rate at which a user of the same cell books. The
    budget class is inferred from the prices paid. Earlier guests return at a rate for each past booking.
Revenue
    What is on the books, each booking times the probability that it is kept, and expected check-ins still to come times
    their nights, the price in force and the share that is kept. Listings to come are left out, as are prices to come.
Pricing
    Expected revenue of a stay month from bookings still to come, were the price changed from its first day on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.special import betainc
from scipy.stats import nbinom

from wanderbricks_ml.simulator.bookings import (
    BOOKINGS_PER_SHARD,
    CANCELLED_AT,
    FLAKY_EFFECT,
    POLICY_EFFECT,
    cancellation_logit,
    cancellation_probability,
)
from wanderbricks_ml.simulator.columns import DAY, Bools, Floats, Ints, dates, day_number, ragged_arange
from wanderbricks_ml.simulator.demand import DAILY_SHOCK, MAX_LEAD, WEEKLY_SHOCK, price_effect
from wanderbricks_ml.simulator.engagement import CURIOSITY_SHAPE
from wanderbricks_ml.simulator.stays import (
    BUSINESS_STAY,
    MAX_NIGHTS,
    STAY_FURTHER,
    STAY_SHAPE,
    WEEK_SHARE,
    planned_stay,
)
from wanderbricks_ml.simulator.users import BUDGET_SHARE, BUDGETS, FLAKY_SHARE, LIFETIME, MONTH_DAYS, RATE_SHAPE
from wanderbricks_ml.simulator.world import POLICY_SHARE

if TYPE_CHECKING:
    from wanderbricks_ml.simulator import World

HORIZON = 30
"""Days ahead for which demand's truth is written."""

TEST_DAYS = 58
"""Snapshots of demand's truth: each of the last so many days, and the day after the last."""

MOST_PROPERTIES = 2_000
MOST_USERS = 25_000
"""Truth is written for the first so many properties and users, which are as random as any."""

PRICE_LEVELS = np.round(np.arange(-0.3, 0.31, 0.1), 1)
REVENUE_HORIZON = 90
REVENUE_CUTOFFS = range(REVENUE_HORIZON + 1, REVENUE_HORIZON + 1 + 6 * 30, 30)
"""Days before the day after the last one, of the cut-offs from which revenue's truth looks ahead."""

_DAYS_BEFORE = 70
_STAY_LEADS = np.array([1.0, 4.0, 12.0, 30.0, 70.0])
"""Lead times that stand for bands: guests who plan ahead stay longer."""
_MONTHS_OF_USERS = 18
_NO_REVENUE = pa.schema(
    [
        ("destination_id", pa.int64()),
        ("as_of_date", pa.date32()),
        ("check_in_date", pa.date32()),
        ("expected_revenue", pa.float64()),
    ]
)


def truth_tables(world: World, until: date) -> dict[str, pa.Table]:
    """Truth of one shard for snapshots up to the day after `until`; tables by name.

    demand
        property_id, as_of_date, check_in_date, expected_bookings.
    conversion
        property_id, engagement_date, conversion_probability.
    cancellation
        booking_id, cancellation_probability (when it was made), open_probability (now, null unless open).
    users
        user_id, as_of_date, probability of no booking within 180 and 365 days, expected bookings and revenue
        (not cancelled) within 365 days.
    revenue
        destination_id, as_of_date, check_in_date, expected_revenue (not cancelled); where truth has all
        properties.
    pricing
        property_id, stay_month, price_level (fraction), price, expected_bookings, expected_revenue.
    """
    market = _Market.of(world)
    last = day_number(until)
    return {
        "demand": _demand(market, last),
        "conversion": _conversion(market, last),
        "cancellation": _cancellation(world, last),
        "users": _users(world, last),
        "revenue": _revenue(market, last),
        "pricing": _pricing(market, until),
    }


@dataclass(frozen=True)
class _Market:
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
        Bookings made before each day, shape (P, T + 1).
    exposure
        Sum of `open_unit` before each day, shape (P, T + 1).
    ahead
        Bookings that one expects without shocks, by destination and check-in day, made L days before it or earlier,
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
    def of(cls, world: World) -> _Market:
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
        rows = stays.listing < count
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
    """All taken nights of the first `count` properties, in pieces."""
    demand, stays = world.demand, world.stays
    ahead = np.stack([demand.booked_ahead(n) for n in range(world.preset.destinations)])
    first, days = demand.creation_days[0], len(demand.creation_days)
    rows = np.flatnonzero(stays.listing < count)
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
    """`_Market.ahead`, given each property's expected latent times level by day of creation, shape (P, T)."""
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


def _stay_beyond(property_type: Ints, business: float, lead: float) -> Floats:
    """Probability of wishing for more than k nights, k = 0 .. MAX_NIGHTS - 1, shape (P, MAX_NIGHTS)."""
    # negative binomial: a Poisson number whose mean is gamma
    number = np.arange(MAX_NIGHTS)
    planned = float(planned_stay(np.array(lead)))
    beyond = np.zeros((len(STAY_FURTHER), MAX_NIGHTS))
    for kind, further in enumerate(STAY_FURTHER):
        for mean, weight in ((further, 1 - business), (further * BUSINESS_STAY, business)):
            chance = nbinom.pmf(number, STAY_SHAPE, STAY_SHAPE / (STAY_SHAPE + mean * planned))
            beyond[kind] += weight * (1 - np.concatenate([[0.0], np.cumsum(chance)[:-1]]))
    return ((1 - WEEK_SHARE) * beyond + WEEK_SHARE * (number < 7))[property_type]


def _shock(market: _Market, column: int, horizon: int) -> Floats:
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
    rows = (stays.created < snapshot * DAY) & (stays.listing < count) & (at >= 0) & (at < len(days))
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


class _Ahead(NamedTuple):
    """What is expected of the check-in days from a snapshot on, columns horizon + 1; the first is the snapshot's.

    Attributes
    ----------
    rest
        Bookings still to come, by factor, shape (F, P, columns).
    on_books
        Bookings that exist, shape (P, columns).
    books_value
        Their amount, each times the probability that it is kept, shape (P, columns).
    nights
        Expected nights of a booking still to come, shape (P, columns).
    kept_nights
        Nights of the bookings still to come that are not going to be cancelled, shape (P, columns), for the first
        factor; by lead time, and as far as later nights are still free then. Zeros unless asked for.
    """

    rest: Floats
    on_books: Floats
    books_value: Floats
    nights: Floats
    kept_nights: Floats


def _ahead(market: _Market, column: int, horizon: int, factors: Floats, with_kept: bool = False) -> _Ahead:
    """Bookings for the check-in days from the snapshot on: on the books and still to come.

    Parameters
    ----------
    column
        Day of the snapshot, counted from the first day.
    horizon
        Days ahead.
    factors
        Factors on the rate of attempts, shape (F, P): one result for each row.
    with_kept
        Whether to work out `kept_nights`.
    """
    world = market.world
    demand, stays, properties = world.demand, world.stays, world.properties
    count = len(market.unit)
    first = demand.creation_days[0]
    snapshot = first + column
    latent = market.latent(column)
    today = min(column, market.level.shape[1] - 1)
    alive = (properties.delisted[:count] > snapshot) & (properties.listed[:count] < snapshot)
    group, destination = properties.group[:count], properties.destination[:count]
    before = MAX_NIGHTS - 1
    span = before + horizon + 1
    days = column - before + np.arange(span)
    ahead_days = days[before:]
    shock = _shock(market, column, horizon)
    strength = (latent * market.level[:, today] * alive)[:, None] * demand.surge[today]
    weight = np.zeros((count, span))
    weight[:, before:] = strength * demand.expected[group][:, ahead_days] * shock[destination]

    # calendar at the snapshot: nights taken, and how likely they are freed
    known = np.flatnonzero((stays.listing < count) & (stays.created < snapshot * DAY))
    known = known[stays.check_in[known] + stays.nights[known] > snapshot - before]
    known = known[stays.check_in[known] <= snapshot + horizon]
    standing = known[stays.cancelled_at[known] >= snapshot * DAY]
    lead = stays.check_in[standing] - stays.created[standing] // DAY
    price = world.prices.price[stays.version[standing]]
    logit = cancellation_logit(
        lead, price / properties.market_price[stays.listing[standing]], stays.is_business[standing]
    )
    chance = _expected_cancellation(logit, lead, POLICY_SHARE[None, :], np.array([FLAKY_SHARE]))
    length = np.maximum(stays.check_in[standing] * DAY - stays.created[standing], 1)
    gone = betainc(*CANCELLED_AT, np.clip((snapshot * DAY - stays.created[standing]) / length, 0, 1))
    open_day = np.maximum(stays.check_in[standing] - snapshot, 0)
    # probability per day, from the snapshot until check-in
    still = chance * (1 - gone) / (1 - chance * gone)
    freed = still / np.maximum(open_day, 1)
    night, stay = ragged_arange(stays.check_in[standing], stays.nights[standing])
    at = night - snapshot + before
    inside = (at >= 0) & (at < span)
    taken = np.zeros((count, span), bool)
    freed_daily, freed_days = np.zeros((count, span)), np.zeros((count, span))
    cell = (stays.listing[standing[stay[inside]]], at[inside])
    taken[cell] = True
    freed_daily[cell] = freed[stay[inside]]
    freed_days[cell] = open_day[stay[inside]]
    on_books = np.zeros((count, span))
    coming = known[stays.check_in[known] >= snapshot]
    np.add.at(on_books, (stays.listing[coming], stays.check_in[coming] - snapshot + before), 1)
    books_value = np.zeros((count, span))
    due = stays.check_in[standing] >= snapshot
    at_arrival = (stays.listing[standing[due]], stays.check_in[standing[due]] - snapshot + before)
    np.add.at(books_value, at_arrival, stays.cents[standing[due]] / 100 * (1 - still[due]))

    business = float(stays.is_business.mean())
    beyond = _stay_beyond(properties.property_type[:count], business, horizon / 3)
    # covering[k]: a stay that begins k days earlier reaches the night, all nights between being free
    covering = np.zeros((MAX_NIGHTS, count, span))
    run = ~taken
    for k in range(MAX_NIGHTS):
        if k:
            run = run.copy()
            run[:, k:] &= ~taken[:, :-k]
            run[:, :k] = False
        covering[k] = beyond[:, k : k + 1] * run
    nights = np.zeros((count, span))
    reach = np.ones((count, span), bool)
    for k in range(MAX_NIGHTS):
        if k:
            reach = reach.copy()
            reach[:, :-k] &= ~taken[:, k:]
        nights += beyond[:, k : k + 1] * reach

    shares = np.stack([demand.booked_ahead(n)[ahead_days] for n in range(world.preset.destinations)])
    offsets = np.arange(horizon + 1)
    leads = np.arange(horizon + 1)
    by_lead = cancellation_logit(leads, np.ones(horizon + 1), np.full(horizon + 1, business))
    kept_by_lead = 1 - _expected_cancellation(by_lead, leads, POLICY_SHARE[None, :], np.array([FLAKY_SHARE]))
    # a stay that is cancelled gives its nights back before its arrival
    occupied = 1 - CANCELLED_AT[1] / sum(CANCELLED_AT) * float((stays.cancelled_after >= 0).mean())
    rest = np.zeros((len(factors), count, horizon + 1))
    kept_nights = np.zeros((count, horizon + 1))
    again = np.zeros_like(taken)
    again[:, 1:] = taken[:, 1:] & taken[:, :-1]
    band = np.searchsorted(_STAY_LEADS[1:], leads)
    kinds = properties.property_type[:count]
    by_band = np.stack(
        [_stay_beyond(kinds, business, lead) for lead in (_STAY_LEADS if with_kept else _STAY_LEADS[:1])]
    )
    made = np.zeros((world.preset.destinations, horizon + 1))
    for day in range(horizon + 1):
        lead = offsets - day
        valid = lead >= 0
        new = np.zeros_like(made)
        new[:, valid] = shares[:, offsets[valid], lead[valid]] - shares[:, offsets[valid], lead[valid] + 1]
        half = np.zeros((count, span))
        half[:, before:] = weight[:, before:] * (made + new / 2)[destination]
        hazard = np.zeros((count, span))
        for k in range(MAX_NIGHTS):
            hazard[:, k:] += covering[k][:, k:] * half[:, : span - k]
        back = freed_daily * np.minimum(day + 0.5, freed_days)
        for index, factor in enumerate(factors):
            free = np.where(taken, back, np.exp(-occupied * factor[:, None] * hazard))[:, before:]
            come = factor[:, None] * weight[:, before:] * new[destination] * free
            rest[index] += come
            if with_kept and index == 0:
                # given that the night before is free, only a stay that begins with this one has taken it since
                follows = np.where(taken, np.where(again, 1.0, back), np.exp(-occupied * factor[:, None] * half))
                nights_now = _nights(by_band, band[np.maximum(lead, 0)], follows[:, before:])
                kept_nights += come * kept_by_lead[np.maximum(lead, 0)] * nights_now
        made += new
    return _Ahead(rest, on_books[:, before:], books_value[:, before:], nights[:, before:], kept_nights)


def _nights(beyond: Floats, band: Ints, follows: Floats) -> Floats:
    """Expected nights of a stay from each night on, that night being free.

    Parameters
    ----------
    beyond
        Probability of wishing for more than k nights, by band of lead times, shape (B, P, MAX_NIGHTS).
    band
        Band of each night, shape (columns,).
    follows
        Probability that a night is free when the one before is, shape (P, columns); nights after the last one are.
    """
    nights = np.zeros_like(follows)
    reached = np.ones_like(follows)
    for k in range(MAX_NIGHTS):
        if k:
            reached[:, :-k] *= follows[:, k:]
        nights += beyond[band, :, k].T * reached
    return nights


def _demand(market: _Market, last: int) -> pa.Table:
    world = market.world
    first = world.demand.creation_days[0]
    begin = max(last + 1 - TEST_DAYS, first + 30)
    parts = []
    for snapshot in range(begin, last + 2):
        ahead = _ahead(market, snapshot - first, HORIZON, np.ones((1, len(market.unit))))
        listed = np.flatnonzero(world.properties.listed[: len(market.unit)] < snapshot)
        expected = (ahead.rest[0] + ahead.on_books)[listed, 1:]
        parts.append(
            pa.table(
                {
                    "property_id": np.repeat(listed + 1 + world.shard * world.preset.properties, HORIZON),
                    "as_of_date": dates(np.full(expected.size, snapshot)),
                    "check_in_date": dates(np.tile(snapshot + np.arange(1, HORIZON + 1), len(listed))),
                    "expected_bookings": expected.ravel(),
                }
            )
        )
    return pa.concat_tables(parts)


def _conversion(market: _Market, last: int) -> pa.Table:
    world, interest = market.world, market.world.interest
    count = len(market.unit)
    first = world.demand.creation_days[0]
    rows = (interest.listing < count) & (interest.day <= last)
    listing, day, idle = interest.listing[rows], interest.day[rows], interest.idle[rows]
    column = day - first
    clicks = world.engagement.clicks[rows]
    shape = world.preset.latent_shape
    latent = (shape + market.booked[listing, column]) / (shape + market.exposure[listing, column])
    attempts = latent * market.unit[listing, column]
    # idle clicks seen before the day, less the attempts expected among them; rows are in order of property and day
    opening = np.searchsorted(listing, np.arange(count))

    def before(values: Floats) -> Floats:
        so_far = np.concatenate([[0.0], np.cumsum(values)])
        return so_far[:-1] - so_far[opening[listing]]

    seen = np.maximum(before(clicks - attempts), 0.0)
    curiosity = (CURIOSITY_SHAPE + seen) / (CURIOSITY_SHAPE + before(idle))
    # a booking of the day itself must not make the day look less likely to convert
    booking = latent * market.open_before[listing, column]
    share = booking / np.maximum(attempts + curiosity * idle, 1e-12)
    shown = (world.engagement.views[rows] > 0) & (day > last - TEST_DAYS - HORIZON)
    return pa.table(
        {
            "property_id": listing[shown] + 1 + world.shard * world.preset.properties,
            "engagement_date": dates(day[shown]),
            "conversion_probability": 1 - (1 - np.clip(share[shown], 0, 1)) ** clicks[shown],
        }
    )


def _expected_cancellation(logit: Floats, lead: Ints, policy: Floats, flaky: Floats) -> Floats:
    """Mix the probability over policies, shape (B, 3) or (1, 3), and flakiness, shape (B,) or (1,)."""
    probability = np.zeros(len(logit))
    for kind, effect in enumerate(POLICY_EFFECT):
        for more, weight in ((0.0, 1 - flaky), (FLAKY_EFFECT, flaky)):
            probability += policy[:, kind] * weight * cancellation_probability(logit + effect + more, lead)
    return probability


def _cancellation(world: World, last: int) -> pa.Table:
    stays, properties = world.stays, world.properties
    end = (last + 1) * DAY
    count = int(np.searchsorted(stays.created, end))
    created, check_in = stays.created[:count], stays.check_in[:count]
    lead = check_in - created // DAY
    listing, user = stays.listing[:count], stays.user[:count]
    price = world.prices.price[stays.version[:count]]
    logit = cancellation_logit(lead, price / properties.market_price[listing], stays.is_business[:count])
    # an outcome counts from check-in on: cancellations are known earlier, and alone would tell of cancelling only
    ended = check_in * DAY
    cancelled = stays.cancelled_after[:count] >= 0
    sure = np.eye(3)
    by_policy = np.stack(
        [_expected_cancellation(logit, lead, sure[kind][None, :], np.array([FLAKY_SHARE])) for kind in range(3)], axis=1
    )
    by_flaky = np.stack(
        [_expected_cancellation(logit, lead, POLICY_SHARE[None, :], np.array([value])) for value in (0.0, 1.0)], axis=1
    )
    policy = _posterior(POLICY_SHARE, by_policy, cancelled, properties.host[listing], ended, created, lead > 0)
    flaky = _posterior(np.array([1 - FLAKY_SHARE, FLAKY_SHARE]), by_flaky, cancelled, user, ended, created, lead > 0)
    probability = _expected_cancellation(logit, lead, policy, flaky[:, 1])
    gone = betainc(*CANCELLED_AT, np.clip((end - created) / np.maximum(check_in * DAY - created, 1), 0, 1))
    is_open = (check_in > last) & (stays.cancelled_at[:count] >= end)
    still = probability * (1 - gone) / (1 - probability * gone)
    return pa.table(
        {
            "booking_id": world.shard * BOOKINGS_PER_SHARD + np.arange(1, count + 1),
            "cancellation_probability": probability,
            "open_probability": pa.array(still, mask=~is_open),
        }
    )


def _posterior(
    prior: Floats, probability: Floats, cancelled: Bools, owner: Ints, ended: Ints, asked: Ints, tells: Bools
) -> Floats:
    """Probability of each hidden kind of `owner` at `asked`, from outcomes that had `ended` by then; shape (B, K)."""
    likelihood = np.log(np.where(cancelled[:, None], probability, 1 - probability).clip(1e-12))
    likelihood[~tells] = 0.0
    origin = min(ended.min(initial=0), asked.min(initial=0))
    span = int(max(ended.max(initial=0), asked.max(initial=0)) - origin) + 2
    key = owner * span + (ended - origin)
    order = np.argsort(key, kind="stable")
    so_far = np.concatenate([np.zeros((1, likelihood.shape[1])), np.cumsum(likelihood[order], axis=0)])
    begin = np.searchsorted(key[order], owner * span)
    stop = np.searchsorted(key[order], owner * span + (asked - origin))
    posterior = np.log(prior) + so_far[stop] - so_far[begin]
    posterior = np.exp(posterior - posterior.max(axis=1, keepdims=True))
    return posterior / posterior.sum(axis=1, keepdims=True)


def _users(world: World, last: int) -> pa.Table:
    users, choice, stays, prices = world.users, world.choice, world.stays, world.prices
    count = min(len(users.created), MOST_USERS)
    months = choice.weight.shape[1]
    day = stays.created // DAY
    month = choice.month(day)
    third = choice.third(prices.price[stays.version])
    destination = world.properties.destination[stays.listing]
    returned = world.returned[stays.attempt]
    cells = choice.weight.shape[0]
    # bookings a day of a user with rate 1, by cell, price third and month, were demand as expected
    rate = np.zeros((cells, BUDGETS, months))
    for part in range(BUDGETS):
        for period in range(months):
            rows = (third == part) & (month == period) & ~returned
            made = choice.share[destination[rows], part, period].sum(axis=0)
            rate[:, part, period] = made / np.maximum(choice.weight[:, period], 1e-9) / MONTH_DAYS
    # as if further months were like those a year before
    year = 365 // MONTH_DAYS + 1
    extended = np.concatenate([rate, *[rate[:, :, -year:]] * 2], axis=2)
    clock = np.concatenate([np.zeros((cells, 1)), np.cumsum(extended.sum(axis=1) * MONTH_DAYS, axis=1)], axis=1)
    value = np.array([stays.cents[(third == part)].mean() / 100 for part in range(BUDGETS)])
    remaining = 1 - np.array([(stays.cancelled_after[third == part] >= 0).mean() for part in range(BUDGETS)])
    again = _return_rates(world, months, returned, month)
    again = np.concatenate([again, *[again[-year:]] * 2])
    again_clock = np.concatenate([[0.0], np.cumsum(again * MONTH_DAYS)])
    prior_booker = world.preset.booking_users

    def at(cell: Ints, moment: Floats) -> Floats:
        position = np.clip((moment - choice.first_day) / MONTH_DAYS, 0, clock.shape[1] - 1.001)
        low = position.astype(np.int64)
        part = position - low
        return clock[cell, low] * (1 - part) + clock[cell, low + 1] * part

    def again_at(moment: float) -> float:
        return float(np.interp((moment - choice.first_day) / MONTH_DAYS, np.arange(len(again_clock)), again_clock))

    region = users.cell[:count] // BUDGETS
    created = users.created[:count].astype(np.float64)
    parts = []
    # and the newest snapshot whose next 365 days are known
    for back in sorted({*range(0, _MONTHS_OF_USERS * MONTH_DAYS, MONTH_DAYS), 365}):
        snapshot = float(last + 1 - back)
        if snapshot - choice.first_day < 180:
            break
        known = (day < snapshot) & (stays.user < count)
        first_hand = known & ~returned
        number = np.bincount(stays.user[first_hand], minlength=count)[:count]
        everything = np.bincount(stays.user[known], minlength=count)[:count]
        latest = np.full(count, -np.inf)
        np.maximum.at(latest, stays.user[known], day[known].astype(np.float64))
        by_third = np.zeros((count, BUDGETS))
        np.add.at(by_third, (stays.user[first_hand], third[first_hand]), 1)
        exists = users.created[:count] < snapshot
        seen = np.maximum(np.where(np.isfinite(latest), latest, created), created)
        shape = RATE_SHAPE + number
        weight, alive, exposure_now = (np.zeros((BUDGETS, count)) for _ in range(3))
        period = int(choice.month(np.array([int(snapshot) - 1]))[0])
        for budget in range(BUDGETS):
            cell = region * BUDGETS + budget
            begin = at(cell, created)
            now = np.maximum(at(cell, np.full(count, snapshot)) - begin, 0)
            # a lapse between the last booking and the snapshot, in twelve steps
            age, limit = seen - created, np.maximum(snapshot - created, 0)
            dead = np.zeros(count)
            for step in range(12):
                from_, to = age + (limit - age) * step / 12, age + (limit - age) * (step + 1) / 12
                lapse = np.exp(-from_ / LIFETIME) - np.exp(-to / LIFETIME)
                middle = np.maximum(at(cell, created + (from_ + to) / 2) - begin, 0)
                dead += lapse * ((RATE_SHAPE + now) / (RATE_SHAPE + middle)) ** shape
            living = np.exp(-limit / LIFETIME)
            evidence = shape * -np.log(RATE_SHAPE + now) + RATE_SHAPE * np.log(RATE_SHAPE)
            recent = rate[cell, :, max(period - 11, 0) : period + 1].mean(axis=2)
            evidence += (by_third * np.log(np.maximum(recent, 1e-12))).sum(axis=1)
            weight[budget] = np.log(BUDGET_SHARE[budget]) + evidence + np.log(np.maximum(living + dead, 1e-300))
            alive[budget] = living / np.maximum(living + dead, 1e-300)
            exposure_now[budget] = now
        # who never booked may be one who never will
        total = np.logaddexp.reduce(weight, axis=0)
        booker = np.where(
            everything > 0, 1.0, prior_booker * np.exp(total) / (prior_booker * np.exp(total) + 1 - prior_booker)
        )
        share = np.exp(weight - total)
        result = {180: np.zeros(count), 365: np.zeros(count)}
        bookings, revenue = np.zeros(count), np.zeros(count)
        for budget in range(BUDGETS):
            cell = region * BUDGETS + budget
            begin = at(cell, np.full(count, snapshot))
            base = RATE_SHAPE + exposure_now[budget]
            for length in (180, 365):
                steps = length // 15
                none = np.zeros(count)
                for step in range(steps):
                    low, high = length * step / steps, length * (step + 1) / steps
                    lapse = np.exp(-low / LIFETIME) - np.exp(-high / LIFETIME)
                    gone = snapshot + (low + high) / 2
                    later = at(cell, np.full(count, gone)) - begin
                    returns = everything * (again_at(gone) - again_at(snapshot))
                    none += lapse * (base / (base + later)) ** shape * np.exp(-returns)
                later = at(cell, np.full(count, snapshot + length)) - begin
                returns = everything * (again_at(snapshot + length) - again_at(snapshot))
                none += np.exp(-length / LIFETIME) * (base / (base + later)) ** shape * np.exp(-returns)
                result[length] += share[budget] * (1 - alive[budget] * (1 - none))
            mean_rate = shape / base
            for step in range(12):
                low, high = snapshot + 365 * step / 12, snapshot + 365 * (step + 1) / 12
                living = np.exp(-((low + high) / 2 - snapshot) / LIFETIME) * alive[budget] * share[budget]
                column = min(int((low - choice.first_day) // MONTH_DAYS), extended.shape[2] - 1)
                returns = everything * (again_at(high) - again_at(low))
                by_part = extended[cell, :, column] * (high - low)
                fresh = living[:, None] * mean_rate[:, None] * by_part
                bookings += fresh.sum(axis=1) + living * returns
                revenue += fresh @ (value * remaining) + living * returns * float((value * remaining).mean())
        rows = np.flatnonzero(exists)
        parts.append(
            pa.table(
                {
                    "user_id": rows + 1 + world.shard * world.preset.users,
                    "as_of_date": dates(np.full(len(rows), int(snapshot))),
                    "no_booking_probability_180d": (1 - booker * (1 - result[180]))[rows],
                    "no_booking_probability_365d": (1 - booker * (1 - result[365]))[rows],
                    "expected_bookings_365d": (booker * bookings)[rows],
                    "expected_revenue_365d": (booker * revenue)[rows],
                }
            )
        )
    return pa.concat_tables(parts)


def _return_rates(world: World, months: int, returned: Bools, month: Ints) -> Floats:
    """Returning bookings a day for each earlier booking of a user who has not lapsed, by month, shape (M,)."""
    stays, users, first = world.stays, world.users, world.choice.first_day
    day = stays.created // DAY
    rates = np.zeros(months)
    for period in range(months):
        middle = first + (period + 0.5) * MONTH_DAYS
        past = ((day < middle) & (users.lapsed[stays.user] > middle)).sum()
        rates[period] = (returned & (month == period)).sum() / max(past, 1) / MONTH_DAYS
    return rates


def _revenue(market: _Market, last: int) -> pa.Table:
    world, count = market.world, len(market.unit)
    first, places = world.demand.creation_days[0], world.preset.destinations
    complete = count == len(world.properties.listed)
    parts = []
    for cutoff in [last + 1 - back for back in REVENUE_CUTOFFS if complete and last + 1 - back - first > 60]:
        ahead = _ahead(market, cutoff - first, REVENUE_HORIZON, np.ones((1, count)), with_kept=True)
        price = world.prices.price[world.prices.at(np.arange(count), np.full(count, cutoff * DAY))]
        expected = np.zeros((places, REVENUE_HORIZON + 1))
        np.add.at(expected, world.properties.destination, ahead.books_value + ahead.kept_nights * price[:, None])
        parts.append(
            pa.table(
                {
                    "destination_id": np.repeat(np.arange(1, places + 1), REVENUE_HORIZON),
                    "as_of_date": dates(np.full(places * REVENUE_HORIZON, cutoff)),
                    "check_in_date": dates(np.tile(cutoff + np.arange(1, REVENUE_HORIZON + 1), places)),
                    "expected_revenue": expected[:, 1:].ravel(),
                }
            )
        )
    return pa.concat_tables(parts) if parts else _NO_REVENUE.empty_table()


def _pricing(market: _Market, until: date) -> pa.Table:
    world = market.world
    properties = world.properties
    first = world.demand.creation_days[0]
    count = len(market.unit)
    slope = world.demand.price_slope[properties.group[:count]]
    month = np.datetime64(until, "M") + 1
    kept = 1 - float((world.stays.cancelled_after >= 0).mean())
    parts = []
    for stay_month in [month - back for back in range(5)]:
        begin = int(stay_month.astype("datetime64[D]").astype(np.int64))
        column, length = begin - first, int(((stay_month + 1).astype("datetime64[D]") - stay_month).astype(np.int64))
        if column < 60 or column > market.level.shape[1]:
            continue
        version = world.prices.at(np.arange(count), np.full(count, begin * DAY))
        price = world.prices.price[version]
        relative = price / properties.market_price[:count]
        listed = np.flatnonzero((properties.listed[:count] < begin) & (properties.delisted[:count] > begin))
        asked = relative * (1 + PRICE_LEVELS[:, None])
        factors = price_effect(asked, slope) / price_effect(relative, slope)
        ahead = _ahead(market, column, length - 1, factors)
        for level, bookings in zip(PRICE_LEVELS, ahead.rest, strict=True):
            revenue = (bookings * ahead.nights).sum(axis=1) * price * (1 + level) * kept
            parts.append(
                pa.table(
                    {
                        "property_id": listed + 1 + world.shard * world.preset.properties,
                        "stay_month": dates(np.full(len(listed), begin)),
                        "price_level": np.full(len(listed), level),
                        "price": (price * (1 + level))[listed],
                        "expected_bookings": bookings.sum(axis=1)[listed],
                        "expected_revenue": revenue[listed],
                    }
                )
            )
    return pa.concat_tables(parts)
