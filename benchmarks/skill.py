"""Compare each product's model with the best possible one, on simulated gold with known truth.

For each seed: simulate gold with truth, build the product, and score what is naive, the rule that is the product's
baseline, the model and the truth on the same test rows. The share of achievable skill is (rule's loss - model's loss) /
(rule's loss - truth's loss), with a 95 % bootstrap interval over units (properties, users, ...); it is quoted only
where the rule's loss lies clearly above the truth's, and where the world has such a truth. Beside it stands the same
share over what is naive. The last lines are of the losses' means over the seeds: a mean of shares would let a seed
decide whose gap is noise.

The loss of pricing is what one step of price would have earned more, by truth and row: at the price asked, which is
its rule, and at the one advised. The loss of recommendations is what a list's NDCG at 10 lacks of 1; naive is what is
popular, the rule the better one, on these test rows, of item-item cosine (as the validation rows choose it) and of
returns first, see recommendations.py.

Where a product cuts its probabilities, a table has the F1 of the test rows: calling every row positive, and
baseline, model and truth each at a threshold of its own (the model's is the champion's, the others' are best on the
validation rows, as the model's is). The last column is the model's F1 over the truth's. Of pricing and recommendations
there are tables, too.

    python benchmarks/skill.py [--products demand ...] [--preset dev] [--seeds 1 2 3 11 12] [--world 0 ...]
        [--keep FOLDER]

With ``--keep`` gold and databases stay in a folder of each world and seed, and what is there is not built again.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pricing
import recommendations
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
    product's declaration. Where it is empty, a function of `ROWS` makes the rows. With columns split and threshold, the
    model's, it yields the validation rows too, and F1 is compared as well. `loss` gives the loss by row from label and
    expectation.
    """

    name: str
    query: str
    loss: Callable[[Floats, Floats], Floats]


def query(unit: str, truth: str, file: str, is_cut: bool = False) -> str:
    """Rows of a back-test beside their truth, an expression over the columns of one of its files.

    Where the model's probabilities are cut, with the validation rows and the threshold. A version that is held is
    compared, too.
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
    where backtest.split in ('test'{", 'validation'" if is_cut else ""})
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


def difference(label: Floats, expected: Floats) -> Floats:
    """What is lacking of the label by row."""
    return label - expected


def pricing_rows(database: Path, gold: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Expected revenue of the test rows at the best step of price, the price asked and the advised one; and lifts."""
    with pricing.opened(database, gold) as connection:
        rows = connection.execute(pricing.TEST_ROWS, {"truth": str(gold / "truth")}).fetchnumpy()
    best, asked = pricing.best_revenue(rows), np.asarray(rows["truth_0"])
    advised = pricing.true_revenue(rows, pricing.policy(rows))
    # markets' slopes are as wrong for one property as for the next
    unit = np.asarray(rows["destination_id"])
    found = {"unit": unit, "label": best, "naive": asked, "baseline": asked, "model": advised, "truth": best}
    return found, {"pricing": pricing.compared(database, gold)}


