"""Print simulated gold against real bookings, statistic by statistic, with a distance.

Folders are gold: one `<table>.parquet` per table, of which dim_property, dim_destination and fact_booking_detail
are read. Make them with

    wanderbricks simulate --preset dev --out SIMULATED
    wanderbricks import hotel-bookings --csv FILE --out HOTELS
    wanderbricks import inside-airbnb --listings FILE --reviews FILE --calendar FILE --out AIRBNB

Statistics of a real source that is not given are skipped. Each source says only some things:

hotels  lead time, stay, party, cancellation, weekday, season, noise. Two hotels, so nothing of properties or
        prices; nobody is named, so nothing of returning guests. Party and stay are of a hotel room.
airbnb  prices, hosts, bookings by property, returning guests; weekday, season and noise. One review stands for
        one stay, in a single city. The check-in is the review's date less today's minimum stay, which late
        reviews and longer stays blur: weekdays are those of listings with a minimum stay of up to a week,
        months and days those of the review itself; all of the four years before the pandemic.

Lead times and cancellations are taken over the check-in days whose bookings are all known: not those so early
that they were booked before the data begin, nor those after the last booking was made.

Distances: total variation (half the sum of absolute differences of shares), Kolmogorov-Smirnov (largest
difference of the distribution functions), Wasserstein (mean shift, in the unit of the values), difference of
shares, and for other numbers the relative difference 1 - smaller / larger. 0 is equal; 1 is nothing in common
for all but Wasserstein, which is ranked by its ratio to the real mean.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb

# Why a statistic is meant to be off, by its name in the table, or "name (source)" to excuse it against one source
# only. Such rows stay out of the summary.
REASONS: Mapping[str, str] = {
    "cancelled, all": "Wanderbricks cancels 21 %",
    "length of stay, mean": "Wanderbricks stays 3.9 nights",
    "guests per booking": "homes, not hotel rooms",
    "users by stays": "a platform, not one city",
    "stays by returning users": "a platform, not one city",
    "next stay at the same property": "a platform, not one city",
    "properties never booked": "of Wanderbricks' properties 2 % were never booked",
    "properties not booked in a year": "no dead listings, which Airbnb keeps",
    "bookings per property, Gini": "no dead listings, which Airbnb keeps",
    "bookings per booked property, Gini": "no dead listings, which Airbnb keeps",
    "bookings in a year, Gini": "no dead listings, which Airbnb keeps",
    "bookings in a year of the booked, Gini": "no dead listings, which Airbnb keeps",
    "guests of a destination who stay there again": "dev is dense, to teach; reference has as few as Airbnb",
    "hosts by properties": "Wanderbricks has 4.8 properties to a host who lets",
    "daily dispersion index, all (hotels)": "rooms of a group are booked together",
    "daily dispersion index, a destination (hotels)": "rooms of a group are booked together",
    "daily dispersion index, a destination, same volume (hotels)": "rooms of a group are booked together",
    "daily revenue variation, all (hotels)": "two hotels, not twelve destinations",
}

TABLES = ("dim_property", "dim_destination", "fact_booking_detail")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)
LONGEST_STAY = 14
LONGEST_MINIMUM_STAY = 7
# Rates of smaller groups say more of chance than of the source.
FEWEST_BOOKINGS = 30
FEWEST_MONTHLY_BOOKINGS = 30
FEWEST_PROPERTIES = 20
SEASON_YEARS = 4
# The last days before the data end may still change.
UNSETTLED_DAYS = 60
SUMMARY_ROWS = 6

Values = dict[str, float]

_BOOKING = """
create table booking as
select
    booking_id,
    user_id,
    property_id,
    {place} as place,
    check_in_date,
    {day} as day,
    nights_booked,
    guests_count,
    cast(total_amount as double) as amount,
    created_at,
    cast(created_at as date) as created_on,
    cast(updated_at as date) as updated_on,
    is_cancelled,
    days_between_booking_and_checkin as lead_days
from fact_booking_detail
where {condition}
"""

# Complete check-in days: the 99 % quantile of the lead time after the first booking was made, if that is when
# the data begin (the hotels' begin with a day of arrival), and until the last one was made.
_PERIOD = """
create table period as
select
    greatest(
        min(day), min(created_on) + cast(quantile_disc(lead_days, 0.99) as int)
    ) as first_day,
    least(max(day), max(created_on)) as last_day,
    max(created_on) as known_until
from booking
"""

_BEFORE_THE_PANDEMIC = """
update period
set first_day = greatest(first_day, date '2016-01-01'), last_day = least(last_day, date '2019-12-31')
where first_day < date '2019-01-01'
"""

_ARRIVAL = """
create view arrival as
select booking.*
from booking
inner join period on booking.day between period.first_day and period.last_day
"""

_NOISE = f"""
with stay as (
    select
        case when $by_place then place else 0 end as place,
        day,
        amount,
        -- Neither a library's nor a run's chance: the same bookings are left out every time.
        md5_number_lower(cast(booking_id as varchar)) % 1000000 / 1000000.0 as position
    from arrival
    where not is_cancelled
),

