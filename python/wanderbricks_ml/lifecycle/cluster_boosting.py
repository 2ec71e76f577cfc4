"""Boost on all of a cluster's workers what is too large for one process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.features import feature_frame
from wanderbricks_ml.lifecycle.engines import Examples, of_splits, projection

NAMES = {"eta": "learning_rate", "seed": "random_state"}
"""Parameters of ``xgboost.train`` that ``xgboost.spark`` calls otherwise."""

SCHEMA = "features array<float>, label float, margin float, is_validation boolean"


def boost_on_cluster(
    examples: Examples,
    label: str,
    estimator: Any,
    preprocess: Any,
    splits: Sequence[str],
    stopped_by: str | None = None,
) -> None:
    """Give `estimator` a booster trained by ``xgboost.spark`` on all rows of the splits.

    The rows are preprocessed where they lie, by the same fitted step that the logged pipeline begins with, so that
    the pipeline is the one that a single process would have made.

    Parameters
    ----------
    examples
        Their relation is Spark's data frame.
    label
        Column to learn.
    estimator
        Started on a sample: it has `boosting_rows`, `boosting_params`, `n_estimators` and `early_stopping_rounds`.
    preprocess
        Fitted on a sample.
    splits
        Those that are learned from.
    stopped_by
        The split that boosting is stopped by; where it is None, all rounds are made.

    Raises
    ------
    ValueError
        When the estimator cannot be boosted.
    """
    frame = examples.relation
    if not hasattr(estimator, "boosting_rows"):
        raise ValueError(
            f"{type(estimator).__name__} is fitted by one process alone, and there are more "
            f"than driver_rows = {examples.driver_rows:,} rows; lower the product's sample of training rows"
        )
    from xgboost.spark import SparkXGBRegressor

    features = examples.features

    def prepared(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows == 0:
                continue
            table = pa.Table.from_batches([batch])
            X = np.asarray(preprocess.transform(feature_frame([table], features)), dtype=np.float32)
            values, margin = estimator.boosting_rows(X, table[label].to_numpy())
            offsets = pa.array(np.arange(0, X.size + 1, X.shape[1], dtype=np.int32))
            yield pa.record_batch(
                {
                    "features": pa.ListArray.from_arrays(offsets, pa.array(X.ravel())),
                    "label": pa.array(values, pa.float32()),
                    "margin": pa.array(margin, pa.float32()),
                    "is_validation": table["is_validation"].combine_chunks(),
                }
            )

    rows = (
        frame.where(of_splits(splits if stopped_by is None else (*splits, stopped_by)))
        .selectExpr(f"split = '{stopped_by}' as is_validation", *projection([label], features))
        .mapInArrow(prepared, SCHEMA)
    )
    params = {NAMES.get(name, name): value for name, value in estimator.boosting_params.items() if name != "nthread"}
    stopping = {}
    if stopped_by is not None:
        stopping = {
            "validation_indicator_col": "is_validation",
            "early_stopping_rounds": estimator.early_stopping_rounds,
        }
    model = SparkXGBRegressor(
        features_col="features",
        label_col="label",
        base_margin_col="margin",
        n_estimators=estimator.n_estimators,
        num_workers=frame.sparkSession.sparkContext.defaultParallelism,
        # else rows in as many partitions as there are workers are taken as they lie, and a partition without rows of a
        # split fails the fit: XGBoost gives it another number of bins
        force_repartition=True,
        **params,
        **stopping,
    ).fit(rows)
    booster = model.get_booster()
    estimator.booster_ = booster if stopped_by is None else booster[: booster.best_iteration + 1]
