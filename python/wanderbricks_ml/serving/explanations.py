"""Why a model answers as it does, in the words of `<product>_reasons`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Words(msgspec.Struct, frozen=True, array_like=True):
    """A row of seed `feature_words`: how a feature's values are said."""

    form: str
    says: str
    says_of_none: str | None = None
    says_of_one: str | None = None


class Parts(NamedTuple):
    """A prediction taken apart.

    Attributes
    ----------
    strongest
        The features that moved it most and what each adds to the margin, strongest first.
    base, margin
        The margin of an average row, and of this one.
    unit
        Of all of them: ``log-odds``, ``log`` (of a number), ``probability`` or ``number``.
    """

    strongest: list[tuple[str, float]]
    base: float
    margin: float
    unit: str


def explanation(parts: Parts, features: Mapping[str, Any], words: Mapping[str, Words], moved: str) -> dict[str, Any]:
    """What `/explain` says of a row, beside its key and version.

    Parameters
    ----------
    features
        The row by name; a number that is not one is missing.
    words
        Of the features; one without is named as its column is.
    moved
        What contributions raise or lower.
    """
    reasons = []
    for rank, (name, contribution) in enumerate(parts.strongest, 1):
        value = features[name]
        known = None if isinstance(value, float) and math.isnan(value) else value
        effect = "lowers" if contribution < 0 else "raises"
        reasons.append(
            {
                "rank": rank,
                "feature": name,
                "feature_value": known if known is None or isinstance(known, str) else decimals(known),
                "contribution": contribution,
                "effect": effect,
                "reason": f"{in_words(name, known, words.get(name))}: {effect} {moved}",
            }
        )
    return {"unit": parts.unit, "base_value": parts.base, "margin": parts.margin, "reasons": reasons}


def in_words(name: str, value: Any, words: Words | None) -> str:
    """A feature's value as macro `reasons_in_words` says it; None is missing."""
    plain = name.replace("_", " ")
    says = words.says if words else f"{plain} is {{}}"
    of_none = (words and words.says_of_none) or f"{plain} is not known"
    if value is None:
        return of_none
    if isinstance(value, str):
        return says.replace("{}", value)
    form, whole = words.form if words else "unnamed", math.floor(value + 0.5)
    if form == "flag":
        return says if whole > 0 else of_none
    if form == "count" and whole == 0:
        return says.replace("{}", "no")
    if form == "count" and whole == 1 and words and words.says_of_one:
        return words.says_of_one
    if form in ("count", "money"):
        said = str(whole)
    elif form == "percent":
        said = f"{math.floor(100 * value + 0.5)} %"
    elif form == "weekday":
        said = WEEKDAYS[whole - 1]
    elif form == "month":
        said = MONTHS[whole - 1]
    else:
        said = decimals(value)
    return says.replace("{}", said)


def decimals(value: float) -> str:
    """A number to two decimals as people write it: 3, not 3.00."""
    rounded = math.copysign(math.floor(abs(value) * 100 + 0.5) / 100, value)
    return f"{rounded:.2f}".rstrip("0").rstrip(".")
