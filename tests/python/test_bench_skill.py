"""The benchmark of skill: products without a truth, prices' true revenue and a rule beside recommendations."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import duckdb
import numpy as np
import pytest
from scipy.sparse import csr_matrix

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "skill.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        # it imports its neighbour build
        patch.syspath_prepend(str(SCRIPT.parent))
        spec = importlib.util.spec_from_file_location("bench_skill", SCRIPT)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # annotations of NamedTuple are looked up there
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module


def test_without_a_truth_the_rest_is_compared(bench: ModuleType, tmp_path: Path) -> None:
    text = bench.with_names("churn", bench.PRODUCTS["churn"].query)
    with duckdb.connect() as connection:
        connection.execute("create schema wanderbricks_ml")
        connection.execute(
            """
            create table wanderbricks_ml.churn_backtest as
            select
                case when range % 2 = 0 then 'test' else 'validation' end as split, range // 8 as user_id,
                date '2025-01-01' + cast(range as integer) as as_of_date, 'v1' as model_version,
                range % 3 = 0 as churned, 0.3 as baseline_probability,
                case when range % 3 = 0 then 0.8 else 0.2 end as churn_probability
            from range(400)
            """
        )
        connection.execute(
            """
            create table wanderbricks_ml.churn_examples as
            select split, user_id, as_of_date, 0.33 as naive_probability from wanderbricks_ml.churn_backtest
            """
        )
        connection.execute(
            "create table wanderbricks_ml.churn_champion as select 'v1' as model_version, 0.5 as decision_threshold,"
            # what the gate holds is compared, too
            " false as serves"
        )
        connection.execute(
            f"""
            copy (
                select user_id, as_of_date, churn_probability as no_booking_probability_180d
                from wanderbricks_ml.churn_backtest
            ) to '{tmp_path}/users.parquet'
            """
        )
        known = connection.execute(text, {"truth": str(tmp_path)}).fetchnumpy()
        blind = connection.execute(bench.without_truth(text)).fetchnumpy()
    assert len(blind["label"]) == len(known["label"]) == 400
    assert np.isnan(blind["truth"]).all()
    found, of_known = (
        bench.shares({name: values[rows["split"] == "test"] for name, values in rows.items()}, bench.log_loss, 1)
        for rows in (blind, known)
    )
    assert found["model"] == of_known["model"] < found["baseline"]
    assert np.isnan(found["truth"])
    assert of_known["share"] == pytest.approx(1)
    blind_f1, known_f1 = bench.f1_shares(blind, 1), bench.f1_shares(known, 1)
    assert blind_f1["model"] == known_f1["model"] == known_f1["truth"] == 1
    assert blind_f1["baseline"] == known_f1["baseline"] < 1
    assert np.isnan(blind_f1["truth"])
    assert of_known["under"] == pytest.approx(1 - of_known["model"] / of_known["baseline"])
    held = found | {"gate": "held"}
    for row in (
        bench.losses_row("| 1 | churn | 1", held),
        bench.losses_row("| 1 | churn | 1", of_known | {"gate": "serves"}),
        bench.losses_row("| 1 | churn | 1", {"gate": "not learnable"}),
        bench.means_row("| 1 | churn | all 2", [held, held]),
    ):
        assert row.count("|") == 13
        assert ("no truth" in row) == ("held" in row or "0 of 2" in row)


def test_a_step_of_price_earns_what_truth_says(bench: ModuleType) -> None:
    """Truth has steps of 10 %: a change of 25 % lies half-way between two of them, and 30 % are out of reach."""
    rows = {f"truth_{level}": np.array([100.0 + level, 100.0 - level]) for level in range(-30, 31, 10)}
    change = np.array([0.25, -0.25])
    assert bench.pricing.true_revenue(rows, change) == pytest.approx([125.0, 125.0])
    assert bench.pricing.true_lift(rows, change) == pytest.approx(0.25)
    assert bench.pricing.best_revenue(rows) == pytest.approx([120.0, 120.0])


def test_neighbours_by_cosine_are_those_of_the_same_guests(bench: ModuleType) -> None:
    """Places 0 and 1 have the same two guests, 1 and 2 share one of them; nobody was in 3 and elsewhere."""
    counts = csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]], dtype=np.float32))
    model = bench.recommendations.ItemCosine(neighbours=4)
    model.fit(counts)
    likeness = model.likeness.toarray()
    assert likeness[0] == pytest.approx([1, 1, 0.5**0.5, 0])
    nearest = bench.recommendations.ItemCosine(neighbours=2)
    nearest.fit(counts)
    assert nearest.likeness.toarray()[0] == pytest.approx([1, 1, 0, 0])
    items, _ = model.recommend(
        np.array([0, 2]), counts[[0, 2]], N=3, filter_already_liked_items=False, filter_items=np.array([1])
    )
    assert items.tolist() == [[0, 2, -1], [3, -1, -1]]
