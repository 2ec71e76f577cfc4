"""The laws of a platform: what its numbers are drawn from. World 0 is the calibrated one, every other draws its own.

Seeds draw guests, hosts and properties; the number of a world draws how they behave, in form and in numbers. Nothing
but the simulator and its truth may read this: a model meets a world as it would meet a platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator.columns import stream

PRICE_FORMS = ("power", "saturating", "kinked")
"""Effects of a price on demand that worlds draw from; world 0 has another, ``exponential``."""

TRIP_FORMS = ("shifted", "fixed")
"""What a hidden trait of a trip does to its cancellation; world 0 has no such trips."""

RETURN_FORMS = ("alike", "growing", "recent")
"""Which earlier guests of a property come back, and how many; world 0 has ``alike``."""

GROUP_SHAPE = 0.3
"""Shape of the gamma distribution of the further rooms' mean of a group: most take two or three, some twenty."""

LUMPY_FROM = 6
"""The first world with hotels; those before were measured when there were none."""

_USUAL_LOGIT = -1.85
"""What anybody can see of the logit of a cancellation a month ahead at the market's price."""


@dataclass(frozen=True)
class Laws:
    """How guests of one world behave.

    Attributes
    ----------
    world
        Its number.
    price_form
        Effect of price r, relative to the market's, on attempts to book, of slope b there. All are 1 at r = 1 and fall
        with r; all but ``kinked`` have the elasticity -b there:

        ``exponential``: exp(-b (r - 1));
        ``power``: r ** -b, an elasticity that is the same at all prices;
        ``saturating``: logistic, up to `price_bend` times the attempts at the market's price however cheap;
        ``kinked``: exponential, of slope b (1 - `price_bend`) below the market's price and b (1 + `price_bend`) above.
    price_bend
        See there; 0 where the form has none.
    flaky_share, flaky_effect
        Share of the users who cancel more often than others, and by how much on the logit.
    tentative_share
        Share of the trips that are tentative, of any guest and at random: no column tells, nor does any history.
    trip_form, tentative_effect
        ``shifted``: the effect is added to the logit of a tentative trip; ``fixed``: it is the logit, whatever the
        columns say.
    cancellation_shift
        On the logit of all, so that a usual booking is cancelled as often as in world 0.
    tastes
        Number of hidden clusters of properties and of the tastes of users, one for each. Clusters of a destination are
        alike in demand and in what columns tell; who books what alone tells them.
    dislike
        Weight of a user for a property of another cluster than that of their taste, whose own weigh 1.
    return_form, return_share, return_scale
        Attempts at a property that are made by its earlier guests:

        ``alike``: the share, each earlier attempt's guest as likely as any other;
        ``growing``: of n earlier attempts n / (n + scale) of the share, each as likely as any other;
        ``recent``: the share, guests of late rather, by exp(-days / scale).
    hotel_share, hotel_size
        Share of the properties that are hotels, as their descriptions say, and their factor on demand. A hotel has a
        room for everybody who comes, so that it takes several bookings a day.
    group_share, group_size, group_effect
        Share of the attempts at a hotel that are a group's, which one guest books for the same dates and cancels as a
        whole: `group_size` rooms in the mean, two at least, each a booking. A party of n rooms has `group_effect` times
        log(n) more on the logit of its cancellation.
    """

    world: int = 0
    price_form: str = "exponential"
    price_bend: float = 0.0
    flaky_share: float = 0.25
    flaky_effect: float = 1.3
    tentative_share: float = 0.0
    trip_form: str = "shifted"
    tentative_effect: float = 0.0
    cancellation_shift: float = 0.0
    tastes: int = 1
    dislike: float = 1.0
    return_form: str = "alike"
    return_share: float = 0.25
    return_scale: float = 0.0
    hotel_share: float = 0.0
    hotel_size: float = 1.0
    group_share: float = 0.0
    group_size: float = 2.0
    group_effect: float = 0.0

    def price_effect(self, relative_price: Floats, slope: Floats) -> Floats:
        """Factor on demand of a price relative to what the market asks for such a property."""
        above = relative_price - 1
        if self.price_form == "power":
            return relative_price**-slope
        if self.price_form == "saturating":
            most = self.price_bend
            return most / (1 + (most - 1) * np.exp(slope * most / (most - 1) * above))
        if self.price_form == "kinked":
            slope = slope * np.where(above > 0, 1 + self.price_bend, 1 - self.price_bend)
        factor: Floats = np.exp(-slope * above)
        return factor

    @property
    def trips(self) -> tuple[tuple[bool, float], ...]:
        """Whether a trip is tentative, and the share of those that are or are not; no kind that does not occur."""
        kinds = ((False, 1 - self.tentative_share), (True, self.tentative_share))
        return tuple((is_tentative, share) for is_tentative, share in kinds if share)

    def trip_logit(self, logit: Floats, tentative: Bools | bool) -> Floats:
        """Logit of a cancellation, given the trip's hidden trait beside all the rest."""
        logit = logit + self.cancellation_shift
        if self.trip_form == "fixed":
            return np.where(tentative, self.tentative_effect, logit)
        return logit + np.where(tentative, self.tentative_effect, 0.0)

    def draw_rooms(self, rng: np.random.Generator, is_hotel: Bools) -> Ints:
        """Rooms that each attempt is for, given whether it is at a hotel."""
        further = rng.poisson((self.group_size - 2) * rng.gamma(GROUP_SHAPE, 1 / GROUP_SHAPE, len(is_hotel)))
        return np.where(is_hotel & (rng.random(len(is_hotel)) < self.group_share), 2 + further, 1)

    def mean_rooms(self, is_hotel: Bools) -> Floats:
        """Expected rooms of an attempt at each property."""
        return np.where(is_hotel, 1 + self.group_share * (self.group_size - 1), 1.0)

    @property
    def text(self) -> str:
        """The laws in one line."""
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())


