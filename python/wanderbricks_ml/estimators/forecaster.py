"""Forecasts of many daily series that add up to a total: one Prophet model a series, combined, reconciled, calibrated.

A forecast is made in four steps, each of which sees nothing from after the cut-off:

1. *Prophet* (Taylor and Letham 2018) on the series' own history: trend, weekly and, from two years of history on,
   yearly season, multiplicative, with holidays and the pick-up of bookings on the books as regressors.
2. *Combination* (Bates and Granger 1969) with the pick-up estimate, what is on the books plus what usually still
   comes, which SQL makes; weights by level and lead time, those of least error at the validation cut-offs.
3. *Reconciliation* of destinations and total by weighted least squares with the forecasts' variances (the diagonal
   case of minimum-trace reconciliation, Wickramasuriya, Athanasopoulos and Hyndman 2019): the gap between the total
   and the sum is shared in proportion to variance, the total's own included.
4. *Calibration*: widths are scaled by level and lead time so that 80 % intervals held 80 % of the validation days
   (split conformal, as a factor on the model's standard deviation).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.combination import SERIES, combine
from wanderbricks_ml.estimators.series import Recipe


class SeriesForecaster(BaseEstimator):
    """All series of a cut-off behind one signature.

    Parameters
    ----------
    regressors, changepoint_prior_scale, yearly_order
        See `Recipe`.

    Attributes
    ----------
    series_ : dict
        `FittedSeries` by (forecast_level, destination_id).
    calibration_ : Calibration
    as_of_ : datetime.date
        The cut-off through which the series were fitted.
    """

    task = "forecast"

    def __init__(
        self, regressors: Mapping[str, float], changepoint_prior_scale: float = 0.03, yearly_order: int = 10
    ) -> None:
        self.regressors = regressors
        self.changepoint_prior_scale = changepoint_prior_scale
        self.yearly_order = yearly_order

    @property
    def recipe(self) -> Recipe:
        """How each series is fitted."""
        return Recipe(dict(self.regressors), self.changepoint_prior_scale, self.yearly_order)

    def raw(self, X: pd.DataFrame) -> pd.DataFrame:
        """`X` with the columns of `FittedSeries.predict`.

        Raises
        ------
        ValueError
            When a series was not in the history.
        """
        parts = []
        for key, rows in X.groupby(SERIES, sort=False):
            if key not in self.series_:
                raise ValueError(f"the series {key} was not in the history through {self.as_of_}")
            parts.append(rows.join(self.series_[key].predict(rows)))
        return pd.concat(parts).loc[X.index]

    def predict(self, X: pd.DataFrame) -> Floats:
        """Forecast, lower and upper bound, shape (rows, 3).

        Parameters
        ----------
        X
            forecast_level, destination_id, forecast_date, lead_days, booked_share, pick_up_revenue and the regressors.
            A date is reconciled when X holds its total and destinations.
        """
        X = X.reset_index(drop=True).assign(as_of_date=self.as_of_)
        combined = combine(self.raw(X), self.calibration_)
        return combined[["forecast_revenue", "lower_80", "upper_80"]].to_numpy(dtype=np.float64)
