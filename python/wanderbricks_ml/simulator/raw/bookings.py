"""Raw bookings, their updates, payments and reviews."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wanderbricks_ml.arrays import Bools
from wanderbricks_ml.simulator.columns import dates, picked, stream
from wanderbricks_ml.simulator.raw.drawing import DAY_MICROS, ORIGINAL_ROWS, ids, micros, moments, scaled, some

_TIED_UPDATES = 486
_UPDATED = 0.66
_AMENDED = 0.15
_UNDATED = 0.3
_PAID = 0.64
_FAILED, _PENDING = 0.03, 0.05
_SHOWN = {"pending": 0.44, "cancelled": 0.21, "completed": 0.10}
_DELETED_REVIEWS = 476 / 99_793
_COMMENTS = ("Would not return.", "Below what we hoped for.", "Fine.", "A good stay.", "We loved it.")


_DETAILS = ["check_in", "check_out", "guests_count", "total_amount"]


def booking_tables(detail: pa.Table, seed: int) -> tuple[pa.Table, pa.Table]:
    """Make the stale bookings, and the updates that lead to gold's state."""
    rng = stream(seed, "raw_bookings")
    count = detail.num_rows
    final = detail["status"].to_numpy()
    created, updated = micros(detail["created_at"]), micros(detail["updated_at"])
    # What never changed has no earlier state to show.
    stale = updated > created
    for status in ("completed", "cancelled"):
        stale[some(rng, stale & (final == status), round(_SHOWN[status] * count))] = False
    stale[some(rng, stale & (final == "confirmed"), np.count_nonzero(stale) - round(_UPDATED * count))] = False

    before = np.where(np.isin(final, ("pending", "confirmed")), "pending", "confirmed")
    shown = np.where(stale, before, final)
    still_pending = round(_SHOWN["pending"] * count) - np.count_nonzero(shown == "pending")
    shown[some(rng, stale & (shown == "confirmed"), still_pending)] = "pending"
    confirmed_after = (rng.random(count) * np.minimum(updated - created, DAY_MICROS)).astype(np.int64)
    since = np.where(stale, created + (shown == "confirmed") * confirmed_after, updated)
    details = _first_details(detail, stale, seed)
    bookings = pa.table(
        {
            "booking_id": detail["booking_id"],
            "user_id": detail["user_id"],
            "property_id": detail["property_id"],
            **details,
            "status": pa.array(shown),
            "created_at": detail["created_at"],
            "updated_at": moments(since),
        }
    )

    last = np.flatnonzero(stale)
    last = last[np.argsort(updated[last], kind="stable")]
    updates = scaled("booking_updates", "bookings", count)
    tied = some(rng, stale, round(updates * _TIED_UPDATES / ORIGINAL_ROWS["booking_updates"]))
    passed = rng.choice(last, max(updates - len(last) - len(tied), 0))
    passed_at = since[passed] + (rng.random(len(passed)) * (updated - since)[passed]).astype(np.int64)
    superseded, moment = np.concatenate([tied, passed]), np.concatenate([updated[tied], passed_at])
    order = np.argsort(moment, kind="stable")
    # Superseded rows come first, so that a booking's final one has its greatest id even where times tie.
    row = np.concatenate([superseded[order], last])
    superseded = superseded[order]
    undated = pa.array(rng.random(len(row)) < _UNDATED)
    snapshots = pa.table(
        {
            "booking_update_id": ids("booking_updates", len(row)),
            **{name: bookings[name].take(row) for name in ("booking_id", "user_id", "property_id")},
            **{
                name: pa.chunked_array([*bookings[name].take(superseded).chunks, *values.take(last).chunks])
                for name, values in _last_details(detail).items()
            },
            "status": np.concatenate([before[superseded], final[last]]),
            "created_at": pc.if_else(undated, None, bookings["created_at"].take(row)),
            "updated_at": moments(np.concatenate([moment[order], updated[last]])),
        }
    )
    return bookings, snapshots