span as (
    select
        first_day,
        least(last_day, cast(known_until - interval {UNSETTLED_DAYS} day as date)) as last_day
    from period
),

volume as (
    select stay.place, count(*) / (any_value(span.last_day) - any_value(span.first_day) + 1) as bookings
    from stay
    inner join span on stay.day between span.first_day and span.last_day
    group by stay.place
),

spine as (
    select volume.place, cast(unnest(generate_series(span.first_day, span.last_day, interval 1 day)) as date) as day
    from volume
    cross join span
    where $volume is null or volume.bookings >= 0.9 * $volume
),

daily as (
    select
        spine.place,
        spine.day,
        count(stay.day) as bookings,
        coalesce(sum(stay.amount), 0) as revenue
    from spine
    inner join volume on spine.place = volume.place
    left join stay
        on spine.place = stay.place
        and spine.day = stay.day
        and ($volume is null or stay.position < $volume / volume.bookings)
    group by spine.place, spine.day
),

-- Four whole weeks hold each weekday four times.
levelled as (
    select
        *,
        avg(bookings) over four_weeks as booking_level,
        avg(revenue) over four_weeks as revenue_level,
        count(*) over four_weeks as days
    from daily
    window four_weeks as (partition by place order by day rows between 14 preceding and 13 following)
),

expected as (
    select
        *,
        booking_level * sum(bookings) over weekday / sum(booking_level) over weekday as expected_bookings,
        revenue_level * sum(revenue) over weekday / sum(revenue_level) over weekday as expected_revenue
    from levelled
    where days = 28 and booking_level > 0 and revenue_level > 0
    window weekday as (partition by place, isodow(day))
)

-- A day is a 28th of its own level, which hides as much of its variance.
select
    place,
    avg(bookings) as bookings_a_day,
    28 / 27 * avg((bookings - expected_bookings) ** 2 / expected_bookings) as dispersion_index,
    sqrt(28 / 27 * avg((revenue / expected_revenue - 1) ** 2)) as revenue_variation
from expected
where expected_bookings > 0 and expected_revenue > 0
group by place
order by place
"""

_SEASON = f"""
with monthly as (
    select
        place,
        date_trunc('month', day) as month,
        datediff('month', date '2000-01-01', day) as number,
        count(*) as bookings
    from arrival
    cross join period
    where not is_cancelled
        and date_trunc('month', day) >= period.first_day
        and last_day(day) <= period.last_day
    group by all
),

-- A robust trend: the middle one of the growth rates against the same month a year ago.
trend as (
    select monthly.place, median(ln(monthly.bookings / earlier.bookings)) / 12 as slope
    from monthly
    inner join monthly as earlier
        on monthly.place = earlier.place
        and monthly.number = earlier.number + 12
    group by monthly.place
),

latest as (
    select
        *,
        max(number) over by_place - number as age,
        least(floor(count(*) over by_place / 12), {SEASON_YEARS}) as years
    from monthly
    window by_place as (partition by place)
),

by_month as (
    select
        latest.place,
        month(latest.month) as month,
        exp(avg(ln(latest.bookings) - coalesce(trend.slope, 0) * latest.number)) as level,
        sum(latest.bookings) / any_value(latest.years) as bookings
    from latest
    left join trend on latest.place = trend.place
    where latest.age < 12 * latest.years
    group by latest.place, month(latest.month)
)

select place, month, level / sum(level) over by_place as share
from by_month
window by_place as (partition by place)
qualify count(*) over by_place = 12 and avg(bookings) over by_place >= {FEWEST_MONTHLY_BOOKINGS}
order by place, month
"""

_CURRENT_PROPERTY = """
create view current_property as
select
    property_id,
    host_id,
    destination_id,
    property_type,
    least(greatest(bedrooms, 1), 7) as bedrooms,
    ln(base_price) as log_price,
    created_at
from dim_property
where is_current and base_price > 0
"""

# Airbnb's bedrooms of a private room are those of the whole flat, or one.
_COMPARABLE_PROPERTY = """
create view comparable_property as
select *
from current_property
where
    property_type = 'Entire home/apt'
    or not exists (select 1 from current_property where property_type = 'Entire home/apt')
"""

_PRICE = """
with centred as (
    select
        log_price - avg(log_price) over kind as log_price_of_kind,
        bedrooms - avg(bedrooms) over kind as bedrooms_of_kind,
        log_price - avg(log_price) over size as log_price_of_size,
        count(*) over size as alike,
        1 - 1 / count(*) over size as freedom
    from comparable_property
    window
        kind as (partition by destination_id, property_type),
        size as (partition by destination_id, property_type, bedrooms)
)