def recommendation_rows(database: Path, gold: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """NDCG at 10 of the test queries by what is popular, by the best rule and by the product; and of each of these."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as built (read_only)")
        bookings = str(gold / "fact_booking_detail.parquet")
        validation, test = (recommendations.read(connection, bookings, split) for split in ("validation", "test"))

    def ndcg(lists: Callable[[recommendations.Snapshot], dict[int, list[int]]], split: list[Any]) -> Floats:
        return np.concatenate([recommendations.gains(one, lists(one))[0] for one in split])

    def cosine(neighbours: int, half_life: float | None) -> Callable[[Any], dict[int, list[int]]]:
        return lambda one: recommendations.recommended(one, recommendations.ItemCosine(neighbours), half_life)

    settings = [
        cosine(neighbours, half_life)
        for neighbours in recommendations.NEIGHBOURS
        for half_life in recommendations.HALF_LIVES
    ]
    chosen = max(settings, key=lambda lists: float(ndcg(lists, validation).mean()))
    by = {
        "popularity": ndcg(lambda one: one.baseline, test),
        "item-item cosine": ndcg(chosen, test),
        "returns first": ndcg(lambda one: one.returns_first, test),
        "model": ndcg(lambda one: one.product, test),
    }
    new = np.concatenate([one.is_new for one in test])
    rule = max(("item-item cosine", "returns first"), key=lambda name: float(by[name].mean()))
    found = {
        "unit": np.concatenate([one.queries for one in test]),
        "label": np.ones(len(new)),
        "naive": by["popularity"],
        "baseline": by[rule],
        "model": by["model"],
        "truth": np.full(len(new), np.nan),
    }
    parts = {name: (values.mean(), values[~new].mean(), values[new].mean()) for name, values in by.items()}
    return found, {"recommendations": parts | {"new": new.mean()}}


ROWS = {"pricing": pricing_rows, "recommendations": recommendation_rows}
"""What makes the test rows of products whose truth is no expectation of the label, and what else there is to print."""

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
    "pricing": Product("pricing", "", difference),
    "recommendations": Product("recommendations", "", difference),
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
        "under": 1 - mean["model"] / mean["baseline"],
        "under_interval": interval_95(1 - model / rule),
        "gap": (np.nan, np.nan) if np.isnan(truth).any() else interval_95(rule - truth),
        "share": (mean["baseline"] - mean["model"]) / (mean["baseline"] - mean["truth"]),
        "interval": (np.nan, np.nan) if np.isnan(truth).any() else interval_95((rule - model) / (rule - truth)),
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


@contextmanager
def folder_of(keep: Path | None, preset: str, world: int, seed: int) -> Iterator[Path]:
    """Where gold and database lie: for good, or for as long as they are looked at."""
    if keep is None:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
    else:
        folder = keep / f"{preset}-world-{world}-seed-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


def build(work: Path, products: list[str], preset: str, seed: int, world: int) -> None:
    """Simulate once and build the products, unless that was done."""
    if (work / "built").exists():
        if set(products) <= set((work / "built").read_text().split()):
            return
        # a second build fits nothing anew, and test rows stay for no longer than a fit
        for path in work.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    print(f"world {world}, seed {seed}: simulating {preset} with truth", file=sys.stderr)
    simulate(preset, seed, work / "gold", truth=True, world=world)
    selection = " ".join(dict.fromkeys(f"+{declaration(PRODUCTS[name].name)['predictions']}" for name in products))
    print(f"world {world}, seed {seed}: building {selection}", file=sys.stderr)
    run = run_dbt(work, work / "gold", selection=selection)
    # what the gate does not let serve is compared, too; every other failure ends here
    said = (work / "dbt.out").read_text()
    failed = set(re.findall(r"(?:Failure|Error) in \w+ (\w+)", said))
    if run.code and (not failed or any(not name.endswith("_serves_a_version_that_passes") for name in failed)):
        raise SystemExit(said[-4000:])
    (work / "built").write_text(" ".join(products))


def rows_of(name: str, work: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows to compare of a product that is built, and what else there is to print."""
    product, database, gold = PRODUCTS[name], work / "wanderbricks.duckdb", work / "gold"
    if name in ROWS:
        return ROWS[name](database, gold)
    text, given = with_names(product.name, product.query), {"truth": str(gold / "truth")}
    files = re.findall(r"'(/\w+\.parquet)'", text)
    if not all(Path(given["truth"] + file).exists() for file in files):
        text, given = without_truth(text), {}
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(text, given).fetchnumpy(), {}


def gate(name: str, database: Path) -> tuple[str, str]:
    """What the gate says in a word, and its whole verdict."""
    with duckdb.connect(str(database), read_only=True) as connection:
        version, serves, verdict = connection.execute(
            f"select model_version, serves, verdict from wanderbricks_ml.{PRODUCTS[name].name}_champion"
        ).fetchall()[0]
    return "serves" if serves else "held" if version is not None else "not learnable", verdict


def measure(
    products: list[str], preset: str, seed: int, world: int, keep: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Simulate once, build the products and compare each; one that has no version says no more than why."""
    found: dict[str, dict[str, Any]] = {}
    with folder_of(keep, preset, world, seed) as work:
        build(work, products, preset, seed, world)
        for name in products:
            word, verdict = gate(name, work / "wanderbricks.duckdb")
            if word != "serves":
                print(f"world {world}, seed {seed}: {verdict}", file=sys.stderr)
            found[name] = {"gate": word}
            if word == "not learnable":
                continue
            rows, more = rows_of(name, work)
            of_test = rows["split"] == "test" if "split" in rows else slice(None)
            found[name] |= more
            found[name] |= shares({key: values[of_test] for key, values in rows.items()}, PRODUCTS[name].loss, seed)
            if "threshold" in rows:
                found[name]["f1"] = f1_shares(rows, seed)
    return found


def percent(share: float, interval: tuple[float, float]) -> str:
    """A share with its interval."""
    return f"{share:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"


def losses_row(place: str, found: dict[str, Any]) -> str:
    """A row of the first table: losses, and how far the model's lies under the rule's."""
    if found["gate"] == "not learnable":
        return f"{place} | | | | | | | | | {found['gate']} |"
    losses = " | ".join("" if np.isnan(found[part]) else f"{found[part]:,.4f}" for part in LOSSES)
    share = percent(found["share"], found["interval"]) if found["gap"][0] > 0 else "not above noise"
    of_naive = f"{found['share_of_naive']:.1%}"
    if np.isnan(found["truth"]):
        share, of_naive = "no truth", ""
    under = percent(found["under"], found["under_interval"])
    return f"{place} | {found['rows']:,} | {losses} | {under} | {share} | {of_naive} | {found['gate']} |"


def means_row(place: str, seeds: list[dict[str, Any]]) -> str:
    """The same of the losses' means over seeds."""
    naive, rule, model, truth = (float(np.mean([found[part] for found in seeds])) for part in LOSSES)
    losses = " | ".join("" if np.isnan(loss) else f"{loss:,.4f}" for loss in (naive, rule, model, truth))
    of_truth = f"{(rule - model) / (rule - truth):.1%} | {(naive - model) / (naive - truth):.1%}"
    serve = sum(found["gate"] == "serves" for found in seeds)
    return (
        f"{place} | | {losses} | {1 - model / rule:.1%} | {'no truth |' if np.isnan(truth) else of_truth} | "
        f"{serve} of {len(seeds)} serve |"
    )


def f1_row(place: str, f1: dict[str, Any]) -> str:
    """A row of F1."""
    parts = " | ".join(
        "" if np.isnan(f1[part]) else f"{f1[part]:.3f}" for part in ("trivial", "baseline", "model", "truth")
    )
    return f"{place} | {parts} | {'no truth' if np.isnan(f1['truth']) else percent(f1['share'], f1['interval'])} |"


def pricing_row(place: str, found: dict[str, Any]) -> str:
    """A row of pricing: what it says of its lift, and what is true."""
    low, high = found["interval"]
    inside = "yes" if low <= found["true"] <= high else "no"
    return (
        f"{place} | {percent(found['estimate'], (low, high))} | {found['true']:.1%} | {inside} | {found['best']:.1%} | "
        f"{found['careless']:.1%} | {found['money']:.2f} |"
    )


def recommendations_row(place: str, found: dict[str, Any]) -> str:
    """A row of recommendations: NDCG at 10 of all, of returns, and of what was new to the user."""
    parts = " | ".join(
        " / ".join(f"{part:.4f}" for part in found[name])
        for name in ("popularity", "item-item cosine", "returns first", "model")
    )
    return f"{place} | {found['new']:.1%} | {parts} |"


TABLES = {
    "f1": ("F1: trivial | rule | model | truth | model over truth (95 %)", f1_row),
    "pricing": (
        "estimated lift (95 %) | true lift | inside | best step | careless model, truly | money",
        pricing_row,
    ),
    "recommendations": (
        "new to the user | NDCG at 10 of all / returns / new: popularity | item-item cosine | returns first | model",
        recommendations_row,
    ),
}
"""Tables after the first one: titles, and what makes a row."""


def main() -> None:
    """Print one Markdown row for each world, product and seed, and the tables of single products."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS), help="products (default all)"
    )
    parser.add_argument("--preset", default="dev", help="preset of the simulator (default dev)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 11, 12], help="seeds (default 1 2 3 11 12)")
    parser.add_argument(
        "--world", type=int, nargs="+", default=[0], help="laws of the platforms (default 0, the calibrated ones)"
    )
    parser.add_argument("--keep", type=Path, help="folder in which gold and databases stay")
    arguments = parser.parse_args()
    print(
        "| world | product | seed | test rows | loss: naive | rule | model | truth | under the rule (95 %) | "
        "share of the truth's gain (95 %) | over naive | gate |"
    )
    print("|" + " --- |" * 12)
    further: dict[str, list[str]] = {name: [] for name in TABLES}
    for world in arguments.world:
        of_seeds: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.products}
        for seed in arguments.seeds:
            for name, found in measure(arguments.products, arguments.preset, seed, world, arguments.keep).items():
                of_seeds[name].append(found)
                place = f"| {world} | {name} | {seed}"
                print(losses_row(place, found), flush=True)
                for table in TABLES.keys() & found.keys():
                    further[table].append(TABLES[table][1](place, found[table]))
        for name, seeds in of_seeds.items():
            learned = [found for found in seeds if found["gate"] != "not learnable"]
            if len(learned) > 1:
                print(means_row(f"| {world} | {name} | all {len(learned)}", learned))
    for table, rows in further.items():
        if rows:
            titles = f"world | product | seed | {TABLES[table][0]}"
            print(f"\n| {titles} |\n|{' --- |' * len(titles.split(' | '))}")
            print("\n".join(rows))


if __name__ == "__main__":
    main()
