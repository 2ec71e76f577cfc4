"""From what a model predicts to the columns of the public table, as the SQL of each product has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from wanderbricks_ml.serving.snapshot import About

Row = dict[str, Any]
Rule = Callable[[Row, Mapping[str, Any], Mapping[str, Any], About], Row]


def answer(about: About, predicted: Row, features: Mapping[str, Any], version: Mapping[str, Any]) -> Row:
    """Columns of the public table that follow from a prediction.

    Parameters
    ----------
    predicted
        What the model predicts, by name.
    features
        The row that it was asked about, by name, `further` columns among it.
    version
        What the snapshot has of the model's version.
    """
    rule = RULES.get(about.product)
    found = predicted if rule is None else rule(predicted, features, version, about)
    return {name: value for name, value in found.items() if name in about.columns}


def _conversion(predicted: Row, features: Mapping[str, Any], version: Mapping[str, Any], about: About) -> Row:
    probability = predicted["conversion_probability"]
    return {**predicted, "predicted_conversion": probability >= version["decision_threshold"]}


def _churn(predicted: Row, features: Mapping[str, Any], version: Mapping[str, Any], about: About) -> Row:
    probability = predicted["churn_probability"]
    will_churn = probability >= version["decision_threshold"]
    right = probability if will_churn else 1 - probability
    return {**predicted, "will_churn": will_churn, "confidence": _band(about, "confidence", right)}


def _customer_ltv(predicted: Row, features: Mapping[str, Any], version: Mapping[str, Any], about: About) -> Row:
    value = _cents(predicted["predicted_ltv_12m"])
    risk = _band(about, "churn_risk", predicted["no_booking_probability"])
    return {
        "predicted_ltv_12m": value,
        "ltv_segment": _band(about, "ltv_segment", value),
        "churn_risk": "Never booked" if features["has_booked"] == 0 else risk,
    }


def _cancellation(predicted: Row, features: Mapping[str, Any], version: Mapping[str, Any], about: About) -> Row:
    made = predicted["cancellation_probability"]
    threshold = version["decision_threshold"]
    found = {**predicted, "called_when_made": made >= threshold}
    later = features.get("later_share")
    if later is None or math.isnan(later):
        return found
    whole = 1 - made + made * later
    # of what is sure to be cancelled, but none so late, nothing is left
    remaining = made * later / whole if whole else 0.0
    found |= {
        "remaining_probability": remaining,
        "predicted_cancellation": remaining >= version.get("remaining_threshold", threshold),
    }
    amount = features.get("total_amount")
    if amount is not None and not math.isnan(amount):
        found["revenue_at_risk"] = _cents(remaining * amount)
    return found


RULES: Mapping[str, Rule] = {
    "conversion": _conversion,
    "churn": _churn,
    "customer_ltv": _customer_ltv,
    "cancellation": _cancellation,
}
"""By product; of another one the predictions themselves are the answer."""


def _band(about: About, column: str, value: float) -> str | None:
    """The name of the band that a value lies in."""
    for name, lower, upper in about.levels[column]:
        if value >= lower and (upper is None or value < upper):
            return name
    return None


def _cents(value: float) -> float:
    """Rounded to two places, halves away from zero, as SQL does."""
    return math.copysign(math.floor(abs(value) * 100 + 0.5) / 100, value)
