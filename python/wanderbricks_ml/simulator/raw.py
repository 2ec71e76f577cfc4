"""The raw sample schema, ``samples.wanderbricks``, that simulated gold could have been made from.

Counts and shares are those of the original: per booking, per property (amenities, images) or per
host (employees). The dimensions are gold's current versions. These quirks of the original are kept:

* ``bookings.status`` is stale: pending 44 %, confirmed 25 %, cancelled 21 %, completed 10 %. The
  latest state, which is gold's, is the row of ``booking_updates`` with the greatest ``updated_at``
  and then ``booking_update_id``, or else the row of ``bookings``. 66 % of the bookings have an
  update, and these are the stale ones. Nothing is un-cancelled: where gold has less than 21 %
  cancelled, all of it shows, and more shows as confirmed.
* 486 of 83,068 updates tie on time with the final one, with an earlier status: only the id tells.
  Ids do not fall within a booking, but 7,943 of 83,068 repeat another.
* ``total_amount`` is a float; rounded to cents it is gold's.
* 64 % of the bookings are paid, in gold nearly all: the payments of a booking that has some sum up
  to gold's ``payment_amount``, the others' are lost. Of 49,638 payments 45,173 ids are distinct.
  Refunds, 7 % of the rows, are the exact negatives of what was paid.
* Reviews have 1,000 distinct ids of 99,793, page views 5,000 of 500,000. 0.5 % of the reviews are
  deleted and have no rating. Ratings, devices and referrers mean nothing.
* Page views and clicks lie in the second month after the last booking (September after July), so
  that gold's engagement cannot be made from them.
* ``customer_support_logs`` has its times as text.

Not known, and chosen: the columns of amenities, property_amenities, property_images,
customer_support_logs and employees, after what is published about the original; ratings as float,
``payment_date`` as timestamp; which 168 countries (these leave out small ones). Emails are made up;
names and phone numbers are those of gold's hosts, who are made up too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wanderbricks_ml.simulator.columns import Bools, Ints, dates, joined, picked, stream

ORIGINAL_ROWS: Mapping[str, int] = {
    "bookings": 72_247, "booking_updates": 83_068, "payments": 49_638, "reviews": 99_793,
    "page_views": 500_000, "clickstream": 100_000, "customer_support_logs": 1_900,
    "properties": 18_163, "property_amenities": 118_108, "property_images": 54_186,
    "hosts": 19_384, "employees": 73_006,
}  # fmt: skip
"""Rows of the original's tables, by which those made here are scaled."""

_DISTINCT_IDS = {"booking_updates": 75_125, "payments": 45_173, "reviews": 1_000, "page_views": 5_000}
_TIED_UPDATES = 486
_UPDATED = 0.66
_PAID = 0.64
_SHOWN = {"pending": 0.44, "cancelled": 0.21, "completed": 0.10}
_DELETED_REVIEWS = 476 / 99_793
_DAY = 86_400_000_000  # microseconds, as all moments here

