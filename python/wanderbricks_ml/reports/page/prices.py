"""Prices: how revenue answers to them, and what is recommended."""

from __future__ import annotations

from wanderbricks_ml.reports.page import charts, words
from wanderbricks_ml.reports.page.charts import Figure
from wanderbricks_ml.reports.page.database import Database
from wanderbricks_ml.reports.page.sections import Standing, Table, newest

PROPERTIES = 3
"""Properties whose price response is drawn."""

BASES = {
    "model": "a change is recommended",
    "one_step": "a step towards a better price",
    "current_price_is_best": "the current price is best",
    "thin_evidence": "too little evidence",
    "uncertain_gain": "the gain is uncertain",
}


def priced(database: Database, now: Standing) -> list[Figure | Table]:
    """Charts and tables of recommended prices."""
    product = now.product
    table, scores = product.table, f"{product.name}_scores"
    rows_in_force = newest(now)
    found: list[Figure | Table] = []
    bases = database.rows(
        f"select recommendation_basis as basis, count(*) as rows from {rows_in_force} group by 1 order by rows desc",
        table,
    )
    if not bases:
        return found
    top = (
        f"(select * from {rows_in_force} where recommended_price <> current_price "
        f"order by expected_revenue_recommended - expected_revenue_current desc, property_id, stay_month "
        f"limit {PROPERTIES})"
    )
    response = database.rows(
        f"""
        select 'Property ' || scores.property_id || ', ' || strftime(scores.stay_month, '%b %Y') as series,
            scores.asked_price as x, scores.asked_price * scores.expected_nights * scores.expected_bookings as value,
            case
                when scores.price_level = 0 then 'price today'
                when abs(scores.asked_price - top.recommended_price) < 0.005 * top.recommended_price then 'recommended'
            end as mark
        from {scores} as scores
        inner join {top} as top on scores.property_id = top.property_id and scores.stay_month = top.stay_month
            and scores.model_version = top.model_version and scores.as_of_date = top.as_of_date
        order by series, x
        """,
        table,
        scores,
    )
    if response:
        said = "Expected revenue of a month over the price of a night, for the changes that promise most."
        note = "Circle: the price today. Square: the recommended one, which is careful where the evidence is thin."
        found.append(Figure("Price response", charts.small_multiples(response, "revenue of the month"), said, note))
    changes = database.rows(
        f"""
        select cast(round(100 * (recommended_price / current_price - 1) / 5) * 5 as int) as change, count(*) as rows
        from {rows_in_force} where recommended_price <> current_price and current_price > 0 group by 1 order by 1
        """,
        table,
    )
    if changes:
        labelled = [{"change": f"{row['change']:+d}", "rows": row["rows"]} for row in changes]
        chart = charts.columns(labelled, "change", "rows", "change of the price, percent", "property-months")
        said = f"Recommended changes: {words.count(sum(row['rows'] for row in changes))} property-months, by percent."
        found.append(Figure("Recommended changes", chart, said))
    cells = [[BASES.get(row["basis"], row["basis"].replace("_", " ")), words.count(row["rows"])] for row in bases]
    found.append(Table("What recommendations rest on", ["basis", "property-months"], cells, numbers=(1,)))
    view = f"{table}_current" if database.has(f"{table}_current") else rows_in_force
    names = "destination" if database.has(f"{table}_current") else "cast(destination_id as varchar)"
    best = database.rows(
        f"""
        select property_id, {names} as destination, stay_month, current_price, recommended_price,
            expected_revenue_recommended - expected_revenue_current as gain
        from {view} where recommended_price <> current_price order by gain desc, property_id, stay_month limit 8
        """,
        table,
    )
    cells = [
        [
            row["property_id"],
            row["destination"] or words.NOTHING,
            words.month(row["stay_month"]),
            f"{row['current_price']:,.2f}",
            f"{row['recommended_price']:,.2f}",
            words.money(row["gain"]),
        ]
        for row in best
    ]
    columns = ["property", "destination", "month", "price today", "recommended", "expected gain"]
    if cells:
        note = "Expectations of single rows; what is proven is the revenue lift on test months, above."
        found.append(Table("Largest expected gains", columns, cells, numbers=(0, 3, 4, 5), note=note))
    return found
