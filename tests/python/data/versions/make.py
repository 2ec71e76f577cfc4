"""Small fits of every estimator class, pickled as MLflow keeps them; run it with the commit that the README names."""

from __future__ import annotations

import json
import lzma
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from wanderbricks_ml.lifecycle.features import preprocessing

from wanderbricks_ml.estimators import made_from
from wanderbricks_ml.estimators.calibration import CALIBRATIONS
from wanderbricks_ml.estimators.combination import Calibration
from wanderbricks_ml.estimators.forecaster import SeriesForecaster
from wanderbricks_ml.estimators.series import fit_series

HERE = Path(__file__).parent
ROWS = 1_500
SHOWN = 12
BOOSTED: dict[str, Any] = {"eta": 0.3, "max_depth": 2, "max_bin": 16, "seed": 7, "nthread": 1}


def keep(name: str, model: Any, frame: pd.DataFrame, features: dict[str, list[str]]) -> None:
    """Write the model, and what it predicts of some rows."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        mlflow.sklearn.save_model(model, place, serialization_format="cloudpickle", pip_requirements=[])
        (HERE / f"{name}.pkl.xz").write_bytes(lzma.compress((place / "model.pkl").read_bytes()))
    shown = frame.head(SHOWN)
    predicted = np.asarray(model.predict(shown), dtype=np.float64).tolist()
    rows = json.loads(shown.to_json(orient="records", date_format="iso", double_precision=15))
    (HERE / f"{name}.json").write_text(json.dumps({**features, "rows": rows, "predictions": predicted}) + "\n")


def rows_of(random: np.random.Generator, columns: dict[str, Any]) -> pd.DataFrame:
    """Named numeric columns, two of noise with gaps, and a text."""
    frame = pd.DataFrame(columns)
    frame["noise"] = np.where(random.random(ROWS) < 0.1, np.nan, random.random(ROWS))
    frame["gapless"] = random.random(ROWS)
    frame = frame.astype(np.float32)
    frame["kind"] = pd.Categorical(random.choice(["house", "flat", "cabin"], ROWS))
    return frame


def fitted(name: str, estimator: dict[str, Any], frame: pd.DataFrame, y: Any, grouped: bool = False) -> None:
    """Fit as a product's predictor does, on the first two thirds, stopped by the rest."""
    features = {"numeric": [column for column in frame if column != "kind"], "categorical": ["kind"]}
    preprocess, model = preprocessing(features), made_from(estimator)
    cut = ROWS * 2 // 3
    train = preprocess.fit_transform(frame[:cut])
    together = {}
    if grouped:
        query = np.arange(ROWS) // 10
        together["groups"] = (query[:cut], query[cut:])
    model.fit(train, y[:cut], validation=(preprocess.transform(frame[cut:]), y[cut:]), **together)
    keep(name, Pipeline([("preprocess", preprocess), ("estimator", model)]), frame, features)


