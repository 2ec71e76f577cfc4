"""What a section of the page is made of, and what every product's section has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wanderbricks_ml.reports.page import words
from wanderbricks_ml.reports.page.charts import Figure, over_time
from wanderbricks_ml.reports.page.database import Database, Row
from wanderbricks_ml.reports.page.products import Product


@dataclass(frozen=True)
class Table:
    """Cells as text; those of the columns in `numbers` are aligned as numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numbers: Sequence[int] = ()
    note: str = ""


@dataclass
class Section:
    """A product's part of the page."""

    product: Product
    state: str
    lead: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    blocks: list[Figure | Table] = field(default_factory=list)

    @property
    def badge(self) -> tuple[str, str]:
        """The state in words, and the colour of the badge."""
        return words.STATES[self.state]


@dataclass(frozen=True)
class Standing:
    """Where a product stands, from its own tables, so that one built alone has it, too.

    Attributes
    ----------
    state
        A key of `words.STATES`.
    champion
        The row of the version that serves, else of one that was considered; empty without any.
    scoring
        Newest scoring of the public table: scoring_date, rows, first, last and model_version; empty without any.
    operations
        Its row of model_operations; empty where monitoring has not run.
    """

    product: Product
    state: str
    champion: Row
    scoring: Row
    operations: Row
    not_learnable: str

    @property
    def version(self) -> int | None:
        """The version that `champion` is about."""
        return self.champion.get("model_version")


def standing(database: Database, product: Product) -> Standing:
    """Read where a product stands."""
    name = product.name
    champion = database.row(
        f"select * from {name}_champion order by serves desc, passes desc, model_version desc limit 1",
        f"{name}_champion",
    )
    if champion:
        champion |= database.row(
            f"select comparison from performance_targets where model_name = '{product.model_name}' and is_primary",
            "performance_targets",
        )
    retraining = database.row(f"select * from {name}_retraining", f"{name}_retraining")
    dates = [column for column in product.key if column.endswith(("_date", "_month"))]
    span = f"min({dates[0]}) as first, max({dates[0]}) as last" if dates else "null as first, null as last"
    scoring = database.row(
        f"select scoring_date, count(*) as rows, {span}, max(model_version) as model_version from {product.table} "
        f"group by scoring_date order by scoring_date desc limit 1",
        product.table,
    )
    operations = database.row(
        f"select * from model_operations where model_name = '{product.model_name}'", "model_operations"
    )
    not_learnable = retraining.get("not_learnable") or ""
    if champion.get("serves"):
        state = "amber" if champion["missed_targets"] or not champion["is_learnable"] else "passes"
    elif not_learnable or (champion and not champion["is_learnable"]):
        state = "not learnable"
    else:
        state = "red" if champion else "none"
    return Standing(product, state, champion, scoring, operations, not_learnable)


def tested(now: Standing) -> str:
    """The rows on which the version was judged, as a query."""
    name, version = now.product.name, now.version
    return (
        f"(select * from {name}_backtest where split = 'test' and model_version = {version} and evaluated_as_of = "
        f"(select max(evaluated_as_of) from {name}_backtest where model_version = {version}))"
    )


def newest(now: Standing) -> str:
    """The rows that are in force, as a query."""
    table = now.product.table
    return f"(select * from {table} where scoring_date = (select max(scoring_date) from {table}))"


def lead(now: Standing) -> str:
    """What a product achieved, in a sentence or two."""
    if now.state == "none":
        return f"Not built yet: dbt build --select +{now.product.table} makes it."
    if now.state == "not learnable":
        return f"The data cannot teach this model: {now.not_learnable or now.champion.get('verdict', '')}."
    champion = now.champion
    name, is_value, was = champion["metric_name"], champion["metric_value"], champion["baseline_value"]
    if name is None or is_value is None:
        return champion["verdict"]
    said = f"Version {champion['model_version']}: {words.metric(name)} {words.value(name, is_value)}"
    said += f" on dates it never saw, where the best rule without a model has {words.value(name, was)}."
    if champion["missed_targets"]:
        said += f" Short of a target: {missed(champion['missed_targets'])}."
    if now.state == "red":
        kept = now.scoring.get("scoring_date")
        said += " It does not serve" + (f"; predictions of {words.day(kept)} stay." if kept else ".")
    return said


def missed(text: str) -> str:
    """Missed targets with the metrics' names in words."""
    parts = [part.partition(" ") for part in text.split(", ")]
    # databases of earlier releases have `f1 0.4545 misses at least 0.75`
    return "; ".join(
        f"{words.metric(name)} {re.sub('(?<!and so) misses ', ', wanted ', rest)}" for name, _, rest in parts
    )


def missed_metrics(champion: Row) -> list[str]:
    """Names of the metrics that are short of a target."""
    return [part.split(" ")[0] for part in (champion.get("missed_targets") or "").split(", ") if part]


def facts(now: Standing) -> list[tuple[str, str]]:
    """What is published by whom and until when, as terms and values."""
    scoring, operations = now.scoring, now.operations
    found = [("table", now.product.table)]
    if scoring:
        first, last = (words.short_day(scoring[end]) for end in ("first", "last"))
        about = "" if not scoring["first"] else f", for {first}" if first == last else f", for {first} to {last}"
        found.append(
            ("published", f"{words.count(scoring['rows'])} rows on {words.short_day(scoring['scoring_date'])}{about}")
        )
    if operations:
        if operations["fitted_on"]:
            found.append(
                (
                    "serves",
                    f"version {operations['serving_version']}, fitted {words.short_day(operations['fitted_on'])}",
                )
            )
        found += [
            ("next fit", words.short_day(operations["next_due_date"])),
            ("owner", operations["owner"] or words.NOTHING),
        ]
    return found