_GOLD = ("dim_user", "dim_host", "dim_property", "dim_destination", "fact_booking_detail")
_DEVICES = ("desktop", "mobile", "tablet")
_REFERRERS = ("google", "direct", "email", "ad")
_EVENTS = ("view", "click", "search", "filter")
_COMMENTS = ("Would not return.", "Below what we hoped for.", "Fine.", "A good stay.", "We loved it.")
_ROLES = ("cleaner", "chef", "concierge", "gardener", "maintenance")
_QUESTIONS = ("Where is my refund?", "How do I reach my host?", "Can I change my dates?")
_SENTIMENTS = ("negative", "neutral", "positive")
_AMENITIES = {
    "Basic": "Wi-Fi,Kitchen,Heating,Air conditioning,Washer,Dryer,TV,Iron,Hair dryer,Desk,Crib,Elevator",
    "Outdoor": "Balcony,Terrace,Garden,Barbecue,Parking,Bicycles,Playground,Beach access,Kayaks",
    "Luxury": "Pool,Hot tub,Sauna,Gym,Fireplace,Wine cellar,Home cinema,Butler,Piano",
    "Safety": "Smoke alarm,Gas alarm,First aid kit,Fire extinguisher,Safe,Door camera,Night guard,Fenced pool",
}
_COUNTRIES = {
    "Africa": "DZ Algeria,AO Angola,BJ Benin,BW Botswana,BF Burkina Faso,BI Burundi,CM Cameroon,"
    "CF Central African Republic,TD Chad,CG Congo,CD Democratic Republic of the Congo,DJ Djibouti,EG Egypt,"
    "GQ Equatorial Guinea,ER Eritrea,SZ Eswatini,ET Ethiopia,GA Gabon,GM Gambia,GH Ghana,GN Guinea,"
    "CI Ivory Coast,KE Kenya,LS Lesotho,LR Liberia,LY Libya,MG Madagascar,MW Malawi,ML Mali,MR Mauritania,"
    "MU Mauritius,MA Morocco,MZ Mozambique,NA Namibia,NE Niger,NG Nigeria,RW Rwanda,SN Senegal,SL Sierra Leone,"
    "SO Somalia,ZA South Africa,SS South Sudan,SD Sudan,TZ Tanzania,TG Togo,TN Tunisia,UG Uganda,ZM Zambia,"
    "ZW Zimbabwe",
    "Asia": "AF Afghanistan,AM Armenia,AZ Azerbaijan,BH Bahrain,BD Bangladesh,BN Brunei,KH Cambodia,"
    "CN China,GE Georgia,HK Hong Kong,IN India,ID Indonesia,IR Iran,IQ Iraq,IL Israel,JP Japan,JO Jordan,"
    "KZ Kazakhstan,KW Kuwait,KG Kyrgyzstan,LA Laos,LB Lebanon,MY Malaysia,MV Maldives,MN Mongolia,MM Myanmar,"
    "NP Nepal,KP North Korea,OM Oman,PK Pakistan,PH Philippines,QA Qatar,SA Saudi Arabia,SG Singapore,KR South Korea,"
    "LK Sri Lanka,SY Syria,TW Taiwan,TJ Tajikistan,TH Thailand,TR Turkey,TM Turkmenistan,"
    "AE United Arab Emirates,UZ Uzbekistan,VN Vietnam,YE Yemen",
    "Europe": "AL Albania,AT Austria,BY Belarus,BE Belgium,BA Bosnia and Herzegovina,BG Bulgaria,HR Croatia,"
    "CY Cyprus,CZ Czechia,DK Denmark,EE Estonia,FI Finland,FR France,DE Germany,GR Greece,HU Hungary,IS Iceland,"
    "IE Ireland,IT Italy,LV Latvia,LT Lithuania,LU Luxembourg,MT Malta,MD Moldova,ME Montenegro,NL Netherlands,"
    "MK North Macedonia,NO Norway,PL Poland,PT Portugal,RO Romania,RU Russia,RS Serbia,SK Slovakia,SI Slovenia,"
    "ES Spain,SE Sweden,CH Switzerland,UA Ukraine,GB United Kingdom",
    "North America": "BS Bahamas,BB Barbados,BZ Belize,CA Canada,CR Costa Rica,CU Cuba,DO Dominican Republic,"
    "SV El Salvador,GT Guatemala,HT Haiti,HN Honduras,JM Jamaica,MX Mexico,NI Nicaragua,PA Panama,"
    "TT Trinidad and Tobago,US United States",
    "Oceania": "AU Australia,FJ Fiji,NZ New Zealand,PG Papua New Guinea",
    "South America": "AR Argentina,BO Bolivia,BR Brazil,CL Chile,CO Colombia,EC Ecuador,GY Guyana,PY Paraguay,"
    "PE Peru,SR Suriname,UY Uruguay,VE Venezuela",
}


def raw_tables(gold: Mapping[str, pa.Table], seed: int) -> dict[str, pa.Table]:
    """Make the raw tables of a simulated gold; same arguments, same tables.

    Parameters
    ----------
    gold
        dim_user, dim_host, dim_property, dim_destination and fact_booking_detail.
    seed
        Not negative. Each group of tables draws from a stream of its own.

    Returns
    -------
    dict
        The 16 tables by name. Moments are in microseconds without a zone, amounts in the currency
        of gold.

    Raises
    ------
    KeyError
        When a gold table or column is missing.
    ValueError
        When gold has a country that has no code here, or no completed booking to review.
    """
    detail = gold["fact_booking_detail"]
    users = _current(gold["dim_user"], "user_id email name country user_type created_at is_business company_name")
    hosts = _current(gold["dim_host"], "host_id name email phone is_verified is_active rating country joined_at")
    properties = _current(
        gold["dim_property"],
        "property_id host_id destination_id title description base_price property_type max_guests bedrooms"
        " bathrooms property_latitude property_longitude created_at",
    )
    destinations = gold["dim_destination"].select(
        ["destination_id", "destination", "country", "state_or_province", "state_or_province_code", "description"]
    )
    bookings, updates = _bookings(detail, seed)
    employees = _employees(hosts, _micros(detail["created_at"]).max() // _DAY, seed)
    return {
        "bookings": bookings,
        "booking_updates": updates,
        "payments": _payments(detail, seed),
        "reviews": _reviews(detail, seed),
        **_visits(users, properties, detail, seed),
        "properties": properties,
        "users": users,
        "hosts": hosts,
        "destinations": destinations,
        "countries": _countries([users, hosts, destinations]),
        **_furnishings(properties, seed),
        "customer_support_logs": _support_logs(detail, employees, seed),
        "employees": employees,
    }


def write_raw(gold_folder: Path, seed: int, out: Path) -> None:
    """Write the raw tables of the gold in `gold_folder`; same gold and seed, same bytes.

    Parameters
    ----------
    gold_folder
        Folder with the ``<table>.parquet`` files of simulated gold.
    seed
        Not negative.
    out
        Folder to make or to replace the ``<table>.parquet`` files of.

    Raises
    ------
    FileNotFoundError
        When a gold file is missing.
    KeyError, ValueError
        As `raw_tables`; nothing is written then.
    """
    tables = raw_tables({name: pq.read_table(gold_folder / f"{name}.parquet") for name in _GOLD}, seed)
    out.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, out / f"{name}.parquet", compression="zstd")


