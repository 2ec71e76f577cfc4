"""What tuning gains over the defaults on test rows, and what it costs, per product.

Each gold folder is built twice on a fresh database: with the defaults, then with `--vars '{tune: true}'`, so that both
versions are judged on the same test rows. Prints one Markdown row for each product and folder: trials, wall seconds of
all of them added up (several run side by side), the mean loss of both versions, and how much lower that of the tuned
one is, with a 95 % bootstrap interval over units (properties, users, dates, queries). The loss is the one that the
study minimises, on other rows.

    python benchmarks/tuning.py NAME=FOLDER [NAME=FOLDER ...] [--products demand ...]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
from build import PROJECT, run_dbt
from skill import log_loss, poisson_loss

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.bootstrap import drawn_blocks, interval_95

# the tests read declarations without dbt
sys.path.insert(0, str(PROJECT / "tests"))

from product_settings import declaration

REPLICATES = 1_000


class Product(NamedTuple):
    """How a product's versions are compared, beside what its declaration says: unit of the interval, and loss by row.

    `columns` stand in place of those declared, where the rows compared are not those of the back-test.
    """

    unit: str
    loss: Callable[[Floats, Floats], Floats]
    columns: Mapping[str, str] = {}


def absolute_error(label: Floats, expected: Floats) -> Floats:
    """Absolute error by row, over the mean label: its mean is WAPE."""
    return np.abs(label - expected) / label.mean()


def shortfall(label: Floats, gained: Floats) -> Floats:
    """What a gain lacks to the best possible one."""
    return label - gained


RANKED = """(
    select
        model_version,
        split,
        as_of_date,
        query_id,
        1 as best,
        coalesce(max(1 / log2(1 + place)) filter (where is_next = 1 and place <= 10), 0) as ndcg_at_10
    from (
        select
            *,
            row_number() over (
                partition by model_version, evaluated_as_of, split, as_of_date, query_id
                order by score desc, property_id
            ) as place
        from wanderbricks_ml.recommendations_backtest
    )
    group by all
)"""
"""One row a query and version, in place of its candidates."""

PRODUCTS = {
    "demand": Product("property_id", poisson_loss),
    "revenue": Product("forecast_date", absolute_error, {"keys": "as_of_date, forecast_date"}),
    "conversion": Product("property_id", log_loss),
    "pricing": Product("property_id", poisson_loss),
    "customer_ltv": Product("user_id", poisson_loss),
    "churn": Product("user_id", log_loss),
    "cancellation": Product("property_id", log_loss),
    "recommendations": Product(
        "query_id",
        shortfall,
        {"backtest": RANKED, "label": "best", "prediction": "ndcg_at_10", "keys": "query_id, as_of_date"},
    ),
}

QUERY = """
    select
        cast({unit} as varchar) as unit,
        any_value(cast({label} as double)) as label,
        max(cast({prediction} as double)) filter (where model_version = 1) as defaults,
        max(cast({prediction} as double)) filter (where model_version = 2) as tuned
    from {backtest}
    where split = 'test' and {test_rows}
    group by unit, {keys}
    order by unit, {keys}
"""


def columns(name: str) -> dict[str, str]:
    """What the query names, of a product's declaration or in its place."""
    product, said = PRODUCTS[name], declaration(name)
    prediction = said["prediction"]
    return {
        "unit": product.unit,
        "backtest": f"wanderbricks_ml.{name}_backtest",
        "label": said["label"],
        "prediction": prediction if isinstance(prediction, str) else prediction[0],
        "keys": ", ".join(said.get("keys", ())),
        "test_rows": said.get("test_rows", "true"),
        **product.columns,
    }


def gain(rows: dict[str, Floats], loss: Callable[[Floats, Floats], Floats], seed: int = 0) -> tuple[Floats, Floats]:
    """Mean loss of both versions, and gain with its interval, resampling whole units, as fractions of the defaults'."""
    losses = np.stack([loss(rows["label"], np.maximum(rows[name], 1e-9)) for name in ("defaults", "tuned")])
    _, unit = np.unique(rows["unit"], return_inverse=True)
    sums = np.stack([np.bincount(unit, by_row) for by_row in losses])
    totals = sums @ drawn_blocks(sums.shape[1], REPLICATES, seed).T
    share = 1 - totals[1] / totals[0]
    return losses.mean(axis=1), np.array([1 - sums[1].sum() / sums[0].sum(), *interval_95(share)])


def measure(products: list[str], gold: Path) -> dict[str, tuple[dict[str, float], Floats, Floats]]:
    """Build with the defaults and tuned; the study's record, losses and gain by product."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        selection = " ".join(f"+{declaration(name)['predictions']}" for name in products)
        for arguments in ([], ["--vars", "{tune: true}"]):
            print(f"{gold}: building {selection} {' '.join(arguments)}", file=sys.stderr)
            run = run_dbt(work, gold, *arguments, selection=selection)
            # a red gate is no error here: both versions are judged before it
            if run.code not in (0, 1):
                raise SystemExit((work / "dbt.out").read_text()[-4000:])
        found = {}
        with duckdb.connect(str(work / "wanderbricks.duckdb"), read_only=True) as connection:
            for name in products:
                rows = connection.execute(QUERY.format(**columns(name))).fetchnumpy()
                if len(rows["unit"]) == 0 or np.ma.is_masked(rows["tuned"]):
                    print(f"{name} is not learnable, or was not fitted twice", file=sys.stderr)
                    continue
                model = declaration(name)["model_name"]
                query = f"select parameters from wanderbricks_ml.{model} where model_version = 2"
                record = json.loads(connection.execute(query).fetchall()[0][0])["tuning"]
                loss = PRODUCTS[name].loss
                found[name] = (record, *gain({key: np.asarray(value) for key, value in rows.items()}, loss))
        return found


def main() -> None:
    """Print one Markdown row for each product and folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golds", nargs="+", metavar="NAME=FOLDER", help="gold to build")
    parser.add_argument(
        "--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS), help="products (default all)"
    )
    arguments = parser.parse_args()
    print(
        "| product | gold | trials | trial seconds | folds: defaults | tuned | test: defaults | tuned | gain (95 %) |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for given in arguments.golds:
        label, _, folder = given.partition("=")
        for name, (record, losses, share) in measure(arguments.products, Path(folder)).items():
            numbers = (record["default_loss"], record["loss"], *losses)
            print(
                f"| {name} | {label} | {record['trials']} | {record['seconds']:.0f} | "
                + " | ".join(f"{number:.5g}" for number in numbers)
                + f" | {share[0]:.2%} ({share[1]:.2%} to {share[2]:.2%}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
