"""Truth of users: whether they come back, and what they spend."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, dates, day_number
from wanderbricks_ml.simulator.users import BUDGET_SHARE, BUDGETS, LIFETIME, MONTH_DAYS, RATE_SHAPE

if TYPE_CHECKING:
    from wanderbricks_ml.simulator import World

MOST_USERS = 25_000
"""Truth is written for the first so many properties and users, which are as random as any."""
_MONTHS_OF_USERS = 18

STEPS = np.array([*range(0, 361, 15), 365])
"""Days ahead between which all is taken for even."""

PACE_SHAPE = 2.0
"""How many of its bookings a property's own pace must have to count for half of what is expected."""


def days_of_months(world: World) -> Ints:
    """Days of each month of 30 on which bookings are made: the platform's last month may be shorter. Shape (M,)."""
    begin = world.choice.first_day + MONTH_DAYS * np.arange(world.choice.weight.shape[1])
    days: Ints = np.minimum(MONTH_DAYS, day_number(world.preset.last_day) + 1 - begin)
    return days


def user_truth(world: World, last: int) -> pa.Table:
    users, choice, prices = world.users, world.choice, world.prices
    # a group is one booking more for all that its guest does later
    stays, rooms = world.stays.parties, world.stays.rooms[world.stays.is_first]
    count = min(len(users.created), MOST_USERS)
    months = choice.weight.shape[1]
    day = stays.created // DAY
    month = choice.month(day)
    third = choice.third(prices.price[stays.version])
    destination, cluster = world.properties.destination[stays.listing], world.properties.cluster[stays.listing]
    returned = world.returned[stays.attempt]
    cells = choice.weight.shape[0]
    days = days_of_months(world)
    # bookings a day of a user with rate 1, by cell, price third and month, were demand as expected
    rate = np.zeros((cells, BUDGETS, months))
    for part in range(BUDGETS):
        for period in range(months):
            rows = (third == part) & (month == period) & ~returned
            made = choice.share[destination[rows], cluster[rows], part, period].sum(axis=0)
            rate[:, part, period] = made / np.maximum(choice.weight[:, period], 1e-9) / days[period]
    # as if further months were like those a year before
    year = 365 // MONTH_DAYS + 1
    extended = np.concatenate([rate, *[rate[:, :, -year:]] * 2], axis=2)
    clock = np.concatenate([np.zeros((cells, 1)), np.cumsum(extended.sum(axis=1) * MONTH_DAYS, axis=1)], axis=1)
    value = np.array([stays.cents[(third == part)].mean() / 100 for part in range(BUDGETS)])
    cancelled = stays.cancelled_after >= 0
    remaining = 1 - np.array(
        [np.average(cancelled[third == part], weights=rooms[third == part]) for part in range(BUDGETS)]
    )
    returns = Returns.of(world, months, returned)
    prior_booker = world.preset.booking_users

    def at(cell: Ints, moment: Floats) -> Floats:
        position = np.clip((moment - choice.first_day) / MONTH_DAYS, 0, clock.shape[1] - 1.001)
        low = position.astype(np.int64)
        part = position - low
        return clock[cell, low] * (1 - part) + clock[cell, low + 1] * part

    # hidden classes of users: budget, which prices tell of, and taste, of which clusters would that nobody sees
    classes = BUDGETS * users.tastes
    class_share = np.repeat(BUDGET_SHARE, users.tastes) / users.tastes
    region = users.cell[:count] // classes
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
        expected_returns = returns.ahead(snapshot, stays.listing[known], stays.user[known], count)
        pull = returns.pull(snapshot, stays.listing[known], stays.user[known], count)
        seen = np.maximum(np.where(np.isfinite(latest), latest, created), created)
        shape = RATE_SHAPE + number
        weight, alive, exposure_now = (np.zeros((classes, count)) for _ in range(3))
        period = int(choice.month(np.array([int(snapshot) - 1]))[0])
        for kind in range(classes):
            cell = region * classes + kind
            begin = at(cell, created)
            now = np.maximum(at(cell, np.full(count, snapshot)) - begin, 0)
            # a lapse between the last booking and the snapshot, in twelve steps
            age, limit = seen - created, np.maximum(snapshot - created, 0)
            dead = np.zeros(count)
            # the longer no booking has brought a user back, the rather have they lapsed
            back_by_now = pull * (returns.clock(np.full(count, snapshot)) - returns.clock(seen))
            for step in range(12):
                from_, to = age + (limit - age) * step / 12, age + (limit - age) * (step + 1) / 12
                lapse = np.exp(-from_ / LIFETIME) - np.exp(-to / LIFETIME)
                gone = created + (from_ + to) / 2
                middle = np.maximum(at(cell, gone) - begin, 0)
                back_by_then = pull * (returns.clock(gone) - returns.clock(seen))
                dead += lapse * ((RATE_SHAPE + now) / (RATE_SHAPE + middle)) ** shape * np.exp(-back_by_then)
            living = np.exp(-limit / LIFETIME - back_by_now)
            evidence = shape * -np.log(RATE_SHAPE + now) + RATE_SHAPE * np.log(RATE_SHAPE)
            recent = rate[cell, :, max(period - 11, 0) : period + 1].mean(axis=2)
            evidence += (by_third * np.log(np.maximum(recent, 1e-12))).sum(axis=1)
            weight[kind] = np.log(class_share[kind]) + evidence + np.log(np.maximum(living + dead, 1e-300))
            alive[kind] = living / np.maximum(living + dead, 1e-300)
            exposure_now[kind] = now
        # who never booked may be one who never will
        total = np.logaddexp.reduce(weight, axis=0)
        booker = np.where(
            everything > 0, 1.0, prior_booker * np.exp(total) / (prior_booker * np.exp(total) + 1 - prior_booker)
        )
        share = np.exp(weight - total)
        result = {180: np.zeros(count), 365: np.zeros(count)}
        parties, revenue = np.zeros(count), np.zeros(count)
        for kind in range(classes):
            cell = region * classes + kind
            begin = at(cell, np.full(count, snapshot))
            base = RATE_SHAPE + exposure_now[kind]
            for length in (180, 365):
                none, last_step = np.zeros(count), int(np.searchsorted(STEPS, length))
                for step, (low, high) in enumerate(pairwise(STEPS[: last_step + 1])):
                    lapse = np.exp(-low / LIFETIME) - np.exp(-high / LIFETIME)
                    later = at(cell, np.full(count, snapshot + (low + high) / 2)) - begin
                    back_again = (expected_returns[step] + expected_returns[step + 1]) / 2
                    none += lapse * (base / (base + later)) ** shape * np.exp(-back_again)
                later = at(cell, np.full(count, snapshot + length)) - begin
                none += (
                    np.exp(-length / LIFETIME) * (base / (base + later)) ** shape * np.exp(-expected_returns[last_step])
                )
                result[length] += share[kind] * (1 - alive[kind] * (1 - none))
            mean_rate = shape / base
            # of a user who has not lapsed: who books may return for that booking, too
            since = np.zeros(count)
            for step, (low, high) in enumerate(pairwise(STEPS)):
                living = np.exp(-(low + high) / 2 / LIFETIME) * alive[kind] * share[kind]
                column = min(int((snapshot + low - choice.first_day) // MONTH_DAYS), extended.shape[2] - 1)
                fresh = mean_rate[:, None] * extended[cell, :, column] * (high - low)
                back_again = expected_returns[step + 1] - expected_returns[step]
                back_again = back_again + since * returns.of_a_booking(snapshot + low) * (high - low)
                since += fresh.sum(axis=1) + back_again
                parties += living * (fresh.sum(axis=1) + back_again)
                revenue += living * (fresh @ (value * remaining) + back_again * float((value * remaining).mean()))
        rows = np.flatnonzero(exists)
        parts.append(
            pa.table(
                {
                    "user_id": rows + 1 + world.shard * world.preset.users,
                    "as_of_date": dates(np.full(len(rows), int(snapshot))),
                    "no_booking_probability_180d": (1 - booker * (1 - result[180]))[rows],
                    "no_booking_probability_365d": (1 - booker * (1 - result[365]))[rows],
                    "expected_bookings_365d": (booker * parties * rooms.mean())[rows],
                    "expected_revenue_365d": (booker * revenue)[rows],
                }
            )
        )
    return pa.concat_tables(parts)


@dataclass(frozen=True)
class Returns:
    """How often earlier guests of a property make its next booking.

    A share of a property's bookings, in some worlds one that grows with their number, is made by its earlier guests,
    each as likely as any other. So the more it has had for its pace of booking, the less each of them returns.

    Attributes
    ----------
    listed
        Day since 1970 on which each property was listed.
    usual_pace
        Bookings a day of a property.
    first_day
        Day since 1970 at which month 0 begins.
    scale
        Added to a property's bookings so far: `Laws.return_scale` where the share grows, 0 where it does not.
    share, by_booking
        By month, the last year repeated: share of what properties' paces, over their bookings so far, add up to that
        unlapsed guests made; and their bookings a day for each earlier booking.
    """

    listed: Ints
    usual_pace: float
    first_day: int
    scale: float
    share: Floats
    by_booking: Floats

    @classmethod
    def of(cls, world: World, months: int, returned: Bools) -> Returns:
        """Measure them on a platform; `returned` tells of each party whether an earlier guest made it."""
        stays, first, listed = world.stays.parties, world.choice.first_day, world.properties.listed
        day, lapsed = stays.created // DAY, world.users.lapsed[stays.user]
        existed = np.maximum(first + months * MONTH_DAYS - np.maximum(listed, first), 1).sum()
        found = cls(listed, len(day) / existed, first, world.laws.return_scale, np.zeros(0), np.zeros(0))
        share, by_booking = np.zeros(months), np.zeros(months)
        days = days_of_months(world)
        for period in range(months):
            begin = first + period * MONTH_DAYS
            middle = begin + days[period] / 2
            past = day < middle
            made = (returned & (day >= begin) & (day < begin + MONTH_DAYS)).sum() / days[period]
            pace, number = found.paces(middle, stays.listing[past])
            unlapsed = stays.listing[past & (lapsed > middle)]
            share[period] = made / max((pace / (np.maximum(number, 1) + found.scale))[unlapsed].sum(), 1e-9)
            by_booking[period] = made / max(len(unlapsed), 1)
        year = 365 // MONTH_DAYS + 1
        share, by_booking = (np.concatenate([of, *[of[-year:]] * 2]) for of in (share, by_booking))
        return cls(listed, found.usual_pace, first, found.scale, share, by_booking)

    def paces(self, moment: float, listing: Ints) -> tuple[Floats, Floats]:
        """Bookings a day to expect of each property, and those so far, shape (P,), by the listings of the latter."""
        number = np.bincount(listing, minlength=len(self.listed)).astype(np.float64)
        age = np.maximum(moment - np.maximum(self.listed, self.first_day), 1)
        return (PACE_SHAPE + number) / (PACE_SHAPE / self.usual_pace + age), number

    def ahead(self, snapshot: float, listing: Ints, user: Ints, count: int) -> Floats:
        """Returns until each step of the year ahead of users who do not lapse, shape (steps + 1, `count`)."""
        pace, number = self.paces(snapshot, listing)
        pace, number = pace[listing], number[listing]
        so_far = [np.zeros(count)]
        for low, high in pairwise(STEPS):
            elapsed = (low + high) / 2
            share = self.share[self._month(snapshot + elapsed)]
            each = pace / (number + self.scale + pace * elapsed) * share * (high - low)
            so_far.append(so_far[-1] + np.bincount(user, each, minlength=count)[:count])
        return np.array(so_far)

    def pull(self, snapshot: float, listing: Ints, user: Ints, count: int) -> Floats:
        """Of each user the paces of the properties booked over their bookings so far, added up, shape (`count`,)."""
        pace, number = self.paces(snapshot, listing)
        each: Floats = (pace / (np.maximum(number, 1) + self.scale))[listing]
        return np.bincount(user, each, minlength=count)[:count].astype(np.float64)

    def clock(self, moment: Floats) -> Floats:
        """Returns since the first month for each unit of pull, until each moment."""
        so_far = np.concatenate([[0.0], np.cumsum(self.share * MONTH_DAYS)])
        return np.interp((moment - self.first_day) / MONTH_DAYS, np.arange(len(so_far)), so_far)

    def of_a_booking(self, moment: float) -> float:
        """Bookings a day by which a guest returns for each earlier booking."""
        return float(self.by_booking[self._month(moment)])

    def _month(self, moment: float) -> int:
        return min(int((moment - self.first_day) // MONTH_DAYS), len(self.share) - 1)
