"""Recommendations: how often the next property is among them, and those of sample guests with reasons."""

from __future__ import annotations

from collections.abc import Callable

from wanderbricks_ml.reports.page import charts, words
from wanderbricks_ml.reports.page.charts import Figure
from wanderbricks_ml.reports.page.database import Database, Row
from wanderbricks_ml.reports.page.sections import Standing, Table, tested

GUESTS = 3
PLACES = 5

REASONS: tuple[tuple[str, Callable[[float], bool], Callable[[float], str]], ...] = (
    (
        "bookings_here",
        lambda value: value > 0,
        lambda value: "booked it once before" if value == 1 else f"booked it {value:.0f} times before",
    ),
    ("co_booking", lambda value: value > 0.02, lambda _: "guests with the same bookings booked it, too"),
    ("wording", lambda value: value > 0.1, lambda _: "its text is like that of places they booked"),
    (
        "destination_share",
        lambda value: value >= 0.25,
        lambda value: f"{value:.0%} of their bookings go to this destination",
    ),
    ("type_share", lambda value: value >= 0.4, lambda value: f"{value:.0%} of their bookings are of this kind"),
    ("price_band_share", lambda value: value >= 0.4, lambda _: "in the price range they usually book"),
    ("market_rank", lambda value: value <= 5, lambda value: f"number {value:.0f} of its market by bookings"),
    ("host_rating", lambda value: value >= 4.8, lambda value: f"the host is rated {value:.1f}"),
    ("popularity", lambda value: value > 0, lambda _: "often booked by everybody"),
)
"""Columns of the examples that a recommendation may rest on, the most personal first: when, and in which words."""


def recommended(database: Database, now: Standing) -> list[Figure | Table]:
    """Charts and tables of a ranking."""
    return [*hits(database, now), *samples(database, now)]


def hits(database: Database, now: Standing) -> list[Figure]:
    """Share of the test queries whose next item is among the first k, by the model and by the rule."""
    product = now.product
    backtest = f"{product.name}_backtest"
    if now.version is None or not database.has(backtest):
        return []
    group = "query_id" if "query_id" in database.columns(backtest) else product.key[0]
    # as macro tie_order has it
    ties = f"md5({product.item}::varchar || ':' || {group}::varchar)"
    rows = database.rows(
        f"""
        with tested as {tested(now)},
        ranked as (
            select {product.label} as label, {product.baseline} as baseline,
                row_number() over (
                    partition by as_of_date, {group} order by {product.prediction} desc, {ties}
                ) as place,
                row_number() over (
                    partition by as_of_date, {group} order by {product.baseline} desc, {ties}
                ) as rule_place
            from tested
        ),
        queries as (select count(*) as queries from (select distinct as_of_date, {group} from tested)),
        places as (select unnest(range(1, 11)) as k)
        select k, sum(case when place <= k then label else 0 end) / any_value(queries) as predicted,
            sum(case when rule_place <= k and baseline > 0 then label else 0 end) / any_value(queries) as rule
        from places cross join ranked cross join queries group by k order by k
        """
    )
    if not rows or rows[-1]["predicted"] is None:
        return []
    values = [{"place": f"{row['k']}", **row} for row in rows]
    chart = charts.grouped_bars(values, "place", {"model": "predicted", "rule": "rule"}, "share of test queries", ".2%")
    last = rows[-1]
    said = (
        f"The next booking is among the ten recommended for {words.percent(last['predicted'])} of test queries, "
        f"among the rule's ten for {words.percent(last['rule'])}."
    )
    return [
        Figure(
            "Among the first places", chart, said, "How often the next booking is among the first 1 to 10 of the list."
        )
    ]


def samples(database: Database, now: Standing) -> list[Table]:
    """Lists of a few guests: those with the longest history, so that there is something to recommend by."""
    view, examples = f"{now.product.table}_current", f"{now.product.name}_examples"
    if not {"user_id", "rank", "property_id", "destination"} <= database.columns(view):
        return []
    features = [name for name, _, _ in REASONS if name in database.columns(examples)]
    if "user_bookings_ever" not in database.columns(examples):
        return []
    rows = database.rows(
        f"""
        with guests as (
            select user_id, max(user_bookings_ever) as bookings from {examples}
            where split = 'score' and user_id > 0 group by user_id
            order by bookings desc, user_id limit {GUESTS}
        )
        select lists.user_id, lists.rank, lists.property_id, lists.property_type, lists.destination, guests.bookings,
            {", ".join(f"examples.{name}" for name in features)}
        from {view} as lists
        inner join guests on lists.user_id = guests.user_id
        left join {examples} as examples on lists.user_id = examples.user_id
            and lists.property_id = examples.property_id and examples.split = 'score'
        where lists.rank <= {PLACES}
        order by guests.bookings desc, lists.user_id, lists.rank
        """,
        view,
        examples,
    )
    found = []
    for user in dict.fromkeys(row["user_id"] for row in rows):
        own = [row for row in rows if row["user_id"] == user]
        cells = [
            [
                row["rank"],
                row["property_id"],
                row["property_type"] or words.NOTHING,
                row["destination"] or words.NOTHING,
                reasons(row),
            ]
            for row in own
        ]
        times = int(own[0]["bookings"] or 0)
        caption = f"Guest {user}, {times} booking{'s' if times != 1 else ''} so far"
        found.append(Table(caption, ["place", "property", "kind", "destination", "why"], cells, numbers=(0, 1)))
    return found


def reasons(row: Row) -> str:
    """The two most personal reasons that hold, of the features the model ranks by."""
    held = [said(row[name]) for name, holds, said in REASONS if row.get(name) is not None and holds(row[name])]
    return "; ".join(held[:2]) or "close to what they book"
