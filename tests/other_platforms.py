"""Tables of platforms that are none of vacation rentals, for what makes a product of any labels."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TODAY = date(2025, 8, 1)
"""The point in time of preset tiny."""


def telecom_customers(customers: int = 1500, months: int = 20, seed: int = 1) -> pa.Table:
    """Customers of a telecom on the first of each month: what was known, and whether they left within 30 days."""
    draw = np.random.default_rng(seed)
    plan = draw.choice(["prepaid", "contract", "family"], customers, p=[0.4, 0.4, 0.2])
    fee = np.where(plan == "family", 55.0, np.where(plan == "contract", 35.0, 15.0)) + draw.normal(0, 4, customers)
    tenure = draw.integers(1, 60, customers)
    patience = draw.normal(0, 0.5, customers)
    rows: dict[str, list[np.ndarray]] = {}
    for month in reversed(range(months)):
        snapshot = _months_before(TODAY, month)
        dropped = draw.poisson(2, customers)
        tickets = draw.poisson(0.3 + 0.2 * dropped)
        logit = -3.2 + 0.35 * dropped + 0.5 * tickets - 0.02 * tenure + patience + 0.6 * (plan == "prepaid")
        leaves = draw.random(customers) < 1 / (1 + np.exp(-logit))
        for name, values in {
            "customer_id": np.arange(customers),
            "snapshot_date": np.full(customers, snapshot, dtype="datetime64[D]"),
            "plan": plan,
            "monthly_fee": fee,
            "tenure_months": tenure,
            "dropped_calls": dropped,
            "support_tickets": tickets,
            "churned": leaves,
        }.items():
            rows.setdefault(name, []).append(values)
        # who leaves is replaced by somebody new
        tenure = np.where(leaves, 1, tenure + 1)
    return pa.table({name: np.concatenate(values) for name, values in rows.items()})


def shop_sessions(daily: int = 80, days: int = 240, seed: int = 2) -> pa.Table:
    """Sessions of a web shop by day: what was seen of each, what it bought, and the store's items that were shown."""
    draw = np.random.default_rng(seed)
    sessions = daily * days
    day = np.repeat([np.datetime64(TODAY - timedelta(days=n)) for n in range(days, 0, -1)], daily)
    device = draw.choice(["phone", "laptop"], sessions, p=[0.6, 0.4])
    pages = 1 + draw.poisson(4, sessions)
    cart = draw.poisson(0.12 * pages)
    logit = -3 + 0.9 * cart + 0.15 * pages + 0.5 * (device == "laptop")
    buys = draw.random(sessions) < 1 / (1 + np.exp(-logit))
    items = np.where(buys, 1 + draw.poisson(0.5 * cart), 0)
    return pa.table(
        {
            # a text id, as web shops have them
            "session_id": [f"s-{number:06d}" for number in range(sessions)],
            "session_date": day,
            "device": device,
            "country": draw.choice(["DE", "FR", "PT"], sessions),
            "pages": pages,
            "cart_items": cart,
            "purchased": buys.astype(int),
            "items_bought": items,
            "basket": items * 20.0 * np.exp(draw.normal(0, 0.3, sessions)) + 0.5 * pages,
        }
    )


def shop_rankings(queries: int = 1500, shown: int = 8, days: int = 100, seed: int = 3) -> pa.Table:
    """Items shown in a session, of which one is bought."""
    draw = np.random.default_rng(seed)
    quality = draw.normal(0, 1, 60)
    day = np.sort(draw.integers(1, days + 1, queries))[::-1]
    item = np.argsort(draw.random((queries, 60)), axis=1)[:, :shown]
    discount = draw.choice([0.0, 0.1, 0.3], (queries, shown))
    utility = quality[item] + 4 * discount + draw.gumbel(0, 1, (queries, shown))
    bought = utility == utility.max(axis=1, keepdims=True)
    return pa.table(
        {
            "query_number": np.repeat(np.arange(queries), shown),
            "item_id": item.ravel(),
            "shown_date": np.repeat(np.datetime64(TODAY) - day.astype("timedelta64[D]"), shown),
            "discount": discount.ravel(),
            "item_rating": (quality[item] + draw.normal(0, 0.5, (queries, shown))).ravel(),
            "bought": bought.ravel().astype(int),
        }
    )


def write(folder: Path) -> dict[str, Path]:
    """Write all of them as Parquet, and return their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "telecom_customers": telecom_customers(),
        "shop_sessions": shop_sessions(),
        "shop_rankings": shop_rankings(),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return {name: folder / f"{name}.parquet" for name in tables}


def _months_before(day: date, months: int) -> np.datetime64:
    return np.datetime64(day, "M") - np.timedelta64(months, "M")
