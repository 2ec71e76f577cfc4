"""The model of a version, asked about single rows: the same floats as in batch, without a frame."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.contributions import strongest_features
from wanderbricks_ml.features import encoded_features, feature_frame, feature_matrix
from wanderbricks_ml.serving.explanations import Parts
from wanderbricks_ml.settings import Features

logger = logging.getLogger(__name__)


class Encoder:
    """What a fitted `preprocessing` makes of single rows: numbers put in place, texts looked up.

    Parameters
    ----------
    preprocess
        The first step of a logged model.
    """

    def __init__(self, preprocess: Any) -> None:
        fitted = {name: (transformer, list(columns)) for name, transformer, columns in preprocess.transformers_}
        imputer, self.numeric = fitted["numeric"]
        encoder, self.categorical = fitted["categorical"]
        self._gaps = imputer.statistics_.astype(np.float32) if self.numeric else np.empty(0, dtype=np.float32)
        self._texts = [_vectors(encoder, self.categorical, place) for place in range(len(self.categorical))]
        self.width = len(preprocess.get_feature_names_out())

    def row(self, numbers: Floats, texts: Sequence[str | None]) -> Floats:
        """A row of the matrix, shape (encoded columns,).

        Parameters
        ----------
        numbers
            Numeric features in the order of `numeric`, not a number where missing.
        texts
            Categorical ones in the order of `categorical`.
        """
        missing = np.isnan(numbers)
        if missing.any():
            numbers = np.where(missing, self._gaps, numbers)
        vectors = [known.get(text, known[_UNKNOWN]) for known, text in zip(self._texts, texts, strict=True)]
        return np.concatenate([numbers, *vectors])


_UNKNOWN = "\0unknown"
"""A text that no category is."""


def _vectors(encoder: Any, names: Sequence[str], place: int) -> dict[str | None, Floats]:
    """The encoded columns of one categorical feature by its text; missing is None."""
    known = encoder.categories_[place]
    texts = [text for text in known if isinstance(text, str)]
    asked: list[str | None] = [*texts, _UNKNOWN, None]
    columns = [
        pa.array(asked if other == place else [str(encoder.categories_[other][0])] * len(asked), pa.string())
        for other in range(len(names))
    ]
    encoded = encoder.transform(feature_frame([pa.table(columns, names=list(names))], Features((), tuple(names))))
    widths = [
        len(of_column) - (0 if rare is None else len(rare) - 1)
        for of_column, rare in zip(encoder.categories_, encoder.infrequent_categories_, strict=True)
    ]
    start = sum(widths[:place])
    return {text: vector for text, vector in zip(asked, encoded[:, start : start + widths[place]], strict=True)}


class Model:
    """A version's pipeline.

    Parameters
    ----------
    pipeline
        The fit that serves.
    rows
        Rows by which the encoding is held against the pipeline's own: columns of features by name.

    Raises
    ------
    RuntimeError
        When the encoding is not that of the pipeline.
    """

    def __init__(self, pipeline: Any, rows: pa.Table) -> None:
        self._estimator = pipeline["estimator"]
        self.encoder = Encoder(pipeline["preprocess"])
        self._names, self._begins = encoded_features(pipeline["preprocess"])
        expected = feature_matrix(pipeline["preprocess"], rows)
        found = self.matrix(rows.to_pylist())
        if not np.array_equal(expected, found):
            raise RuntimeError("rows are not encoded as the pipeline does")

    def matrix(self, rows: Sequence[Mapping[str, Any]]) -> Floats:
        """Encoded rows, shape (rows, encoded columns), of features by name."""
        encoder = self.encoder
        return np.stack(
            [
                encoder.row(
                    np.array([row[name] for name in encoder.numeric], dtype=np.float32),
                    [row[name] for name in encoder.categorical],
                )
                for row in rows
            ]
        )

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> Floats:
        """What the model predicts of features by name, shape (rows, predictions)."""
        values = np.asarray(self._estimator.predict(self.matrix(rows)), dtype=np.float64)
        return values.reshape(len(rows), -1)

    def parts(self, row: Mapping[str, Any]) -> Parts:
        """What moved the prediction of features by name."""
        found = self._estimator.contributions(self.matrix([row]))
        (values,), (places,) = strongest_features(found.values, self._begins)
        strongest = [(self._names[place], float(values[place])) for place in places]
        return Parts(strongest, float(found.base[0]), float(found.margin[0]), found.unit)
