"""The laws of a platform: what its numbers are drawn from. World 0 is the calibrated one, every other draws its own.

Seeds draw guests, hosts and properties; the number of a world draws how they behave, in form and in numbers. Nothing
but the simulator and its truth may read this: a model meets a world as it would meet a platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.simulator.columns import stream

PRICE_FORMS = ("power", "saturating", "kinked")
"""Effects of a price on demand that worlds draw from; world 0 has another, ``exponential``."""


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
    """

    world: int = 0
    price_form: str = "exponential"
    price_bend: float = 0.0

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
    return Laws(
        world=world,
        price_form=price_form,
        price_bend=round(bends[price_form], 3),
    )


def _form(world: int, name: str, forms: Sequence[str]) -> str:
    """One of the forms; of as many worlds in a row as there are forms each has another."""
    block, place = divmod(world - 1, len(forms))
    return forms[int(stream(block, name).permutation(len(forms))[place])]