def _bookings(detail: pa.Table, seed: int) -> tuple[pa.Table, pa.Table]:
    """Make the stale bookings, and the updates that lead to gold's state."""
    rng = stream(seed, "raw_bookings")
    count = detail.num_rows
    final = detail["status"].to_numpy()
    created, updated = _micros(detail["created_at"]), _micros(detail["updated_at"])
    # What never changed has no earlier state to show.
    stale = updated > created
    for status in ("completed", "cancelled"):
        stale[_some(rng, stale & (final == status), round(_SHOWN[status] * count))] = False
    stale[_some(rng, stale & (final == "confirmed"), np.count_nonzero(stale) - round(_UPDATED * count))] = False

    before = np.where(np.isin(final, ("pending", "confirmed")), "pending", "confirmed")
    shown = np.where(stale, before, final)
    still_pending = round(_SHOWN["pending"] * count) - np.count_nonzero(shown == "pending")
    shown[_some(rng, stale & (shown == "confirmed"), still_pending)] = "pending"
    confirmed_after = (rng.random(count) * np.minimum(updated - created, _DAY)).astype(np.int64)
    since = np.where(stale, created + (shown == "confirmed") * confirmed_after, updated)
    bookings = pa.table(
        {
            "booking_id": detail["booking_id"],
            "user_id": detail["user_id"],
            "property_id": detail["property_id"],
            "check_in": detail["check_in_date"],
            "check_out": detail["check_out_date"],
            "guests_count": detail["guests_count"],
            "total_amount": detail["total_amount"].cast(pa.float32()),
            "status": pa.array(shown),
            "created_at": detail["created_at"],
            "updated_at": _moments(since),
        }
    )

    last = np.flatnonzero(stale)
    last = last[np.argsort(updated[last], kind="stable")]
    updates = _scaled("booking_updates", "bookings", count)
    tied = _some(rng, stale, round(updates * _TIED_UPDATES / ORIGINAL_ROWS["booking_updates"]))
    passed = rng.choice(last, max(updates - len(last) - len(tied), 0))
    passed_at = since[passed] + (rng.random(len(passed)) * (updated - since)[passed]).astype(np.int64)
    superseded, moment = np.concatenate([tied, passed]), np.concatenate([updated[tied], passed_at])
    order = np.argsort(moment, kind="stable")
    # Superseded rows come first, so that a booking's final one has its greatest id even where times tie.
    row = np.concatenate([superseded[order], last])
    snapshots = bookings.take(row).drop_columns(["status", "updated_at"])
    reached = np.concatenate([before[superseded[order]], final[last]])
    return bookings, (
        snapshots.append_column("status", pa.array(reached))
        .append_column("updated_at", _moments(np.concatenate([moment[order], updated[last]])))
        .append_column("booking_update_id", _ids("booking_updates", len(row)))
        .select(["booking_update_id", *bookings.column_names])
    )


