"""Kinds of bad gold, each a small change of good gold, and what a build has to say of it.

`FAULTS` is for tests and for benchmarks/faults.py: `fault.write(gold, folder)` writes the changed tables beside the
others.
"""

from __future__ import annotations

from collections.abc import Iterator

from gold_fault import Fault, kept, replaced, some


def _faults() -> Iterator[Fault]:
    booking, prop, user, host = "fact_booking_detail", "dim_property", "dim_user", "dim_host"
    daily, engagement = "fact_booking_daily", "fact_property_engagement"

    # nulls
    for table, columns in {
        booking: (
            "booking_id",
            "user_id",
            "host_id",
            "property_id",
            "destination_id",
            "check_in_date",
            "check_out_date",
            "guests_count",
            "nights_booked",
            "total_amount",
            "created_at",
            "updated_at",
            "is_cancelled",
            "is_business_booking",
        ),
        prop: (
            "property_id",
            "host_id",
            "destination_id",
            "base_price",
            "property_type",
            "created_at",
            "effective_from",
        ),
        user: ("user_id", "country", "created_at", "effective_from"),
        host: ("host_id", "is_active", "joined_at"),
        engagement: ("property_id", "engagement_date", "view_count", "click_count"),
    }.items():
        for column in columns:
            yield Fault(f"null {table}.{column}", replaced(table, column, "null", 20), (f"{table}.{column}:", "null"))
    yield Fault(
        "few nulls", replaced(booking, "created_at", "null", 1), (f"{booking}.created_at:", "are null"), stops=False
    )
    yield Fault(
        "no country", replaced("dim_destination", "country", "''", 100), ("dim_destination.country:", "null or empty")
    )

    # numbers that are none
    yield Fault("NaN price", replaced(prop, "base_price", "'nan'::float"), (f"{prop}.base_price:", "NaN or infinite"))
    yield Fault(
        "one NaN price", replaced(prop, "base_price", "'nan'::float", 0.5), (f"{prop}.base_price:", "NaN"), stops=False
    )
    yield Fault(
        "NaN latitude", replaced(prop, "property_latitude", "'nan'::float"), (f"{prop}.property_latitude:", "NaN")
    )
    yield Fault("infinite rating", replaced(host, "rating", "'inf'::float", 40), (f"{host}.rating:", "NaN or infinite"))
    yield Fault("NaN amount", replaced(booking, "total_amount", "'nan'::double"), (f"{booking}.total_amount:", "NaN"))
    yield Fault(
        "infinite amount", replaced(booking, "total_amount", "'-inf'::double"), (f"{booking}.total_amount:", "NaN")
    )
    yield Fault(
        "NaN time on page",
        replaced(engagement, "avg_time_on_page", "'nan'::double"),
        (f"{engagement}.avg_time_on_page:", "NaN"),
    )

    # ranges
    for table, column, value in (
        (prop, "base_price", "-5"),
        (prop, "base_price", "0"),
        (prop, "max_guests", "0"),
        (prop, "bedrooms", "-1"),
        (prop, "property_latitude", "123"),
        (prop, "property_longitude", "-1000"),
        (booking, "total_amount", "-1"),
        (booking, "nights_booked", "0"),
        (booking, "nights_booked", "400"),
        (booking, "guests_count", "0"),
        (engagement, "view_count", "-3"),
        (engagement, "view_count", "1000000000"),
        (engagement, "click_count", "-3"),
    ):
        yield Fault(
            f"{column} {value}",
            replaced(table, column, value),
            (f"{table}.{column}:", "outside"),
        )
    yield Fault(
        "ratings of 0 to 100",
        {host: f"select * replace (20 * rating as rating) from {host}"},
        (f"{host}.rating:", "outside"),
    )
    yield Fault(
        "prices in cents", replaced(prop, "base_price", "10000 * base_price", 5), (f"{prop}.base_price:", "median")
    )
    yield Fault(
        "prices a hundredth",
        replaced(prop, "base_price", "base_price / 100"),
        (f"{prop}.base_price:", "less than one in"),
    )
    yield Fault("parties of 99", replaced(booking, "guests_count", "99"), (f"{booking}.guests_count:", "median"))
    yield Fault("amounts of 0", replaced(booking, "total_amount", "0", 50), (f"{booking}.total_amount:", "are 0"))
    for table, column in ((prop, "base_price"), (booking, "total_amount")):
        yield Fault(
            f"another unit of {table}.{column}",
            {table: f"select * replace (100 * {column} as {column}) from {table}"},
            (f"{table}.{column}:", "last good build"),
            after=True,
        )
    for column in ("user_id", "property_id"):
        yield Fault(
            f"one {column} of all bookings",
            {booking: f"select * replace ((select min({column}) from {booking}) as {column}) from {booking}"},
            (f"{booking}.{column}:", "one and the same value"),
        )
    yield Fault(
        "properties all in one place",
        {prop: f"select * replace (0 as property_latitude, 0 as property_longitude) from {prop}"},
        (f"{prop}.property_latitude:", "one and the same value"),
        stops=False,
    )
    yield Fault(
        "more clicks than views",
        replaced(engagement, "click_count", "view_count + 1", 40),
        (f"{engagement}.click_count:", "more than view_count"),
        stops=False,
    )
    yield Fault(
        "everything cancelled",
        {booking: f"select * replace (true as is_cancelled, 'cancelled' as status) from {booking}"},
        (f"{booking}.is_cancelled:", "are not false"),
    )
    yield Fault(
        "every host inactive",
        {host: f"select * replace (false as is_active) from {host}"},
        (f"{host}.is_active:", "are not true"),
    )
    for table, column in (("dim_destination", "country"), (user, "country"), (prop, "property_type")):
        yield Fault(
            f"{table}.{column} that is none",
            {table: f"select * replace (if({some(table, 50)}, 'N/A', '  ') as {column}) from {table}"},
            (f"{table}.{column}:", "null or empty"),
        )
    yield Fault("absurd amounts", replaced(booking, "total_amount", "1e12", 2), (f"{booking}.total_amount:",))
    yield Fault(
        "rates above 100",
        replaced(daily, "payment_completion_rate", "180"),
        (f"{daily}.payment_completion_rate:",),
        stops=False,
    )

    # dates
    for table, column, value in (
        (booking, "created_at", "timestamp '0001-01-01'"),
        (booking, "created_at", "timestamp '1970-01-01'"),
        (booking, "check_in_date", "date '1900-01-01'"),
        (booking, "check_in_date", "date '2199-01-01'"),
        (prop, "created_at", "date '0001-01-01'"),
        (prop, "effective_from", "timestamp '0021-05-01'"),
        (user, "created_at", "date '1900-01-01'"),
        (host, "joined_at", "date '0005-01-01'"),
        (engagement, "engagement_date", "date '0025-01-01'"),
    ):
        yield Fault(f"{table}.{column} {value}", replaced(table, column, value), (f"{table}.{column}:", "lie before"))
    for table, column in (
        (booking, "created_at"),
        (booking, "updated_at"),
        (prop, "effective_from"),
        (user, "created_at"),
        (host, "joined_at"),
        (engagement, "engagement_date"),
    ):
        kind = "date" if column in ("joined_at", "engagement_date") or table == user else "timestamp"
        future = f"cast({column} + interval 80 year as {kind})"
        yield Fault(
            f"{table}.{column} in the future", replaced(table, column, future), (f"{table}.{column}:", "in the future")
        )
    newest = f"booking_id = (select max(booking_id) from {booking})"
    half_a_year = "created_at + interval 180 day"
    yield Fault(
        "one booking of 2099",
        {booking: f"select * replace (if({newest}, timestamp '2099-01-01', created_at) as created_at) from {booking}"},
        (f"{booking}.created_at:", "in the future"),
        stops=False,
    )
    yield Fault(
        "one booking half a year after all others",
        {booking: f"select * replace (if({newest}, {half_a_year}, created_at) as created_at) from {booking}"},
        (f"{booking}.created_at:", "after all others"),
        stops=False,
    )
    for days in (10, 45):
        later = f"if({newest}, (select max(created_at) from {booking}) + interval {days} day, created_at)"
        yield Fault(
            f"one booking {days} days after all others",
            {booking: f"select * replace ({later} as created_at) from {booking}"},
            (f"{booking}.created_at:", "after all others"),
            stops=False,
        )
    yield Fault(
        "a tenth of the bookings half a year after all others",
        replaced(booking, "created_at", "(select max(created_at) from fact_booking_detail) + interval 180 day"),
        (f"{booking}.created_at:", "after all others"),
    )
    yield Fault(
        "left before arriving",
        replaced(booking, "check_out_date", "check_in_date - 2"),
        (f"{booking}.check_out_date:", "not after"),
    )
    yield Fault(
        "updated before made",
        replaced(booking, "updated_at", "created_at - interval 30 day"),
        (f"{booking}.updated_at:", "before created_at"),
    )
    yield Fault(
        "arrived before made",
        replaced(booking, "check_in_date", "cast(created_at as date) - 90"),
        (f"{booking}.check_in_date:", "before created_at"),
    )
    yield Fault(
        "nights that are not those of the dates",
        replaced(booking, "nights_booked", "nights_booked + 3"),
        (f"{booking}.nights_booked:",),
    )

    # rows
    for table in (booking, prop, user, host, "dim_destination", "dim_date"):
        yield Fault(f"no {table}", kept(table, "false"), (f"{table}", "rows"))
    for table in (booking, prop, user, host, engagement):
        yield Fault(f"half of {table}", kept(table, some(table, 30)), (f"{table}", "last good build"), after=True)
    yield Fault(
        "no engagement any more",
        kept(engagement, "false"),
        (f"{engagement}", "last good build"),
        after=True,
        products=("conversion",),
    )
    last_month = f"(select max(created_at) - interval 30 day from {booking})"
    yield Fault(
        "last month of bookings missing",
        kept(booking, f"created_at < {last_month}"),
        (f"{booking}.created_at:", "newest"),
        after=True,
    )
    yield Fault(
        "last month of engagement missing",
        kept(engagement, f"engagement_date < (select max(engagement_date) - 30 from {engagement})"),
        (f"{engagement}.engagement_date:", "newest"),
        after=True,
        products=("conversion",),
    )
    yield Fault(
        "bookings that daily counts do not know",
        kept(booking, some(booking, 50)),
        (f"{daily}.booking_count:", "adds up"),
    )

    # keys and relations
    for table in (booking, prop, user, host, "dim_destination", "dim_date", engagement):
        twice = f"select * from {table} union all select * from {table} where {some(table, 30)}"
        yield Fault(f"{table} doubled", {table: twice}, (table, "repeat the key"))
    yield Fault(
        "bookings of no property",
        replaced(booking, "property_id", "property_id + 1000000", 30),
        (f"{booking}.property_id:", "no row"),
    )
    yield Fault(
        "bookings of nobody", replaced(booking, "user_id", "user_id + 100000000", 30), (f"{booking}.user_id:", "no row")
    )
    yield Fault(
        "bookings of no host",
        replaced(booking, "host_id", "host_id + 100000000", 30),
        (f"{booking}.host_id:", "no row"),
    )
    yield Fault(
        "properties of no host", replaced(prop, "host_id", "host_id + 100000000", 30), (f"{prop}.host_id:", "no row")
    )
    yield Fault(
        "properties of nowhere",
        replaced(prop, "destination_id", "destination_id + 1000", 30),
        (f"{prop}.destination_id:", "no row"),
    )
    yield Fault(
        "a destination gone",
        kept("dim_destination", "destination_id > 1"),
        (f"{booking}.destination_id:", "no row of dim_destination"),
    )
    for column in ("destination_id", "host_id"):
        yield Fault(
            f"{column} of another property",
            replaced(booking, column, f"{column} % (select max({column}) from {prop}) + 1", 50),
            (f"{booking}.{column}:", "what dim_property has"),
        )
    yield Fault(
        "engagement of no property",
        replaced(engagement, "property_id", "property_id + 100000", 30),
        (f"{engagement}.property_id:", "no row"),
    )

    # versions
    for table in (prop, user, host):
        opened = f"select * replace (null::timestamp as effective_to) from {table}"
        yield Fault(f"{table}: every version open", {table: opened}, (f"{table}.effective_to:", "later version"))
    yield Fault(
        "versions overlap",
        {prop: f"select * replace (effective_to + interval 5 day as effective_to) from {prop}"},
        (f"{prop}.effective_to:", "next version"),
    )
    yield Fault(
        "gaps between versions",
        {prop: f"select * replace (effective_to - interval 5 day as effective_to) from {prop}"},
        (f"{prop}.effective_to:", "next version begins"),
    )
    yield Fault(
        "every version current", {prop: f"select * replace (true as is_current) from {prop}"}, (f"{prop}.is_current:",)
    )
    for thing, table in (("property", prop), ("user", user), ("host", host)):
        yield Fault(
            f"every {thing} ended",
            {table: f"select * replace (coalesce(effective_to, timestamp '2025-01-01') as effective_to) from {table}"},
            (f"{table}.effective_to:", "have ended"),
        )
    yield Fault(
        "first versions begin late",
        kept(prop, "is_current"),
        (f"{prop}.effective_from:", "first versions"),
        stops=False,
    )

    yield Fault(
        "countries by their codes",
        {"dim_destination": "select * replace (substr(country, 1, 2) as country) from dim_destination"},
        ("dim_destination.country:", "not in seeds/holidays.csv"),
        stops=False,
    )

    # the calendar
    yield Fault("calendar ends too soon", kept("dim_date", "date <= date '2025-08-09'"), ("dim_date.date:", "lacks"))
    yield Fault(
        "a hole in the calendar",
        kept("dim_date", "date not between date '2025-08-05' and date '2025-08-09'"),
        ("dim_date.date:", "lacks 5 days"),
    )
    yield Fault("calendar begins too late", kept("dim_date", "date >= date '2025-01-01'"), ("dim_date.date:", "lacks"))


FAULTS = tuple(_faults())
