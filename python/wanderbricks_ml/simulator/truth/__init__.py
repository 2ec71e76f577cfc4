"""The best possible predictions, for comparison: expectations given what can be seen at the snapshot.

Truth knows how the platform works (seasons, slopes, distributions of what is hidden) but not what was drawn for a
single property, host or user: that it infers from history, as a model must. No model can be better on average.

Demand
    Attempts at a property are Poisson with rate ``latent * unit rate``; the latent is gamma, so that after N
    bookings in an exposure of E (unit rates while the first night was free) its mean is ``(k + N) / (k + E)``.
    A destination's shocks are inferred from the bookings on the books of its days (Poisson counts, Gaussian
    prior, Laplace approximation). Expected check-ins are the bookings on the books plus, over the days until
    check-in, the rate of attempts times the probability that the night is still free then: nights that are free
    at the snapshot are lost at the rate of attempts that would cover them (first order), taken ones are freed by
    a cancellation. A hotel, which its description names, is never full; its attempts count, one for a group whatever
    its size, and each is expected to be for the mean number of rooms.
Conversion
    Clicks are attempts and idle clicks, independent Poisson numbers, so that given K clicks the number that
    books is binomial; the probability of any booking is ``1 - (1 - p) ** K``.
Cancellation
    Logistic given lead time, price and business, with the host's policy and the user's flakiness inferred by
    Bayes' rule from earlier bookings whose outcome is known, mixed over what trips there are. A group's size is seen,
    and its outcome counts once.
Users
    Gamma-distributed rates and exponential lifetimes, as in the Pareto/NBD model (Schmittlein, Morrison and
    Colombo 1987), in the time of the market: exposure is the rate at which a user of the same cell books. The
    budget class is inferred from the prices paid; tastes are mixed over, as clusters weigh alike. Earlier guests
    return at a rate for each past booking; a group's bookings count as one. Where guests of late return rather
    (`Laws.return_form` recent) this does not hold, and no truth is written.
Revenue
    What is on the books, each booking times the probability that it is kept, and expected check-ins still to come times
    their nights, the price in force and the share that is kept. Listings to come are left out, as are prices to come.
Pricing
    Expected revenue of a stay month from bookings still to come, were the price changed from the snapshot on: the
    month's first day or that of the month before.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from wanderbricks_ml.simulator.columns import day_number
from wanderbricks_ml.simulator.truth.cancellation import cancellation_truth
from wanderbricks_ml.simulator.truth.market import Market
from wanderbricks_ml.simulator.truth.properties import conversion_truth, demand_truth, pricing_truth, revenue_truth
from wanderbricks_ml.simulator.truth.users import user_truth

if TYPE_CHECKING:
    from wanderbricks_ml.simulator import World


def truth_tables(world: World, until: date) -> dict[str, pa.Table]:
    """Truth of one shard for snapshots up to the day after `until`; tables by name.

    demand
        property_id, as_of_date, check_in_date, expected_bookings.
    conversion
        property_id, engagement_date, conversion_probability.
    cancellation
        booking_id, cancellation_probability (when it was made), open_probability (now, null unless open).
    users
        user_id, as_of_date, probability of no booking within 180 and 365 days, expected bookings and revenue
        (not cancelled) within 365 days; not in all worlds, see above.
    revenue
        destination_id, as_of_date, check_in_date, expected_revenue (not cancelled); where truth has all
        properties.
    pricing
        property_id, stay_month, lead_months, price_level (fraction), price, expected_bookings, expected_revenue.
    """
    market = Market.of(world)
    last = day_number(until)
    return {
        "demand": demand_truth(market, last),
        "conversion": conversion_truth(market, last),
        "cancellation": cancellation_truth(world, last),
        **({} if world.laws.return_form == "recent" else {"users": user_truth(world, last)}),
        "revenue": revenue_truth(market, last),
        "pricing": pricing_truth(market, until),
    }
