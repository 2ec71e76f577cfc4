"""Why the rows that people act on were predicted as they were."""

from __future__ import annotations

from wanderbricks_ml.reports.page import words
from wanderbricks_ml.reports.page.database import Database
from wanderbricks_ml.reports.page.sections import Standing, Table, newest

ROWS = 5


def explained(database: Database, now: Standing) -> list[Table]:
    """The first rows that <product>_reasons explains, with what moved each most."""
    product = now.product
    reasons = f"{product.name}_reasons"
    if not product.first:
        return []
    key = ", ".join(product.key)
    rows = database.rows(
        f"""
        with served as (select *, {product.first} as place from {newest(now)})
        select {key}, any_value({product.prediction}) as said, list(reason order by rank) as reasons
        from served inner join {reasons} using (scoring_date, model_version, {key})
        group by {key} order by max(place) desc, {key} limit {ROWS}
        """,
        product.table,
        reasons,
    )
    cells = [
        [
            " \N{MIDDLE DOT} ".join(
                words.short_day(row[name]) if name.endswith("_date") else f"{row[name]}" for name in product.key
            ),
            words.compact(row["said"]),
            "\n".join(row["reasons"]),
        ]
        for row in rows
    ]
    named = " \N{MIDDLE DOT} ".join(name.removesuffix("_id").replace("_", " ") for name in product.key)
    columns = [named, product.prediction.replace("_", " "), "why"]
    note = f"The three features that moved each prediction most; table {reasons} has all that are explained."
    return [Table("Why these rows", columns, cells, numbers=(1,), note=note)] if cells else []