select
    regr_slope(log_price_of_kind, bedrooms_of_kind) as slope,
    sqrt(sum(log_price_of_size ** 2) / sum(freedom)) as spread,
    -- Of a normal distribution, this is its standard deviation; prices gone astray do not move it.
    (quantile_cont(log_price_of_size / sqrt(freedom), 0.75) filter (alike > 1)
        - quantile_cont(log_price_of_size / sqrt(freedom), 0.25) filter (alike > 1)) / 1.349 as middle_spread
from centred
"""

_PRICE_BY_SIZE = f"""
select bedrooms, avg(log_price) - first(avg(log_price)) over (order by bedrooms)
from comparable_property
group by bedrooms
having count(*) >= {FEWEST_PROPERTIES}
order by bedrooms
"""

_BOOKINGS_BY_PROPERTY = """
with counted as (
    select current_property.property_id, count(booking.booking_id) as bookings
    from current_property
    cross join period
    left join booking
        on current_property.property_id = booking.property_id
        and not booking.is_cancelled
        and ($days is null or booking.created_on > period.known_until - $days)
    where $days is null or current_property.created_at <= period.known_until - $days
    group by current_property.property_id
),

ranked as (
    select
        bookings,
        row_number() over (order by bookings) as rank,
        row_number() over (order by bookings) - count(*) filter (bookings = 0) over () as rank_of_booked
    from counted
)

select
    2 * sum(rank * bookings) / (count(*) * sum(bookings)) - (count(*) + 1) / count(*) as gini,
    count(*) filter (bookings = 0) / count(*) as without,
    2 * sum(rank_of_booked * bookings) / (max(rank_of_booked) * sum(bookings))
        - (max(rank_of_booked) + 1) / max(rank_of_booked) as gini_of_booked
