"""Fit, judge and serve a forecaster: a version is a recipe with its calibration, refitted at every cut-off.

What is judged is the recipe with the calibration found at the validation cut-offs, fitted anew on the days before each
test cut-off; what serves is the same fitted on all days before the point in time. So of the two fits of a version (see
`fitting`) the first holds no series.

The three functions stand where `fitting.fit_when_due`, `predicting.backtest` and `predicting.score` stand for models
of independent rows.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from wanderbricks_ml.credentials import hides_credentials
from wanderbricks_ml.libraries import LEARNERS, import_first
from wanderbricks_ml.lifecycle.engines import Engine, engine_of
from wanderbricks_ml.lifecycle.versions import (
    considered_versions,
    is_left_over,
    judged,
    one_row,
    tell_registry,
    version_to_score,
    version_uris,
)
from wanderbricks_ml.registry import store
from wanderbricks_ml.registry.versions import VERSION_SCHEMA, Fitted, Learnt, log_version
from wanderbricks_ml.settings import ProductSettings
from wanderbricks_ml.surroundings import entered
from wanderbricks_ml.tuning.space import Search, Tuned
from wanderbricks_ml.tuning.study import tuned

if TYPE_CHECKING:
    import pandas as pd

    from wanderbricks_ml.estimators.combination import Calibration
    from wanderbricks_ml.estimators.forecaster import SeriesForecaster
    from wanderbricks_ml.estimators.series import FittedSeries, Recipe
    from wanderbricks_ml.reports.report import Report

_SERIES = ["forecast_level", "destination_id"]

_KEYS = [
    ("forecast_level", pa.string()),
    ("destination_id", pa.int64()),
    ("as_of_date", pa.date32()),
    ("forecast_date", pa.date32()),
]
_INTERVAL = [("forecast_revenue", pa.float64()), ("lower_80", pa.float64()), ("upper_80", pa.float64())]
_LABELS = ["revenue", "baseline_revenue"]

RAW_SCHEMA = pa.schema(
    [
        *_KEYS,
        ("lead_days", pa.int32()),
        ("revenue", pa.float64()),
        ("baseline_revenue", pa.float64()),
        ("pick_up_revenue", pa.float64()),
        ("booked_share", pa.float64()),
        ("pick_up_near", pa.float64()),
        ("pick_up_middle", pa.float64()),
        ("pick_up_far", pa.float64()),
        ("prophet_revenue", pa.float64()),
        ("noise_sd", pa.float64()),
        ("trend_sd", pa.float64()),
        ("autocorrelation", pa.float64()),
        ("seasons", pa.float64()),
    ]
)
STATE_SCHEMA = pa.schema([("forecast_level", pa.string()), ("destination_id", pa.int64()), ("state", pa.binary())])
BACKTEST_SCHEMA = pa.schema(
    [
        ("model_version", pa.int32()),
        ("evaluated_as_of", pa.date32()),
        ("split", pa.string()),
        *_KEYS,
        ("horizon_days", pa.int32()),
        ("window_days", pa.int32()),
        ("revenue", pa.float64()),
        ("baseline_revenue", pa.float64()),
        *_INTERVAL,
    ]
)
SCORE_SCHEMA = pa.schema(
    [
        ("model_name", pa.string()),
        ("model_version", pa.int32()),
        *_KEYS,
        ("horizon_days", pa.int32()),
        ("window_days", pa.int32()),
        ("baseline_revenue", pa.float64()),
        *_INTERVAL,
    ]
)

STRETCH_DAYS = 30
"""Forecast dates of a fold that a study judges by."""


@hides_credentials
def fit_when_due(session: Any, examples: Any, decision: Any, settings: Mapping[str, Any], versions: Any = None) -> Any:
    """Calibrate the recipe at the validation cut-offs, refit it through the point in time, log and register both.

    Parameters
    ----------
    versions
        This table as the last run left it, whose newest tuned recipe is taken up again; None on the first one.

    Returns
    -------
    table
        One row of `fitting.VERSION_SCHEMA`, none when no fit is due, as the engine takes it.

    Raises
    ------
    ValueError
        When a fit is due but the examples hold no validation rows.
    """
    product = entered(ProductSettings.of(settings), fits=True)
    engine = engine_of(session)
    row = one_row(engine.rows(decision))
    if row is None or not row["fit_due"]:
        return engine.result(VERSION_SCHEMA.empty_table())
    known = None if versions is None else engine.rows(versions)
    if is_left_over(row, known, product.model_name):
        return engine.result(VERSION_SCHEMA.empty_table())
    import_first(*LEARNERS)
    from wanderbricks_ml import progress

    with progress.of_model(product.model_name):
        version = _fit(engine, examples, row, known, product)
    return engine.result(pa.Table.from_pylist([version], schema=VERSION_SCHEMA))


def _fit(
    engine: Engine, examples: Any, row: dict[str, Any], known: pa.Table | None, product: ProductSettings
) -> dict[str, Any]:
    import pandas as pd

    from wanderbricks_ml import progress
    from wanderbricks_ml.estimators.combination import Calibration
    from wanderbricks_ml.estimators.forecaster import SeriesForecaster

    search = Search.of(product, row)
    started = time.perf_counter()
    found = search.in_use(known)
    if search.is_due:
        found = _searched(engine, examples, search, found, product)
    forecaster = SeriesForecaster(**found.estimator)
    raw = _raw(engine, examples, "validation", forecaster.recipe)
    if raw.empty:
        raise ValueError(
            f"{product.model_name}: a fit is due ({row['reason']}), but its examples hold no validation rows; look at "
            f"the product's splits for {row['as_of_date'].isoformat()}"
        )
    newest = max(raw["as_of_date"])
    first_fit = SeriesForecaster(**found.estimator)
    first_fit.series_, first_fit.as_of_ = {}, newest
    first_fit.calibration_ = forecaster.calibration_ = Calibration.of(raw)
    forecaster.as_of_ = row["as_of_date"]
    states = engine.grouped(examples, "split = 'score'", _SERIES, _fitted(forecaster.recipe), STATE_SCHEMA)
    forecaster.series_ = {
        (state["forecast_level"], state["destination_id"]): pickle.loads(state["state"]) for state in states.to_pylist()
    }
    seconds = time.perf_counter() - started
    progress.say("fitted %d series in %.1f s", len(forecaster.series_), seconds)
    history = _frame(engine, examples, "split = 'score' and horizon_days < 0")
    future = _frame(engine, examples, "split = 'score' and horizon_days > 0")
    columns = [*_SERIES, "forecast_date", *product.numeric]
    example = future.loc[future["lead_days"] == 1, columns].head(5).reset_index(drop=True)
    example["forecast_date"] = pd.to_datetime(example["forecast_date"])
    fitted = Fitted(
        first_fit=first_fit,
        refit=forecaster,
        example=example,
        learnt=_learnt(history[history["forecast_date"] < newest], raw, ["forecast_date", "revenue"]),
        relearnt=_learnt(history, history, [*columns, "revenue"]),
        validation_rows=len(raw),
        seconds=seconds,
        report=_report(forecaster, raw, history, future),
    )
    with warnings.catch_warnings():
        # MLflow warns that whole numbers cannot be missing; a series' key never is
        warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer")
        return log_version(fitted, row, found, product)


def _learnt(history: pd.DataFrame, labelled: pd.DataFrame, columns: list[str]) -> Learnt:
    """What is kept of the days that were fitted, and of those whose revenue calibrated the fit."""
    import pandas as pd

    rows = pd.util.hash_pandas_object(pd.concat([history[columns], labelled[columns]]), index=False)
    return Learnt(
        digest=hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()[:32],
        first_date=min(history["forecast_date"], default=min(labelled["forecast_date"])),
        last_date=max(history["forecast_date"], default=max(labelled["forecast_date"])),
        labels_until=max(labelled["forecast_date"]) + timedelta(days=1),
        rows=len(history),
    )


def _searched(engine: Engine, examples: Any, search: Search, current: Tuned, product: ProductSettings) -> Tuned:
    """Search for a recipe: the loss is the total's WAPE in each stretch of 30 forecast dates, the folds.

    Prophet and the pick-up estimate weigh the same there, since their weights are learnt from all of these cut-offs.
    """
    import pandas as pd

    from wanderbricks_ml.estimators.combination import Calibration, combine
    from wanderbricks_ml.estimators.forecaster import SeriesForecaster

    days = examples.filter("split = 'validation' and forecast_level = 'total' and horizon_days > 0")
    known = engine.rows(days).to_pandas().sort_values(["as_of_date", "forecast_date"], ignore_index=True)
    if known.empty:
        return current
    columns = ["as_of_date", "forecast_date", "revenue", *product.numeric]
    digest = hashlib.sha256(pd.util.hash_pandas_object(known[columns], index=False).to_numpy().tobytes()).hexdigest()

    def evaluate(estimator: dict[str, Any]) -> Iterator[float]:
        raw = _raw(engine, examples, "validation", SeriesForecaster(**estimator).recipe)
        combined = combine(raw, Calibration.neutral())
        yield from wape_by_stretch(combined[combined["forecast_level"] == "total"])

    # one trial at a time: its series are fitted side by side
    return tuned(search, current, evaluate, digest, store.study_storage(), "WAPE", batch=1)


def wape_by_stretch(forecasts: pd.DataFrame) -> list[float]:
    """WAPE in each stretch of `STRETCH_DAYS` forecast dates, oldest first.

    Forecasts from different cut-offs are of the same dates for the most part: errors by cut-off agree with each other
    whatever a recipe is worth, those of stretches that share no date much less.

    Parameters
    ----------
    forecasts
        forecast_date, revenue and forecast_revenue, of one series and any number of cut-offs.
    """
    import pandas as pd

    since_first = (pd.to_datetime(forecasts["forecast_date"]) - pd.Timestamp(min(forecasts["forecast_date"]))).dt.days
    error = (forecasts["forecast_revenue"] - forecasts["revenue"]).abs()
    sums = forecasts.assign(error=error).groupby(since_first // STRETCH_DAYS)[["error", "revenue"]].sum()
    return (sums["error"] / sums["revenue"].clip(lower=1e-9)).tolist()


@hides_credentials
def backtest(session: Any, examples: Any, decision: Any, versions: Any, settings: Mapping[str, Any]) -> Any:
    """Forecast from every test cut-off with this run's candidate and with the reigning version.

    Versions of the same recipe share its fits; each is calibrated by its own validation cut-offs.

    Returns
    -------
    table
        `BACKTEST_SCHEMA`: days (window_days 1) and sums over the first 30, 60 and 90 days; no row when no fit
        was due.
    """
    name = entered(ProductSettings.of(settings)).model_name
    engine = engine_of(session)
    row = one_row(engine.rows(decision))
    known = engine.rows(versions)
    forecasters = judged(
        name,
        considered_versions(row, known),
        lambda number: store.load_first_fit(version_uris(known, [number], name)[number]),
    )
    raws: dict[str, pd.DataFrame] = {}
    parts = []
    for number, forecaster in forecasters.items():
        made = json.dumps(forecaster.get_params(), sort_keys=True)
        if made not in raws:
            from wanderbricks_ml import progress

            with progress.of_model(name):
                raws[made] = _raw(engine, examples, "test", forecaster.recipe)
        rows = _days_and_windows(raws[made], forecaster.calibration_, _LABELS)
        rows = rows.assign(model_version=number, evaluated_as_of=row["as_of_date"] if row else None, split="test")
        parts.append(pa.Table.from_pandas(rows, schema=BACKTEST_SCHEMA, preserve_index=False))
    return engine.result(pa.concat_tables(parts) if parts else BACKTEST_SCHEMA.empty_table())


@hides_credentials
def score(session: Any, examples: Any, champion: Any, versions: Any, settings: Mapping[str, Any], **told: Any) -> Any:
    """Forecast with the version that serves, its recipe refitted through the point in time; MLflow says what SQL says.

    Returns
    -------
    table
        `SCORE_SCHEMA`: days (window_days 1) and sums over the next 30, 60 and 90 days; no row when the data
        cannot teach the product or the day is scored already.

    Raises
    ------
    RuntimeError
        When no version passes the gate; quotes the verdicts. Earlier forecasts stay as they are.
    """
    product, engine = entered(ProductSettings.of(settings)), engine_of(session)
    name = product.model_name
    considered = engine.rows(champion)
    number = version_to_score(engine, examples, considered, product.registered_name)
    if number is None:
        return engine.result(SCORE_SCHEMA.empty_table())
    known = engine.rows(versions)
    tell_registry(engine, product, considered.to_pylist(), known, told)
    forecaster = store.load(version_uris(known, [number], name)[number])
    if forecaster.as_of_ == considered.column("as_of_date")[0].as_py():
        future = _frame(engine, examples, "split = 'score' and horizon_days > 0")
        raw = forecaster.raw(future)
    else:
        from wanderbricks_ml import progress

        with progress.of_model(name):
            raw = _raw(engine, examples, "score", forecaster.recipe)
    rows = _days_and_windows(raw, forecaster.calibration_, ["baseline_revenue"])
    rows = rows.assign(model_name=name, model_version=number)
    return engine.result(pa.Table.from_pandas(rows, schema=SCORE_SCHEMA, preserve_index=False))


def _frame(engine: Engine, examples: Any, condition: str) -> pd.DataFrame:
    frame = engine.rows(examples.filter(condition)).to_pandas()
    return frame.sort_values(["as_of_date", "forecast_date", *_SERIES], ignore_index=True)


def _raw(engine: Engine, examples: Any, split: str, recipe: Recipe) -> pd.DataFrame:
    """The model's recipe fitted to every series at every cut-off of a split, and its forecasts before combination."""
    from wanderbricks_ml.estimators.series import fit_series

    def forecast(rows: pd.DataFrame) -> pd.DataFrame:
        history, future = rows[rows["horizon_days"] < 0], rows[rows["horizon_days"] > 0]
        made: pd.DataFrame = future.join(fit_series(history, recipe).predict(future))[RAW_SCHEMA.names]
        return made

    table = engine.grouped(examples, f"split = '{split}'", [*_SERIES, "as_of_date"], forecast, RAW_SCHEMA)
    frame: pd.DataFrame = table.to_pandas()
    return frame.sort_values(["as_of_date", "forecast_date", *_SERIES], ignore_index=True)