def targets(database: Database, now: Standing) -> list[Table]:
    """What the version was judged by: metrics beside baselines and targets."""
    name = now.product.name
    if now.version is None:
        return []
    rows = database.rows(
        f"""
        select targets.metric_name, targets.comparison, targets.target, targets.severity, targets.is_primary,
            metrics.metric_value, metrics.baseline_value
        from performance_targets as targets
        left join {name}_metrics as metrics
            on targets.metric_name = metrics.metric_name
            and metrics.split = 'test' and metrics.segment = 'all'
            and metrics.model_version = {now.version}
            and metrics.as_of_date = (
                select max(as_of_date) from {name}_metrics
                where model_version = {now.version} and split = 'test'
            )
        where targets.model_name = '{now.product.model_name}'
        order by targets.is_primary desc, targets.metric_name
        """,
        "performance_targets",
        f"{name}_metrics",
    )
    cells = []
    for row in rows:
        metric, measured, bound = row["metric_name"], row["metric_value"], row["target"]
        if measured is None:
            continue
        wanted = bound if bound is not None else row["baseline_value"]
        reached = words.NOTHING
        if wanted is not None:
            better = measured >= wanted if row["comparison"] == "at_least" else measured <= wanted
            reached = "yes" if better else ("no" if row["severity"] == "error" else "no, and may serve")
        cells.append(
            [
                words.metric(metric) + (" (decides)" if row["is_primary"] else ""),
                words.value(metric, measured),
                words.value(metric, row["baseline_value"]),
                words.target(metric, row["comparison"], bound),
                reached,
            ]
        )
    if not cells:
        return []
    columns = ["metric", "model", "rule", "wanted", "reached"]
    return [Table("Judged on dates it never saw", columns, cells, numbers=(1, 2))]


def history(database: Database, now: Standing) -> list[Table]:
    """Every judgement that is kept: which version, when, why fitted, and how it did."""
    product = now.product
    name, metric = product.name, now.champion.get("metric_name")
    if not metric:
        return []
    rows = database.rows(
        f"""
        select metrics.as_of_date, metrics.model_version, fits.as_of_date as fitted_on, fits.reason,
            metrics.metric_value, metrics.baseline_value
        from {name}_metrics as metrics
        inner join {product.model_name} as fits on metrics.model_version = fits.model_version
        where metrics.split = 'test' and metrics.segment = 'all' and metrics.metric_name = '{metric}'
        order by metrics.as_of_date desc, metrics.model_version desc
        limit 20
        """,
        f"{name}_metrics",
        product.model_name,
    )
    cells = [
        [
            words.short_day(row["as_of_date"]),
            f"{row['model_version']}",
            words.short_day(row["fitted_on"]),
            (row["reason"] or "").replace("_", " "),
            words.value(metric, row["metric_value"]),
            words.value(metric, row["baseline_value"]),
        ]
        for row in rows
    ]
    columns = ["judged", "version", "fitted", "because of", words.metric(metric), "rule"]
    return [Table("Gate history", columns, cells, numbers=(1, 4, 5))] if cells else []


def watched(database: Database, now: Standing) -> list[Figure]:
    """Drift and live quality over time, with fits marked."""
    model = now.product.model_name
    fits = [
        {"day": row["as_of_date"], "name": f"version {row['model_version']} fitted"}
        for row in database.rows(f"select as_of_date, model_version from {model}", model)
    ]
    found: list[Figure] = []
    live = database.rows(
        f"""
        select week_start as day, metric_name, metric_value, baseline_value, backtest_value
        from prediction_quality
        where model_name = '{model}' and is_primary and metric_value is not null
        order by week_start
        """,
        "prediction_quality",
    )
    if live:
        metric = live[0]["metric_name"]
        rows = [
            {"day": row["day"], "series": series, "value": row[column]}
            for row in live
            for series, column in (
                ("live", "metric_value"),
                ("rule, live", "baseline_value"),
                ("back-test", "backtest_value"),
            )
            if row[column] is not None
        ]
        said = (
            f"{words.metric(metric)} of served predictions by week, the last "
            f"{words.value(metric, live[-1]['metric_value'])}; "
            f"the rule has {words.value(metric, live[-1]['baseline_value'])} there."
        )
        note = "Predictions that were served, once their truth was known. Dotted: days of a fit."
        found.append(
            Figure("Live quality", over_time(rows, words.metric(metric), fits=fits, from_zero=False), said, note)
        )
    drifts = database.rows(
        f"""
        with ranked as (
            select feature_name, row_number() over (order by max(psi) desc, feature_name) as place
            from drift where model_name = '{model}' and is_monitored and psi is not null group by feature_name
        )
        select drift.scoring_date as day, drift.feature_name as series, drift.psi as value,
            drift.psi_warn, drift.psi_act
        from drift inner join ranked on drift.feature_name = ranked.feature_name and ranked.place <= 5
        where drift.model_name = '{model}' and drift.psi is not null
        order by day, series
        """,
        "drift",
    )
    if drifts and len({row["day"] for row in drifts}) > 1:
        last = max(drifts, key=lambda row: (row["day"], row["value"]))
        limits = [{"value": last["psi_warn"], "name": "warns"}, {"value": last["psi_act"], "name": "acts"}]
        rows = [{"day": row["day"], "series": row["series"], "value": row["value"]} for row in drifts]
        limits = [limit for limit in limits if limit["value"] is not None]
        said = f"PSI of the five features that moved most; on {words.day(last['day'])} {last['series']} has "
        said += f"{last['value']:.3f}."
        note = "PSI against the rows the version learned from; dashed: where it warns and where it asks for a fit."
        found.append(Figure("Drift", over_time(rows, "PSI", limits, fits), said, note))
    return found
