"""The page as one file: overview, a section a product, alerts and experiments."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from wanderbricks_ml.reports.page import words
from wanderbricks_ml.reports.page.charts import Figure
from wanderbricks_ml.reports.page.database import Database
from wanderbricks_ml.reports.page.predictions import blocks
from wanderbricks_ml.reports.page.products import Product, declared_products
from wanderbricks_ml.reports.page.sections import (
    Section,
    Standing,
    Table,
    facts,
    history,
    lead,
    missed_metrics,
    standing,
    targets,
    watched,
)

log = logging.getLogger(__name__)


def write_page(database: Path, out: Path, products: Sequence[Product] | None = None) -> Path:
    """Write the page and return its path.

    Parameters
    ----------
    database
        The DuckDB file of a build, read only.
    out
        Folder, made if it is not there.
    products
        Those of the project of the current folder without it.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    duckdb.IOException
        When a build is writing to it.
    """
    with Database(database) as tables:
        known = list(products) if products is not None else declared_products()
        order = {
            row["product"]: place for place, row in enumerate(tables.rows("from model_inventory", "model_inventory"))
        }
        known.sort(key=lambda product: (order.get(product.name, len(order)), product.name))
        standings = [standing(tables, product) for product in known]
        sections = [section(tables, now) for now in standings]
        day = max((str(now.scoring["scoring_date"]) for now in standings if now.scoring), default="")
        context = {
            "sections": sections,
            "overview": overview(standings),
            "counts": counts(standings),
            "alerts": alerts(tables),
            "experiments": experiments(tables),
            "monitored": tables.has("model_operations"),
            "day": words.day(day) if day else "",
            "written": f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
        }
    figures = [block for part in sections for block in part.blocks if isinstance(block, Figure)]
    context |= {"specs": [figure.spec for figure in figures], "script": script()}
    page = environment().get_template("report.html.jinja").render(context)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "index.html"
    path.write_text(page, encoding="utf-8")
    log.info("%s: %d products, %d charts, %.1f MB", path, len(sections), len(figures), len(page.encode()) / 1e6)
    return path


def environment() -> Environment:
    """Templates that escape whatever a database holds."""
    made = Environment(
        loader=PackageLoader("wanderbricks_ml.reports.page"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.tests["figure"] = lambda block: isinstance(block, Figure)
    made.tests["table"] = lambda block: isinstance(block, Table)
    return made


def script() -> Markup:
    """What draws the charts: Vega, Vega-Lite and Vega-Embed in one file."""
    import vl_convert

    # its type says that it needs a text; without one it gives what a page calls
    bundled: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return Markup(bundled.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def section(database: Database, now: Standing) -> Section:
    """A product's part of the page."""
    made = Section(now.product, now.state, lead(now), facts(now))
    made.blocks += targets(database, now)
    made.blocks += blocks(database, now)
    made.blocks += watched(database, now)
    made.blocks += history(database, now)
    return made


def counts(standings: Sequence[Standing]) -> list[tuple[str, str, int]]:
    """How many products are in which state: words, colour, number."""
    return [
        (*words.STATES[state], sum(now.state == state for now in standings))
        for state in words.STATES
        if any(now.state == state for now in standings)
    ]


def overview(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """A row a product."""
    rows = []
    for now in standings:
        champion, scoring, operations = now.champion, now.scoring, now.operations
        metric = champion.get("metric_name") or ""
        rows.append(
            {
                "product": now.product,
                "badge": words.STATES[now.state],
                "metric": words.metric(metric) if metric else words.NOTHING,
                "model": words.value(metric, champion.get("metric_value")),
                "rule": words.value(metric, champion.get("baseline_value")),
                "gain": gained(champion),
                "missed": ", ".join(words.metric(name) for name in missed_metrics(champion)),
                "rows": words.count(scoring.get("rows")),
                "age": words.days(operations.get("age_days")),
                "next": words.short_day(operations.get("next_due_date")),
                "drift": words.DRIFTS.get(operations.get("drift_state", ""), words.NOTHING),
            }
        )
    return rows


def gained(champion: dict[str, Any]) -> str:
    """How much better than the rule, in percent of it; in its own unit where the rule has nothing."""
    measured, was = champion.get("metric_value"), champion.get("baseline_value")
    if was is None or measured is None or "comparison" not in champion:
        return words.NOTHING
    better = measured - was if champion["comparison"] == "at_least" else was - measured
    return f"{better / abs(was):+.1%}" if was else f"{better:+.1%}"


def alerts(database: Database) -> Table | None:
    """Open problems."""
    rows = database.rows("from alerts order by severity, since", "alerts")
    cells = [
        [
            row["severity"],
            row["model_name"] or words.NOTHING,
            row["kind"].replace("_", " "),
            words.day(row["since"]),
            row["evidence"],
        ]
        for row in rows
    ]
    return Table("Open alerts", ["severity", "model", "what", "since", "evidence"], cells) if cells else None


def experiments(database: Database) -> Table | None:
    """A/B tests and what they say so far."""
    rows = database.rows(
        """
        select experiment_name, model_name, metric_name, status, control_version, treatment_version, control_units,
            treatment_units, relative_lift, sequential_p_value, verdict
        from ab_results order by start_date desc, experiment_name
        """,
        "ab_results",
    )
    cells = [
        [
            row["experiment_name"],
            row["model_name"],
            f"{row['treatment_version'] or words.NOTHING} against {row['control_version'] or words.NOTHING}",
            row["status"],
            words.percent(row["relative_lift"]),
            words.compact(row["sequential_p_value"]),
            row["verdict"] or words.NOTHING,
        ]
        for row in rows
    ]
    columns = ["experiment", "model", "versions", "status", "lift", "p", "verdict"]
    return Table("Experiments", columns, cells, numbers=(4, 5)) if cells else None
