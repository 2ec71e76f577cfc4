"""One-hot encoding of texts, in its own module as it needs scikit-learn when it is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder


class TextEncoder(OneHotEncoder):
    """One-hot encoding that takes a missing text for the same, however it is written.

    scikit-learn's own knows None and NaN as two categories, and fails on a column without a single text, whose type is
    then a number's (`isnan`): a request, or MLflow's input example, has both.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> TextEncoder:
        """Learn the categories of texts, shape (rows, features)."""
        super().fit(_texts(X), y)
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Encoded texts, shape (rows, encoded columns)."""
        encoded: np.ndarray = super().transform(_texts(X))
        return encoded


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Each column as texts, NaN where one is missing; categories are that already."""
    return frame.assign(
        **{
            str(name): values.astype(object).where(values.notna(), np.nan)
            for name, values in frame.items()
            if not isinstance(values.dtype, pd.CategoricalDtype) or not len(values.cat.categories)
        }
    )
