"""Which products there are to serve, and by what they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wanderbricks_ml.commands.declarations import declarations


@dataclass(frozen=True)
class ServedProduct:
    """What serving needs of a declaration.

    Attributes
    ----------
    product, model_name, predictions, task
        As declared.
    key
        Columns by which a caller asks.
    items
        Name of the list of rows in an answer, of a ranking; None where an answer is one row.
    order
        Column that these rows go by.
    numeric, categorical
        Features of its examples.
    attribute_prefix
        Columns of the examples that begin with it are features, too; none without it.
    predictions_of_model
        What the model predicts, in order.
    newcomers
        Column by which a caller may ask for one who is new; None where there is none.
    curve_by, curve
        Column of its scores by which the points of a key's curve go, and expressions of them by name; empty where a key
        has one score alone.
    unit
        Column of the public table by which traffic is split; empty where there is none.
    decision_threshold
        At which its probabilities are cut; None where each version has its own, or nothing is cut.
    moved
        What contributions to its predictions raise or lower; empty where they are not taken apart.
    """

    product: str
    model_name: str
    predictions: str
    task: str
    key: tuple[str, ...]
    items: str | None
    order: str
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    attribute_prefix: str | None = None
    predictions_of_model: tuple[str, ...] = ()
    newcomers: str | None = None
    moved: str = ""
    curve_by: str = ""
    curve: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    decision_threshold: float | None = None


def served_products() -> list[ServedProduct]:
    """All products of the project of the current folder; see `declarations`."""
    found = []
    for one in declarations():
        *first, last = one["public_key"]
        is_ranking = one["task"] == "ranking"
        found.append(
            ServedProduct(
                one["product"],
                one["model_name"],
                one["predictions"],
                one["task"],
                tuple(first) if is_ranking else (*first, last),
                one["product"] if is_ranking else None,
                last,
                tuple(one["settings"].get("numeric", ())),
                tuple(one["settings"].get("categorical", ())),
                one["settings"].get("attribute_prefix"),
                (one["prediction"],) if isinstance(one["prediction"], str) else tuple(one["prediction"]),
                one.get("newcomers"),
                one.get("reasons", {}).get("of", ""),
                one.get("curve", {}).get("by", ""),
                one.get("curve", {}).get("points", {}),
                next(iter(one.get("units", ())), ""),
                one.get("decision_threshold"),
            )
        )
    return found
