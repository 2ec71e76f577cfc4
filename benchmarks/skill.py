"""Compare each product's model with the best possible one, on simulated gold with known truth.

For each seed: simulate gold with truth, build the product, and score what is naive, the rule that is the product's
baseline, the model and the truth on the same test rows. The share of achievable skill is (rule's loss - model's loss) /
(rule's loss - truth's loss), with a 95 % bootstrap interval over units (properties, users, ...); it is quoted only
where the rule's loss lies clearly above the truth's, and where the world has such a truth. Beside it stands the same
share over what is naive. The last lines are of the losses' means over the seeds: a mean of shares would let a seed
decide whose gap is noise.

Where a product cuts its probabilities, a second table has the F1 of the test rows: calling every row positive, and
baseline, model and truth each at a threshold of its own (the model's is the champion's, the others' are best on the
validation rows, as the model's is). The last column is the model's F1 over the truth's.

    python benchmarks/skill.py [--products demand ...] [--preset dev] [--seeds 1 2 3 11 12] [--world 0]
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
from build import PROJECT, run_dbt

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.bootstrap import drawn_blocks, interval_95
from wanderbricks_ml.simulator import simulate

# the tests read declarations without dbt
sys.path.insert(0, str(PROJECT / "tests"))

from product_settings import declaration

REPLICATES = 1_000

LOSSES = ("naive", "baseline", "model", "truth")
"""What is scored: columns of a product's query."""


class Product(NamedTuple):
    """How a product's model is compared with the truth.

    What `query` yields of the test rows are columns unit, label, naive, baseline, model and truth (of revenue, days of
    the total and weeks of each destination); ``$truth`` is the folder of truth, and names in braces are those of the
    product's declaration. With columns split and threshold, the model's, it yields the validation rows too, and F1 is
    compared as well. `loss` gives the loss by row from label and expectation.
    """

    name: str
    query: str
    loss: Callable[[Floats, Floats], Floats]


def query(unit: str, truth: str, file: str, is_cut: bool = False) -> str:
    """Rows of a back-test beside their truth, an expression over the columns of one of its files.

    Where the model's probabilities are cut, of the version that serves, with the validation rows and the threshold.
    """
    cut = "backtest.split, champion.decision_threshold as threshold," if is_cut else ""
    champion = "inner join wanderbricks_ml.{product}_champion as champion using (model_version)" if is_cut else ""
    return f"""
    select
        backtest.{unit} as unit,
        {cut}
        backtest.{{label}} as label,
        examples.{{naive}} as naive,
        backtest.{{baseline}} as baseline,
        backtest.{{prediction}} as model,
        {truth} as truth
    from wanderbricks_ml.{{product}}_backtest as backtest
    inner join wanderbricks_ml.{{product}}_examples as examples using (split, {{keys}})
    inner join read_parquet($truth || '/{file}.parquet') as truth using ({{keys}})
    {champion}
    where {"champion.serves" if is_cut else "backtest.split = 'test'"}
"""


def probability(truth: str) -> str:
    """A true probability that is never quite 0 or 1: without a click there is no booking, but never quite."""
    return f"least(greatest(truth.{truth}, 1e-6), 1 - 1e-6)"


REVENUE = """
    select
        date_diff('week', date '2020-01-06', backtest.forecast_date) as unit,
        backtest.{label} as label,
        examples.{naive} as naive,
        backtest.{baseline} as baseline,
        backtest.{prediction} as model,
        truth.expected_revenue as truth
    from wanderbricks_ml.{product}_backtest as backtest
    inner join wanderbricks_ml.{product}_examples as examples
        using (split, as_of_date, forecast_level, destination_id, forecast_date)
    inner join (
        select as_of_date, check_in_date as forecast_date, sum(expected_revenue) as expected_revenue
        from read_parquet($truth || '/revenue.parquet')
        group by all
    ) as truth using (as_of_date, forecast_date)
    where backtest.forecast_level = 'total' and backtest.window_days = 1
"""

REVENUE_DESTINATIONS = """
    select
        week as unit,
        sum({label}) as label,
        sum({naive}) as naive,
        sum({baseline}) as baseline,
        sum({prediction}) as model,
        sum(expected_revenue) as truth
    from (
        select
            backtest.*,
            examples.{naive},
            truth.expected_revenue,
            date_diff('week', date '2020-01-06', backtest.forecast_date) as week
        from wanderbricks_ml.{product}_backtest as backtest
        inner join wanderbricks_ml.{product}_examples as examples
            using (split, as_of_date, forecast_level, destination_id, forecast_date)
        inner join read_parquet($truth || '/revenue.parquet') as truth
            on backtest.destination_id = truth.destination_id
            and backtest.as_of_date = truth.as_of_date
            and backtest.forecast_date = truth.check_in_date
        where backtest.forecast_level = 'destination' and backtest.window_days = 1
    )
    group by as_of_date, destination_id, week
"""


