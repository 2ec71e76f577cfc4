"""Bookings: for how many nights and guests, at what price, and how each ended as far as is known."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, OPEN, dates, decimals, moments, picked, stream
from wanderbricks_ml.simulator.laws import Laws
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.prices import Prices
from wanderbricks_ml.simulator.stays import Attempts, draw_nights, fit_calendar
from wanderbricks_ml.simulator.users import Users
from wanderbricks_ml.simulator.world import Hosts, Properties

POLICY_EFFECT = np.array([0.55, 0.0, -0.65])
"""Effects of a host's policy on the logit of a cancellation."""

CANCELLED_AT = (0.49, 0.87)
"""Beta distribution of the moment of a cancellation, as a share of the time between booking and check-in."""

BOOKINGS_PER_SHARD = 10_000_000
"""Booking ids of a shard begin at this multiple of its number, whatever the date at which gold is cut."""

_STATUSES = ("pending", "confirmed", "completed", "cancelled")
_METHODS = ("credit_card", "paypal", "bank_transfer", "apple_pay", "google_pay")
_CHECK_OUT = 11 * 3_600
_FREE_CANCELLATION = 7 * DAY


@dataclass(frozen=True)
class Stays:
    """Bookings in the order in which they are made, with all that becomes of them; those of a group side by side.

    Attributes
    ----------
    attempt
        Row of the attempt, the same for all bookings of a group.
    listing, check_in, created, version
        See `Attempts`.
    user
        Row of the user.
    nights, guests
        As booked.
    is_business
        Whether the booking is for business.
    cents
        Total amount.
    cancelled_after
        Microseconds from `created` to the cancellation; -1 for never.
    confirmed_at, completed_at
        Seconds since 1970, if it is not cancelled before.
    method
        Row into the payment methods.
    """

    attempt: Ints
    listing: Ints
    check_in: Ints
    created: Ints
    version: Ints
    user: Ints
    nights: Ints
    guests: Ints
    is_business: Bools
    cents: Ints
    cancelled_after: Ints
    confirmed_at: Ints
    completed_at: Ints
    method: Ints

    @property
    def cancelled_at(self) -> Ints:
        """Second since 1970 of the cancellation, `OPEN` for never."""
        return np.where(self.cancelled_after < 0, OPEN, self.created + self.cancelled_after // 1_000_000)

    @property
    def is_first(self) -> Bools:
        """Whether a booking is the first of its party: a group's count as one where it is asked how many came."""
        return np.diff(self.attempt, prepend=-1) > 0

    @property
    def parties(self) -> Stays:
        """One row for each party, with the amount of all its bookings."""
        first = np.flatnonzero(self.is_first)
        rows = {field.name: getattr(self, field.name)[first] for field in fields(self)}
        return Stays(**rows | {"cents": np.add.reduceat(self.cents, first) if len(first) else self.cents})

    @property
    def rooms(self) -> Ints:
        """Bookings of the party that each belongs to."""
        return np.bincount(self.attempt, minlength=1)[self.attempt]


def cancellation_logit(lead: Ints, relative_price: Floats, business: Bools) -> Floats:
    """What anybody can see of the logit that a booking is ever cancelled."""
    return -3.4 + 0.455 * np.log1p(lead) + 0.53 * np.log(relative_price) - 0.36 * business


def cancellation_probability(logit: Floats, lead: Ints) -> Floats:
    """Probability of a logit; nobody cancels on the day of arrival."""
    return np.where(lead > 0, 1 / (1 + np.exp(-logit)), 0.0)


def draw_stays(
    seed: int,
    shard: int,
    attempts: Attempts,
    user: Ints,
    users: Users,
    properties: Properties,
    hosts: Hosts,
    prices: Prices,
    laws: Laws,
) -> Stays:
    """Draw what each attempt is for and how it would end, and keep those that find the calendar free.

    A hotel's calendar always is; a group's attempt becomes as many bookings as it takes rooms, all alike.
    """
    rng = stream(seed, "stays", shard)
    count = len(user)
    listing, created, lead = attempts.listing, attempts.created, attempts.lead
    business = rng.random(count) < np.where(users.is_business[user], 0.7, 0.03)
    wished = draw_nights(rng, properties.property_type[listing], business, lead)
    guests = _draw_guests(rng, properties.max_guests[listing], business, users.family[user])
    price = prices.price[attempts.version]
    at_hotel = properties.is_hotel[listing]
    rooms = laws.draw_rooms(stream(seed, "groups", shard), at_hotel)
    logit = (
        cancellation_logit(lead, price / properties.market_price[listing], business)
        + POLICY_EFFECT[hosts.policy[properties.host[listing]]]
        + laws.flaky_effect * users.flaky[user]
        + laws.group_effect * np.log(rooms)
    )
    tentative = stream(seed, "tentative", shard).random(count) < laws.tentative_share
    logit = laws.trip_logit(logit, tentative)
    cancels = rng.random(count) < cancellation_probability(logit, lead)
    # Microseconds into the open interval between the booking and the day of arrival.
    open_micros = (attempts.check_in * DAY - created) * 1_000_000 - 1
    moment = 1 + (rng.beta(*CANCELLED_AT, count) * np.maximum(open_micros - 1, 0)).astype(np.int64)
    cancelled_after = np.where(cancels, moment, -1)
    freed = np.where(cancels, created + -(-moment // 1_000_000), OPEN)
    nights = wished.copy()
    nights[~at_hotel] = fit_calendar(
        attempts.of(~at_hotel), wished[~at_hotel], freed[~at_hotel], len(properties.listed)
    )

    noise = rng.lognormal(0, 0.05, count)
    confirmed_at = created + 60 + rng.exponential(10 * 3_600, count).astype(np.int64)
    left_at = (attempts.check_in + nights) * DAY + _CHECK_OUT + rng.integers(0, 8 * 3_600, count)
    method = rng.choice(len(_METHODS), count, p=[0.55, 0.2, 0.1, 0.09, 0.06])
    booked = np.repeat(np.flatnonzero(nights), rooms[nights > 0])
    columns = {
        "listing": listing,
        "check_in": attempts.check_in,
        "created": created,
        "version": attempts.version,
        "user": user,
        "nights": nights,
        "guests": guests,
        "is_business": business,
        "cents": np.round(100 * price * nights * noise).astype(np.int64),
        "cancelled_after": cancelled_after,
        "confirmed_at": confirmed_at,
        "completed_at": np.maximum(left_at, confirmed_at),
        "method": method,
    }
    return Stays(attempt=booked, **{name: values[booked] for name, values in columns.items()})


def _draw_guests(rng: np.random.Generator, most: Ints, business: Bools, family: Floats) -> Ints:
    """Draw the party: alone, two, or a larger one by the user's taste, as far as it fits."""
    kind = rng.random(len(most)) + np.where(business, -0.55, 0.0)
    larger = 2 + rng.binomial(np.maximum(most - 2, 0), family)
    return np.minimum(np.select([kind < 0.08, kind < 0.7], [1, 2], larger), most)


def booking_table(preset: Preset, shard: int, stays: Stays, properties: Properties, end: int) -> pa.Table:
    """fact_booking_detail as known at second `end`."""
    known = slice(0, int(np.searchsorted(stays.created, end)))
    created, check_in, nights = stays.created[known], stays.check_in[known], stays.nights[known]
    listing, cents, cancelled_after = stays.listing[known], stays.cents[known], stays.cancelled_after[known]
    confirmed_at, completed_at = stays.confirmed_at[known], stays.completed_at[known]
    cancelled_at = stays.cancelled_at[known]
    # A booking that will be cancelled after the end looks like any other until then.
    is_cancelled = cancelled_at < end
    is_completed = ~is_cancelled & (completed_at < end)
    is_confirmed = ~is_cancelled & ~is_completed & (confirmed_at < end)
    outcome = [is_cancelled, is_completed, is_confirmed]
    updated = np.select(outcome, [cancelled_at, completed_at, confirmed_at], created)
    micros = np.where(is_cancelled, cancelled_after % 1_000_000, 0)
    status = np.select(outcome, [3, 2, 1], 0)

    refunded = is_cancelled & (check_in * DAY - cancelled_at >= _FREE_CANCELLATION)
    unpaid = status == 0
    created_at, updated_at = moments(created), moments(updated, micros)
    return pa.table(
        {
            "booking_id": shard * BOOKINGS_PER_SHARD + np.arange(1, len(created) + 1),
            "user_id": stays.user[known] + 1 + shard * preset.users,
            "host_id": properties.host[listing] + 1 + shard * preset.hosts,
            "property_id": listing + 1 + shard * preset.properties,
            "destination_id": properties.destination[listing] + 1,
            "check_in_date": dates(check_in),
            "check_out_date": dates(check_in + nights),
            "guests_count": stays.guests[known],
            "nights_booked": nights,
            "total_amount": decimals(cents, 18),
            "payment_amount": decimals(np.where(refunded, 0, cents), 18, unpaid),
            "payment_method": picked(_METHODS, stays.method[known], unpaid),
            "status": picked(_STATUSES, status),
            "created_at": created_at,
            "updated_at": updated_at,
            "days_between_booking_and_checkin": check_in - created // DAY,
            "is_cancelled": is_cancelled,
            "is_business_booking": stays.is_business[known],
            "record_created_timestamp": created_at,
            "record_updated_timestamp": updated_at,
        }
    )