def _last_details(detail: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Dates, guests and amount that gold has, by the names of raw."""
    values = (detail["check_in_date"], detail["check_out_date"], detail["guests_count"], detail["total_amount"])
    return dict(zip(_DETAILS, (*values[:3], values[3].cast(pa.float32())), strict=True))


def _first_details(detail: pa.Table, stale: Bools, seed: int) -> dict[str, pa.ChunkedArray | pa.Array]:
    """What was booked first: of some of the `stale` bookings other dates and guests, at the same rate a night."""
    rng = stream(seed, "raw_amendments")
    last = _last_details(detail)
    amended = np.zeros(detail.num_rows, bool)
    amended[some(rng, stale, round(_AMENDED * np.count_nonzero(stale)))] = True
    check_in, check_out = (
        last[name].cast(pa.int32()).to_numpy().astype(np.int64) for name in ("check_in", "check_out")
    )
    # not before the day of booking, nor without a night
    arrival = np.maximum(check_in + rng.integers(-3, 4, len(check_in)), micros(detail["created_at"]) // DAY_MICROS)
    nights = np.maximum(check_out - check_in + rng.integers(-1, 2, len(check_in)), 1)
    guests = np.maximum(last["guests_count"].to_numpy() + rng.integers(-1, 2, len(check_in)), 1)
    amount = np.round(last["total_amount"].to_numpy().astype(float) * nights / (check_out - check_in), 2)
    first = (dates(arrival), dates(arrival + nights), pa.array(guests, pa.int32()), pa.array(amount, pa.float32()))
    return {
        name: pc.if_else(pa.array(amended), values, last[name]) for name, values in zip(_DETAILS, first, strict=True)
    }


def payment_table(detail: pa.Table, seed: int) -> pa.Table:
    """What gold's guests paid when they booked and got back when they cancelled, of some bookings; some fail to."""
    rng = stream(seed, "raw_payments")
    payments, paid = scaled("payments", "bookings", detail.num_rows), round(_PAID * detail.num_rows)
    net = detail["payment_amount"]
    kept, returned = (test(net, 0).fill_null(False).to_numpy() for test in (pc.greater, pc.equal))
    refunded = some(rng, returned, payments - paid)
    row = np.sort(np.concatenate([refunded, refunded, some(rng, kept, paid - len(refunded))]))
    is_refund = pa.array(np.append(False, row[1:] == row[:-1]))
    charge = pc.if_else(pa.array(kept), net, detail["total_amount"]).cast(pa.decimal128(15, 4)).take(row)
    moment = {name: detail[name].take(row) for name in ("created_at", "updated_at")}
    # What came back had come.
    came_back = np.isin(row, refunded)
    luck = rng.random(len(row))
    status = np.select(
        [came_back, luck < _FAILED, luck < _FAILED + _PENDING], ["completed", "failed", "pending"], "completed"
    )
    return pa.table(
        {
            "payment_id": ids("payments", len(row)),
            "booking_id": detail["booking_id"].take(row),
            "amount": pc.if_else(is_refund, pc.negate(charge), charge),
            "payment_method": detail["payment_method"].take(row),
            "status": pc.if_else(is_refund, "refunded", pa.array(status)),
            "payment_date": pc.if_else(is_refund, moment["updated_at"], moment["created_at"]),
        }
    )


def review_table(detail: pa.Table, seed: int) -> pa.Table:
    """Reviews of completed stays, within 30 days of their completion."""
    rng = stream(seed, "raw_reviews")
    count = scaled("reviews", "bookings", detail.num_rows)
    row = rng.choice(np.flatnonzero(pc.equal(detail["status"], "completed").to_numpy()), count)
    created = micros(detail["updated_at"])[row] + rng.integers(0, 30 * DAY_MICROS, count)
    is_deleted = rng.random(count) < _DELETED_REVIEWS
    rating = rng.integers(1, 6, count)
    return pa.table(
        {
            "review_id": ids("reviews", count),
            "booking_id": detail["booking_id"].take(row),
            "property_id": detail["property_id"].take(row),
            "user_id": detail["user_id"].take(row),
            "rating": pa.array(rating.astype(np.float64), mask=is_deleted),
            "comment": picked(_COMMENTS, rating - 1),
            "is_deleted": is_deleted,
            "created_at": moments(created),
            "updated_at": moments(created + is_deleted * rng.integers(0, DAY_MICROS, count)),
        }
    )