def main() -> None:
    """Make all files beside this one."""
    random = np.random.default_rng(7)
    rate, known = random.gamma(2, 0.2, ROWS) + 0.01, random.poisson(0.5, ROWS)
    horizon = random.integers(1, 30, ROWS)
    frame = rows_of(random, {"baseline_bookings": rate, "on_books": known, "horizon_days": horizon})
    y = known + random.poisson(rate * horizon / 30)
    boosted = {"rounds": 6, "patience": 3, "params": BOOSTED}
    fitted("pick_up", {"class": "PickUpRegressor", **boosted}, frame, y)

    chance = random.beta(2, 5, ROWS)
    frame = rows_of(random, {"baseline_probability": chance})
    y = (random.random(ROWS) < chance * (0.5 + frame["gapless"].to_numpy())).astype(float)
    every = dict(CALIBRATIONS)
    for calibration in every:
        CALIBRATIONS.clear()
        CALIBRATIONS.update({"none": every[calibration]})
        starts = {"starts_from_first": calibration != "platt"}
        fitted(f"boosting_{calibration}", {"class": "CalibratedBoostingClassifier", **boosted, **starts}, frame, y)
    CALIBRATIONS.clear()
    CALIBRATIONS.update(every)
    candidates: dict[str, dict[str, Any]] = {
        "logistic_regression": {"C": 0.1},
        "random_forest": {"n_estimators": 4, "max_depth": 3},
        "gradient_boosting": {"max_iter": 4, "max_leaf_nodes": 4, "max_bins": 16},
        "xgboost": {"n_estimators": 4, "max_depth": 2},
    }
    for kind, parameters in candidates.items():
        settings = {"class": "CandidateClassifier", "seed": 7, "threads": 1, "candidates": {kind: parameters}}
        fitted(f"candidate_{kind}", settings, frame, y)

    months, silence = random.integers(0, 8, ROWS), random.exponential(1, ROWS)
    yearly, value = random.gamma(2, 0.5, ROWS) + 0.01, random.gamma(3, 90, ROWS) + 1
    booked = random.integers(0, 2, ROWS)
    frame = rows_of(
        random,
        {
            "snapshot_months": months,
            "shrunk_yearly_bookings": yearly,
            "shrunk_booking_value": value,
            "silence": silence,
            "has_booked": booked,
        },
    )
    y = random.poisson(yearly * np.exp(-silence)) * value * random.gamma(4, 0.25, ROWS) * 1.05**months
    fitted("two_part", {"class": "TwoPartRegressor", "damping": 0.9, **boosted}, frame, y)

    unit = np.arange(ROWS) // 10
    price = np.exp(0.2 * random.standard_normal(ROWS))
    frame = rows_of(
        random,
        {
            "property_id": unit,
            "market_id": unit % 3,
            "selling_window": np.arange(ROWS) % 5,
            "price_to_market": price,
            "free_share": random.uniform(0.2, 1, ROWS),
            "booking_level": random.gamma(4, 0.25, ROWS) + 0.05,
            "price_so_far_to_market": np.exp(0.2 * random.standard_normal(ROWS)),
            "bookings_30d": random.poisson(2, ROWS),
        },
    )
    y = random.poisson(2 * frame["free_share"] * np.exp(-price))
    settings = {"class": "PriceResponseRegressor", "history": 1, "rounds": 4, "leaves": 3}
    fitted("price_response", settings, frame, y)

    frame = rows_of(random, {"popularity": random.random(ROWS)})
    scores = (frame["popularity"] + 0.5 * random.random(ROWS)).to_numpy().reshape(-1, 10)
    y = (scores == scores.max(axis=1, keepdims=True)).ravel().astype(float)
    fitted("ranker", {"class": "CandidateRanker", **boosted}, frame, y, grouped=True)

    days = pd.date_range("2024-01-01", periods=230)
    ahead = pd.date_range("2024-08-18", periods=6)
    regressors = {"pick_up_near": 2.0, "is_holiday": 0.1}

    def series(dates: pd.DatetimeIndex, level: str, place: int, lead: Any) -> pd.DataFrame:
        weekly = 100 + 30 * (dates.dayofweek.to_numpy() >= 5) + 5 * random.standard_normal(len(dates))
        return pd.DataFrame(
            {
                "forecast_level": level,
                "destination_id": place,
                "forecast_date": dates,
                "revenue": weekly,
                "lead_days": lead,
                "booked_share": 0.5,
                "pick_up_revenue": weekly * 1.05,
                "pick_up_near": 0.1 * random.standard_normal(len(dates)),
                "is_holiday": (dates.day == 1).astype(float),
                "history_days": 230,
            }
        )

    model = SeriesForecaster(regressors=regressors, changepoint_prior_scale=0.03, yearly_order=4)
    model.as_of_ = date(2024, 8, 18)
    model.calibration_ = Calibration.neutral()
    keys = [("total", 0), ("destination", 1)]
    # the second is too short for a curve
    model.series_ = {
        key: fit_series(series(days[: 230 if key[0] == "total" else 60], *key, 0), model.recipe) for key in keys
    }
    rows = pd.concat([series(ahead, *key, np.arange(1, 7)) for key in keys], ignore_index=True)
    numeric = ["lead_days", "booked_share", "pick_up_revenue", *regressors]
    rows = rows[["forecast_level", "destination_id", "forecast_date", *numeric]]
    keep("forecaster", model, rows, {"numeric": numeric, "categorical": ["forecast_level"]})


if __name__ == "__main__":
    main()