def _payments(detail: pa.Table, seed: int) -> pa.Table:
    """What gold's guests paid when they booked and got back when they cancelled, for some bookings."""
    rng = stream(seed, "raw_payments")
    payments, paid = _scaled("payments", "bookings", detail.num_rows), round(_PAID * detail.num_rows)
    net = detail["payment_amount"]
    kept, returned = (test(net, 0).fill_null(False).to_numpy() for test in (pc.greater, pc.equal))
    refunded = _some(rng, returned, payments - paid)
    row = np.sort(np.concatenate([refunded, refunded, _some(rng, kept, paid - len(refunded))]))
    is_refund = pa.array(np.append(False, row[1:] == row[:-1]))
    charge = pc.if_else(pa.array(kept), net, detail["total_amount"]).cast(pa.decimal128(15, 4)).take(row)
    moment = {name: detail[name].take(row) for name in ("created_at", "updated_at")}
    return pa.table(
        {
            "payment_id": _ids("payments", len(row)),
            "booking_id": detail["booking_id"].take(row),
            "amount": pc.if_else(is_refund, pc.negate(charge), charge),
            "payment_method": detail["payment_method"].take(row),
            "status": pc.if_else(is_refund, "refunded", "completed"),
            "payment_date": pc.if_else(is_refund, moment["updated_at"], moment["created_at"]),
        }
    )


def _reviews(detail: pa.Table, seed: int) -> pa.Table:
    """Reviews of completed stays, within 30 days of their completion."""
    rng = stream(seed, "raw_reviews")
    count = _scaled("reviews", "bookings", detail.num_rows)
    row = rng.choice(np.flatnonzero(pc.equal(detail["status"], "completed").to_numpy()), count)
    created = _micros(detail["updated_at"])[row] + rng.integers(0, 30 * _DAY, count)
    is_deleted = rng.random(count) < _DELETED_REVIEWS
    rating = rng.integers(1, 6, count)
    return pa.table(
        {
            "review_id": _ids("reviews", count),
            "booking_id": detail["booking_id"].take(row),
            "property_id": detail["property_id"].take(row),
            "user_id": detail["user_id"].take(row),
            "rating": pa.array(rating.astype(np.float32), mask=is_deleted),
            "comment": picked(_COMMENTS, rating - 1),
            "is_deleted": is_deleted,
            "created_at": _moments(created),
            "updated_at": _moments(created + is_deleted * rng.integers(0, _DAY, count)),
        }
    )


def _visits(users: pa.Table, properties: pa.Table, detail: pa.Table, seed: int) -> dict[str, pa.Table]:
    """page_views and clickstream: anybody, anywhere, in the second month after the last booking."""
    rng = stream(seed, "raw_visits")
    month = np.datetime64(int(_micros(detail["created_at"]).max()), "us").astype("datetime64[M]") + 2
    start, end = (moment.astype("datetime64[us]").astype(np.int64) for moment in (month, month + 1))

    def drawn(table: str, *further: Sequence[str]) -> Iterator[pa.Array]:
        count = _scaled(table, "bookings", detail.num_rows)
        yield _drawn(rng, users["user_id"], count)
        yield _drawn(rng, properties["property_id"], count)
        yield _moments(np.sort(rng.integers(start, end, count)))
        yield from (_drawn(rng, words, count) for words in (_DEVICES, _REFERRERS, *further))

    user, place, moment, device, referrer = drawn("page_views")
    page_views = {
        "view_id": _ids("page_views", len(user)),
        "user_id": user,
        "property_id": place,
        "device_type": device,
        "referrer": referrer,
        "page_url": joined("/property/", place),
        "timestamp": moment,
    }
    user, place, moment, device, referrer, event = drawn("clickstream", _EVENTS)
    clickstream = {
        "user_id": user,
        "property_id": place,
        "event": event,
        "timestamp": moment,
        "metadata": pa.StructArray.from_arrays([device, referrer], ["device", "referrer"]),
    }
    return {"page_views": pa.table(page_views), "clickstream": pa.table(clickstream)}


def _countries(homes: Sequence[pa.Table]) -> pa.Table:
    """All countries known here; refuses those of `homes` that are not."""
    rows = [(*entry.split(" ", 1), continent) for continent, text in _COUNTRIES.items() for entry in text.split(",")]
    codes, names, continents = zip(*sorted(rows, key=lambda row: row[1]), strict=True)
    unknown = {name for table in homes for name in table["country"].unique().to_pylist()} - set(names)
    if unknown:
        raise ValueError(f"no code and continent known for {', '.join(sorted(map(str, unknown)))}")
    return pa.table({"country": names, "country_code": codes, "continent": continents})


