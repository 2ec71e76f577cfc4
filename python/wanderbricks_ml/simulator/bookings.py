"""Bookings: who arrives when, at what price, and how each booking ended as far as is known."""

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
    decimals,
    moments,
    picked,
    stream,
)
from wanderbricks_ml.simulator.demand import MAX_LEAD, Demand
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.users import Users
from wanderbricks_ml.simulator.world import Prices, Properties

_STATUSES = ("pending", "confirmed", "completed", "cancelled")
_METHODS = ("credit_card", "paypal", "bank_transfer", "apple_pay", "google_pay")
_CHECK_OUT = 11 * 3_600
_FREE_CANCELLATION = 7 * DAY


@dataclass(frozen=True)
class Arrivals:
    """Bookings in the order in which they are made, before their guests are known.

    Attributes
    ----------
    listing
        Row of the property.
    check_in
        Days since 1970.
    created
        Seconds since 1970.
    price
        Of a night, in force at `created`.
    """

    listing: Ints
    check_in: Ints
    created: Ints
    price: Floats

    def until(self, end: int) -> Arrivals:
        """Keep the bookings made before second `end`."""
        known = int(np.searchsorted(self.created, end))
        return Arrivals(self.listing[:known], self.check_in[:known], self.created[:known], self.price[:known])


def draw_arrivals(seed: int, properties: Properties, prices: Prices, levels: Floats, demand: Demand) -> Arrivals:
    """Draw bookings as a Poisson process over properties, check-in days and lead times.

    Each property's process is drawn at its highest level, by check-in day, moved back by a lead
    time, and thinned to the level of the price in force at that moment. Check-ins before the
    listing and bookings made outside the property's life or the period fall away.
    """
    rng = stream(seed, "arrivals")
    group = properties.group
    first = demand.check_in_days[0]
    opening = np.searchsorted(prices.owner, np.arange(len(group)))
    highest = np.maximum.reduceat(levels, opening)
    cumulated = np.cumsum(demand.check_ins, axis=1)
    total = cumulated[:, -1]
    share = cumulated / total[:, None]
    unlisted = np.clip(properties.listed - first, 0, None)
    missed = np.where(unlisted > 0, share[group, np.maximum(unlisted - 1, 0)], 0.0)
    drawn = rng.poisson(highest * total[group] * (1 - missed))
    listing = np.repeat(np.arange(len(group)), drawn)

    position = missed[listing] + rng.random(len(listing)) * (1 - missed[listing])
    rows = np.arange(len(share))[:, None]
    flat = np.searchsorted((share + rows).ravel(), group[listing] + position, side="right")
    column = np.clip(flat - group[listing] * share.shape[1], 0, share.shape[1] - 1)
    check_in = first + column
    lead = _lead_times(rng, demand, properties.destination[listing], column)
    created = (check_in - lead) * DAY + _time_of_day(rng, len(lead))

    listed = np.maximum(properties.listed, first)[listing] * DAY
    closed = np.minimum(properties.delisted[listing], demand.creation_days[-1] + 1) * DAY
    alive = (created >= listed) & (created < closed)
    listing, check_in, created = listing[alive], check_in[alive], created[alive]
    version = prices.at(listing, created)
    kept = rng.random(len(listing)) * highest[listing] < levels[version]
    listing, check_in, created, version = (values[kept] for values in (listing, check_in, created, version))
    order = np.lexsort((check_in, listing, created))
    return Arrivals(listing[order], check_in[order], created[order], prices.price[version[order]])


def cancellation_probability(lead: Ints, relative_price: Floats, business: Bools) -> Floats:
    """Probability that a booking is ever cancelled; nobody cancels on the day of arrival."""
    logit = -2.3 + 0.35 * np.log1p(lead) + 0.6 * np.log(relative_price) - 0.5 * business
    return np.where(lead > 0, 1 / (1 + np.exp(-logit)), 0.0)


