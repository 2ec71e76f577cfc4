"""How bookings answer to price, estimated from prices that hosts set while looking at demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.estimators.price_slopes import market_slopes, shrunk
from wanderbricks_ml.estimators.stored import renamed


class PriceResponseRegressor(BaseEstimator):
    """Expected bookings as a falling function of price, by double machine learning.

    Hosts raise prices where and when demand is high, so bookings and price share causes, and a model that simply
    takes price as a feature learns that guests hardly mind it. Here the effect comes from the prices that what is
    known at the snapshot does not explain:

    1. Histogram-based gradient boosting, cross-fitted over properties, predicts bookings ``m(x)`` (Poisson, exposed
       to the nights that are still free) and the relative price ``t(x)`` from the confounders x, price left out.
    2. In each market the slope b maximises the Poisson likelihood of bookings with mean
       ``a * s * free * m(x) * exp(-b * (price - t(x)))``, where a is the property's own level and s that of the
       market in the same selling window. Both are concentrated out: neither what makes a property dear and popular
       for good nor a season or shock that moves all prices of a market can disturb. The property's own history is
       left out of this step, since it answers to earlier prices, which are much the same.
    3. Slopes of markets are shrunk to their common mean by empirical Bayes (normal, standard errors clustered by
       property) and are never negative: the response falls with price by construction.
    4. One more boosted Poisson model, of all columns but the price, corrects what follows from the property's level in
       the past, the price now against the price then, and the free nights (its exposure).

    Bookings are log-linear in the relative price, not in its logarithm: the elasticity grows with the price, and
    expected revenue has its maximum at a relative price of 1 / b. Two things bound that. A calendar that fills anyway
    answers less to a price: where bookings are expected to take a share o of the free nights, the slope is
    ``b * (1 - o / 2)``, so that a month in season bears more than another. And beyond the prices that nearly all hosts
    asked the elasticity stays that of the last such price, since nobody saw what happens further out.

    Columns without a role are confounders.

    Parameters
    ----------
    property, market, window
        Positions of columns of X with whole numbers: the property, its market, and the selling window.
    price, free_share, past_level, past_price
        Positions of columns of positive numbers: price asked over the market price, free share of the nights, level of
        the property in the past, and the price that it asked then.
    history
        Positions of columns that tell the property's own history: bookings and prices.
    booking_share
        Position of the share of a month's nights that one booking takes; None where the calendar is not known.
    folds
        Parts of the properties for cross-fitting.
    max_iter, learning_rate, max_leaf_nodes
        Of each boosted model.
    seed
        Of the boosted models.

    Attributes
    ----------
    bookings_model_, price_model_ : HistGradientBoostingRegressor
        Bookings over their exposure, and the relative price, of all columns but the price.
    demand_models_ : list of HistGradientBoostingRegressor
        Bookings per free nights of the confounders, by fold.
    reach_ : tuple of float
        Relative prices between which all but 2 % of the examples lie.
    markets_ : ndarray of shape (markets,)
        Sorted.
    slopes_, deviations_ : ndarray of shape (markets,)
        Posterior mean and standard deviation of each market's slope.
    common_ : tuple of float
        Mean slope and standard deviation of a market that was not in the training rows.
    spread_ : float
        Standard deviation of the logarithm of price over its expectation, in the validation rows where given.

    References
    ----------
    Robinson (1988), Root-N-consistent semiparametric regression. Chernozhukov et al. (2018), Double/debiased machine
    learning. Nie and Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects. Hausman, Hall and
    Griliches (1984), Econometric models for count data, for the property's own level.
    """

    task = "price_response"
    roles = ("property", "market", "window", "price", "free_share", "past_level", "past_price")
    optional_roles = ("history", "booking_share")
    # of versions that were fitted before there was one
    reach_ = (0.0, np.inf)

    def __init__(
        self,
        property: int = 0,
        market: int = 1,
        window: int = 2,
        price: int = 3,
        free_share: int = 4,
        past_level: int = 5,
        past_price: int = 6,
        history: Sequence[int] = (),
        booking_share: int | None = None,
        folds: int = 2,
        max_iter: int = 50,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 15,
        seed: int = 7,
    ) -> None:
        self.property = property
        self.market = market
        self.window = window
        self.price = price
        self.free_share = free_share
        self.past_level = past_level
        self.past_price = past_price
        self.history = history
        self.booking_share = booking_share
        self.folds = folds
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.seed = seed

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if isinstance(state.get("history"), int):
            # it was the number of columns after those with a fixed role
            state["history"] = tuple(range(len(self.roles), len(self.roles) + state["history"]))
        roles = {role: position for position, role in enumerate(self.roles)} | {"booking_share": None}
        super().__setstate__(renamed(state, {"rounds": "max_iter", "leaves": "max_leaf_nodes"}, roles))

    def fit(self, X: Floats, y: Floats, validation: tuple[Floats, Floats] | None = None) -> PriceResponseRegressor:
        """Fit on X of shape (rows, columns) and booking counts y; `validation` tells how far prices scatter.

        Raises
        ------
        ValueError
            When a price or a free share is not positive, there are fewer properties than folds, or nothing was
            booked.
        """
        price, free = self._positive(X, "price"), self._positive(X, "free_share")
        if not y.sum() > 0:
            raise ValueError("none of the examples was booked; there is no demand to learn from")
        properties, unit = np.unique(X[:, self.property].astype(np.int64), return_inverse=True)
        if len(properties) < self.folds:
            raise ValueError(f"{len(properties)} properties cannot be split into {self.folds} folds")
        self.markets_, market = np.unique(X[:, self.market].astype(np.int64), return_inverse=True)
        # drawn, since neighbouring numbers are often one host's
        fold = np.random.default_rng(self.seed).permutation(len(properties))[unit] % self.folds
        self.reach_ = (float(np.quantile(price, 0.01)), float(np.quantile(price, 0.99)))
        confounders, within = self._confounders(X), self._within_reach(price)
        bookings, expected = np.empty(len(y)), np.empty(len(y))
        self.demand_models_ = []
        for part in range(self.folds):
            learnt, held_out = fold != part, fold == part
            model = self._boosted("poisson", confounders[learnt], y[learnt] / free[learnt], free[learnt])
            self.demand_models_.append(model)
            bookings[held_out] = _predicted(model, confounders[held_out]) * free[held_out]
            model = self._boosted("squared_error", confounders[learnt], within[learnt])
            expected[held_out] = _predicted(model, confounders[held_out])
        window = np.unique(X[:, [self.market, self.window]].astype(np.int64), axis=0, return_inverse=True)[1].ravel()
        surprise = (within - expected) * self._still_open(X)
        slopes = market_slopes(y, bookings, surprise, unit, window, market)
        self.slopes_, self.deviations_, self.common_ = shrunk(slopes)
        exposure = self._exposure(X, self._slopes(X)[0])
        known = self._known(X)
        self.bookings_model_ = self._boosted("poisson", known, y / exposure, exposure)
        self.price_model_ = self._boosted("squared_error", known, price)
        seen = X if validation is None else validation[0]
        self.spread_ = float(np.std(np.log(seen[:, self.price] / self._expected_price(seen))))
        return self

    def refit(self, X: Floats, y: Floats) -> PriceResponseRegressor:
        """A new estimator on X and y, with the scatter of prices that this one saw on its validation rows."""
        check_is_fitted(self)
        found: PriceResponseRegressor = clone(self).fit(X, y)
        found.spread_ = self.spread_
        return found

    def predict(self, X: Floats) -> Floats:
        """Predictions of shape (rows, 5).

        Columns: expected bookings at the row's price, slope of their logarithm there, its standard deviation, expected
        relative price, standard deviation of the logarithm of the price over its expectation.
        """
        check_is_fitted(self)
        slope, deviation = self._slopes(X)
        bookings = _predicted(self.bookings_model_, self._known(X)) * self._exposure(X, slope)
        spread = np.full(len(X), self.spread_)
        price = self._positive(X, "price")
        # slope of the logarithm of bookings where the price is
        here = np.clip(price, *self.reach_) / price
        return np.stack([bookings, slope * here, deviation * here, self._expected_price(X), spread], axis=1)

    def _position(self, role: str) -> int:
        position: int = getattr(self, role)
        return position

    def _positive(self, X: Floats, role: str) -> Floats:
        values = X[:, self._position(role)].astype(np.float64)
        if not np.all(values > 0):
            raise ValueError(f"the {role} of an example is not positive; see the column that roles.{role} names")
        return values

    def _confounders(self, X: Floats) -> Floats:
        own = [] if self.booking_share is None else [self.booking_share]
        return np.delete(X, [*map(self._position, self.roles), *self.history, *own], axis=1)

    def _within_reach(self, price: Floats) -> Floats:
        """The price, whose logarithm counts in its place where hardly anybody asked so little or so much."""
        bounded: Floats = np.clip(price, *self.reach_)
        return bounded * (1 + np.log(price / bounded))

    def _still_open(self, X: Floats) -> Floats:
        """Share of a change of demand that reaches bookings: a night that is taken cannot be taken again."""
        if self.booking_share is None:
            return np.ones(len(X))
        confounders = self._confounders(X)
        usual = np.mean([_predicted(model, confounders) for model in self.demand_models_], axis=0)
        taken = usual * self._positive(X, "past_level") * X[:, self.booking_share]
        return 1 - np.clip(taken, 0, 1) / 2

    def _known(self, X: Floats) -> Floats:
        """What is known of a row but the price and what tells rows apart."""
        return np.delete(X, [self.property, self.market, self.window, self.price], axis=1)

    def _exposure(self, X: Floats, slope: Floats) -> Floats:
        # a property that was booked as often as others at a higher price is in greater demand
        step = self._within_reach(self._positive(X, "price")) - self._within_reach(self._positive(X, "past_price"))
        known = self._positive(X, "free_share") * self._positive(X, "past_level")
        return known * np.exp(-slope * step)

    def _slopes(self, X: Floats) -> tuple[Floats, Floats]:
        """Slope and its standard deviation by row, within reach."""
        place = np.clip(np.searchsorted(self.markets_, X[:, self.market]), 0, len(self.markets_) - 1)
        known = self.markets_[place] == X[:, self.market]
        still_open = self._still_open(X)
        slope = np.where(known, self.slopes_[place], self.common_[0]) * still_open
        return slope, np.where(known, self.deviations_[place], self.common_[1]) * still_open

    def _expected_price(self, X: Floats) -> Floats:
        return np.maximum(_predicted(self.price_model_, self._known(X)), 0.05)

    def _boosted(self, loss: str, X: Floats, y: Floats, weight: Floats | None = None) -> HistGradientBoostingRegressor:
        model = HistGradientBoostingRegressor(
            loss=loss,
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            max_bins=127,
            min_samples_leaf=50,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        # on shared cores threads that wait for each other take many times as long as one
        with threadpool_limits(1, "openmp"):
            return model.fit(X, y, sample_weight=weight)


def _predicted(model: HistGradientBoostingRegressor, X: Floats) -> Floats:
    with threadpool_limits(1, "openmp"):
        predicted: Floats = model.predict(X)
    return predicted
