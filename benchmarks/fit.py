"""What a fit costs beside its boosting: 100,000 rows of 30 columns, from reading them to the registered version.

A fit is two, what is judged and what serves. Bare is the same estimator's boosting on the same arrays: the matrices, as
many rounds until it stops, and as many as were best on training and validation rows together. Both run in
one process, alternately; the first fit, which imports libraries and makes MLflow's store, stands by itself. Prints
Markdown: CPU seconds (the least of the repeats) and their ratio.

    python benchmarks/fit.py [--rows 100000] [--columns 30] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

CATEGORICAL = ["kind", "market"]
ESTIMATOR: dict[str, Any] = {
    "class": "CalibratedBoostingClassifier",
    "n_estimators": 150,
    "early_stopping_rounds": 150,
    "params": {"eta": 0.1, "max_depth": 6, "seed": 7},
}


def settings(columns: int) -> dict[str, Any]:
    """A product's settings."""
    return {
        "product": "planted",
        "model_name": "planted_predictor",
        "examples": "planted_examples",
        "label": "label",
        "date": "as_of_date",
        "prediction": "probability",
        "keys": ["row_id"],
        "numeric": [f"column_{number:02d}" for number in range(columns - len(CATEGORICAL))],
        "categorical": CATEGORICAL,
        "estimator": ESTIMATOR,
    }


def examples(rows: int, columns: int) -> pd.DataFrame:
    """Examples of which a fifth more are for validation."""
    draw = np.random.default_rng(1)
    count = rows + rows // 5
    frame = pd.DataFrame({name: draw.gamma(2, 10, count) for name in settings(columns)["numeric"]})
    frame["kind"] = draw.choice(["a", "b", "c", "d"], count)
    frame["market"] = draw.choice([f"market {number}" for number in range(20)], count)
    score = (
        np.log(frame["column_00"]) + np.log(frame["column_01"]) * (frame["kind"] == "a") - 4 + draw.normal(0, 1, count)
    )
    frame["label"] = (score > 0).astype(float)
    frame["split"] = np.where(np.arange(count) < rows, "train", "validation")
    frame["as_of_date"] = date(2025, 6, 1)
    frame["label_known_date"] = date(2025, 7, 1)
    frame["row_id"] = np.arange(count)
    return frame


def decision(version: int | None) -> pa.Table:
    """The decision to fit, as a product's retraining model makes it."""
    row = {"as_of_date": date(2025, 8, 1), "fit_due": True, "reason": "schedule", "last_version": version}
    return pa.Table.from_pylist([row | {"reigning_version": version, "pinned_version": None, "tune": False}])


def bare(train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray]) -> None:
    """XGBoost alone: until it stops, and as many rounds on all rows."""
    import xgboost as xgb

    parameters = {"objective": "binary:logistic", "tree_method": "hist", **ESTIMATOR["params"]}
    known = xgb.QuantileDMatrix(train[0], label=train[1])
    held_out = xgb.QuantileDMatrix(validation[0], label=validation[1], ref=known)
    first = xgb.train(
        parameters,
        known,
        num_boost_round=ESTIMATOR["n_estimators"],
        evals=[(held_out, "validation")],
        early_stopping_rounds=ESTIMATOR["early_stopping_rounds"],
        verbose_eval=False,
    )
    every = xgb.QuantileDMatrix(
        np.concatenate([train[0], validation[0]]), label=np.concatenate([train[1], validation[1]])
    )
    xgb.train(parameters, every, num_boost_round=first.best_iteration + 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(config={"threads": 2}) as connection:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        from wanderbricks_ml.features import feature_frame, preprocessing
        from wanderbricks_ml.lifecycle.fitting import fit_when_due
        from wanderbricks_ml.settings import RowSettings

        product = settings(given.columns)
        features = RowSettings.of(product).features
        connection.register("frame", examples(given.rows, given.columns))
        connection.execute("create table planted_examples as from frame")
        relation = connection.table("planted_examples")
        splits = {
            split: connection.table("planted_examples").filter(f"split = '{split}'").order("row_id").to_arrow_table()
            for split in ("train", "validation")
        }
        preprocess = preprocessing(features).fit(feature_frame([splits["train"]], features))
        arrays = [
            (preprocess.transform(feature_frame([rows], features)), rows["label"].to_numpy())
            for rows in splits.values()
        ]
        seconds: dict[str, list[float]] = {"bare": [], "fit": []}
        for version in range(given.repeats + 1):
            connection.register("decision", decision(version or None))
            due = connection.table("decision")
            started = time.process_time()
            bare(*arrays)
            alone = time.process_time()
            fit_when_due(None, relation, due, product)
            seconds["bare"].append(alone - started)
            seconds["fit"].append(time.process_time() - alone)
    first = seconds["fit"][0]
    least = {name: min(times[1:]) for name, times in seconds.items()}
    print("| rows x columns | bare, CPU s | fit, CPU s | ratio | the first fit of a process, CPU s |")
    print("| --- | --- | --- | --- | --- |")
    print(
        f"| {given.rows:,} x {given.columns} | {least['bare']:.2f} | {least['fit']:.2f} | "
        f"{least['fit'] / least['bare']:.2f} | {first:.2f} |"
    )


if __name__ == "__main__":
    main()