def _fitted(recipe: Recipe) -> Callable[[pd.DataFrame], pd.DataFrame]:
    from wanderbricks_ml.estimators.series import fit_series

    def fit(rows: pd.DataFrame) -> pd.DataFrame:
        series: FittedSeries = fit_series(rows[rows["horizon_days"] < 0], recipe)
        return rows[_SERIES].head(1).assign(state=pickle.dumps(series))

    return fit


def _days_and_windows(raw: pd.DataFrame, calibration: Calibration, labels: list[str]) -> pd.DataFrame:
    import pandas as pd

    from wanderbricks_ml.estimators.combination import combine, window_sums

    combined = combine(raw, calibration)
    days = combined.assign(window_days=1, horizon_days=combined["lead_days"])
    windows = window_sums(combined, calibration, labels)
    windows = windows.assign(horizon_days=windows["window_days"])
    return pd.concat([days[windows.columns], windows], ignore_index=True)


def _report(forecaster: SeriesForecaster, raw: pd.DataFrame, history: pd.DataFrame, future: pd.DataFrame) -> Report:
    import pandas as pd

    from wanderbricks_ml.estimators.combination import LEAD_BANDS, combine
    from wanderbricks_ml.reports.report import Report

    validated = combine(raw, forecaster.calibration_)
    total = validated[validated["forecast_level"] == "total"]
    error = (total["forecast_revenue"] - total["revenue"]).abs()
    inside = total["revenue"].between(total["lower_80"], total["upper_80"])
    calibration = forecaster.calibration_
    metrics = {
        "validation_wape": float(error.sum() / max(total["revenue"].sum(), 1e-9)),
        # the widths were chosen on these days
        "validation_coverage_80": float(inside.mean()),
    }
    for level in calibration.weight:
        metrics[f"level_error_{level}"] = calibration.level_error[level]
        for band, last in enumerate(LEAD_BANDS):
            metrics[f"prophet_weight_{level}_{last}d"] = calibration.weight[level][band]
            metrics[f"width_{level}_{last}d"] = calibration.width[level][band]
    rows = future.copy()
    rows[["forecast_revenue", "lower_80", "upper_80"]] = forecaster.predict(rows)
    past = history[["forecast_level", "forecast_date", "revenue"]]
    shown = pd.concat([validated, rows, past], ignore_index=True)
    shown = shown.loc[
        shown["forecast_level"] == "total",
        ["as_of_date", "forecast_date", "revenue", "forecast_revenue", "lower_80", "upper_80"],
    ]
    return Report(metrics, {"forecast_against_actual.csv": shown, "forecast_weights.csv": calibration.weights()})
