"""Bookings for the days ahead of a snapshot: on the books, and still to come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betainc
from scipy.stats import nbinom

from wanderbricks_ml.arrays import Floats, Ints
from wanderbricks_ml.simulator.bookings import (
    CANCELLED_AT,
    cancellation_logit,
)
from wanderbricks_ml.simulator.columns import DAY, ragged_arange
from wanderbricks_ml.simulator.laws import GROUP_SHAPE, Laws
from wanderbricks_ml.simulator.stays import (
    BUSINESS_STAY,
    MAX_NIGHTS,
    STAY_FURTHER,
    STAY_SHAPE,
    WEEK_SHARE,
    planned_stay,
)
from wanderbricks_ml.simulator.truth.cancellation import expected_cancellation
from wanderbricks_ml.simulator.truth.market import Market, expected_shock
from wanderbricks_ml.simulator.world import POLICY_SHARE

_MOST_FURTHER_ROOMS = 150
"""More than any group takes beside its two."""

_STAY_LEADS = np.array([1.0, 4.0, 12.0, 30.0, 70.0])
"""Lead times that stand for bands: guests who plan ahead stay longer."""


def stay_beyond(property_type: Ints, business: float, lead: float) -> Floats:
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


class Ahead(NamedTuple):
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


def ahead_of(market: Market, column: int, horizon: int, factors: Floats, with_kept: bool = False) -> Ahead:
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
    is_hotel = properties.is_hotel[:count]
    rooms = world.laws.mean_rooms(is_hotel)[:, None]
    before = MAX_NIGHTS - 1
    span = before + horizon + 1
    days = column - before + np.arange(span)
    ahead_days = days[before:]
    shock = expected_shock(market, column, horizon)
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
    ) + world.laws.group_effect * np.log(stays.rooms[standing])
    usual = np.array([world.laws.flaky_share])
    chance = expected_cancellation(logit, lead, POLICY_SHARE[None, :], usual, world.laws)
    length = np.maximum(stays.check_in[standing] * DAY - stays.created[standing], 1)
    gone = betainc(*CANCELLED_AT, np.clip((snapshot * DAY - stays.created[standing]) / length, 0, 1))
    open_day = np.maximum(stays.check_in[standing] - snapshot, 0)
    # probability per day, from the snapshot until check-in
    still = chance * (1 - gone) / (1 - chance * gone)
    freed = still / np.maximum(open_day, 1)
    night, stay = ragged_arange(stays.check_in[standing], stays.nights[standing])
    at = night - snapshot + before
    inside = (at >= 0) & (at < span) & ~is_hotel[stays.listing[standing[stay]]]
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
    beyond = stay_beyond(properties.property_type[:count], business, horizon / 3)
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
    kept_rooms = _kept_rooms(world.laws, leads, business)[is_hotel.astype(np.int64)]
    # a stay that is cancelled gives its nights back before its arrival
    of_others = ~properties.is_hotel[stays.listing]
    occupied = 1 - CANCELLED_AT[1] / sum(CANCELLED_AT) * float((stays.cancelled_after[of_others] >= 0).mean())
    rest = np.zeros((len(factors), count, horizon + 1))
    kept_nights = np.zeros((count, horizon + 1))
    again = np.zeros_like(taken)
    again[:, 1:] = taken[:, 1:] & taken[:, :-1]
    band = np.searchsorted(_STAY_LEADS[1:], leads)
    kinds = properties.property_type[:count]
    by_band = np.stack([stay_beyond(kinds, business, lead) for lead in (_STAY_LEADS if with_kept else _STAY_LEADS[:1])])
    made = np.zeros((world.preset.destinations, horizon + 1))
    for day in range(horizon + 1):
        lead = offsets - day
        valid = lead >= 0
        new = np.zeros_like(made)
        new[:, valid] = shares[:, offsets[valid], lead[valid]] - shares[:, offsets[valid], lead[valid] + 1]
        half = np.zeros((count, span))
        half[:, before:] = weight[:, before:] * (made + new / 2)[destination]
        half[is_hotel] = 0.0
        hazard = np.zeros((count, span))
        for k in range(MAX_NIGHTS):
            hazard[:, k:] += covering[k][:, k:] * half[:, : span - k]
        back = freed_daily * np.minimum(day + 0.5, freed_days)
        for index, factor in enumerate(factors):
            free = np.where(taken, back, np.exp(-occupied * factor[:, None] * hazard))[:, before:]
            come = factor[:, None] * weight[:, before:] * new[destination] * free
            rest[index] += come * rooms
            if with_kept and index == 0:
                # given that the night before is free, only a stay that begins with this one has taken it since
                follows = np.where(taken, np.where(again, 1.0, back), np.exp(-occupied * factor[:, None] * half))
                nights_now = _nights(by_band, band[np.maximum(lead, 0)], follows[:, before:])
                kept_nights += come * kept_rooms[:, np.maximum(lead, 0)] * nights_now
        made += new
    return Ahead(rest, on_books[:, before:], books_value[:, before:], nights[:, before:], kept_nights)


def _kept_rooms(laws: Laws, leads: Ints, business: float) -> Floats:
    """Expected rooms of an attempt that are kept, by lead time; shape (2, leads), at hotels in the second row."""
    logit = cancellation_logit(leads, np.ones(len(leads)), np.full(len(leads), business))
    usual = np.array([laws.flaky_share])

    def kept(rooms: int) -> Floats:
        whole = logit + laws.group_effect * np.log(rooms)
        return rooms * (1 - expected_cancellation(whole, leads, POLICY_SHARE[None, :], usual, laws))

    single = kept(1)
    if not laws.group_share:
        return np.stack([single, single])
    further = np.arange(_MOST_FURTHER_ROOMS)
    chance = nbinom.pmf(further, GROUP_SHAPE, GROUP_SHAPE / (GROUP_SHAPE + laws.group_size - 2))
    group = sum((weight * kept(2 + more) for more, weight in enumerate(chance)), np.zeros(len(leads)))
    return np.stack([single, (1 - laws.group_share) * single + laws.group_share * group])


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