from ranked
"""


class Row(NamedTuple):
    """A statistic of both sides; `score` is its distance on a scale that all rows share.

    A single number has the empty label.
    """

    statistic: str
    source: str
    simulated: Values
    real: Values
    distance: float
    measure: str
    score: float
    percent: bool = False

    @property
    def reason(self) -> str:
        """Why the statistic is meant to be off, if it is."""
        return REASONS.get(self.statistic) or REASONS.get(f"{self.statistic} ({self.source})") or ""


class Section(NamedTuple):
    """Rows that belong together, and what they say in one line."""

    title: str
    rows: list[Row]
    reading: str


class Gold:
    """Bookings and properties of one gold folder, and the days for which all bookings are known.

    Parameters
    ----------
    folder
        With one parquet file for each of `TABLES`.
    source
        What the folder is: "simulated", "hotels" or "airbnb".
    segments
        Keep the bookings of these market segments only; for the hotels.

    Raises
    ------
    FileNotFoundError
        When a table is missing.
    ValueError
        When no booking is left.
    """

    def __init__(self, folder: Path, source: str, segments: Sequence[str] = ()) -> None:
        self.source = source
        # Sums in the order in which threads end would differ in their last digits.
        self._connection = duckdb.connect(config={"threads": 1})
        for table in TABLES:
            path = folder / f"{table}.parquet"
            if not path.is_file():
                raise FileNotFoundError(f"{path}: no such file; make the folder with wanderbricks simulate or import")
            self._connection.read_parquet(str(path)).create_view(table)
        is_airbnb = source == "airbnb"
        values = ", ".join("'" + name.replace("'", "''") + "'" for name in segments)
        condition = f"market_segment in ({values})" if segments else "true"
        # Neighbourhoods of one city share its season; minimum stays of today would shift that of the past.
        place = "cast(0 as bigint)" if is_airbnb else "destination_id"
        day = "check_out_date" if is_airbnb else "check_in_date"
        self._connection.execute(_BOOKING.format(place=place, day=day, condition=condition))
        if not self.number("select count(*) from booking"):
            raise ValueError(f"{folder}: no booking{' of ' + ', '.join(segments) if segments else ''}")
        self._connection.execute(_PERIOD)
        if is_airbnb:
            self._connection.execute(_BEFORE_THE_PANDEMIC)
        self._connection.execute(_ARRIVAL)
        if not self.number("select count(*) from arrival"):
            raise ValueError(f"{folder}: no day for which all bookings are known")
        self._connection.execute(_CURRENT_PROPERTY)
        self._connection.execute(_COMPARABLE_PROPERTY)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._connection.execute(query, parameters).fetchall()

    def number(self, query: str, **parameters: Any) -> float:
        """The only value of a query; not a number where it is null."""
        ((value,),) = self.rows(query, **parameters)
        return math.nan if value is None else float(value)

    def counts(self, query: str) -> dict[float, float]:
        """The weights of values, from a query for both."""
        return {float(value): float(weight) for value, weight in self.rows(query)}


Sides = tuple[Gold, Gold]
Findings = tuple[list[Row], str]
Side = TypeVar("Side")
Result = TypeVar("Result")


def both(measure: Callable[[Side], Result], sides: tuple[Side, Side]) -> tuple[Result, Result]:
    """The same measure of the simulated and the real side."""
    return measure(sides[0]), measure(sides[1])


def shares(counts: Mapping[float, float], labels: Mapping[float, str]) -> Values:
    """Share of each labelled value among them all."""
    total = sum(counts.get(value, 0.0) for value in labels)
    return {label: counts.get(value, 0.0) / total if total else math.nan for value, label in labels.items()}


def total_variation(simulated: Values, real: Values) -> float:
    """Half the sum of the absolute differences of two distributions over the same labels."""
    return sum(abs(simulated[label] - real[label]) for label in real) / 2


def transport(simulated: Mapping[float, float], real: Mapping[float, float]) -> tuple[float, float, float]:
    """Wasserstein and Kolmogorov-Smirnov distance of two weighted samples.

    Parameters
    ----------
    simulated, real
        Weights by value; they need not sum to the same.

    Returns
    -------
    tuple
        Area between the distribution functions, the largest difference of them, and the value where that is.
    """
    totals = sum(simulated.values()), sum(real.values())
    values = sorted({*simulated, *real})
    ahead = area = largest = 0.0
    widest = values[0]
    for value, following in zip(values, [*values[1:], values[-1]], strict=True):
        ahead += simulated.get(value, 0.0) / totals[0] - real.get(value, 0.0) / totals[1]
        area += abs(ahead) * (following - value)
        if abs(ahead) > largest:
            largest, widest = abs(ahead), value
    return area, largest, widest


def relative_difference(simulated: float, real: float) -> float:
    """1 - smaller / larger: 0 for equal numbers, 1 where one of them is 0."""
    larger = max(abs(simulated), abs(real))
    return abs(simulated - real) / larger if larger else 0.0


def mean(counts: Mapping[float, float]) -> float:
    """Weighted mean; not a number where nothing is counted."""
    total = sum(counts.values())
    return sum(value * weight for value, weight in counts.items()) / total if total else math.nan


def quantiles(counts: Mapping[float, float]) -> Values:
    """The `QUANTILES` of a weighted sample: each the least value that so many do not exceed."""
    total, reached = sum(counts.values()), 0.0
    found: Values = {}
    for value in sorted(counts):
        reached += counts[value]
        for quantile in QUANTILES:
            if reached >= quantile * total:
                found.setdefault(f"p{100 * quantile:.0f}", value)
    return found


def number_row(statistic: str, source: str, simulated: float, real: float) -> Row:
    """Two numbers and their relative difference."""
    distance = relative_difference(simulated, real)
    return Row(statistic, source, {"": simulated}, {"": real}, distance, "relative", distance)


def share_row(statistic: str, source: str, simulated: float, real: float) -> Row:
    """Two shares and their difference."""
    distance = abs(simulated - real)
    return Row(statistic, source, {"": simulated}, {"": real}, distance, "difference", distance, True)


def distribution_row(statistic: str, source: str, simulated: Values, real: Values) -> Row:
    """Two distributions over the same labels and their total variation."""
    distance = total_variation(simulated, real)
    return Row(statistic, source, simulated, real, distance, "total variation", distance, True)


def worst_row(statistic: str, source: str, simulated: Values, real: Values, percent: bool) -> Row:
    """Several numbers of one kind and the largest of their differences."""
    distance = max(abs(simulated[label] - real[label]) for label in real)
    return Row(statistic, source, simulated, real, distance, "largest difference", distance, percent)


def lead_time(sides: Sides) -> Findings:
    """Days from booking to check-in."""
    source = sides[1].source
    query = "select lead_days, count(*) from arrival group by lead_days order by lead_days"
    counts = both(lambda gold: gold.counts(query), sides)
    shift, gap, day = transport(*counts)
    spread = both(lambda side: {**quantiles(side), "mean": mean(side)}, counts)
    widest = both(lambda side: {f"up to {day:.0f}": _share_within(side, day)}, counts)
    same_day = both(lambda side: _share_within(side, 0), counts)
    rows = [
        Row("lead time, days", source, *spread, shift, "days (Wasserstein)", shift / max(spread[1]["mean"], 1)),
        Row("lead time, where furthest apart", source, *widest, gap, "Kolmogorov-Smirnov", gap, True),
        share_row("booked on the day", source, *same_day),
    ]
    reading = (
        f"Half of the bookings are made {spread[0]['p50']:.0f} days ahead or more, really {spread[1]['p50']:.0f}; "
        f"on the day itself {same_day[0]:.0%}, really {same_day[1]:.0%}."
    )
    return rows, reading


def length_of_stay(sides: Sides) -> Findings:
    """Nights, of stays of 1 to `LONGEST_STAY`."""
    source = sides[1].source
    query = f"""
        select nights_booked, count(*)
        from arrival
        where nights_booked between 1 and {LONGEST_STAY}
        group by nights_booked
        order by nights_booked
    """
    counts = both(lambda gold: gold.counts(query), sides)
    labels = {float(night): str(night) for night in range(1, LONGEST_STAY + 1)}
    simulated, real = both(lambda side: shares(side, labels), counts)
    means = both(mean, counts)
    rows = [
        distribution_row("length of stay, nights", source, simulated, real),
        number_row("length of stay, mean", source, *means),
    ]
    night = max(real, key=lambda label: abs(simulated[label] - real[label]))
    reading = (
        f"Mean {means[0]:.2f} nights, really {means[1]:.2f}; "
        f"furthest apart at {night}: {simulated[night]:.0%}, really {real[night]:.0%}."
    )
    return rows, reading


def party(sides: Sides) -> Findings:
    """Guests of a booking."""
    query = "select least(guests_count, 6), count(*) from arrival group by 1 order by 1"
    labels = {float(guests): f"{guests}+" if guests == 6 else str(guests) for guests in range(1, 7)}
    simulated, real = both(lambda gold: shares(gold.counts(query), labels), sides)
    row = distribution_row("guests per booking", sides[1].source, simulated, real)
    return [row], f"Two guests: {simulated['2']:.0%} of the bookings, really {real['2']:.0%}."


def cancellation(sides: Sides) -> Findings:
    """Cancelled bookings by lead time, and when within the lead time they are cancelled."""
    source = sides[1].source
    by_band = """
        select
            case
                when lead_days = 0 then '0'
                when lead_days <= 7 then '1-7'
                when lead_days <= 30 then '8-30'
                when lead_days <= 90 then '31-90'
                when lead_days <= 180 then '91-180'
                else '181+'
            end as band,
            avg(cast(is_cancelled as int)),
            count(*)
        from arrival
        group by band
        order by min(lead_days)
    """
    moment = """
        select round(least((updated_on - created_on) / lead_days, 1), 2), count(*)
        from arrival
        where is_cancelled and lead_days > 0
        group by 1
        order by 1
    """
    overall = both(lambda gold: gold.number("select avg(cast(is_cancelled as int)) from arrival"), sides)
    bands = both(lambda gold: gold.rows(by_band), sides)
    rates = both(lambda side: {band: rate for band, rate, size in side if size >= FEWEST_BOOKINGS}, bands)
    common = [band for band in rates[1] if band in rates[0]]
    rows = [share_row("cancelled, all", source, *overall)]
    reading = f"{overall[0]:.0%} are cancelled, really {overall[1]:.0%}"
    if common:
        simulated, real = both(lambda side: {band: side[band] for band in common}, rates)
        rows.append(worst_row("cancelled by days of lead time", source, simulated, real, percent=True))
        band = max(common, key=lambda label: abs(simulated[label] - real[label]))
        reading += f"; furthest apart {band} days ahead: {simulated[band]:.0%}, really {real[band]:.0%}"
    moments = both(lambda gold: gold.counts(moment), sides)
    if all(moments):
        shift, _, _ = transport(*moments)
        spread = both(quantiles, moments)
        rows.append(Row("cancelled after so much of the lead time", source, *spread, shift, "Wasserstein", shift))
        reading += f"; half of them by {spread[0]['p50']:.0%} of the lead time, really {spread[1]['p50']:.0%}"
    return rows, f"{reading}."


def weekdays(sides: Sides) -> Findings:
    """Check-ins by weekday."""
    source = sides[1].source
    labels = {float(number): name for number, name in enumerate(WEEKDAYS, start=1)}

    def profile(gold: Gold) -> Values:
        # Where the stay is a listing's minimum of a month, the weekday of the check-in is made up.
        condition = f"nights_booked <= {LONGEST_MINIMUM_STAY}" if gold.source == "airbnb" else "true"
        query = f"""
            select isodow(check_in_date), count(*)
            from arrival
            where not is_cancelled and {condition}
            group by isodow(check_in_date)
            order by isodow(check_in_date)
        """
        return shares(gold.counts(query), labels)

    simulated, real = both(profile, sides)
    first, second = max(simulated, key=lambda day: simulated[day]), max(real, key=lambda day: real[day])
    reading = f"Most check-ins: {first} ({simulated[first]:.0%}), really {second} ({real[second]:.0%}, {source})."
    return [distribution_row("check-ins by weekday", source, simulated, real)], reading


def seasons(sides: Sides) -> Findings:
    """Check-ins by month, each destination by itself, without its trend."""
    source = sides[1].source
    simulated, real = both(_month_profiles, sides)
    if not simulated or not real:
        return [], f"No season: of the {source} or the simulation, no destination has a full year of enough bookings."
    ranges = both(
        lambda side: {name: max(profile.values()) / min(profile.values()) for name, profile in side.items()},
        (simulated, real),
    )
    medians = both(lambda side: statistics.median(side.values()), ranges)
    rows, readings = [], []
    for name, profile in real.items():
        closest = min(simulated, key=lambda other: total_variation(simulated[other], profile))
        rows.append(distribution_row(f"check-ins by month, {name}", source, simulated[closest], profile))
        readings.append(f"{name} is most like {closest}")
    # Of many small destinations some look seasonal by chance, so the middle one is what counts.
    extent = {"least": min(ranges[0].values()), "median": medians[0], "most": max(ranges[0].values())}
    distance = relative_difference(*medians)
    rows.append(
        Row("season, highest / lowest month", source, extent, ranges[1], distance, "relative, of medians", distance)
    )
    return rows, f"Of {len(simulated)} simulated destinations, {', '.join(readings)}."


def noise(sides: Sides) -> Findings:
    """Variation of a day around its four weeks, without the weekday.

    It depends on how many bookings a day has, so the busier side is also thinned; only the rows with the same
    volume are ranked.
    """
    source = sides[1].source
    whole = both(lambda gold: _noise(gold, by_place=False), sides)
    each = both(lambda gold: _noise(gold, by_place=True), sides)
    if not all(whole) or not all(each):
        return [], f"No noise: too few days or bookings of the {source} or the simulation."
    common = min(side["bookings a day"] for side in each)
    thinned = both(lambda gold: _noise(gold, by_place=True, volume=common), sides)
    # The revenue of a review is the listing's price for its minimum stay.
    kinds = ("dispersion index",) if source == "airbnb" else ("revenue variation", "dispersion index")
    rows = []
    levels = (
        ("all", whole, False),
        ("a destination", each, False),
        ("a destination, same volume", thinned, True),
    )
    for level, pair, is_ranked in levels:
        for kind in kinds:
            simulated, real = ({"": side[kind], "bookings a day": side["bookings a day"]} for side in pair)
            distance = relative_difference(simulated[""], real[""])
            score = distance if is_ranked else math.nan
            rows.append(Row(f"daily {kind}, {level}", source, simulated, real, distance, "relative", score))
    extra = both(lambda side: side["extra variation"], each)
    rows.append(share_row("daily variation beyond chance, a destination", source, *extra))
    reading = (
        f"Beyond chance, a destination's days vary by {extra[0]:.0%}, really {extra[1]:.0%} ({source}); "
        "a Poisson process has index 1 and no variation beyond chance."
    )
    return rows, reading


def prices(sides: Sides) -> Findings:
    """Log price of a night by size, within destination and type; of entire homes."""
    source = sides[1].source
    names = ("log price per bedroom, slope", "log price of like properties, sd", "log price of like ones, robust sd")
    found = both(lambda gold: gold.rows(_PRICE)[0], sides)
    rows = [
        number_row(name, source, float(simulated), float(real))
        for name, simulated, real in zip(names, *found, strict=True)
        if simulated is not None and real is not None
    ]
    if len(rows) < len(names):
        return rows, "Too few properties, or all of one size."
    premiums = both(lambda gold: gold.counts(_PRICE_BY_SIZE), sides)
    sizes = [size for size in premiums[1] if size in premiums[0]]
    if len(sizes) > 1 and sizes.pop(0) == 1:
        simulated, real = both(lambda side: {f"{size:.0f}": side[size] for size in sizes}, premiums)
        rows.append(worst_row("log price by bedrooms, above one", source, simulated, real, percent=False))
    reading = (
        f"A bedroom adds {rows[0].simulated['']:.2f} to the log price, really {rows[0].real['']:.2f}; "
        f"like properties differ by {rows[1].simulated['']:.2f}, really {rows[1].real['']:.2f} (sd)."
    )
    return rows, reading


def returning(sides: Sides) -> Findings:
    """Users who stay again, not counting cancelled bookings."""
    source = sides[1].source
    by_user = "select count(*) as stays from booking where not is_cancelled group by user_id"
    by_place = "select count(*) as stays from booking where not is_cancelled group by user_id, place"
    again = """
        with following as (
            select
                property_id,
                lag(property_id) over (partition by {partition} order by created_at, booking_id) as earlier
            from booking
            where not is_cancelled
        )

        select avg(cast(property_id = earlier as int)) from following where earlier is not null
    """

    def by_stays(gold: Gold) -> Values:
        query = "select count(*) filter (stays >= $stays) / count(*) from ({})"
        return {f"{stays}+": gold.number(query.format(by_user), stays=stays) for stays in (2, 3)}

    def repeated(gold: Gold) -> float:
        return gold.number(f"select coalesce(sum(stays) filter (stays > 1), 0) / sum(stays) from ({by_user})")

    def returned(gold: Gold) -> float:
        return gold.number(f"select count(*) filter (stays > 1) / count(*) from ({by_place})")

    users = both(by_stays, sides)
    places = both(returned, sides)
    rows = [
        worst_row("users by stays", source, *users, percent=True),
        share_row("stays by returning users", source, *both(repeated, sides)),
        share_row("next stay at the same property", source, *both(_value(again.format(partition="user_id")), sides)),
        share_row("guests of a destination who stay there again", source, *places),
        share_row(
            "next stay there at the same property",
            source,
            *both(_value(again.format(partition="user_id, place")), sides),
        ),
    ]
    reading = (
        f"{users[0]['2+']:.1%} of the users stay again, really {users[1]['2+']:.1%}; "
        f"in the same destination {places[0]:.1%}, really {places[1]:.1%}."
    )
    return rows, reading


def popularity(sides: Sides) -> Findings:
    """How unequally bookings that were not cancelled fall on properties."""
    source = sides[1].source
    ever = both(lambda gold: gold.rows(_BOOKINGS_BY_PROPERTY, days=None)[0], sides)
    year = both(lambda gold: gold.rows(_BOOKINGS_BY_PROPERTY, days=365)[0], sides)
    # Properties younger than a year say nothing of one.
    names = (
        ("bookings per property, Gini", "properties never booked", "bookings per booked property, Gini"),
        ("bookings in a year, Gini", "properties not booked in a year", "bookings in a year of the booked, Gini"),
    )
    rows = []
    for (all_properties, without, booked), (simulated, real) in zip(names, (ever, year), strict=True):
        if None in simulated or None in real:
            continue
        rows.append(number_row(all_properties, source, simulated[0], real[0]))
        rows.append(share_row(without, source, simulated[1], real[1]))
        rows.append(number_row(booked, source, simulated[2], real[2]))
    if not rows:
        return rows, "Too few properties."
    reading = (
        f"Gini {rows[0].simulated['']:.2f}, really {rows[0].real['']:.2f}; "
        f"of the booked ones {rows[2].simulated['']:.2f}, really {rows[2].real['']:.2f}."
    )
    return rows, reading


def portfolios(sides: Sides) -> Findings:
    """Hosts by the number of their properties, and properties by that of their host."""
    query = """
        with portfolio as (select host_id, count(*) as size from current_property group by host_id)

        select case when size = 1 then 1 when size <= 5 then 2 else 6 end as class, {weight}
        from portfolio
        group by class
        order by class
    """
    labels = {1.0: "1", 2.0: "2-5", 6.0: "6+"}

    def row(name: str, weight: str) -> Row:
        pair = both(lambda gold: shares(gold.counts(query.format(weight=weight)), labels), sides)
        return distribution_row(name, sides[1].source, *pair)

    rows = [row("hosts by properties", "count(*)"), row("properties by those of their host", "sum(size)")]
    reading = f"{rows[0].simulated['1']:.0%} of the hosts have one property, really {rows[0].real['1']:.0%}."
    return rows, reading


SECTIONS: Mapping[str, tuple[Callable[[Sides], Findings], tuple[str, ...]]] = {
    "Lead time": (lead_time, ("hotels",)),
    "Length of stay": (length_of_stay, ("hotels",)),
    "Party": (party, ("hotels",)),
    "Cancellation": (cancellation, ("hotels",)),
    "Weekday": (weekdays, ("hotels", "airbnb")),
    "Season": (seasons, ("hotels", "airbnb")),
    "Noise of a day": (noise, ("hotels", "airbnb")),
    "Price": (prices, ("airbnb",)),
    "Returning guests": (returning, ("airbnb",)),
    "Bookings per property": (popularity, ("airbnb",)),
    "Hosts": (portfolios, ("airbnb",)),
}


def compare(simulated: Gold, sources: Sequence[Gold]) -> list[Section]:
    """All statistics for which there is a real source."""
    given = {gold.source: gold for gold in sources}
    sections = []
    for title, (measure, names) in SECTIONS.items():
        found = [measure((simulated, given[name])) for name in names if name in given]
        skipped = [f"Skipped: no --{name}." for name in names if name not in given]
        readings = [*(reading for _, reading in found), *skipped]
        sections.append(Section(title, [row for rows, _ in found for row in rows], " ".join(readings)))
    return sections


def largest(sections: Sequence[Section], count: int = SUMMARY_ROWS) -> list[Row]:
    """The rows without a reason that are furthest apart, in order."""
    rows = [row for section in sections for row in section.rows if not row.reason and not math.isnan(row.score)]
    return sorted(rows, key=lambda row: -row.score)[:count]


def markdown(sections: Sequence[Section]) -> str:
    """Tables, readings and the summary."""
    lines = []
    for section in sections:
        lines += [f"### {section.title}", ""]
        if section.rows:
            lines += ["| statistic | source | simulated | real | distance | reason |", "| --- " * 6 + "|"]
            lines += [f"| {' | '.join(_cells(row))} |" for row in section.rows]
            lines.append("")
        lines += [section.reading, ""]
    found = [f"{row.statistic} ({row.source}) {row.score:.2f}" for row in largest(sections)]
    return "\n".join([*lines, "Furthest apart without a reason: " + ("; ".join(found) or "nothing") + "."])


def as_json(sections: Sequence[Section]) -> str:
    """The same, for machines; `score` is the distance on the scale of the ranking."""
    groups = [
        {
            "title": section.title,
            "reading": section.reading,
            "rows": [
                {
                    "statistic": row.statistic,
                    "source": row.source,
                    "simulated": _plain(row.simulated),
                    "real": _plain(row.real),
                    "distance": _finite(row.distance),
                    "measure": row.measure,
                    "score": _finite(row.score),
                    "reason": row.reason or None,
                }
                for row in section.rows
            ],
        }
        for section in sections
    ]
    ranking = [{"statistic": row.statistic, "source": row.source, "score": row.score} for row in largest(sections)]
    return json.dumps({"groups": groups, "largest": ranking}, indent=2)


def _share_within(counts: Mapping[float, float], limit: float) -> float:
    return sum(weight for value, weight in counts.items() if value <= limit) / sum(counts.values())


def _value(query: str) -> Callable[[Gold], float]:
    return lambda gold: gold.number(query)


def _month_profiles(gold: Gold) -> dict[str, Values]:
    """Share of each month by destination, of those with a full year."""
    names = dict(gold.rows("select destination_id, destination from dim_destination"))
    found: dict[str, Values] = {}
    for place, month, share in gold.rows(_SEASON):
        found.setdefault(names.get(place, "the city"), {})[MONTHS[month - 1]] = share
    return found


def _noise(gold: Gold, by_place: bool, volume: float | None = None) -> Values:
    """Medians over destinations (or the whole) of what `_NOISE` measures; empty without enough days."""
    found = gold.rows(_NOISE, by_place=by_place, volume=volume)
    if not found:
        return {}
    # Variance = mean + (variation * mean) ** 2, if the rate of a day varies around what is expected of it.
    extra = [math.sqrt(max(index - 1, 0) / bookings) for _, bookings, index, _ in found]
    return {
        "bookings a day": statistics.median(row[1] for row in found),
        "dispersion index": statistics.median(row[2] for row in found),
        "revenue variation": statistics.median(row[3] for row in found),
        "extra variation": statistics.median(extra),
    }


def _cells(row: Row) -> list[str]:
    sides = [_text(values, row.percent) for values in (row.simulated, row.real)]
    return [row.statistic, row.source, *sides, f"{_digits(row.distance)} {row.measure}", row.reason]


def _text(values: Values, percent: bool) -> str:
    if percent:
        texts = {label: f"{100 * value:.1f}" for label, value in values.items()}
    else:
        texts = {label: _digits(value) for label, value in values.items()}
    joined = ", ".join(f"{label}: {text}" if label else text for label, text in texts.items())
    return f"{joined} %" if percent else joined


def _digits(value: float) -> str:
    # What sums leave of equal numbers is no difference.
    value = round(value, 9)
    return f"{value:.0f}" if abs(value) >= 100 or value % 1 == 0 else f"{value:.3g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(values: Values) -> dict[str, float | None] | float | None:
    """The number itself where there is one only; JSON knows no NaN."""
    return _finite(values[""]) if list(values) == [""] else {key: _finite(value) for key, value in values.items()}


def main() -> None:
    """Compare the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated", type=Path, required=True, metavar="FOLDER", help="gold of the simulator")
    parser.add_argument("--hotels", type=Path, metavar="FOLDER", help="gold of `import hotel-bookings`")
    parser.add_argument("--airbnb", type=Path, metavar="FOLDER", help="gold of `import inside-airbnb`")
    parser.add_argument(
        "--segment",
        action="append",
        default=[],
        metavar="NAME",
        help="keep only the hotels' bookings of this market segment, such as 'Online TA' or 'Direct' (repeatable): "
        "groups and tour operators book and cancel whole blocks of rooms, as no guest of a platform does",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    arguments = parser.parse_args()
    try:
        simulated = Gold(arguments.simulated, "simulated")
        sources = []
        if arguments.hotels:
            sources.append(Gold(arguments.hotels, "hotels", arguments.segment))
        if arguments.airbnb:
            sources.append(Gold(arguments.airbnb, "airbnb"))
    except (FileNotFoundError, ValueError, duckdb.Error) as error:
        parser.error(str(error))
    sections = compare(simulated, sources)
    print(as_json(sections) if arguments.json else markdown(sections))


if __name__ == "__main__":
    main()
