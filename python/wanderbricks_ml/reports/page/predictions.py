"""What a product says, and how it came true: one function a task of the declarations."""

from __future__ import annotations

from collections.abc import Callable

from wanderbricks_ml.reports.page import charts, words
from wanderbricks_ml.reports.page.charts import Figure
from wanderbricks_ml.reports.page.database import Database, Row
from wanderbricks_ml.reports.page.people import recommended
from wanderbricks_ml.reports.page.prices import priced
from wanderbricks_ml.reports.page.reasons import explained
from wanderbricks_ml.reports.page.sections import Standing, Table, newest, tested

Blocks = list[Figure | Table]


def blocks(database: Database, now: Standing) -> Blocks:
    """Charts and tables of a product; none where nothing was built."""
    if "recommended_price" in database.columns(now.product.table):
        return priced(database, now)
    return [*BY_TASK.get(now.product.task, counted)(database, now), *explained(database, now)]


def groups(database: Database, now: Standing, count: int = 10) -> list[Row]:
    """Mean prediction and label of equally large groups of the test rows, by prediction."""
    product = now.product
    if now.version is None:
        return []
    return database.rows(
        f"""
        select place, avg({product.prediction}) as predicted, avg({product.label}) as actual,
            avg({product.baseline}) as rule, count(*) as rows
        from (
            select *, ntile({count}) over (order by {product.prediction}) as place from {tested(now)}
            where {product.label} is not null
        )
        group by place order by place
        """,
        f"{product.name}_backtest",
    )


def calibrated(database: Database, now: Standing, what: str) -> list[Figure]:
    """Whether what was said came true, group by group."""
    rows = groups(database, now)
    if len(rows) < 2:
        return []
    last = rows[-1]
    said = (
        f"Mean {what} that came true over mean predicted of ten groups of test rows; in the highest group "
        f"{words.compact(last['predicted'])} was predicted and {words.compact(last['actual'])} came true."
    )
    chart = charts.calibration(rows, f"{what}, predicted", f"{what}, came true")
    return [
        Figure("Calibration", chart, said, "Ten groups of test rows by prediction; on the dashed line both are equal.")
    ]


def counted(database: Database, now: Standing) -> Blocks:
    """Counts per key and date: over time, by destination, calibration."""
    product = now.product
    unit = product.label.replace("_", " ")
    found: Blocks = []
    if now.version is None:
        return found
    backtest = f"{product.name}_backtest"
    sums = f"sum({product.label}) as actual, sum({product.prediction}) as predicted, sum({product.baseline}) as rule"
    rows = database.rows(f"select {product.date} as day, {sums} from {tested(now)} group by day order by day", backtest)
    if len(rows) > 1:
        chart = charts.lines(
            rows, "day", {"came true": "actual", "model": "predicted", "rule": "rule"}, f"{unit} a day"
        )
        first, last = words.day(rows[0]["day"]), words.day(rows[-1]["day"])
        said = f"{unit.capitalize()} a day over the test dates, {first} to {last}."
        found.append(Figure("What it would have said", chart, said, "Sums over the rows of the back-test."))
    if {"destination_id"} <= database.columns(backtest) and database.has("stg_destinations"):
        rows = database.rows(
            f"""
            select coalesce(places.destination, cast(tested.destination_id as varchar)) as destination, {sums}
            from {tested(now)} as tested
            left join stg_destinations as places on tested.destination_id = places.destination_id
            group by 1 order by actual desc limit 12
            """,
            backtest,
        )
        chart = charts.grouped_bars(
            rows, "destination", {"came true": "actual", "model": "predicted", "rule": "rule"}, f"{unit} on test dates"
        )
        said = "Back-test by destination: " + "; ".join(
            f"{row['destination']} {words.compact(row['actual'])}, predicted {words.compact(row['predicted'])}"
            for row in rows[:3]
        )
        found.append(Figure("Back-test by destination", chart, said + "."))
    found += calibrated(database, now, unit)
    view = f"{product.table}_current"
    date_column = product.date if product.date in database.columns(view) else ""
    if date_column and "destination" in database.columns(view):
        rows = database.rows(
            f"""
            select coalesce(destination, 'unknown') as destination,
                sum(case when {date_column} <= scoring_date + 7 then {product.prediction} end) as week,
                sum({product.prediction}) as whole, count(distinct {product.key[0]}) as keys
            from {view} group by 1 order by whole desc limit 12
            """,
            view,
        )
        cells = [
            [row["destination"], words.count(row["keys"]), words.compact(row["week"]), words.compact(row["whole"])]
            for row in rows
        ]
        until = words.day(now.scoring.get("last"))
        columns = ["destination", "properties", "next 7 days", f"until {until}"]
        found.append(Table(f"{unit.capitalize()} to come", columns, cells, numbers=(1, 2, 3)))
    return found


