"""Experiments: the split, the statistics of ab_results against SciPy, and whole runs in which two versions serve."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from eased_project import PROJECT, copied_project
from local_workspace import Workspace
from scipy import stats

from wanderbricks_ml.serving.assignment import BUCKETS, bucket, is_treated

SALTS, DAYS, EVERY, TWIN = 200, 56, 4, 1_000_000
METRICS = ("booked", "bookings", "revenue", "cancelled")
DEGREES = (3, 4, 5.5, 10, 20, 37.4, 100, 1e4, 1e6)

MODELS = {
    "point_in_time": "select max(as_of_date) as as_of_date from wanderbricks.main.experiments",
    "experiment_state": "select * from wanderbricks.main.experiments",
    "ab_assignments": """
        with bucketed as (
            select
                splits.salt,
                splits.planted,
                units.unit_id,
                units.unit_id % 5 = 0 as is_missing,
                cast({{ experiment_bucket('splits.salt', 'units.unit_id') }} as int) as bucket
            from (select distinct salt, planted from wanderbricks.main.experiments) as splits
            inner join wanderbricks.main.units as units on (splits.planted = 'effect') = (units.unit_id >= 1000000)
        )
        select
            experiments.experiment_name,
            bucketed.unit_id,
            experiments.model_name,
            experiments.unit,
            bucketed.bucket,
            case when bucketed.bucket < 5000 then 'treatment' else 'control' end as arm,
            case when bucketed.bucket < 5000 then 2 else 1 end as model_version,
            experiments.start_date as first_exposed
        from bucketed
        inner join wanderbricks.main.experiments as experiments on bucketed.salt = experiments.salt
        where not (
            experiments.planted = 'missing' and bucketed.is_missing and bucketed.bucket < 5000
        )
    """,
    "buckets": """
        select salt, unit_id, {{ experiment_bucket('salt', 'unit_id') }} as bucket
        from (select distinct salt from wanderbricks.main.experiments)
        cross join wanderbricks.main.units
        where unit_id < 1000000
    """,
    "deviates": "select *, {{ student_t_as_normal('t', 'degrees') }} as deviate from wanderbricks.main.grid",
    "p_values": """
        select
            t,
            degrees,
            {{ normal_p_value('deviate') }} as t_p_value,
            {{ normal_p_value('t') }} as normal_p_value,
            {{ student_t_critical('degrees') }} as critical
        from {{ ref('deviates') }}
    """,
}


@pytest.fixture(scope="module")
def looked_at(gold: Path, today: date, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """ab_results of hundreds of experiments on the users of `gold`, in which no version does anything.

    Each is looked at every fourth day of eight weeks. In two more something is: the treatment arm of `missing` loses a
    fifth of its users; that of `effect`, which has twins of the users to itself, gets a booking more for every tenth.
    """
    folder = tmp_path_factory.mktemp("experiments")
    project = folder / "project"
    for name in ("macros/experiments", "macros/gold", "macros/platform"):
        shutil.copytree(PROJECT / name, project / name)
    shutil.copy(PROJECT / "profiles.yml", project)
    (project / "dbt_project.yml").write_text(
        "name: wanderbricks_ml\nprofile: wanderbricks_ml\nmodels: {+materialized: table}\n"
        "vars: {booking_attributes: []}\n"
    )
    (project / "models").mkdir()
    for name in ("monitoring/experiments/ab_results", "monitoring/experiments/experiment_arms", "staging/stg_bookings"):
        shutil.copy(PROJECT / f"models/{name}.sql", project / "models")
    for name, query in MODELS.items():
        (project / f"models/{name}.sql").write_text(query)
    (project / "models/gold.yml").write_text(
        "sources: [{name: gold, schema: main, tables: [{name: fact_booking_detail}]}]\n"
    )
    workspace = Workspace(folder / "run", gold, project)
    workspace.path.mkdir()
    start = today - timedelta(days=DAYS)
    users = duckdb.execute(f"select distinct user_id + {TWIN} as unit_id from '{gold}/dim_user.parquet'").df()
    treated = users[[is_treated("effect", 0.5, unit) for unit in users["unit_id"]]]  # noqa: F841
    with duckdb.connect(str(workspace.path / "wanderbricks.duckdb")) as connection:
        connection.execute(f"""
            create table units as
                select distinct user_id + shift as unit_id
                from '{gold}/dim_user.parquet' cross join (values (0), ({TWIN})) as shifts (shift);
            create table booked as from '{gold}/fact_booking_detail.parquet';
            create table fact_booking_detail as
                from booked
                union all select * replace (user_id + {TWIN} as user_id) from booked
                union all
                select booked.* replace (
                    treated.unit_id as user_id,
                    timestamp '{start}' + to_days(cast(treated.unit_id % {DAYS} as int)) as created_at
                )
                from (from booked limit 1) as booked cross join treated where treated.unit_id % 10 = 0;
            create table looks as
                select salt, look, planted
                from (
                    select 'salt ' || range as salt, '' as planted from range({SALTS})
                    union all values ('effect', 'effect'), ('missing', 'missing')
                )
                cross join range({EVERY}, {DAYS + 1}, {EVERY}) as looks (look);
            create table experiments as
                select
                    salt || ', day ' || look as experiment_name, 1 as occurrence, salt, planted, look,
                    'churn_predictor' as model_name, 'user_id' as unit, 1 as control_version, 2 as treatment_version,
                    0.5e0 as treatment_share,
                    case when planted = '' then list_extract({list(METRICS)}, 1 + cast(substr(salt, 6) as int) % 4)
                        else 'booked' end as metric_name,
                    date '{start}' as start_date, date '{today}' as end_date, cast(400 as bigint) as min_rows,
                    date '{start}' + cast(look as int) as as_of_date,
                    case when look = {DAYS} then 'ended' else 'running' end as status, cast(null as varchar) as problem
                from looks;
            create table grid as
                select cast(t as double) / 8 as t, degrees
                from range(0, 65) as ts (t) cross join (select unnest({list(DEGREES)}) as degrees);
        """)
    assert workspace.dbt("run") == 0, workspace.log
    return workspace


def test_the_split_is_the_same_in_sql_and_in_python(looked_at: Workspace) -> None:
    rows = looked_at.query("select salt, unit_id, bucket from buckets where salt in ('salt 1', 'effect')")
    assert len(rows) == 5000
    assert [bucket(salt, unit) for salt, unit, _ in rows] == [found for *_, found in rows]
    assert is_treated("effect", 0.3, 5) == (bucket("effect", 5) < 3000)
    assert not is_treated("effect", 0.9999, None)


def test_the_split_is_uniform_and_independent_between_experiments(looked_at: Workspace) -> None:
    frame = looked_at.table("buckets")
    assert frame["bucket"].between(0, BUCKETS - 1).all()
    tenths = np.bincount(frame["bucket"] // 1000, minlength=10)
    assert stats.chisquare(tenths).pvalue > 1e-4
    treated = frame.pivot(index="unit_id", columns="salt", values="bucket") < BUCKETS / 2
    pairs = np.corrcoef(treated.T.to_numpy(dtype=float))[np.triu_indices(treated.shape[1], 1)]
    # correlations of independent draws scatter by one over the root of the units
    assert abs(pairs.mean()) < 5 / np.sqrt(len(treated) * len(pairs))
    assert abs(pairs.std() * np.sqrt(len(treated)) - 1) < 0.05
    assert np.abs(pairs).max() * np.sqrt(len(treated)) < 5.5


def test_distribution_functions_are_scipys(looked_at: Workspace) -> None:
    frame = looked_at.table("p_values")
    assert len(frame) == 65 * len(DEGREES)
    np.testing.assert_allclose(frame["normal_p_value"], 2 * stats.norm.sf(frame["t"]), rtol=1e-8, atol=1e-15)
    for least, error in ((3, 3e-5), (5, 4e-7), (10, 1e-9), (20, 2e-10)):
        rows = frame[frame["degrees"] >= least]
        np.testing.assert_allclose(
            rows["t_p_value"], 2 * stats.t.sf(rows["t"], rows["degrees"]), rtol=0, atol=error, err_msg=f"from {least}"
        )
    for least, error in ((3, 4e-3), (5, 3e-4), (10, 1e-5)):
        rows = frame[frame["degrees"] >= least]
        np.testing.assert_allclose(rows["critical"], stats.t.ppf(0.975, rows["degrees"]), rtol=0, atol=error)


def outcomes(gold: Path, metric: str, start: date, end: date) -> pd.Series:
    """The outcome of every user by pandas."""
    users = pd.read_parquet(gold / "dim_user.parquet", columns=["user_id"])["user_id"].unique()
    bookings = pd.read_parquet(gold / "fact_booking_detail.parquet")
    bookings = bookings[(bookings["created_at"].dt.date >= start) & (bookings["created_at"].dt.date < end)]
    amount = bookings["total_amount"].astype(float)
    grouped = bookings.assign(amount=amount.where(~bookings["is_cancelled"], 0.0)).groupby("user_id")
    found = {
        "bookings": grouped.size,
        "booked": lambda: (grouped.size() > 0).astype(int),
        "revenue": grouped["amount"].sum,
        "cancelled": lambda: grouped["is_cancelled"].any().astype(int),
    }[metric]()
    return found.reindex(users, fill_value=0).astype(float)


@pytest.mark.parametrize("place", range(4), ids=METRICS)
def test_results_are_scipys(place: int, looked_at: Workspace, gold: Path, today: date) -> None:
    name = f"salt {place}"
    (row,) = looked_at.table("ab_results", where=f"experiment_name = '{name}, day {DAYS}'").to_dict("records")
    found = outcomes(gold, METRICS[place], today - timedelta(days=DAYS), today)
    treated = np.array([is_treated(name, 0.5, unit) for unit in found.index])
    treatment, control = found[treated], found[~treated]
    welch = stats.ttest_ind(treatment, control, equal_var=False)
    lower, upper = welch.confidence_interval(0.95)
    expected = {
        "control_units": len(control),
        "treatment_units": len(treatment),
        "control_converted": (control > 0).sum(),
        "treatment_converted": (treatment > 0).sum(),
        "control_mean": control.mean(),
        "treatment_mean": treatment.mean(),
        "control_variance": control.var(ddof=1),
        "treatment_variance": treatment.var(ddof=1),
        "difference": treatment.mean() - control.mean(),
        "relative_lift": treatment.mean() / control.mean() - 1,
        "t": welch.statistic,
        "degrees_of_freedom": welch.df,
        "welch_p_value": welch.pvalue,
        "difference_lower": lower,
        "difference_upper": upper,
        "sample_ratio_chi_square": stats.chisquare([len(control), len(treatment)]).statistic,
        "sample_ratio_p_value": stats.chisquare([len(control), len(treatment)]).pvalue,
        "unit_days": len(found) * DAYS,
        "planned_unit_days": 800 * DAYS,
    }
    if METRICS[place] in ("booked", "cancelled"):
        table = [[(arm > 0).sum(), (arm == 0).sum()] for arm in (control, treatment)]
        expected["proportions_p_value"] = stats.chi2_contingency(table, correction=False).pvalue
    else:
        assert np.isnan(row["proportions_p_value"])
    for column, value in expected.items():
        assert row[column] == pytest.approx(value, rel=1e-8, abs=1e-10), column
    assert row["sequential_lower"] < lower
    assert row["sequential_upper"] > upper
    assert row["sequential_p_value"] >= row["welch_p_value"]


def test_nothing_is_found_where_nothing_is(looked_at: Workspace) -> None:
    frame = looked_at.table("ab_results", where="experiment_name like 'salt%'")
    frame["salt"] = frame["experiment_name"].str.split(",").str[0]
    last = frame[frame["status"] == "ended"]
    assert len(last) == SALTS
    assert len(frame) == SALTS * DAYS // EVERY
    # one look: 5 % by the definition of a p-value, and by chance up to three standard deviations more
    bound = 0.05 + 3 * np.sqrt(0.05 * 0.95 / SALTS)
    assert 0.01 < (last["welch_p_value"] < 0.05).mean() < bound
    assert (frame["welch_p_value"] < 0.05).groupby(frame["salt"]).any().mean() > bound, "peeking would have been safe"
    # fourteen looks, the first that finds something stops
    found = frame["outcome"].isin(["treatment_better", "treatment_worse"])
    assert found.groupby(frame["salt"]).any().mean() <= 0.05
    assert (
        ((frame["sequential_lower"] > 0) | (frame["sequential_upper"] < 0)).eq(frame["sequential_p_value"] < 0.05).all()
    )
    assert (last["outcome"] == "sample_ratio_mismatch").mean() < 0.02


def test_a_broken_split_is_found_before_anything_else(looked_at: Workspace) -> None:
    frame = looked_at.table("ab_results", where="experiment_name like 'missing%'")
    assert set(frame["outcome"]) == {"sample_ratio_mismatch"}, frame["sample_ratio_p_value"].max()
    assert frame["verdict"].str.contains("find out who is missing").all()


def test_an_effect_is_found_on_the_way(looked_at: Workspace) -> None:
    frame = looked_at.table("ab_results", where="experiment_name like 'effect%'").sort_values("unit_days")
    assert frame["outcome"].iloc[0] == "undecided"
    assert frame["outcome"].iloc[-1] == "treatment_better"
    assert frame["verdict"].iloc[-1].startswith(f"effect, day {DAYS}: v2 is better: booked 0.")


SELECTED = "point_in_time experiments model_state experiment_state demand ab_assignments ab_results model_versions"
HEADER = (PROJECT / "seeds/experiments.csv").read_text(encoding="utf-8")


def run(workspace: Workspace, as_of: date, *rows: str, retrain: str = "auto") -> int:
    """Build demand and what experiments need, with rows in the seed."""
    (workspace.project / "seeds/experiments.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    options = ("--indirect-selection", "cautious", "--vars", json.dumps({"retrain": retrain}))
    return workspace.dbt("build", "--select", *SELECTED.split(), *options, as_of=as_of)


def test_an_experiment_from_its_first_day_to_the_day_after(fresh: Workspace, today: date, tmp_path: Path) -> None:
    life = fresh.copy(tmp_path / "run", project=copied_project(tmp_path / "project"))
    first, second, third = (today + timedelta(days=days) for days in (1, 2, 3))
    name = "seasons"
    row = f"{name},demand_predictor,1,2,0.3,property_id,bookings,{first},{third},10"
    wrong = f"wrong,demand_predictor,1,9,0.5,property_id,bookings,{first},{third},10"
    served = "select distinct property_id, model_version from demand_predictions where scoring_date = '{}'"
    # another recipe that is no better: the one that reigns would take over with newer labels
    settings = life.project / "models/demand/_demand.yml"
    text = settings.read_text(encoding="utf-8")
    assert text.count("n_estimators: 150\n") == 1
    settings.write_text(text.replace("n_estimators: 150\n", "n_estimators: 149\n"), encoding="utf-8")
    assert run(life, today, retrain="force") == 0, life.log
    assert {version for _, version in life.query(served.format(today))} == {1}

    # a wrong row turns the build red and stops nobody, nor does it start anything
    assert run(life, first, row, wrong) != 0
    said = "treatment_version 9 was never fitted or is archived; known are 1, 2"
    assert f"seeds/experiments.csv, wrong: {said}" in life.log
    assert life.query("select experiment_name, status from experiment_state order by 1") == [
        (name, "running"),
        ("wrong", "invalid"),
    ]
    arms = {unit: version for unit, version in life.query(served.format(first))}
    assert arms == {unit: 1 + is_treated(name, 0.3, unit) for unit in arms}
    assert set(arms.values()) == {1, 2}
    assert life.query("select distinct model_version from demand_scores order by 1") == [(1,), (2,)]
    assert life.query("select model_version, serves, experiment_name from demand_champion order by 1") == [
        (1, True, None),
        (2, False, name),
    ]
    assert life.aliases("demand_predictor") == {"champion": 1, "challenger": 2}
    states = "select model_version, state from model_versions where model_name = 'demand_predictor' order by 1"
    assert life.query(states) == [(1, "production"), (2, "canary")]
    assigned = life.table("ab_assignments")
    assert dict(zip(assigned["unit_id"], assigned["model_version"], strict=True)) == arms
    assert set(assigned["first_exposed"]) == {pd.Timestamp(first)}

    before = life.table("demand_predictions")
    assert run(life, first, row) == 0, life.log
    pd.testing.assert_frame_equal(life.table("demand_predictions"), before, check_exact=True)
    pd.testing.assert_frame_equal(life.table("ab_assignments"), assigned, check_exact=True)

    # a fit in between is judged beside both arms, and waits
    assert run(life, second, row, retrain="force") == 0, life.log
    judged = life.query(
        f"select distinct model_version from demand_metrics where as_of_date = date '{second}' order by 1"
    )
    assert judged == [(1,), (2,), (3,)]
    assert {unit: version for unit, version in life.query(served.format(second))} == arms
    pd.testing.assert_frame_equal(life.table("ab_assignments"), assigned, check_exact=True)

    assert run(life, third, row) == 0, life.log
    assert {version for _, version in life.query(served.format(third))} == {1}
    assert life.query("select model_version, serves from demand_champion") == [(1, True)]
    assert life.query(states) == [(1, "production"), (2, "deprecated"), (3, "staging")]
    assert life.query("select status, control_units + treatment_units, unit_days from ab_results") == [
        ("ended", len(arms), 2 * len(arms))
    ]
