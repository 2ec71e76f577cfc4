"""Sixty days of a platform's life, one `dbt build` a day, with two shocks that monitoring has to find.

Six times preset tiny: among tiny's 90 properties chance alone moves the stability index beyond what the policy acts on.
Every morning gold is simulated as its files were then, and the product is built with its monitoring; nothing else is
told to it. From `SHIFT_DAY` on the tracking of page views counts too many (a feature shifts, the world
does not); from `SHOCK_DAY` on three times as many guests try to book (the world changes). Afterwards, with the truth of
all days, the predictions of each morning are scored, and what happened is compared with what had to: passed or missed,
with numbers.

    python benchmarks/life.py [--days 60] [--select +demand_predictions] [--work FOLDER] [--redraw]

Writes docs/life.md, docs/life.csv and docs/images/life.png; exits with 1 where a check is missed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

import duckdb
import numpy as np
import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
MODEL = "demand_predictor"
SHARDS = 6
"""How many times preset tiny the platform is."""
SEED = 7
VARIABLES = {"demand_training_rows": 100_000, "demand_evaluation_rows": 15_000}
"""A fit takes seconds then, and is as good: bookings are few, whatever the days without one."""
FIRST_DAY = date(2025, 5, 19)
"""A Monday; 60 days from it, the preset has two weeks left in which the last predictions come true."""
LAST_DAY = date(2025, 7, 31)
QUIET_DAYS = 30
SHIFT_DAY = FIRST_DAY + timedelta(days=QUIET_DAYS)
SHOCK_DAY = FIRST_DAY + timedelta(days=40)
EXTRA_VIEWS = 40
"""Page views that a property has too many, each day on which it has any; 6 are usual."""
SHOCKS = (f"drift:fact_property_engagement.view_count:{SHIFT_DAY}:{EXTRA_VIEWS}", f"demand:{SHOCK_DAY}:3")
SHIFTED = ("views_7d", "views_30d", "view_to_booking_rate_30d")
"""Features that read the shifted column."""
SCORED_AHEAD = 7
"""Days ahead on which a morning's predictions are scored here."""
STATE_TABLES = (
    "demand_predictions",
    "demand_predictor",
    "demand_backtest",
    "demand_metrics",
    "drift",
    "drift_reference",
    "prediction_quality",
    "alert_checks",
)

logger = logging.getLogger("life")


class Check(NamedTuple):
    """One thing that had to happen."""

    name: str
    passed: bool
    found: str


@dataclass
class Life:
    """What was seen: a row a day, measurements of drift, weeks of live quality, alerts, and predictions with truth."""

    days: pd.DataFrame
    drift: pd.DataFrame
    quality: pd.DataFrame
    alerts: pd.DataFrame
    predictions: pd.DataFrame

    def save(self, folder: Path) -> None:
        for name, frame in vars(self).items():
            frame.to_pickle(folder / f"{name}.pkl")

    @classmethod
    def load(cls, folder: Path) -> Life:
        return cls(**{name: pd.read_pickle(folder / f"{name}.pkl") for name in cls.__dataclass_fields__})