def probable(database: Database, now: Standing) -> Blocks:
    """Probabilities: calibration, what a threshold does, and how what is served is spread."""
    product = now.product
    if now.version is None:
        return []
    found: Blocks = [*calibrated(database, now, f"share {product.label.replace('_', ' ')}")]
    rows = database.rows(
        f"""
        with tested as (select {product.label} as label, {product.prediction} as said from {tested(now)}),
        steps as (select unnest(range(2, 100, 2)) / 100.0 as threshold),
        counts as (
            select threshold, sum(case when said >= threshold then label else 0 end) as hits,
                count(*) filter (where said >= threshold) as called, sum(label) as positives
            from steps cross join tested group by threshold
        )
        select cast(threshold as double) as threshold, hits / nullif(called, 0) as precision,
            hits / nullif(positives, 0) as recall, 2 * hits / nullif(called + positives, 0) as f1
        from counts where called >= 10 order by threshold
        """,
        f"{product.name}_backtest",
    )
    if len(rows) > 1:
        mark = now.champion.get("decision_threshold")
        best = max(rows, key=lambda row: row["f1"] or 0)
        series = {"precision": "precision", "recall": "recall", "F1": "f1"}
        chart = charts.curves(rows, "threshold", series, "threshold on the probability", mark)
        said = f"Recall rises and precision falls as the threshold falls; F1 is highest, {best['f1']:.2f}, "
        said += f"at {best['threshold']:.2f}."
        note = f"Dashed: the decision threshold in use, {mark:.3f}, chosen on other rows." if mark is not None else ""
        found.append(Figure("What a threshold does", chart, said, note))
    public = (
        "remaining_probability" if "remaining_probability" in database.columns(product.table) else product.prediction
    )
    rows = database.rows(
        f"""
        select cast(least(floor({public} * 20), 19) * 5 as int) as percent, count(*) as rows
        from {newest(now)} group by 1 order by 1
        """,
        product.table,
    )
    if len(rows) > 1:
        chart = charts.columns(rows, "percent", "rows", f"{public.replace('_', ' ')}, percent", "rows")
        top = max(rows, key=lambda row: row["rows"])
        said = f"Served rows by probability; most, {words.count(top['rows'])}, from {top['percent']} % on."
        found.append(
            Figure("What is served", chart, said, f"Newest scoring, {words.day(now.scoring.get('scoring_date'))}.")
        )
    found += at_risk(database, now)
    return found


def at_risk(database: Database, now: Standing) -> Blocks:
    """Money at risk by destination, where a table has it."""
    view = f"{now.product.table}_current"
    if not {"revenue_at_risk", "destination"} <= database.columns(view):
        return []
    rows = database.rows(
        f"""
        select coalesce(destination, 'unknown') as destination, count(*) as bookings,
            sum(remaining_probability) as cancelled, sum(revenue_at_risk) as at_risk
        from {view} group by 1 order by at_risk desc limit 12
        """,
        view,
    )
    cells = [
        [row["destination"], words.count(row["bookings"]), f"{row['cancelled']:,.1f}", words.money(row["at_risk"])]
        for row in rows
    ]
    columns = ["destination", "open bookings", "expected to be cancelled", "revenue at risk"]
    return [Table("Revenue at risk", columns, cells, numbers=(1, 2, 3))] if cells else []