def booking_table(
    preset: Preset,
    seed: int,
    arrivals: Arrivals,
    guests: Ints,
    users: Users,
    properties: Properties,
) -> pa.Table:
    """fact_booking_detail as known at the end of the last day; `guests` are rows of `users`."""
    rng = stream(seed, "outcomes")
    count = len(guests)
    end = (day_number(preset.last_day) + 1) * DAY
    listing = arrivals.listing
    lead = arrivals.check_in - arrivals.created // DAY
    business = rng.random(count) < np.where(users.is_business[guests], 0.7, 0.03)
    nights = _nights(rng, properties.property_type[listing], business)
    party = 1 + rng.binomial(properties.max_guests[listing] - 1, np.where(business, 0.1, 0.45))
    cents = np.round(100 * arrivals.price * nights * rng.lognormal(0, 0.05, count)).astype(np.int64)

    check_in_moment = arrivals.check_in * DAY
    relative_price = arrivals.price / properties.market_price[listing]
    probability = cancellation_probability(lead, relative_price, business)
    will_cancel = rng.random(count) < probability
    # Microseconds into the open interval between the booking and the day of arrival.
    open_micros = (check_in_moment - arrivals.created) * 1_000_000 - 1
    cancelled_after = 1 + (rng.random(count) * np.maximum(open_micros - 1, 0)).astype(np.int64)
    cancelled_at = arrivals.created + cancelled_after // 1_000_000
    is_cancelled = will_cancel & (cancelled_at < end)

    confirmed_at = arrivals.created + 60 + rng.exponential(10 * 3_600, count).astype(np.int64)
    left_at = (arrivals.check_in + nights) * DAY + _CHECK_OUT + rng.integers(0, 8 * 3_600, count)
    completed_at = np.maximum(left_at, confirmed_at)
    # A booking that will be cancelled after the end looks like any other until then.
    is_completed = ~is_cancelled & (completed_at < end)
    is_confirmed = ~is_cancelled & ~is_completed & (confirmed_at < end)
    updated = np.select(
        [is_cancelled, is_completed, is_confirmed],
        [cancelled_at, completed_at, confirmed_at],
        arrivals.created,
    )
    micros = np.where(is_cancelled, cancelled_after % 1_000_000, 0)
    status = np.select([is_cancelled, is_completed, is_confirmed], [3, 2, 1], 0)

    refunded = is_cancelled & (check_in_moment - cancelled_at >= _FREE_CANCELLATION)
    unpaid = status == 0
    created_at = moments(arrivals.created)
    updated_at = moments(updated, micros)
    method = rng.choice(len(_METHODS), count, p=[0.55, 0.2, 0.1, 0.09, 0.06])
    return pa.table(
        {
            "booking_id": np.arange(1, count + 1),
            "user_id": guests + 1,
            "host_id": properties.host[listing] + 1,
            "property_id": listing + 1,
            "destination_id": properties.destination[listing] + 1,
            "check_in_date": dates(arrivals.check_in),
            "check_out_date": dates(arrivals.check_in + nights),
            "guests_count": party,
            "nights_booked": nights,
            "total_amount": decimals(cents, 18),
            "payment_amount": decimals(np.where(refunded, 0, cents), 18, unpaid),
            "payment_method": picked(_METHODS, method, unpaid),
            "status": picked(_STATUSES, status),
            "created_at": created_at,
            "updated_at": updated_at,
            "days_between_booking_and_checkin": lead,
            "is_cancelled": is_cancelled,
            "is_business_booking": business,
            "record_created_timestamp": created_at,
            "record_updated_timestamp": updated_at,
        }
    )


def _lead_times(rng: np.random.Generator, demand: Demand, destination: Ints, column: Ints) -> Ints:
    """Lead time in days for check-ins at `destination` on the days of `column`."""
    mix = demand.lead_mix[:, destination, column]
    pick = rng.random(len(column))
    component = (pick > mix[0]).astype(np.int64) + (pick > mix[0] + mix[1])
    cumulated = np.cumsum(demand.lead_times, axis=1)
    cumulated /= cumulated[:, -1:]
    key = (cumulated + np.arange(len(cumulated))[:, None]).ravel()
    flat = np.searchsorted(key, component + rng.random(len(column)), side="right")
    lead: Ints = np.clip(flat - component * (MAX_LEAD + 1), 0, MAX_LEAD)
    return lead


def _nights(rng: np.random.Generator, property_type: Ints, business: Bools) -> Ints:
    """Length of stay, 1 to 14 nights."""
    further = np.array([2.4, 3.8, 2.4, 3.9])[property_type] * np.where(business, 0.6, 1.0)
    return 1 + np.minimum(rng.poisson(further * rng.gamma(2.5, 0.4, len(further))), 13)


def _time_of_day(rng: np.random.Generator, count: int) -> Ints:
    """Seconds since midnight, mostly in the afternoon and evening."""
    return (rng.beta(3.0, 2.0, count) * DAY).astype(np.int64).clip(0, DAY - 1)
