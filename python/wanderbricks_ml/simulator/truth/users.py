"""Truth of users: whether they come back, and what they spend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, dates
from wanderbricks_ml.simulator.users import BUDGET_SHARE, BUDGETS, LIFETIME, MONTH_DAYS, RATE_SHAPE

if TYPE_CHECKING:
    from wanderbricks_ml.simulator import World

MOST_USERS = 25_000
"""Truth is written for the first so many properties and users, which are as random as any."""
_MONTHS_OF_USERS = 18


def user_truth(world: World, last: int) -> pa.Table:
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