def absolute_loss(label: Floats, expected: Floats) -> Floats:
    """Absolute error by row."""
    return np.abs(label - expected)


def poisson_loss(label: Floats, expected: Floats) -> Floats:
    """Poisson deviance by row; of any label that is not negative a proper loss for means."""
    safe = np.where(label > 0, label, 1.0)
    return 2 * (np.where(label > 0, label * np.log(safe / expected), 0.0) - label + expected)


def log_loss(label: Floats, probability: Floats) -> Floats:
    """Negative log likelihood by row."""
    return -np.where(label > 0, np.log(probability), np.log1p(-probability))


PRODUCTS = {
    # what is on the books is certain, and the rest never quite impossible
    "demand": Product(
        "demand", query("property_id", "greatest(truth.expected_bookings, 1e-6)", "demand"), poisson_loss
    ),
    "conversion": Product(
        "conversion", query("property_id", probability("conversion_probability"), "conversion"), log_loss
    ),
    "customer_ltv": Product(
        "customer_ltv", query("user_id", "greatest(truth.expected_revenue_365d, 1e-6)", "users"), poisson_loss
    ),
    "revenue": Product("revenue", REVENUE, absolute_loss),
    "revenue_destinations": Product("revenue", REVENUE_DESTINATIONS, absolute_loss),
    "churn": Product(
        "churn", query("user_id", probability("no_booking_probability_180d"), "users", is_cut=True), log_loss
    ),
    "cancellation": Product(
        "cancellation",
        query("property_id", probability("cancellation_probability"), "cancellation", is_cut=True),
        log_loss,
    ),
}


def with_names(name: str, text: str) -> str:
    """A query with the names of a product's declaration."""
    said = declaration(name)
    first = said["prediction"] if isinstance(said["prediction"], str) else said["prediction"][0]
    return text.format(**said | {"prediction": first, "keys": ", ".join(said.get("keys", ()))})


def without_truth(text: str) -> str:
    """A query where the world has no such table of truth: its truth is NaN."""
    joined = re.sub(r"inner join read_parquet\(\$truth[^\n]*\n", "\n", text)
    return re.sub(r"\n[^\n]* as truth\n", "\n cast('nan' as double) as truth\n", joined)


def shares(rows: dict[str, Any], loss: Callable[[Floats, Floats], Floats], seed: int) -> dict[str, Any]:
    """Mean losses, the share of achievable skill over the rule and its interval by whole units, and over naive."""
    losses = np.stack([loss(rows["label"], np.asarray(rows[name], dtype=np.float64)) for name in LOSSES])
    _, unit = np.unique(rows["unit"], return_inverse=True)
    sums = np.stack([np.bincount(unit, loss) for loss in losses])
    count = np.bincount(unit)
    weights = drawn_blocks(len(count), REPLICATES, seed)
    _, rule, model, truth = ((weights @ sums.T) / (weights @ count)[:, None]).T
    mean = dict(zip(LOSSES, sums.sum(axis=1) / count.sum(), strict=True))
    return {
        **mean,
        "rows": len(unit),
        "gap": interval_95(rule - truth),
        "share": (mean["baseline"] - mean["model"]) / (mean["baseline"] - mean["truth"]),
        "interval": interval_95((rule - model) / (rule - truth)),
        "share_of_naive": (mean["naive"] - mean["model"]) / (mean["naive"] - mean["truth"]),
    }


def best_threshold(label: Floats, probability: Floats) -> float:
    """The probability from which on rows have to count as positive for the largest F1."""
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    f1 = 2 * np.cumsum(label[order]) / (np.arange(1, len(label) + 1) + label.sum())
    # rows of equal probability are called together
    f1[:-1][ranked[1:] == ranked[:-1]] = 0
    return float(ranked[f1.argmax()])


def f1_shares(rows: dict[str, Any], seed: int) -> dict[str, Any]:
    """F1 on the test rows at thresholds of the validation rows, and the model's over the truth's with its interval."""
    test, validation = rows["split"] == "test", rows["split"] == "validation"
    label = rows["label"][test]
    has_truth = not np.isnan(np.asarray(rows["truth"], dtype=np.float64)).any()
    thresholds = {
        name: best_threshold(rows["label"][validation], rows[name][validation])
        for name in (("baseline", "truth") if has_truth else ("baseline",))
    } | {"model": float(rows["threshold"][0])}
    called = {name: (rows[name][test] >= threshold).astype(float) for name, threshold in thresholds.items()}
    called["trivial"] = np.ones(len(label))
    _, unit = np.unique(rows["unit"][test], return_inverse=True)
    positives = np.bincount(unit, label)
    parts = {
        name: (np.bincount(unit, label * positive), np.bincount(unit, positive)) for name, positive in called.items()
    }
    weights = drawn_blocks(len(positives), REPLICATES, seed)
    found = {name: 2 * hits.sum() / (calls.sum() + positives.sum()) for name, (hits, calls) in parts.items()}
    again = {
        name: 2 * (weights @ hits) / (weights @ (calls + positives))
        for name, (hits, calls) in parts.items()
        if name in ("model", "truth")
    }
    if not has_truth:
        return found | {"truth": np.nan, "share": np.nan, "interval": (np.nan, np.nan)}
    return found | {
        "share": found["model"] / found["truth"],
        "interval": interval_95(again["model"] / again["truth"]),
    }


