"""Fit a product's model when its retraining decision says so: once to be judged, and again to serve.

The first fit learns from the train rows, is stopped on the validation rows and judged on test rows. What it found is
then refitted on every label that is known at the point in time; that one scores. Both are fitted before anything is
logged, so that a run that is killed leaves both or none, and a candidate that is `unfinished` needs a verdict alone.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from wanderbricks_ml.credentials import hides_credentials
from wanderbricks_ml.features import feature_frame, group_numbers, preprocessing
from wanderbricks_ml.libraries import LEARNERS, import_first
from wanderbricks_ml.lifecycle.engines import Engine, Examples, engine_of
from wanderbricks_ml.lifecycle.versions import is_left_over, one_row
from wanderbricks_ml.registry import store
from wanderbricks_ml.registry.versions import VERSION_SCHEMA, Fitted, Learnt, log_version
from wanderbricks_ml.settings import RowSettings
from wanderbricks_ml.surroundings import entered
from wanderbricks_ml.tuning.folds import Evaluate, data_digest, folds_of, halves_of_validation, losses_on, study_columns
from wanderbricks_ml.tuning.losses import LOSSES
from wanderbricks_ml.tuning.space import Search, Tuned
from wanderbricks_ml.tuning.study import tuned

if TYPE_CHECKING:
    import pandas as pd

    Rows = tuple[pd.DataFrame, pa.Table]
    """Features, and what else is known of the same rows."""

FIRST = ("train", "validation")
"""Splits of the first fit."""

EVERY_LABEL = ("train", "gap", "validation", "test")
"""Splits of the refit: all rows whose label is known."""


@hides_credentials
def fit_when_due(session: Any, examples: Any, decision: Any, settings: Mapping[str, Any], versions: Any = None) -> Any:
    """Fit twice, log and register a candidate, or do nothing when no fit is due.

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
    product = entered(RowSettings.of(settings), fits=True).with_attributes(lambda: engine.schema(examples))
    row = one_row(engine.rows(decision))
    if row is None or not row["fit_due"]:
        return engine.result(VERSION_SCHEMA.empty_table())
    known = None if versions is None else engine.rows(versions)
    if is_left_over(row, known, product.model_name):
        return engine.result(VERSION_SCHEMA.empty_table())
    import_first(*LEARNERS)
    search = Search.of(product, row)
    source = Examples(examples, product.features, product.keys, product.driver_rows)
    kept = [*_kept(product), *(study_columns(product) if search.is_due else [])]
    splits = {split: _read(engine, source, [split], kept) for split in FIRST}
    for split, (frame, _) in splits.items():
        if frame.empty:
            raise ValueError(
                f"{product.model_name}: a fit is due ({row['reason']}), but its examples hold no "
                f"{split} rows; look at the product's splits and features for {row['as_of_date'].isoformat()}"
            )
    found = search.in_use(known)
    if search.is_due:
        found = _searched(splits, search, found, product)
    from wanderbricks_ml import progress

    with progress.of_model(product.model_name):
        version = _fit(engine, source, splits, row, found, product)
    return engine.result(pa.Table.from_pylist([version], schema=VERSION_SCHEMA))


def _searched(splits: dict[str, Rows], search: Search, current: Tuned, product: RowSettings) -> Tuned:
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


def _kept(product: RowSettings) -> list[str]:
    """Columns that a fit reads beside the features."""
    return [product.date, "label_known_date", product.label, *product.group]


def _read(engine: Engine, source: Examples, splits: Sequence[str], wanted: Iterable[str]) -> Rows:
    kept = list(dict.fromkeys(wanted))
    batches = list(engine.read(source, splits, kept))
    return feature_frame(batches, source.features), pa.concat_tables(batches).select(kept)


def _fit(
    engine: Engine,
    source: Examples,
    splits: dict[str, Rows],
    row: dict[str, Any],
    found: Tuned,
    product: RowSettings,
) -> dict[str, Any]:
    """Fit twice, what is judged and what serves; of examples beyond one process the splits are a sample."""
    from sklearn.pipeline import Pipeline

    from wanderbricks_ml import progress
    from wanderbricks_ml.estimators import made_from
    from wanderbricks_ml.reports.report import report

    started = time.perf_counter()
    example = splits["train"][0].head(5)
    learnt = _learnt([*splits.values()], product)
    known = [known for _, known in splits.values()]
    y, held_out = (part[product.label].to_numpy() for part in known)
    preprocess = preprocessing(product.features)
    X = preprocess.fit_transform(splits["train"][0])
    validation = preprocess.transform(splits["validation"][0])
    # the frames are the largest things here, and a booster makes its own copy
    splits.clear()
    progress.say("fitting %s rows of %d columns", f"{len(X):,}", X.shape[1])
    first = made_from(found.estimator, product.role_positions)
    if engine.is_beyond_driver(source, FIRST):
        from wanderbricks_ml.lifecycle.cluster_boosting import boost_on_cluster

        first.start(X, y)
        boost_on_cluster(source, product.label, first, preprocess, ["train"], "validation")
    else:
        together = {}
        if product.group:
            together["groups"] = tuple(group_numbers(part, product.group) for part in known)
        first.fit(X, y, validation=(validation, held_out), **together)
    names = [str(feature) for feature in preprocess.get_feature_names_out()]
    made = report(first, validation, held_out, names)
    first_fit = Pipeline([("preprocess", preprocess), ("estimator", first)])
    del X, validation, known
    refit, relearnt = _refit(engine, source, first, product)
    seconds = time.perf_counter() - started
    progress.say("fitted on %s rows, then on %s, in %.1f s", f"{learnt.rows:,}", f"{relearnt.rows:,}", seconds)
    fitted = Fitted(
        first_fit=first_fit,
        refit=refit,
        example=example,
        learnt=learnt,
        relearnt=relearnt,
        validation_rows=len(held_out),
        seconds=seconds,
        report=made,
    )
    return log_version(fitted, row, found, product)


def _refit(engine: Engine, source: Examples, first: Any, product: RowSettings) -> tuple[Any, Learnt]:
    """What `first` found, fitted on every label that is known; and what from."""
    from sklearn.pipeline import Pipeline

    frame, known = _read(engine, source, EVERY_LABEL, _kept(product))
    learnt = _learnt([(frame, known)], product)
    preprocess = preprocessing(product.features)
    X, y = preprocess.fit_transform(frame), known[product.label].to_numpy()
    del frame
    if engine.is_beyond_driver(source, EVERY_LABEL):
        from wanderbricks_ml.lifecycle.cluster_boosting import boost_on_cluster

        estimator = first.recipe()
        estimator.start(X, y)
        boost_on_cluster(source, product.label, estimator, preprocess, EVERY_LABEL)
    else:
        together = {"groups": group_numbers(known, product.group)} if product.group else {}
        estimator = first.refit(X, y, **together)
    return Pipeline([("preprocess", preprocess), ("estimator", estimator)]), learnt


def _learnt(parts: Sequence[Rows], product: RowSettings) -> Learnt:
    """What is kept of rows that a fit learns from, the first of `parts`, and is stopped by, the others."""
    import pandas as pd

    digest = hashlib.sha256()
    for frame, known in parts:
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        digest.update(known[product.label].to_numpy().tobytes())
    dates = parts[0][1][product.date]
    return Learnt(
        digest=digest.hexdigest()[:32],
        first_date=pa.compute.min(dates).as_py(),
        last_date=pa.compute.max(dates).as_py(),
        labels_until=max(pa.compute.max(known["label_known_date"]).as_py() for _, known in parts),
        rows=parts[0][1].num_rows,
    )
