"""Fit a product's model when its retraining decision says so."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from wanderbricks_ml.libraries import LEARNERS, import_first
from wanderbricks_ml.lifecycle.engines import Engine, engine_of
from wanderbricks_ml.lifecycle.features import feature_frame, group_numbers, preprocessing, with_attributes
from wanderbricks_ml.lifecycle.versions import one_row
from wanderbricks_ml.registry.versions import VERSION_SCHEMA, log_version
from wanderbricks_ml.tuning import space
from wanderbricks_ml.tuning.folds import Evaluate, data_digest, folds_of, halves_of_validation, losses_on
from wanderbricks_ml.tuning.losses import LOSSES
from wanderbricks_ml.tuning.space import Tuned
from wanderbricks_ml.tuning.study import tuned

if TYPE_CHECKING:
    import pandas as pd


def fit_when_due(session: Any, examples: Any, decision: Any, settings: dict[str, Any], versions: Any = None) -> Any:
    """Fit, log and register a candidate, or do nothing when no fit is due.

    Parameters
    ----------
    session
        dbt's session, which tells the engine.
    examples, decision
        The product's examples and its retraining decision, one row.
    settings
        ``config.meta`` of the product's predictor: model_name, label, date, keys, numeric, categorical,
        estimator (its class, and what it is made with); group, if rows belong together: the first keys, whose
        values tell the groups apart; perhaps tuning (docs/tuning.md).
    versions
        This table as the last run left it, whose newest tuned parameters are taken up again; None on the first one.

    Returns
    -------
    table
        One row of `VERSION_SCHEMA`, none when no fit is due, as the engine takes it.

    Raises
    ------
    ValueError
        When the train or validation split is empty although a fit is due.
    """
    engine = engine_of(session)
    row = one_row(engine.rows(decision))
    if row is None or not row["fit_due"]:
        return engine.result(VERSION_SCHEMA.empty_table())
    import_first(*LEARNERS)
    settings = with_attributes(settings, engine.schema(examples))
    wanted = [settings["date"], *space.columns(settings, row), settings["label"], *settings.get("group", [])]
    kept = list(dict.fromkeys(wanted))
    splits = {split: _read(engine, examples, split, kept, settings) for split in ("train", "validation")}
    for split, (frame, _) in splits.items():
        if frame.empty:
            raise ValueError(
                f"{settings['model_name']}: a fit is due ({row['reason']}), but its examples hold no "
                f"{split} rows; look at the product's splits and features for {row['as_of_date'].isoformat()}"
            )
    found = space.in_use(settings, row, None if versions is None else engine.rows(versions))
    if space.budget(settings, row)["trials"] >= 1:
        found = _searched(splits, row, found, settings)
    on_cluster = examples if engine.is_beyond_driver(examples, settings) else None
    from wanderbricks_ml import progress

    with progress.of_model(settings["model_name"]):
        version = _fit(splits, on_cluster, row, found, settings)
    return engine.result(pa.Table.from_pylist([version], schema=VERSION_SCHEMA))


def _searched(
    splits: dict[str, tuple[pd.DataFrame, pa.Table]], row: dict[str, Any], current: Tuned, settings: dict[str, Any]
) -> Tuned:
    from wanderbricks_ml.estimators import estimator_class

    rows = int(space.budget(settings, row)["rows"])
    folds = folds_of(splits, settings, rows, lambda: preprocessing(settings))
    if not folds:
        return current

    def on_all_rows() -> Evaluate | None:
        whole = halves_of_validation(splits, settings, None, lambda: preprocessing(settings))
        return losses_on(whole) if whole else None

    return tuned(
        settings,
        row,
        current,
        losses_on(folds),
        data_digest(folds),
        loss_name=LOSSES[estimator_class(settings["estimator"]["class"]).task][0],
        final=on_all_rows,
    )


def _read(
    engine: Engine, examples: Any, split: str, kept: list[str], settings: dict[str, Any]
) -> tuple[pd.DataFrame, pa.Table]:
    batches = list(engine.examples(examples, [split], kept, settings))
    return feature_frame(batches, settings), pa.concat_tables(batches).select(kept)


def _fit(
    splits: dict[str, tuple[pd.DataFrame, pa.Table]],
    on_cluster: Any,
    row: dict[str, Any],
    found: Tuned,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Fit on the splits, or on the data frame `on_cluster`, of which the splits are then a sample."""
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from wanderbricks_ml import progress
    from wanderbricks_ml.estimators import made_from
    from wanderbricks_ml.reports.report import report

    started = time.perf_counter()
    labels = {split: known[settings["label"]].to_numpy() for split, (_, known) in splits.items()}
    dates = splits["train"][1][settings["date"]]
    together = {}
    if "group" in settings:
        together["groups"] = tuple(group_numbers(known, settings) for _, known in splits.values())
    digest = hashlib.sha256()
    for split, (frame, _) in splits.items():
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        digest.update(labels[split].tobytes())
    example = splits["train"][0].head(5)
    preprocess = preprocessing(settings)
    train = preprocess.fit_transform(splits["train"][0])
    validation = preprocess.transform(splits["validation"][0])
    # the frames are the largest things here, and a booster makes its own copy
    splits.clear()
    progress.say("fitting %s rows of %d columns", f"{len(train):,}", train.shape[1])
    estimator = made_from(found.estimator)
    if on_cluster is None:
        estimator.fit(train, labels["train"], validation=(validation, labels["validation"]), **together)
    else:
        from wanderbricks_ml.lifecycle.cluster_boosting import boost_on_cluster

        estimator.start(train, labels["train"])
        boost_on_cluster(on_cluster, estimator, preprocess, settings)
    seconds = time.perf_counter() - started
    progress.say("fitted on %s rows in %.1f s", f"{len(train):,}", seconds)
    facts = {
        "model_name": settings["model_name"],
        "as_of_date": row["as_of_date"],
        "reason": row["reason"],
        "parent_version": row["reigning_version"],
        "parameters": found.parameters,
        "train_first_date": pa.compute.min(dates).as_py(),
        "train_last_date": pa.compute.max(dates).as_py(),
        "train_rows": len(train),
        "validation_rows": len(validation),
        "fit_seconds": seconds,
        "fitted_at": datetime.now(UTC).replace(tzinfo=None),
    }
    names = [str(feature) for feature in preprocess.get_feature_names_out()]
    shown = report(estimator, validation, labels["validation"], names)
    pipeline = Pipeline([("preprocess", preprocess), ("estimator", estimator)])
    last_version = row["last_version"]
    return facts | log_version(pipeline, example, digest.hexdigest()[:32], shown, facts, last_version, found, settings)
