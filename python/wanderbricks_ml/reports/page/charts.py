"""Charts as Vega-Lite: small data in them, no colour of their own, since the page has a light and a dark one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from wanderbricks_ml.reports.page.database import Row

HEIGHT = 240

NAMED = alt.Scale(domain=["came true", "model", "rule"], range="category")
"""What happened, what the model says and what a rule without a model says have the same colour in every chart."""

MODEL = alt.datum("model", scale=NAMED, legend=None)
RULE = alt.datum("rule", scale=NAMED, legend=None)


@dataclass
class Figure:
    """A chart with its heading, what a reader without sight is told, and what to know about it."""

    title: str
    chart: alt.TopLevelMixin
    alternative: str
    note: str = ""
    spec: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.spec = self.chart.to_dict(validate=False)
        self.spec.pop("config", None)
        self.spec["autosize"] = {"type": "fit", "contains": "padding"}


def lines(rows: Sequence[Row], x: str, series: Mapping[str, str], y_title: str) -> alt.TopLevelMixin:
    """Lines over dates: columns of `series` by what the legend calls them."""
    return _sized(alt.layer(_lines(rows, x, series, y_title)))


def band(
    rows: Sequence[Row],
    x: str,
    low: str,
    high: str,
    series: Mapping[str, str],
    y_title: str,
) -> alt.TopLevelMixin:
    """Lines over dates before the interval of the model."""
    area = (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_area(opacity=0.18)
        .encode(
            x=_days(rows, x),
            y=alt.Y(f"{low}:Q", title=y_title),
            y2=alt.Y2(high),
            color=alt.datum("model", scale=NAMED, legend=_legend(series)),
        )
    )
    return _sized(alt.layer(area, _lines(rows, x, series, y_title)))


def calibration(rows: Sequence[Row], x_title: str, y_title: str) -> alt.TopLevelMixin:
    """Mean label over mean prediction of groups of rows, and the line on which both are equal."""
    top = max([value for row in rows for value in (row["predicted"], row["actual"])], default=1) * 1.05
    # most groups of rare events lie near 0
    skewed = top > 8 * max(rows[len(rows) // 2]["predicted"], 1e-9) if rows else False
    scale = alt.Scale(domain=[0, top], nice=False, type="sqrt" if skewed else "linear")
    ends: list[Row] = [{"predicted": 0, "actual": 0}, {"predicted": top, "actual": top}]
    diagonal = (
        alt.Chart(alt.InlineData(values=ends))
        .mark_line(strokeDash=[4, 4], strokeWidth=1.5)
        .encode(x=alt.X("predicted:Q", scale=scale), y=alt.Y("actual:Q", scale=scale), color=RULE)
    )
    points = (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True))
        .encode(
            x=alt.X("predicted:Q", title=x_title, scale=scale),
            y=alt.Y("actual:Q", title=y_title, scale=scale),
            color=MODEL,
            tooltip=[
                alt.Tooltip("predicted:Q", format=".3~g", title="predicted"),
                alt.Tooltip("actual:Q", format=".3~g", title="came true"),
                alt.Tooltip("rows:Q", format=",", title="rows"),
            ],
        )
    )
    return _sized(alt.layer(diagonal, points).resolve_scale(color="shared"))


def curves(
    rows: Sequence[Row], x: str, series: Mapping[str, str], x_title: str, mark: float | None
) -> alt.TopLevelMixin:
    """Several measures over a threshold, and the one that was chosen."""
    values = _long(rows, x, series)
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X(f"{x}:Q", title=x_title),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("series:N", title=None, sort=list(series), legend=alt.Legend(orient="top")),
            tooltip=[f"{x}:Q", "series:N", alt.Tooltip("value:Q", format=".3f")],
        )
    )
    if mark is None:
        return _sized(chart)
    chosen = (
        alt.Chart(alt.InlineData(values=[{x: mark}]))
        .mark_rule(strokeDash=[4, 4], strokeWidth=1.5)
        .encode(x=f"{x}:Q", tooltip=[alt.Tooltip(f"{x}:Q", format=".3f", title="decision threshold")])
    )
    return _sized(alt.layer(chart, chosen))


def grouped_bars(
    rows: Sequence[Row], group: str, series: Mapping[str, str], x_title: str, number: str = ",.4~g"
) -> alt.TopLevelMixin:
    """Bars of several series beside each other, a group a row, in the order of the rows."""
    order = list(dict.fromkeys(row[group] for row in rows))
    chart = (
        alt.Chart(alt.InlineData(values=_long(rows, group, series)))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y(f"{group}:N", title=None, sort=order),
            yOffset=alt.YOffset("series:N", sort=list(series)),
            x=alt.X("value:Q", title=x_title),
            color=_colour(series),
            tooltip=[f"{group}:N", "series:N", alt.Tooltip("value:Q", format=number)],
        )
    )
    return _sized(chart, max(140, 40 + 16 * len(series) * len(order)))


def columns(
    rows: Sequence[Row], x: str, y: str, x_title: str, y_title: str, sort: Sequence[Any] = ()
) -> alt.TopLevelMixin:
    """One column a value of `x`, in the order of the rows."""
    order = list(sort) or [row[x] for row in rows]
    chart = (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X(f"{x}:O", title=x_title, sort=order, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y(f"{y}:Q", title=y_title),
            color=MODEL,
            tooltip=[f"{x}:O", alt.Tooltip(f"{y}:Q", format=",.4~g", title=y_title)],
        )
    )
    return _sized(chart)


def small_multiples(rows: Sequence[Row], y_title: str) -> alt.TopLevelMixin:
    """Lines of `value` over `x`, one a `series`, with the price of today and the recommended one as points."""
    data = alt.InlineData(values=list(rows))
    line = (
        alt.Chart(data)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("x:Q", title="price of a night", scale=alt.Scale(zero=False)),
            y=alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False)),
            color=alt.Color("series:N", title=None, legend=alt.Legend(orient="top", columns=1, labelLimit=280)),
            tooltip=["series:N", alt.Tooltip("x:Q", format=",.2f"), alt.Tooltip("value:Q", format=",.2f")],
        )
    )
    points = (
        alt.Chart(data)
        .transform_filter("datum.mark != null")
        .mark_point(size=90, filled=True, opacity=1)
        .encode(
            x="x:Q",
            y="value:Q",
            color="series:N",
            shape=alt.Shape("mark:N", legend=None, scale=alt.Scale(domain=["price today", "recommended"])),
            tooltip=["series:N", "mark:N", alt.Tooltip("x:Q", format=",.2f")],
        )
    )
    return _sized(alt.layer(line, points), 300)


def over_time(
    rows: Sequence[Row], y_title: str, limits: Sequence[Row] = (), fits: Sequence[Row] = (), from_zero: bool = True
) -> alt.TopLevelMixin:
    """Lines of `value` over `day`, one a `series`, with limits across and fits marked on their days."""
    few = len({row["day"] for row in rows}) <= 15
    layers: list[Any] = [
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_line(point=few and alt.OverlayMarkDef(size=40, filled=True), strokeWidth=2)
        .encode(
            x=_days(rows, "day"),
            y=alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=from_zero)),
            color=alt.Color("series:N", title=None, legend=alt.Legend(orient="top", columns=2, labelLimit=260)),
            tooltip=[alt.Tooltip("day:T", format="%d %B %Y"), "series:N", alt.Tooltip("value:Q", format=".4~g")],
        )
    ]
    if limits:
        layers.append(
            alt.Chart(alt.InlineData(values=list(limits)))
            .mark_rule(strokeDash=[4, 4])
            .encode(y="value:Q", tooltip=["name:N", alt.Tooltip("value:Q", format=".3~g")])
        )
    if fits:
        layers.append(
            alt.Chart(alt.InlineData(values=list(fits)))
            .mark_rule(strokeDash=[1, 3], strokeWidth=2)
            .encode(x="day:T", tooltip=["name:N", alt.Tooltip("day:T", format="%d %B %Y")])
        )
    return _sized(alt.layer(*layers))


def _lines(rows: Sequence[Row], x: str, series: Mapping[str, str], y_title: str) -> alt.Chart:
    return (
        alt.Chart(alt.InlineData(values=_long(rows, x, series)))
        .mark_line(strokeWidth=2)
        .encode(
            x=_days(rows, x),
            y=alt.Y("value:Q", title=y_title),
            color=_colour(series),
            tooltip=[
                alt.Tooltip(f"{x}:T", format="%d %B %Y"),
                "series:N",
                alt.Tooltip("value:Q", format=",.4~g"),
            ],
        )
    )


def _days(rows: Sequence[Row], x: str) -> alt.X:
    """An axis of days, none of them between two."""
    few = len({row[x] for row in rows}) <= 7
    ticks = alt.TimeIntervalStep(interval="day", step=1) if few else alt.Undefined
    axis = alt.Axis(format="%-d %b", labelOverlap=True, tickCount=ticks)
    return alt.X(f"{x}:T", title=None, axis=axis)


def _colour(series: Mapping[str, str]) -> alt.Color:
    return alt.Color("series:N", title=None, scale=NAMED, legend=_legend(series))


def _legend(series: Mapping[str, str]) -> alt.Legend:
    return alt.Legend(orient="top", values=list(series), title=None, symbolOpacity=1)


def _long(rows: Sequence[Row], x: str, series: Mapping[str, str]) -> list[Row]:
    return [
        {x: row[x], "series": name, "value": row[column]}
        for name, column in series.items()
        for row in rows
        if row.get(column) is not None
    ]


def _sized(chart: Any, height: int = HEIGHT) -> alt.TopLevelMixin:
    return chart.properties(width="container", height=height)