def forecast(database: Database, now: Standing) -> Blocks:
    """Forecasts with intervals: the newest, and what came true of an earlier one."""
    product, found = now.product, Blocks()
    table = product.table
    total = "forecast_level = 'total'"
    rows = database.rows(
        f"select forecast_date as day, {product.prediction} as predicted, lower_80, upper_80, "
        f"{product.baseline} as rule from {newest(now)} where {total} order by day",
        table,
    )
    if rows:
        chart = charts.band(
            rows, "day", "lower_80", "upper_80", {"model": "predicted", "rule": "rule"}, "revenue a day"
        )
        said = (
            f"Forecast revenue a day from {words.day(rows[0]['day'])} to {words.day(rows[-1]['day'])}, in all "
            f"{words.money(sum(row['predicted'] for row in rows))}, with 80 % intervals."
        )
        found.append(
            Figure("What is forecast", chart, said, "All destinations, by day of arrival; shaded: 80 % interval.")
        )
    if now.version is not None:
        rows = database.rows(
            f"""
            select forecast_date as day, as_of_date, {product.label} as actual, {product.prediction} as predicted,
                lower_80, upper_80, {product.baseline} as rule
            from {tested(now)} where {total} and window_days = 1 and {product.label} is not null
            qualify as_of_date = max(as_of_date) over () order by day
            """,
            f"{product.name}_backtest",
        )
        if rows:
            inside = sum(row["lower_80"] <= row["actual"] <= row["upper_80"] for row in rows) / len(rows)
            series = {"came true": "actual", "model": "predicted", "rule": "rule"}
            chart = charts.band(rows, "day", "lower_80", "upper_80", series, "revenue a day")
            made = words.day(rows[0]["as_of_date"])
            said = f"The forecast made on {made} and what came true; {inside:.0%} of the days lie in the interval."
            note = f"Made on {made}, knowing nothing later; {inside:.0%} of the days lie in the 80 % interval."
            found.append(Figure("What came true", chart, said, note))
    view = "revenue_outlook_current"
    rows = database.rows(
        f"select coalesce(destination, 'All destinations') as destination, window_days, forecast_revenue, lower_80, "
        f"upper_80 from {view} order by forecast_level desc, window_days, forecast_revenue desc",
        view,
    )
    if rows:
        spans = {(row["destination"], row["window_days"]): row for row in rows}
        cells = []
        for destination in list(dict.fromkeys(row["destination"] for row in rows))[:13]:
            windows = [spans.get((destination, span)) for span in (30, 60, 90)]
            cells.append([destination, *[_interval(window) for window in windows]])
        columns = ["destination", "30 days", "60 days", "90 days"]
        note = "Expected, and the 80 % interval below it. Intervals do not add up."
        found.append(Table("Revenue to come", columns, cells, numbers=(1, 2, 3), note=note))
    return found


def _interval(row: Row | None) -> str:
    if row is None:
        return words.NOTHING
    low, high = words.short_money(row["lower_80"]), words.short_money(row["upper_80"])
    return f"{words.short_money(row['forecast_revenue'])}\n{low} to {high}"


def valued(database: Database, now: Standing) -> Blocks:
    """Values: deciles of the test rows, and the segments of what is served."""
    product, found = now.product, Blocks()
    rows = groups(database, now)
    if len(rows) > 1:
        for row in rows:
            row["decile"] = f"{row['place']}" + (
                " lowest" if row["place"] == 1 else " highest" if row["place"] == 10 else ""
            )
        series = {"came true": "actual", "model": "predicted"}
        chart = charts.grouped_bars(rows, "decile", series, "mean revenue a user in 12 months")
        said = (
            f"Mean revenue by decile of predicted value; in the highest {words.money(rows[-1]['predicted'])} was "
            f"predicted and {words.money(rows[-1]['actual'])} came true."
        )
        found.append(Figure("Deciles", chart, said, "Test users by predicted value, each group a tenth of them."))
    segments = {"ltv_segment": "Segments", "churn_risk": "Churn risk"}
    for column, title in segments.items():
        if column not in database.columns(product.table):
            continue
        rows = database.rows(
            f"select {column} as name, count(*) as users, sum({product.prediction}) as amount, "
            f"avg({product.prediction}) as mean from {newest(now)} group by 1 order by mean",
            product.table,
        )
        total = sum(row["amount"] for row in rows) or 1
        cells = [
            [
                row["name"],
                words.count(row["users"]),
                words.money(row["mean"]),
                words.money(row["amount"]),
                words.percent(row["amount"] / total),
            ]
            for row in rows
        ]
        columns = [title.lower().rstrip("s"), "users", "value a user", "value", "share"]
        if cells:
            found.append(Table(title, columns, cells, numbers=(1, 2, 3, 4)))
    return found


BY_TASK: dict[str, Callable[[Database, Standing], Blocks]] = {
    "count": counted,
    "regression": counted,
    "probability": probable,
    "forecast": forecast,
    "value": valued,
    "ranking": recommended,
}
