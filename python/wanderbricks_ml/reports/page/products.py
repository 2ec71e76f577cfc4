"""The products of the project, as macros/products declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wanderbricks_ml.commands.declarations import declarations


@dataclass(frozen=True)
class Product:
    """What the page needs of a declaration.

    Attributes
    ----------
    name, model_name, table
        The product, its registered model, and its public table.
    title
        The name in words.
    task
        Which metrics judge it.
    label, prediction, baseline, date
        Columns of its back-test.
    key
        Key of the public table, within a scoring_date.
    item
        Column that names what is ranked, where something is.
    first
        Of the rows that are explained, an expression that is the largest of the first; empty where none is.
    """

    name: str
    model_name: str
    table: str
    task: str
    label: str
    prediction: str
    baseline: str
    date: str
    key: tuple[str, ...]
    item: str
    first: str

    @property
    def title(self) -> str:
        """Its name in words."""
        return {"customer_ltv": "Customer LTV"}.get(self.name, self.name.replace("_", " ").capitalize())

    @staticmethod
    def of(declaration: dict[str, Any]) -> Product:
        """A product from its declaration."""
        predicted = declaration["prediction"]
        return Product(
            name=declaration["product"],
            model_name=declaration["model_name"],
            table=declaration["predictions"],
            task=declaration["task"],
            label=declaration["label"],
            prediction=predicted if isinstance(predicted, str) else predicted[0],
            baseline=declaration["baseline"],
            date=declaration["date"],
            key=tuple(declaration["public_key"]),
            item=declaration.get("item", ""),
            first=declaration.get("reasons", {}).get("first", ""),
        )


def declared_products() -> list[Product]:
    """All products of the project of the current folder; see `declarations`."""
    return [Product.of(declaration) for declaration in declarations()]
