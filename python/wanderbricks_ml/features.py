"""Features as the estimators take them: read, encoded and imputed in one way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from wanderbricks_ml.settings import Features

if TYPE_CHECKING:
    import pandas as pd


def feature_frame(batches: Sequence[pa.Table], features: Features) -> pd.DataFrame:
    """Features of all batches: numeric ones in a single float32 block, categorical ones as categories."""
    import pandas as pd

    numeric, categorical = features.numeric, features.categorical
    block = np.empty((sum(batch.num_rows for batch in batches), len(numeric)), dtype=np.float32)
    categories = {name: pa.chunked_array([batch[name].combine_chunks() for batch in batches]) for name in categorical}
    start = 0
    for batch in batches:
        stop = start + batch.num_rows
        for position, name in enumerate(numeric):
            block[start:stop, position] = batch[name].to_numpy()
        start = stop
    frame = pd.DataFrame(block, columns=list(numeric), copy=False)
    for name, values in categories.items():
        frame[name] = values.dictionary_encode().combine_chunks().to_pandas()
    return frame


def feature_matrix(preprocess: Any, rows: pa.Table) -> np.ndarray:
    """What a fitted `preprocessing` makes of features, shape (rows, encoded columns), without a frame of them.

    The same floats at a fraction of the cost: numbers go straight into the matrix, and the encoder is asked once about
    each different text, not once about each row.

    Parameters
    ----------
    preprocess
        The first step of a logged model.
    rows
        Columns by name, the features among them.
    """
    fitted = {name: (transformer, columns) for name, transformer, columns in preprocess.transformers_}
    imputer, numeric = fitted["numeric"]
    encoder, categorical = fitted["categorical"]
    matrix = np.empty((rows.num_rows, len(preprocess.get_feature_names_out())), dtype=np.float32)
    for position, name in enumerate(numeric):
        matrix[:, position] = rows[name].to_numpy()
    if numeric:
        numbers = matrix[:, : len(numeric)]
        np.copyto(numbers, imputer.statistics_.astype(np.float32), where=np.isnan(numbers))
    if categorical:
        texts = [rows[name].combine_chunks().dictionary_encode(null_encoding="encode") for name in categorical]
        # the encoder takes columns of one length: the last text of a shorter one is repeated
        longest = np.arange(max(len(text.dictionary) for text in texts))
        different = pa.table(
            [text.dictionary.take(pa.array(np.minimum(longest, len(text.dictionary) - 1))) for text in texts],
            names=list(categorical),
        )
        encoded = encoder.transform(feature_frame([different], Features((), tuple(categorical))))
        start = 0
        for text, width in zip(texts, _widths(encoder), strict=True):
            stop = start + width
            matrix[:, len(numeric) + start : len(numeric) + stop] = encoded[text.indices.to_numpy(), start:stop]
            start = stop
    return matrix


def encoded_features(preprocess: Any) -> tuple[list[str], np.ndarray]:
    """Features of a fitted `preprocessing`, numeric ones first, and where the encoded columns of each begin."""
    fitted = {name: (transformer, columns) for name, transformer, columns in preprocess.transformers_}
    (_, numeric), (encoder, categorical) = fitted["numeric"], fitted["categorical"]
    widths = [1] * len(numeric) + (_widths(encoder) if categorical else [])
    return [*numeric, *categorical], np.cumsum([0, *widths[:-1]])


def _widths(encoder: Any) -> list[int]:
    """Encoded columns of each categorical feature: one a text, and one for all that are rare."""
    return [
        len(known) - (0 if rare is None else len(rare) - 1)
        for known, rare in zip(encoder.categories_, encoder.infrequent_categories_, strict=True)
    ]


def group_numbers(known: pa.Table, group: Sequence[str]) -> np.ndarray:
    """Number of the group of each row, shape (rows,), counted in the order of the rows.

    Parameters
    ----------
    group
        Columns whose values tell groups apart; rows of a group follow one another.
    """
    begins = np.zeros(known.num_rows, dtype=np.int64)
    for name in group:
        codes = known[name].combine_chunks().dictionary_encode().indices.to_numpy()
        begins[1:] |= np.diff(codes) != 0
    return np.cumsum(begins)


def preprocessing(features: Features) -> Any:
    """Encoding and imputing, part of every logged model.

    No feature is negative, so -1 keeps missing apart; XGBoost stores a matrix without gaps in a quarter of the
    memory and trains faster on it.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer

    from wanderbricks_ml.text_encoder import TextEncoder

    numeric = SimpleImputer(strategy="constant", fill_value=-1, keep_empty_features=True)
    categorical = TextEncoder(
        handle_unknown="infrequent_if_exist", max_categories=50, sparse_output=False, dtype=np.float32
    )
    return ColumnTransformer(
        [("numeric", numeric, list(features.numeric)), ("categorical", categorical, list(features.categorical))],
        verbose_feature_names_out=False,
    )
