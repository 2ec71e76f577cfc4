"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

NOTHING = "\N{EN DASH}"
"""Stands where there is nothing to say."""

METRICS = {
    "poisson_deviance": "Poisson deviance",
    "log_loss": "log loss",
    "mse": "mean squared error",
    "rmse": "RMSE",
    "mae": "mean absolute error",
    "mape": "MAPE",
    "auc": "AUC",
    "brier": "Brier score",
    "f1": "F1",
    "f1_over_trivial": "F1 above calling everyone",
    "ece": "calibration error",
    "ndcg_at_10": "NDCG@10",
    "ndcg_at_10_over_returns": "NDCG@10 above returns first",
    "recall_at_10": "recall@10",
    "wape_week_destinations": "weekly WAPE of destinations",
    "coverage_80": "coverage of the 80 % interval",
    "outside_80": "share outside the 80 % interval",
    "decile_mape": "decile MAPE",
    "decile_mape_active": "decile MAPE of active users",
    "normalised_gini": "normalised Gini",
    "revenue_lift": "revenue lift",
    "threshold_beta": "weight of recall in the threshold",
}

SHARES = ("mape", "wape", "coverage", "outside", "revenue_lift", "recall")
"""Beginnings of the names of metrics that are shares."""

STATES: Mapping[str, tuple[str, str]] = {
    "passes": ("serves", "good"),
    "amber": ("serves in amber", "warn"),
    "red": ("held back", "bad"),
    "not learnable": ("not learnable", "none"),
    "none": ("not built", "none"),
}
"""State of a product's gate: in words, and the colour of its badge."""


DRIFTS = {"ok": "steady", "warn": "some", "act": "strong", "drifted": "asks for a fit"}
"""State of a product's drift in words."""


def metric(name: str) -> str:
    """A metric's name in words."""
    return METRICS.get(name, name.replace("_", " "))


def value(name: str, number: float | None) -> str:
    """A metric's value, a share in percent."""
    if number is None:
        return NOTHING
    return percent(number) if name.startswith(SHARES) else compact(number)


def target(name: str, comparison: str, number: float | None) -> str:
    """What a metric has to reach."""
    if number is None:
        return "better than the rule"
    return f"{'at least' if comparison == 'at_least' else 'at most'} {value(name, number)}"


def compact(number: float | None) -> str:
    """Four digits that count, thousands parted."""
    if number is None:
        return NOTHING
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}"


def percent(number: float | None) -> str:
    """A fraction in percent."""
    return NOTHING if number is None else f"{number * 100:.1f} %"


def money(number: float | None) -> str:
    """An amount, without cents where it is large."""
    if number is None:
        return NOTHING
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.2f}"


def short_money(number: float | None) -> str:
    """An amount in thousands or millions, three digits that count."""
    if number is None:
        return NOTHING
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if abs(number) >= size:
            return f"{number / size:#.3g}".rstrip(".") + unit
    return f"{number:.0f}"


def count(number: float | None) -> str:
    """A whole number, thousands parted."""
    return NOTHING if number is None else f"{number:,.0f}"


def day(text: Any) -> str:
    """A date such as 3 August 2025."""
    if not text:
        return NOTHING
    found = date.fromisoformat(str(text)[:10])
    return f"{found.day} {found:%B %Y}"


def short_day(text: Any) -> str:
    """A date such as 3 Aug 2025."""
    if not text:
        return NOTHING
    found = date.fromisoformat(str(text)[:10])
    return f"{found.day}\N{NO-BREAK SPACE}{found:%b\N{NO-BREAK SPACE}%Y}"


def month(text: Any) -> str:
    """A month such as Aug 2025."""
    return f"{date.fromisoformat(str(text)[:10]):%b\N{NO-BREAK SPACE}%Y}"


def days(number: int | None) -> str:
    """A span in words."""
    if number is None:
        return NOTHING
    return "today" if number == 0 else f"{number} day{'s' if number != 1 else ''}"
