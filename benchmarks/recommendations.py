"""Recommendations beside implicit, the library most used for implicit feedback, on the same test queries.

Alternating least squares (Hu, Koren and Volinsky 2008), Bayesian personalised ranking (Rendle et al. 2009) and
item-item neighbours (cosine, BM25) learn from all bookings before a snapshot, with weights that may decay. They get the
same rules as the product: nothing off offer, nothing that the user booked of late, and what was booked earlier may come
again. Users without a booking get the product's baseline. Settings are chosen by NDCG at 10 on the validation snapshot.

Beside them a rule without any learning, `returns first`: what the user may return to, by popularity times the user's
share of the property's bookings (the feature expected_returns), then the baseline.

implicit is no dependency of the project. Build the product in a run that fits, then run this from an environment of its
own:

    dbt build --select +property_recommendations
    python -m venv /path/to/environment
    /path/to/environment/bin/pip install implicit duckdb
    /path/to/environment/bin/python benchmarks/recommendations.py [--database data/wanderbricks.duckdb] \\
        [--gold data/gold]
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

from wanderbricks_ml.arrays import Floats

TOP = 10
PAUSE_DAYS = 0
"""Days for which what a user booked is not recommended again, as var recommendations_pause_days has it."""


QUERIES = """
    select
        query_id,
        next_property_id
    from built.wanderbricks_ml.recommendations_queries
    where split = $split and as_of_date = $snapshot
    order by query_id
"""

BOOKINGS = """
    select
        user_id,
        property_id,
        datediff('day', cast(created_at as date), $snapshot) as age
    from read_parquet($bookings)
    where user_id is not null and cast(created_at as date) < $snapshot
"""

OFFERED = """
    select property_id
    from built.wanderbricks_ml.recommendations_listings
    where is_on_offer and as_of_date = $snapshot
"""

SNAPSHOTS = """
    select distinct as_of_date
    from built.wanderbricks_ml.recommendations_backtest
    where split = $split
    order by as_of_date
"""

LISTS = """
    select
        query_id,
        list(property_id order by {column} desc, property_id)[:10] as top
    from built.wanderbricks_ml.recommendations_backtest
    where
        split = $split
        and as_of_date = $snapshot
        and model_version = (select max(model_version) from built.wanderbricks_ml.recommendations_backtest)
        and ({column} > 0 or '{column}' = 'score')
    group by query_id
"""

RETURNS_FIRST = """
    select
        query_id,
        list(property_id order by expected_returns desc, baseline_score desc, property_id)[:10] as top
    from built.wanderbricks_ml.recommendations_examples
    where split = $split and as_of_date = $snapshot
    group by query_id
"""


class Snapshot(NamedTuple):
    """Queries of one snapshot, what was known then, and what the product recommended."""

    queries: NDArray[np.int64]
    answers: NDArray[np.int64]
    users: NDArray[np.int64]
    properties: NDArray[np.int64]
    bookings: dict[str, NDArray[np.int64]]
    offered: set[int]
    product: dict[int, list[int]]
    baseline: dict[int, list[int]]
    returns_first: dict[int, list[int]]


def columns_of(result: duckdb.DuckDBPyConnection) -> dict[str, NDArray[np.int64]]:
    """Columns of a result of whole numbers."""
    return {name: np.asarray(values) for name, values in result.fetchnumpy().items()}


def read(connection: duckdb.DuckDBPyConnection, bookings: str, split: str) -> list[Snapshot]:
    """All snapshots of a split."""
    found = []
    for (snapshot,) in connection.execute(SNAPSHOTS, {"split": split}).fetchall():
        given = {"split": split, "snapshot": snapshot}
        queries = columns_of(connection.execute(QUERIES, given))
        if not len(queries["query_id"]):
            raise SystemExit(
                "the newest build fitted nothing, its tables hold no test queries: --vars 'retrain: force'"
            )
        known = columns_of(connection.execute(BOOKINGS, {"bookings": bookings, "snapshot": snapshot}))
        found.append(
            Snapshot(
                queries=queries["query_id"],
                answers=queries["next_property_id"],
                users=np.unique(known["user_id"]),
                properties=np.unique(known["property_id"]),
                bookings=known,
                offered={row[0] for row in connection.execute(OFFERED, {"snapshot": snapshot}).fetchall()},
                product=dict(connection.execute(LISTS.format(column="score"), given).fetchall()),
                baseline=dict(connection.execute(LISTS.format(column="baseline_score"), given).fetchall()),
                returns_first=dict(connection.execute(RETURNS_FIRST, given).fetchall()),
            )
        )
    return found


def gains(snapshot: Snapshot, lists: dict[int, list[int]]) -> tuple[Floats, Floats]:
    """NDCG and recall at 10 of each query."""
    ndcg, recall = np.zeros(len(snapshot.queries)), np.zeros(len(snapshot.queries))
    for row, (query, answer) in enumerate(zip(snapshot.queries.tolist(), snapshot.answers.tolist(), strict=True)):
        top = lists.get(query, [])[:TOP]
        if answer in top:
            ndcg[row] = 1 / np.log2(2 + top.index(answer))
            recall[row] = 1
    return ndcg, recall


def recommended(snapshot: Snapshot, model: Any, half_life: float | None) -> dict[int, list[int]]:
    """Top lists of a library's model, fitted on what was known at the snapshot."""
    from scipy.sparse import csr_matrix

    known = snapshot.bookings
    rows = np.searchsorted(snapshot.users, known["user_id"])
    columns = np.searchsorted(snapshot.properties, known["property_id"])
    weights = np.ones(len(rows)) if half_life is None else 0.5 ** (known["age"] / half_life)
    shape = (len(snapshot.users), len(snapshot.properties))
    counts = csr_matrix((weights.astype(np.float32), (rows, columns)), shape=shape)
    model.fit(counts, show_progress=False)

    late = known["age"] <= PAUSE_DAYS
    paused: dict[int, set[int]] = {}
    for user, item in zip(known["user_id"][late].tolist(), known["property_id"][late].tolist(), strict=True):
        paused.setdefault(user, set()).add(item)
    off = np.flatnonzero([item not in snapshot.offered for item in snapshot.properties.tolist()])
    place = np.searchsorted(snapshot.users, snapshot.queries)
    there = snapshot.users[np.minimum(place, len(snapshot.users) - 1)] == snapshot.queries
    # as many more as a user can have booked of late
    wanted = min(TOP + max(map(len, paused.values()), default=0), shape[1] - len(off))
    items, _ = model.recommend(
        place[there], counts[place[there]], N=wanted, filter_already_liked_items=False, filter_items=off
    )
    lists = dict(snapshot.baseline)
    for query, found in zip(snapshot.queries[there].tolist(), items, strict=True):
        chosen = snapshot.properties[found[found >= 0]].tolist()
        lists[query] = [item for item in chosen if item not in paused.get(query, set())][:TOP]
    return lists