def live(days: int, select: Sequence[str], work: Path) -> Life:
    """Build day after day in one process, so that imports are paid for once."""
    os.environ |= {
        "WANDERBRICKS_GOLD": str(work / "gold"),
        "WANDERBRICKS_DB": str(work / "wanderbricks.duckdb"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{work / 'mlflow.db'}",
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
    }
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--quiet", "--log-level", "none"]
    places += ["--vars", json.dumps(VARIABLES)]
    rows: list[dict[str, Any]] = []
    alerts, predictions = [], []
    began = time.perf_counter()
    for number in range(days):
        morning = FIRST_DAY + timedelta(days=number)
        started, worked = time.perf_counter(), time.process_time()
        gold_of(morning, work)
        # rows of seeds change with a commit, not with a day
        left_out = ["--exclude-resource-type", "seed"] if number else []
        # parsed in part, from its file: a run leaves the parts of its queries in a manifest in memory
        finished = dbtRunner().invoke(
            # monitoring has parents in every product: cautious takes none of their tests
            [
                *("build", *places, "--select", *select, "path:models/monitoring", "resource_type:seed"),
                *("--indirect-selection", "cautious", *left_out),
            ]
        )
        # dbt keeps the file open, and here it is read
        DuckDBConnectionManager.env().close()
        DuckDBConnectionManager.close_all_connections()
        said = [
            f"{result.node.name}: {result.message}"
            for result in getattr(finished.result, "results", [])
            if result.status in ("error", "fail")
        ]
        if not finished.success and not said:
            raise RuntimeError(f"{morning}: dbt did not run: {finished.exception}")
        rows.append(
            seen(morning, work)
            | {
                "seconds": time.perf_counter() - started,
                "cpu_seconds": time.process_time() - worked,
                "red": "; ".join(said),
            }
        )
        alerts.append(table("select * from alerts", work).assign(as_of_date=pd.Timestamp(morning)))
        predictions.append(
            table(
                f"""
                select scoring_date, property_id, check_in_date, predicted_bookings, baseline_bookings, model_version
                from demand_predictions
                where scoring_date = date '{morning}' and check_in_date <= date '{morning}' + {SCORED_AHEAD}
                """,
                work,
            )
        )
        row = rows[-1]
        logger.info(
            "%2d/%d %s %-11s v%s psi %.2f drifted %d alerts %d %s%4.1f s (%.1f CPU), %4.0f s in all",
            number + 1,
            days,
            f"{morning:%a %d %b}",
            row["reason"],
            row["version"],
            row["psi_shifted"],
            row["drifted"],
            len(alerts[-1]),
            f"red by {said[0].splitlines()[0]} " if said else "",
            row["seconds"],
            row["cpu_seconds"],
            time.perf_counter() - began,
        )
    last = FIRST_DAY + timedelta(days=days)
    truth = gold_of(min(LAST_DAY, last + timedelta(days=SCORED_AHEAD)) + timedelta(days=1), work)
    return Life(
        pd.DataFrame(rows),
        table("select * from drift", work),
        table("select * from prediction_quality", work),
        pd.concat(alerts, ignore_index=True),
        with_truth(
            pd.concat(predictions, ignore_index=True), truth, min(LAST_DAY, last + timedelta(days=SCORED_AHEAD))
        ),
    )


def gold_of(morning: date, work: Path) -> Path:
    """Gold as its files were on a morning: all days before it. The folder keeps its name, so that dbt parses once."""
    from wanderbricks_ml.simulator import simulate
    from wanderbricks_ml.simulator.presets import PRESETS, Preset
    from wanderbricks_ml.simulator.shocks import Shock

    cast(dict[str, Preset], PRESETS)["life"] = replace(PRESETS["tiny"], shards=SHARDS)
    shutil.rmtree(work / "gold", ignore_errors=True)
    log = logging.getLogger("wanderbricks_ml")
    level, log.level = log.level, logging.WARNING
    simulate("life", SEED, work / "gold", morning - timedelta(days=1), [Shock.parse(shock) for shock in SHOCKS])
    log.level = level
    return work / "gold"


def table(query: str, work: Path) -> pd.DataFrame:
    """Rows of a query on the database; none where its table was never built."""
    with duckdb.connect(str(work / "wanderbricks.duckdb")) as connection:
        connection.execute("use wanderbricks_ml")
        try:
            return connection.execute(query).df()
        except duckdb.CatalogException:
            return pd.DataFrame()


def seen(morning: date, work: Path) -> dict[str, Any]:
    """What a morning's run left behind."""
    decided = table("select as_of_date, fit_due, reason, evidence from demand_retraining", work).iloc[0]
    if decided["as_of_date"].date() != morning:
        raise RuntimeError(
            f"the run of {morning} stood at {decided['as_of_date']:%Y-%m-%d}: did nobody book the day before?"
        )
    drift = table(
        f"select feature_name, psi, is_drifted from drift where model_name = '{MODEL}' and is_monitored "
        f"and scoring_date = date '{morning}'",
        work,
    )
    if drift.empty:
        drift = pd.DataFrame({"feature_name": [], "psi": [], "is_drifted": []})
    shifted = drift["feature_name"].isin(SHIFTED)
    serving = table(
        f"select max(model_version) as v from demand_predictions where scoring_date = date '{morning}'", work
    )
    fitted = table(f"select count(*) as n from {MODEL} where as_of_date = date '{morning}'", work)
    row_counts = {name: table(f"select count(*) as n from {name}", work) for name in STATE_TABLES}
    return {
        "as_of_date": pd.Timestamp(morning),
        "reason": decided["reason"],
        "fit_due": bool(decided["fit_due"]),
        "evidence": decided["evidence"],
        "fitted": int(fitted["n"][0]),
        "version": serving["v"][0],
        "psi_shifted": float(drift.loc[shifted, "psi"].max()) if shifted.any() else 0.0,
        "psi_others": float(drift.loc[~shifted, "psi"].max()) if (~shifted).any() else 0.0,
        "drifted": int(drift["is_drifted"].sum()),
        "drifted_features": ", ".join(drift.loc[drift["is_drifted"].astype(bool), "feature_name"]),
        "megabytes": (work / "wanderbricks.duckdb").stat().st_size / 1e6,
    } | {f"rows_{name}": int(found["n"][0]) if len(found) else 0 for name, found in row_counts.items()}


def with_truth(predictions: pd.DataFrame, gold: Path, known_until: date) -> pd.DataFrame:
    """Predictions for days whose check-ins gold knows, with the bookings that checked in."""
    with duckdb.connect() as connection:
        bookings = connection.execute(
            f"""
            select property_id, cast(check_in_date as timestamp) as check_in_date, count(*) as bookings
            from '{gold}/fact_booking_detail.parquet' group by all
            """
        ).df()
    known = predictions[predictions["check_in_date"] <= pd.Timestamp(known_until)].copy()
    for frame in (known, bookings):
        frame["check_in_date"] = frame["check_in_date"].astype("datetime64[us]")
    joined = known.merge(bookings, "left", ["property_id", "check_in_date"])
    return joined.assign(bookings=joined["bookings"].fillna(0.0))


def deviance(bookings: pd.Series, expected: pd.Series) -> pd.Series:
    """Poisson deviance of each row."""
    logarithm = np.log(np.where(bookings > 0, bookings / expected, 1.0))
    return 2 * (bookings * logarithm - bookings + expected)


def quality_by_day(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean deviance of model and baseline, and predicted over real bookings, by the morning of the prediction."""
    scored = predictions.assign(
        model=deviance(predictions["bookings"], predictions["predicted_bookings"]),
        baseline=deviance(predictions["bookings"], predictions["baseline_bookings"]),
    )
    by_day = scored.groupby("scoring_date").agg(
        model=("model", "mean"),
        baseline=("baseline", "mean"),
        predicted=("predicted_bookings", "sum"),
        bookings=("bookings", "sum"),
        last=("check_in_date", "max"),
    )
    # days whose week ahead is known only in part are not compared
    whole = (by_day["last"] - by_day.index).dt.days == SCORED_AHEAD
    return by_day[whole].drop(columns="last")


def checks(life: Life) -> list[Check]:
    """What had to happen, and whether it did."""
    days = life.days.assign(day=life.days["as_of_date"].dt.date)
    last = days["day"].iloc[-1]
    fits = days[days["fitted"] > 0]
    reasons = {reason: [f"{day:%d %b}" for day in rows["day"]] for reason, rows in fits.groupby("reason")}
    found = []

    sundays = [day for day in days["day"].iloc[1:] if day.isoweekday() == 7]
    missed = [f"{day:%d %b}" for day in sundays if day not in set(fits["day"])]
    elsewhere = [f"{day:%d %b}" for day in fits.loc[fits["reason"] == "schedule", "day"] if day.isoweekday() != 7]
    found.append(
        Check(
            "a fit on every Sunday, and by schedule on no other day",
            not missed and not elsewhere,
            f"{len(sundays)} Sundays, without a fit {missed or 'none'}, by schedule elsewhere {elsewhere or 'none'}",
        )
    )

    red = days[days["red"] != ""]
    found.append(
        Check(
            "no build is red", red.empty, "; ".join(f"{row.day:%d %b} {row.red}" for row in red.itertuples()) or "none"
        )
    )

    quiet = days[days["day"] <= SHIFT_DAY]
    alarms = quiet[quiet["drifted"] > 0]
    asked = quiet[quiet["reason"].isin(["drift", "performance"])]
    found.append(
        Check(
            f"no false alarm in the {len(quiet)} quiet days",
            alarms.empty
            and asked.empty
            and life.alerts.query("as_of_date <= @SHIFT_DAY_STAMP", local_dict=STAMPS).empty,
            f"days with drift {len(alarms)}, retrainings by drift or performance {len(asked)}, open alerts "
            f"{len(life.alerts.query('as_of_date <= @SHIFT_DAY_STAMP', local_dict=STAMPS))}; "
            f"largest PSI {quiet[['psi_shifted', 'psi_others']].max().max():.2f}",
        )
    )
    if last <= SHIFT_DAY:
        return [*found, *growth(days)]

    raised = days[(days["day"] > SHIFT_DAY) & days["drifted_features"].str.contains("|".join(SHIFTED))]
    delay = (raised["day"].iloc[0] - SHIFT_DAY).days if len(raised) else None
    found.append(
        Check(
            "drift of the shifted feature is raised within 3 days of the shift",
            delay is not None and delay <= 3,
            f"shift on {SHIFT_DAY:%d %b}, raised "
            + (f"{raised['day'].iloc[0]:%d %b}, after {delay} days" if delay is not None else "never"),
        )
    )
    by_drift = fits.loc[fits["reason"] == "drift", "day"]
    after = (by_drift.iloc[0] - raised["day"].iloc[0]).days if len(by_drift) and len(raised) else None
    found.append(
        Check(
            "the next build retrains because of it",
            after == 1,
            f"retrained by drift: {', '.join(reasons.get('drift', [])) or 'never'}",
        )
    )

    if last > SHOCK_DAY:
        # the shifted feature goes on asking for fits: only what it cannot explain counts
        unexplained = days["drifted_features"].str.split(", ").map(lambda names: bool(set(names) - {"", *SHIFTED}))
        by_shock = (days["reason"] == "performance") | (
            (days["reason"] == "drift") & unexplained.shift(fill_value=False)
        )
        answered = days.loc[(days["day"] > SHOCK_DAY) & (days["fitted"] > 0) & by_shock, "day"]
        found.append(
            Check(
                "the demand shock is answered by a retraining, for drift of other features or for degraded quality",
                len(answered) > 0,
                f"shock on {SHOCK_DAY:%d %b}; retrained because of it "
                f"{', '.join(f'{day:%d %b}' for day in answered) or 'never'}; by performance "
                f"{', '.join(reasons.get('performance', [])) or 'never'}",
            )
        )
        found.append(recovery(quality_by_day(life.predictions)))
    return [*found, *growth(days)]


STAMPS = {"SHIFT_DAY_STAMP": pd.Timestamp(SHIFT_DAY)}


def recovery(quality: pd.DataFrame) -> Check:
    """Whether the model's calibration (predicted over real bookings) comes back after the shock.

    Deviance grows with demand itself; how far the sum of the predictions is off does not.
    """
    error = (quality["predicted"] / quality["bookings"]).map(np.log).abs()
    before = float(error[: pd.Timestamp(SHIFT_DAY)].mean())
    hit = float(error[pd.Timestamp(SHOCK_DAY) : pd.Timestamp(SHOCK_DAY + timedelta(days=6))].mean())
    end = float(error.iloc[-5:].mean())
    return Check(
        "quality recovers after the demand shock",
        end < hit and end <= before + (hit - before) / 2,
        f"size of log(predicted over real bookings), week ahead: {before:.2f} before, {hit:.2f} in the week of the "
        f"shock, {end:.2f} in the last five days; at least half of the way back is asked for",
    )


def growth(days: pd.DataFrame) -> list[Check]:
    """Whether tables grow in proportion to days: the second half adds what the first half added.

    Tables of fits grow with the number of fits, and are compared by fit.
    """
    found = []
    half = len(days) // 2
    for name in STATE_TABLES:
        rows = days[f"rows_{name}"].to_numpy(dtype=float)
        if rows[-1] == 0 or half < 7:
            continue
        per_fit = name in ("demand_predictor", "demand_backtest", "demand_metrics", "drift_reference")
        steps = days["fitted"].cumsum().to_numpy(dtype=float) if per_fit else np.arange(1.0, len(days) + 1)
        first = (rows[half] - rows[0]) / max(steps[half] - steps[0], 1)
        second = (rows[-1] - rows[half]) / max(steps[-1] - steps[half], 1)
        unit = "fit" if per_fit else "day"
        found.append(
            Check(
                f"{name} grows in proportion to {unit}s",
                second <= 1.25 * first + 1,
                f"{first:,.0f} rows a {unit} in the first half, {second:,.0f} in the second; {rows[-1]:,.0f} in all",
            )
        )
    return found


def picture(life: Life, file: Path) -> None:
    """Live quality, drift and retrainings over time; colours by Okabe and Ito, which the colour-blind tell apart."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.dates as mdates
    import matplotlib.pyplot as plt

    blue, orange, green, vermilion, grey = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
    days, quality = life.days, quality_by_day(life.predictions)
    figure, (top, middle, bottom) = plt.subplots(
        3, 1, figsize=(10, 7.2), sharex=True, height_ratios=[3, 3, 1.4], layout="constrained"
    )

    top.plot(quality.index, quality["model"], color=blue, lw=2, label="model that served")
    top.plot(quality.index, quality["baseline"], color=grey, lw=1.5, ls="--", label="baseline")
    top.set_ylabel(f"Poisson deviance,\nnext {SCORED_AHEAD} days (less is better)")
    # the names of the shocks stand above the lines
    top.set_ylim(0, 1.35 * quality[["model", "baseline"]].max().max())

    middle.plot(days["as_of_date"], days["psi_shifted"], color=vermilion, lw=2, marker="o", ms=3, label="page views")
    middle.plot(
        days["as_of_date"], days["psi_others"], color=grey, lw=1.5, ls="--", label="worst other monitored feature"
    )
    for limit, text in ((0.1, "warn"), (0.2, "act")):
        middle.axhline(limit, color="black", lw=0.8, ls=":")
        middle.annotate(
            text, (0, limit), (3, 2), xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=8
        )
    middle.set_yscale("symlog", linthresh=0.2)
    middle.set_ylim(bottom=0)
    middle.set_yticks([0, 0.1, 0.2, 0.5, 1, 2, 5], ["0", "0.1", "0.2", "0.5", "1", "2", "5"])
    middle.set_ylabel("population stability index")

    kinds = {
        "no_champion": ("first", grey, "D"),
        "schedule": ("schedule", blue, "o"),
        "drift": ("drift", vermilion, "^"),
    }
    kinds["performance"] = ("performance", orange, "s")
    for place, (reason, (_, colour, marker)) in enumerate(reversed(kinds.items())):
        fits = days[(days["fitted"] > 0) & (days["reason"] == reason)]
        bottom.scatter(fits["as_of_date"], [place] * len(fits), color=colour, marker=marker, s=45, zorder=3)
    bottom.set_yticks(range(len(kinds)), [label for label, *_ in reversed(kinds.values())])
    bottom.set_ylim(-0.6, len(kinds) - 0.4)
    bottom.set_ylabel("retrained by")
    bottom.grid(axis="y", color="#dddddd")
    for monday in days.loc[days["as_of_date"].dt.dayofweek == 6, "as_of_date"]:
        bottom.axvline(monday, color="#dddddd", lw=0.8, zorder=0)

    for axis in (top, middle, bottom):
        axis.spines[["top", "right"]].set_visible(False)
        for day, colour in ((SHIFT_DAY, green), (SHOCK_DAY, green)):
            if pd.Timestamp(day) <= days["as_of_date"].iloc[-1]:
                axis.axvline(pd.Timestamp(day), color=colour, lw=1.5, zorder=1)
    for day, text in ((SHIFT_DAY, "page views\nare miscounted"), (SHOCK_DAY, "three times\nas many guests")):
        if pd.Timestamp(day) <= days["as_of_date"].iloc[-1]:
            top.annotate(
                text,
                (pd.Timestamp(day), 0.97),
                (4, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                va="top",
                fontsize=9,
                color=green,
            )
    top.legend(loc="upper left", frameon=False)
    middle.legend(loc="upper left", frameon=False)
    bottom.xaxis.set_major_locator(mdates.WeekdayLocator(mdates.SU, interval=2))
    bottom.xaxis.set_major_formatter(mdates.DateFormatter("Sun %d %b"))
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    plt.close(figure)


def report(life: Life, found: list[Check]) -> str:
    """Markdown: the checks, and the days on which something happened."""
    days = life.days
    told = days[(days["fitted"] > 0) | (days["drifted"] > 0) | (days["red"] != "") | days["reason"].eq("performance")]
    lines = [
        "# A simulated life",
        "",
        f"`make bench-life` builds a platform of 540 properties day after day from {FIRST_DAY} on, {len(days)} days, "
        f"every morning with gold as its files were then. From {SHIFT_DAY} on page views are miscounted ({EXTRA_VIEWS} "
        f"more a property and day), from {SHOCK_DAY} on three times as many guests try to book. "
        "Nobody tells the project.",
        "",
        "![Quality, drift and retrainings over time](images/life.png)",
        "",
        "| had to happen | | found |",
        "| --- | --- | --- |",
        *(f"| {check.name} | {'passed' if check.passed else '**missed**'} | {check.found} |" for check in found),
        "",
        f"A day took {days['cpu_seconds'].median():.1f} CPU seconds at the median, its gold included; the database "
        f"grew to {days['megabytes'].iloc[-1]:.0f} MB. Every day is in `docs/life.csv`; those on which something "
        "happened:",
        "",
        "| day | decision | evidence | serves | PSI of page views | drifted features |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row['as_of_date']:%a %Y-%m-%d} | {row['reason']} | {row['evidence'] or ''} | v{row['version']} | "
            f"{row['psi_shifted']:.2f} | {row['drifted']} |"
            for row in told.to_dict("records")
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run a life and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--select", nargs="+", default=["+demand_predictions"])
    parser.add_argument("--work", type=Path, help="keep database and gold here; a temporary folder without it")
    parser.add_argument(
        "--redraw", action="store_true", help="only write report and picture of the life in --work again"
    )
    parser.add_argument("--out", type=Path, default=PROJECT / "docs")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    work = given.work or Path(tempfile.mkdtemp(prefix="life"))
    work.mkdir(parents=True, exist_ok=True)
    if given.redraw:
        life = Life.load(work)
    else:
        if (work / "wanderbricks.duckdb").exists():
            parser.error(f"{work} holds a life already; name another folder")
        life = live(given.days, given.select, work)
        life.save(work)
    found = checks(life)
    given.out.mkdir(parents=True, exist_ok=True)
    life.days.round(4).to_csv(given.out / "life.csv", index=False)
    picture(life, given.out / "images" / "life.png")
    (given.out / "life.md").write_text(report(life, found), encoding="utf-8")
    for check in found:
        logger.info("%s  %s: %s", "pass" if check.passed else "MISS", check.name, check.found)
    if given.work is None:
        shutil.rmtree(work, ignore_errors=True)
    return 0 if all(check.passed for check in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
