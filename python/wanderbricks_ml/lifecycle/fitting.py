"""Fit a product's model when its retraining decision says so."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from wanderbricks_ml.credentials import hides_credentials
from wanderbricks_ml.features import feature_frame, group_numbers, preprocessing
from wanderbricks_ml.libraries import LEARNERS, import_first
from wanderbricks_ml.lifecycle.engines import Engine, Examples, engine_of
from wanderbricks_ml.lifecycle.versions import is_left_over, one_row
from wanderbricks_ml.registry import store
from wanderbricks_ml.registry.versions import VERSION_SCHEMA, Fitted, log_version
from wanderbricks_ml.settings import RowSettings
from wanderbricks_ml.tuning.folds import Evaluate, data_digest, folds_of, halves_of_validation, losses_on, study_columns
from wanderbricks_ml.tuning.losses import LOSSES
from wanderbricks_ml.tuning.space import Search, Tuned
from wanderbricks_ml.tuning.study import tuned

if TYPE_CHECKING:
    import pandas as pd


@hides_credentials
def fit_when_due(session: Any, examples: Any, decision: Any, settings: Mapping[str, Any], versions: Any = None) -> Any:
    """Fit, log and register a candidate, or do nothing when no fit is due.

    Parameters
    ----------
    session
        dbt's session, which tells the engine.
    examples, decision
        The product's examples and its retraining decision, one row.
    settings
        ``config.meta`` of the product's predictor; see `RowSettings`.
    versions
        This table as the last run left it, whose newest tuned parameters are taken up again; None on the first one.

    Returns
    -------
    table
        One row of `VERSION_SCHEMA`, none when no fit is due, as the engine takes it.

    Raises
    ------
    ValueError
        When a setting is wrong; when the train or validation split is empty although a fit is due.
    """
    engine = engine_of(session)
    product = RowSettings.of(settings).with_attributes(lambda: engine.schema(examples))
    row = one_row(engine.rows(decision))
    if row is None or not row["fit_due"]:
        return engine.result(VERSION_SCHEMA.empty_table())
    known = None if versions is None else engine.rows(versions)
    if is_left_over(row, known, product.model_name):
        return engine.result(VERSION_SCHEMA.empty_table())
    import_first(*LEARNERS)
    search = Search.of(product, row)
    source = Examples(examples, product.features, product.keys, product.driver_rows)
    wanted = [product.date, *(study_columns(product) if search.is_due else []), product.label, *product.group]
    kept = list(dict.fromkeys(wanted))
    splits = {split: _read(engine, source, split, kept) for split in ("train", "validation")}
    for split, (frame, _) in splits.items():
        if frame.empty:
            raise ValueError(
                f"{product.model_name}: a fit is due ({row['reason']}), but its examples hold no "
                f"{split} rows; look at the product's splits and features for {row['as_of_date'].isoformat()}"
            )
    found = search.in_use(known)
    if search.is_due:
        found = _searched(splits, search, found, product)
    on_cluster = source if engine.is_beyond_driver(source) else None
    from wanderbricks_ml import progress

    with progress.of_model(product.model_name):
        version = _fit(splits, on_cluster, row, found, product)
    return engine.result(pa.Table.from_pylist([version], schema=VERSION_SCHEMA))


def _searched(
    splits: dict[str, tuple[pd.DataFrame, pa.Table]], search: Search, current: Tuned, product: RowSettings
) -> Tuned:
    from wanderbricks_ml.estimators import estimator_class

    folds = folds_of(splits, product, search.limits.rows)
    if not folds:
        return current

    def on_all_rows() -> Evaluate | None:
        whole = halves_of_validation(splits, product, None)
        return losses_on(whole, product.role_positions) if whole else None

    return tuned(
        search,
        current,
        losses_on(folds, product.role_positions),
        data_digest(folds),
        store.study_storage(),
        loss_name=LOSSES[estimator_class(product.estimator["class"]).task][0],
        final=on_all_rows,
    )


def _read(engine: Engine, source: Examples, split: str, kept: list[str]) -> tuple[pd.DataFrame, pa.Table]:
    batches = list(engine.read(source, [split], kept))
    return feature_frame(batches, source.features), pa.concat_tables(batches).select(kept)


def _fit(
    splits: dict[str, tuple[pd.DataFrame, pa.Table]],
    on_cluster: Examples | None,
    row: dict[str, Any],
    found: Tuned,
    product: RowSettings,
) -> dict[str, Any]:
    """Fit on the splits, or on the examples `on_cluster`, of which the splits are then a sample."""
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from wanderbricks_ml import progress
    from wanderbricks_ml.estimators import made_from
    from wanderbricks_ml.reports.report import report

    started = time.perf_counter()
    labels = {split: known[product.label].to_numpy() for split, (_, known) in splits.items()}
    dates = splits["train"][1][product.date]
    together = {}
    if product.group:
        together["groups"] = tuple(group_numbers(known, product.group) for _, known in splits.values())
    digest = hashlib.sha256()
    for split, (frame, _) in splits.items():
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        digest.update(labels[split].tobytes())
    example = splits["train"][0].head(5)
    preprocess = preprocessing(product.features)
    train = preprocess.fit_transform(splits["train"][0])
    validation = preprocess.transform(splits["validation"][0])
    # the frames are the largest things here, and a booster makes its own copy
    splits.clear()
    progress.say("fitting %s rows of %d columns", f"{len(train):,}", train.shape[1])
    estimator = made_from(found.estimator, product.role_positions)
    if on_cluster is None:
        estimator.fit(train, labels["train"], validation=(validation, labels["validation"]), **together)
    else:
        from wanderbricks_ml.lifecycle.cluster_boosting import boost_on_cluster

        estimator.start(train, labels["train"])
        boost_on_cluster(on_cluster, product.label, estimator, preprocess)
    seconds = time.perf_counter() - started
    progress.say("fitted on %s rows in %.1f s", f"{len(train):,}", seconds)
    names = [str(feature) for feature in preprocess.get_feature_names_out()]
    fitted = Fitted(
        model=Pipeline([("preprocess", preprocess), ("estimator", estimator)]),
        example=example,
        digest=digest.hexdigest()[:32],
        first_date=pa.compute.min(dates).as_py(),
        last_date=pa.compute.max(dates).as_py(),
        train_rows=len(train),
        validation_rows=len(validation),
        seconds=seconds,
        report=report(estimator, validation, labels["validation"], names),
    )
    return log_version(fitted, row, found, product)