def _furnishings(properties: pa.Table, seed: int) -> dict[str, pa.Table]:
    """Make amenities, property_amenities and property_images; every property has some of both."""
    rng = stream(seed, "raw_furnishings")
    count = properties.num_rows
    names = [(name, kind) for kind, text in _AMENITIES.items() for name in text.split(",")]
    amenities = {
        "amenity_id": np.arange(1, len(names) + 1),
        "name": [name for name, _ in names],
        "category": [kind for _, kind in names],
        "icon": [name.lower().replace(" ", "-") for name, _ in names],
    }
    choice = rng.permuted(np.tile(np.arange(1, len(names) + 1), (count, 1)), axis=1)
    rank, owner = np.divmod(np.arange(_scaled("property_amenities", "properties", count)), count)
    place = properties["property_id"].take(owner)
    property_amenities = {"property_id": place, "amenity_id": choice[owner, rank]}
    rank, owner = np.divmod(np.arange(_scaled("property_images", "properties", count)), count)
    place = properties["property_id"].take(owner)
    property_images = {
        "image_id": np.arange(1, len(owner) + 1),
        "property_id": place,
        "url": joined("https://images.example/", place, "/", pa.array(rank + 1), ".jpg"),
        "sequence": (rank + 1).astype(np.int32),
        "is_primary": rank == 0,
        "uploaded_at": properties["created_at"].take(owner),
    }
    return {
        "amenities": pa.table(amenities),
        "property_amenities": pa.table(property_amenities),
        "property_images": pa.table(property_images),
    }


def _employees(hosts: pa.Table, last_day: int, seed: int) -> pa.Table:
    """Staff of the hosts; 20 % have left. `last_day` is in days since 1970."""
    rng = stream(seed, "raw_employees")
    count = _scaled("employees", "hosts", hosts.num_rows)
    host = np.sort(rng.integers(0, hosts.num_rows, count))
    opened = hosts["joined_at"].to_numpy().astype("datetime64[D]").astype(np.int64)[host]
    begun = opened + (rng.random(count) * np.maximum(last_day - opened, 0)).astype(np.int64)
    ended = begun + (rng.random(count) * np.maximum(last_day - begun, 0)).astype(np.int64)
    employed = rng.random(count) >= 0.2
    number = pa.array(np.arange(1, count + 1))
    return pa.table(
        {
            "employee_id": number,
            "host_id": hosts["host_id"].take(host),
            "name": _drawn(rng, hosts["name"], count),
            "role": _drawn(rng, _ROLES, count),
            "email": joined("employee", number, "@staff.example"),
            "phone": hosts["phone"].take(host),
            "country": hosts["country"].take(host),
            "joined_at": dates(begun),
            "end_service_date": pc.if_else(pa.array(employed), None, dates(ended)),
            "is_currently_employed": employed,
        }
    )


def _support_logs(detail: pa.Table, employees: pa.Table, seed: int) -> pa.Table:
    """Tickets of one message: a guest's question within a day of booking."""
    rng = stream(seed, "raw_support_logs")
    count = _scaled("customer_support_logs", "bookings", detail.num_rows)
    row = rng.integers(0, detail.num_rows, count)
    asked = _moments(_micros(detail["created_at"])[row] + rng.integers(0, _DAY, count))
    time = asked.cast(pa.timestamp("s"), safe=False).cast(pa.string())
    message = {
        "message": _drawn(rng, _QUESTIONS, count),
        "sender": pa.repeat("user", count),
        "sentiment": _drawn(rng, _SENTIMENTS, count),
        "timestamp": time,
    }
    messages = pa.StructArray.from_arrays(list(message.values()), list(message))
    return pa.table(
        {
            "ticket_id": joined("ticket-", pa.array(np.arange(1, count + 1))),
            "user_id": detail["user_id"].take(row),
            "support_agent_id": joined("agent-", _drawn(rng, employees["employee_id"], count)),
            "created_at": time,
            "messages": pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32), messages),
        }
    )


def _current(dimension: pa.Table, columns: str) -> pa.Table:
    """Current version of each member."""
    return dimension.filter(dimension["is_current"]).select(columns.split())


def _scaled(table: str, base: str, rows: int) -> int:
    """Rows of `table` where `base` has `rows`."""
    return round(rows * ORIGINAL_ROWS[table] / ORIGINAL_ROWS[base])


def _ids(table: str, count: int) -> pa.Array:
    """Ids in order of rows, repeated as often as the original's."""
    return pa.array(1 + np.arange(count) * _DISTINCT_IDS[table] // ORIGINAL_ROWS[table])


def _some(rng: np.random.Generator, where: Bools, count: int) -> Ints:
    """At most `count` rows out of those `where`."""
    return rng.permutation(np.flatnonzero(where))[: max(count, 0)]


def _drawn(rng: np.random.Generator, values: Sequence[str] | pa.ChunkedArray, count: int) -> pa.Array:
    """Draw `count` of the values, with replacement."""
    pool = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)
    return pool.take(rng.integers(0, len(pool), count))


def _micros(moments: pa.ChunkedArray) -> Ints:
    return moments.cast(pa.int64()).to_numpy()


def _moments(micros: Ints) -> pa.Array:
    return pa.array(micros).view(pa.timestamp("us"))