def settings() -> Iterator[tuple[str, str, Callable[[], Any], float | None]]:
    """Name of the method, its settings in words, its model and the half-life of a booking in days."""
    from implicit.als import AlternatingLeastSquares  # type: ignore[import-not-found]
    from implicit.bpr import BayesianPersonalizedRanking  # type: ignore[import-not-found]
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender  # type: ignore[import-not-found]

    fixed = {"random_state": 7, "num_threads": 1}
    for half_life in (None, 180.0):
        decay = "no decay" if half_life is None else f"half-life {half_life:.0f} days"
        for factors in (64, 128, 256):
            for alpha in (10.0, 40.0):
                als = partial(AlternatingLeastSquares, factors=factors, alpha=alpha, iterations=15, **fixed)
                yield "ALS", f"{factors} factors, alpha {alpha:.0f}, {decay}", als, half_life
        for neighbours in (20, 200):
            for name, kind in (("cosine", CosineRecommender), ("BM25", BM25Recommender)):
                near = partial(kind, K=neighbours, num_threads=1)
                yield f"item-item {name}", f"{neighbours} neighbours, {decay}", near, half_life
    for factors in (32, 128):
        bpr = partial(BayesianPersonalizedRanking, factors=factors, iterations=100, **fixed)
        yield "BPR", f"{factors} factors", bpr, None


def main() -> None:
    """Print one Markdown row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", type=Path, default=Path("data/wanderbricks.duckdb"), help="database of the build")
    parser.add_argument("--gold", type=Path, default=Path("data/gold"), help="gold of the build")
    arguments = parser.parse_args()
    try:
        import implicit  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        sys.exit(f"implicit is not installed here.\n{__doc__}")
    # the library hands its own matrices over in a format that it then warns of
    warnings.filterwarnings("ignore", message="Method expects CSR input")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{arguments.database}' as built (read_only)")
        bookings = str(arguments.gold / "fact_booking_detail.parquet")
        validation, test = (read(connection, bookings, split) for split in ("validation", "test"))

    best: dict[str, tuple[float, str, Callable[[], Any], float | None]] = {}
    for method, words, make, half_life in settings():
        gain = float(
            np.mean(np.concatenate([gains(one, recommended(one, make(), half_life))[0] for one in validation]))
        )
        print(f"{method}, {words}: NDCG at 10 {gain:.4f} on validation", file=sys.stderr, flush=True)
        if method not in best or gain > best[method][0]:
            best[method] = (gain, words, make, half_life)

    rows: list[tuple[str, str, list[dict[int, list[int]]]]] = [
        ("popularity, the baseline", "", [one.baseline for one in test]),
        ("returns first, a rule", "", [one.returns_first for one in test]),
        ("property_recommender", "", [one.product for one in test]),
    ]
    for method, (_, words, make, half_life) in best.items():
        rows.append((method, words, [recommended(one, make(), half_life) for one in test]))
    print("| method | settings | test queries | NDCG at 10 | recall at 10 | property_recommender is ahead by (95 %) |")
    print("| --- | --- | --- | --- | --- | --- |")
    product = np.concatenate([gains(one, one.product)[0] for one in test])
    for method, words, lists in rows:
        parts = [gains(one, found) for one, found in zip(test, lists, strict=True)]
        ndcg, recall = (np.concatenate(column) for column in zip(*parts, strict=True))
        ahead = product - ndcg
        # queries taken as independent
        half = 1.96 * ahead.std() / np.sqrt(len(ahead))
        lead = f"{ahead.mean():+.4f} ({ahead.mean() - half:+.4f} to {ahead.mean() + half:+.4f})"
        print(f"| {method} | {words} | {len(ndcg):,} | {ndcg.mean():.4f} | {recall.mean():.4f} | {lead} |", flush=True)


if __name__ == "__main__":
    main()
