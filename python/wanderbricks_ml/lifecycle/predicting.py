"""Predict a product's rows with registered versions."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.credentials import hides_credentials
from wanderbricks_ml.features import feature_matrix
from wanderbricks_ml.lifecycle.engines import Examples, Predictor, engine_of
from wanderbricks_ml.lifecycle.versions import (
    considered_versions,
    judged,
    one_row,
    tell_registry,
    treated_versions,
    treatments,
    version_to_score,
    version_uris,
)
from wanderbricks_ml.registry import store
from wanderbricks_ml.settings import RowSettings
from wanderbricks_ml.surroundings import entered

logger = logging.getLogger(__name__)


@hides_credentials
def backtest(
    session: Any, examples: Any, decision: Any, versions: Any, settings: Mapping[str, Any], experiments: Any = None
) -> Any:
    """Predict validation and test rows with this run's candidate, the reigning version and one under treatment.

    By the first fit of each: the refits have seen these rows.

    Returns
    -------
    table
        model_version, evaluated_as_of, split, the settings' keys, keep, label and baseline (if any) columns,
        and the predictions; no row when no fit was due.

    Raises
    ------
    RuntimeError
        When the candidate is in no row of the predictor's table, or its files are not those that were logged. Another
        version of which that is so is left out and said.
    """
    engine = engine_of(session)
    product = entered(RowSettings.of(settings)).with_attributes(lambda: engine.schema(examples))
    row = one_row(engine.rows(decision))
    known = engine.rows(versions)
    name = product.model_name
    numbers = considered_versions(row, known, [] if experiments is None else treatments(engine, experiments, name))
    as_of = pa.scalar(row["as_of_date"] if row is not None else None, pa.date32())

    def predictor(number: int) -> Predictor:
        return _predictor(store.load_first_fit(version_uris(known, [number], name)[number]), product)

    predictors: list[tuple[int | None, Predictor]] = [*judged(name, numbers, predictor).items()]
    return engine.predicted(
        Examples(examples, product.features, product.keys),
        [
            (
                [] if number is None else ["validation", "test"],
                predictor,
                {"model_version": pa.scalar(number, pa.int32()), "evaluated_as_of": as_of},
            )
            for number, predictor in predictors or [(None, _predictor(None, product))]
        ],
        ["split", *product.keys, *product.keep, product.label, *product.baseline_columns],
        product.prediction,
    )


@hides_credentials
def score(session: Any, examples: Any, champion: Any, versions: Any, settings: Mapping[str, Any], **told: Any) -> Any:
    """Predict the score rows with the refit of the version that serves, and let MLflow say what SQL says.

    That is the aliases, and of each version its verdict, test metrics and card; see `tell_registry`.

    While an experiment runs, with the version under treatment too: rows of both, told apart by model_version.

    Returns
    -------
    table
        model_name, model_version, the settings' keys, keep and baseline columns, and the predictions; no row when the
        data cannot teach the product or the day is scored already.

    Raises
    ------
    RuntimeError
        When no version passes the gate; quotes the verdicts. When the files of the one that serves are not those that
        were logged; names them. Earlier predictions stay as they are.
    """
    engine = engine_of(session)
    product = entered(RowSettings.of(settings)).with_attributes(lambda: engine.schema(examples))
    considered = engine.rows(champion)
    number = version_to_score(engine, examples, considered, product.registered_name)
    serving = [] if number is None else [number, *treated_versions(considered)]
    name = product.model_name
    known = engine.rows(versions)
    uris = version_uris(known, serving, name)
    if serving:
        tell_registry(engine, product, considered.to_pylist(), known, told)
    scoring: list[int | None] = [*serving] or [None]
    return engine.predicted(
        Examples(examples, product.features, product.keys),
        [
            (
                [] if number is None else ["score"],
                _predictor(store.load(uris[number]) if number in uris else None, product),
                {"model_name": pa.scalar(name, pa.string()), "model_version": pa.scalar(number, pa.int32())},
            )
            for number in scoring
        ],
        [*product.keys, *product.keep, *product.baseline_columns],
        product.prediction,
    )


def _predictor(pipeline: Any, product: RowSettings) -> Predictor:
    """Predictions of a fit of a version; where it is None there are no rows to predict.

    Raises
    ------
    RuntimeError
        When the version was fitted on a feature that the product no longer has.
    """
    known, predictions = product.features.names, product.prediction
    gone = [name for name in getattr(pipeline, "feature_names_in_", ()) if name not in known]
    if gone:
        raise RuntimeError(
            f"{product.model_name}: a version that is to predict was fitted on {', '.join(gone)}, which is no "
            "feature any longer; bring it back (config.meta, var booking_attributes), or archive the version "
            "(wanderbricks registry archive), and the next build fits anew"
        )

    def predict(batch: pa.Table) -> dict[str, pa.Array]:
        if pipeline is None:
            raise RuntimeError("rows were to be predicted without a version")
        features = feature_matrix(pipeline["preprocess"], batch)
        values = np.asarray(pipeline["estimator"].predict(features), dtype=np.float64)
        columns = values.reshape(len(values), -1).T
        return {name: pa.array(column) for name, column in zip(predictions, columns, strict=True)}

    return predict
