"""Truth of cancellations, hidden kinds of hosts and users inferred by Bayes' rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.special import betainc

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.bookings import (
    BOOKINGS_PER_SHARD,
    CANCELLED_AT,
    POLICY_EFFECT,
    cancellation_logit,
    cancellation_probability,
)
from wanderbricks_ml.simulator.columns import DAY
from wanderbricks_ml.simulator.laws import Laws
from wanderbricks_ml.simulator.world import POLICY_SHARE

if TYPE_CHECKING:
    from wanderbricks_ml.simulator import World


def expected_cancellation(logit: Floats, lead: Ints, policy: Floats, flaky: Floats, laws: Laws) -> Floats:
    """Mix the probability over policies, shape (B, 3) or (1, 3), flakiness, shape (B,) or (1,), and kinds of trips."""
    probability = np.zeros(len(logit))
    for kind, effect in enumerate(POLICY_EFFECT):
        for more, weight in ((0.0, 1 - flaky), (laws.flaky_effect, flaky)):
            for is_tentative, share in laws.trips:
                whole = laws.trip_logit(logit + effect + more, is_tentative)
                probability += policy[:, kind] * weight * share * cancellation_probability(whole, lead)
    return probability


def cancellation_truth(world: World, last: int) -> pa.Table:
    stays, properties, laws = world.stays, world.properties, world.laws
    end = (last + 1) * DAY
    count = int(np.searchsorted(stays.created, end))
    created, check_in = stays.created[:count], stays.check_in[:count]
    lead = check_in - created // DAY
    listing, user = stays.listing[:count], stays.user[:count]
    price = world.prices.price[stays.version[:count]]
    logit = cancellation_logit(lead, price / properties.market_price[listing], stays.is_business[:count])
    logit = logit + laws.group_effect * np.log(stays.rooms[:count])
    # an outcome counts from check-in on: cancellations are known earlier, and alone would tell of cancelling only
    ended = check_in * DAY
    cancelled = stays.cancelled_after[:count] >= 0
    # what becomes of a group tells as much as one booking does
    tells = (lead > 0) & stays.is_first[:count]
    flaky_shares = np.array([1 - laws.flaky_share, laws.flaky_share])
    by_policy = np.stack(
        [expected_cancellation(logit, lead, sure[None, :], flaky_shares[1:], laws) for sure in np.eye(3)], axis=1
    )
    by_flaky = np.stack(
        [expected_cancellation(logit, lead, POLICY_SHARE[None, :], sure, laws) for sure in np.array([[0.0], [1.0]])],
        axis=1,
    )
    policy = _posterior(POLICY_SHARE, by_policy, cancelled, properties.host[listing], ended, created, tells)
    flaky = _posterior(
        np.array([1 - laws.flaky_share, laws.flaky_share]), by_flaky, cancelled, user, ended, created, tells
    )
    probability = expected_cancellation(logit, lead, policy, flaky[:, 1], laws)
    gone = betainc(*CANCELLED_AT, np.clip((end - created) / np.maximum(check_in * DAY - created, 1), 0, 1))
    is_open = (check_in > last) & (stays.cancelled_at[:count] >= end)
    still = probability * (1 - gone) / (1 - probability * gone)
    return pa.table(
        {
            "booking_id": world.shard * BOOKINGS_PER_SHARD + np.arange(1, count + 1),
            "cancellation_probability": probability,
            "open_probability": pa.array(still, mask=~is_open),
        }
    )


def _posterior(
    prior: Floats, probability: Floats, cancelled: Bools, owner: Ints, ended: Ints, asked: Ints, tells: Bools
) -> Floats:
    """Probability of each hidden kind of `owner` at `asked`, from outcomes that had `ended` by then; shape (B, K)."""
    likelihood = np.log(np.where(cancelled[:, None], probability, 1 - probability).clip(1e-12))
    likelihood[~tells] = 0.0
    origin = min(ended.min(initial=0), asked.min(initial=0))
    span = int(max(ended.max(initial=0), asked.max(initial=0)) - origin) + 2
    key = owner * span + (ended - origin)
    order = np.argsort(key, kind="stable")
    so_far = np.concatenate([np.zeros((1, likelihood.shape[1])), np.cumsum(likelihood[order], axis=0)])
    begin = np.searchsorted(key[order], owner * span)
    stop = np.searchsorted(key[order], owner * span + (asked - origin))
    posterior = np.log(prior) + so_far[stop] - so_far[begin]
    posterior = np.exp(posterior - posterior.max(axis=1, keepdims=True))
    return posterior / posterior.sum(axis=1, keepdims=True)