CALIBRATED = Laws()
"""World 0, whose shapes are those of real bookings."""


def draw_laws(world: int) -> Laws:
    """Draw the laws of a world; the same number, the same laws, whatever the seed.

    Raises
    ------
    ValueError
        When the number is negative.
    """
    if world < 0:
        raise ValueError(f"world {world}: the number of a world is not negative")
    if world == 0:
        return CALIBRATED
    rng = stream(world, "laws")
    price_form = _form(world, "price form", PRICE_FORMS)
    bends = {"power": 0.0, "saturating": rng.uniform(1.5, 2.5), "kinked": rng.uniform(0.3, 0.7)}
    return_form = _form(world, "return form", RETURN_FORMS)
    return_shares = {"alike": (0.2, 0.35), "growing": (0.35, 0.5), "recent": (0.2, 0.35)}
    return_scales = {"alike": (0.0, 0.0), "growing": (5.0, 20.0), "recent": (90.0, 240.0)}
    trip_form = _form(world, "trip form", TRIP_FORMS)
    effects = {"shifted": rng.uniform(1.5, 3.0), "fixed": rng.uniform(0.4, 1.4)}
    shares = {"shifted": rng.uniform(0.1, 0.3), "fixed": rng.uniform(0.06, 0.16)}
    laws = Laws(
        world=world,
        price_form=price_form,
        price_bend=round(bends[price_form], 3),
        flaky_share=round(rng.uniform(0.15, 0.4), 3),
        flaky_effect=round(rng.uniform(0.8, 1.6), 3),
        tentative_share=round(shares[trip_form], 3),
        trip_form=trip_form,
        tentative_effect=round(effects[trip_form], 3),
        tastes=int(rng.integers(3, 5)),
        dislike=round(rng.uniform(0.02, 0.2), 3),
        return_form=return_form,
        return_share=round(rng.uniform(*return_shares[return_form]), 3),
        return_scale=round(rng.uniform(*return_scales[return_form]), 1),
    )
    laws = replace(laws, cancellation_shift=round(_levelling_shift(laws), 3))
    return _with_lumps(laws) if world >= LUMPY_FROM else laws


def _with_lumps(laws: Laws) -> Laws:
    """With hotels and groups; of a stream of its own, so that all else is what it would be without."""
    rng = stream(laws.world, "lumps")
    return replace(
        laws,
        hotel_share=round(rng.uniform(0.03, 0.06), 3),
        hotel_size=round(rng.uniform(15.0, 30.0), 1),
        group_share=round(rng.uniform(0.08, 0.16), 3),
        group_size=round(rng.uniform(4.0, 7.0), 2),
        group_effect=round(rng.uniform(0.2, 0.6), 3),
    )


def _levelling_shift(laws: Laws) -> float:
    """The shift on all logits by which a usual booking is cancelled as often as in world 0; by bisection."""

    def cancelled(laws: Laws) -> float:
        chance = 0.0
        for more, weight in ((0.0, 1 - laws.flaky_share), (laws.flaky_effect, laws.flaky_share)):
            for is_tentative, share in laws.trips:
                logit = laws.trip_logit(np.array(_USUAL_LOGIT + more), is_tentative)
                chance += weight * share / (1 + np.exp(-float(logit)))
        return chance

    low, high, wanted = -6.0, 2.0, cancelled(CALIBRATED)
    for _ in range(40):
        middle = (low + high) / 2
        if cancelled(replace(laws, cancellation_shift=middle)) < wanted:
            low = middle
        else:
            high = middle
    return low


def _form(world: int, name: str, forms: Sequence[str]) -> str:
    """One of the forms; of as many worlds in a row as there are forms each has another."""
    block, place = divmod(world - 1, len(forms))
    return forms[int(stream(block, name).permutation(len(forms))[place])]