def measure(products: list[str], preset: str, seed: int, world: int) -> dict[str, dict[str, Any]]:
    """Simulate once, build the products and compare each."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        print(f"seed {seed}: simulating {preset} of world {world} with truth", file=sys.stderr)
        simulate(preset, seed, work / "gold", truth=True, world=world)
        selection = " ".join(dict.fromkeys(f"+{declaration(PRODUCTS[name].name)['predictions']}" for name in products))
        print(f"seed {seed}: building {selection}", file=sys.stderr)
        run = run_dbt(work, work / "gold", selection=selection)
        # what the gate does not let serve is compared, too; every other failure ends here
        said = (work / "dbt.out").read_text()
        failed = set(re.findall(r"(?:Failure|Error) in \w+ (\w+)", said))
        if run.code and (not failed or any(not name.endswith("_serves_a_version_that_passes") for name in failed)):
            raise SystemExit(said[-4000:])
        for name in sorted(failed):
            print(f"seed {seed}: {name} is red", file=sys.stderr)
        found = {}
        with duckdb.connect(str(work / "wanderbricks.duckdb"), read_only=True) as connection:
            for name in products:
                product = PRODUCTS[name]
                text, given = with_names(product.name, product.query), {"truth": str(work / "gold/truth")}
                files = re.findall(r"'(/\w+\.parquet)'", text)
                if not all(Path(given["truth"] + file).exists() for file in files):
                    text, given = without_truth(text), {}
                rows = connection.execute(text, given).fetchnumpy()
                of_test = rows["split"] == "test" if "split" in rows else slice(None)
                found[name] = shares({key: values[of_test] for key, values in rows.items()}, product.loss, seed)
                if "threshold" in rows:
                    found[name]["f1"] = f1_shares(rows, seed)
    return found


def main() -> None:
    """Print one Markdown row for each product and seed, and a table of F1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS), help="products (default all)"
    )
    parser.add_argument("--preset", default="dev", help="preset of the simulator (default dev)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 11, 12], help="seeds (default 1 2 3 11 12)")
    parser.add_argument("--world", type=int, default=0, help="laws of the platforms (default 0, the calibrated ones)")
    arguments = parser.parse_args()
    print(
        "| product | seed | test rows | loss: naive | rule | model | truth | share over the rule (95 %) | over naive |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    of_f1 = []
    of_seeds: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.products}
    for seed in arguments.seeds:
        for name, found in measure(arguments.products, arguments.preset, seed, arguments.world).items():
            of_seeds[name].append(found)
            clear = found["gap"][0] > 0
            share = f"{found['share']:.1%} ({found['interval'][0]:.1%} to {found['interval'][1]:.1%})"
            if np.isnan(found["truth"]):
                share, clear = "no truth", True
            losses = " | ".join(f"{found[part]:.4f}" for part in LOSSES)
            print(
                f"| {name} | {seed} | {found['rows']:,} | {losses} | {share if clear else 'not above noise'} | "
                f"{found['share_of_naive']:.1%} |",
                flush=True,
            )
            if "f1" in found:
                f1 = found["f1"]
                parts = " | ".join(f"{f1[part]:.3f}" for part in ("trivial", "baseline", "model", "truth"))
                interval = f"{f1['interval'][0]:.1%} to {f1['interval'][1]:.1%}"
                of_f1.append(f"| {name} | {seed} | {parts} | {f1['share']:.1%} ({interval}) |")
    for name, seeds in of_seeds.items():
        naive, rule, model, truth = (float(np.mean([found[part] for found in seeds])) for part in LOSSES)
        losses = " | ".join(f"{loss:.4f}" for loss in (naive, rule, model, truth))
        print(
            f"| {name} | all {len(seeds)} | | {losses} | {(rule - model) / (rule - truth):.1%} | "
            f"{(naive - model) / (naive - truth):.1%} |"
        )
    if of_f1:
        print("\n| product | seed | F1: trivial | rule | model | truth | model over truth (95 %) |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        print("\n".join(of_f1))


if __name__ == "__main__":
    main()
