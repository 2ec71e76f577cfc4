"""Raw tables of what people do and where they are from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wanderbricks_ml.simulator.columns import dates, joined, stream
from wanderbricks_ml.simulator.raw.drawing import DAY_MICROS, drawn, ids, micros, moments, scaled

_DEVICES = ("desktop", "mobile", "tablet")
_REFERRERS = ("google", "direct", "email", "ad")
_EVENTS = ("view", "click", "search", "filter")
_ROLES = ("cleaner", "chef", "concierge", "gardener", "maintenance")
_QUESTIONS = ("Where is my refund?", "How do I reach my host?", "Can I change my dates?")
_SENTIMENTS = ("negative", "neutral", "positive")
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


def visit_tables(users: pa.Table, properties: pa.Table, detail: pa.Table, seed: int) -> dict[str, pa.Table]:
    """page_views and clickstream: anybody, anywhere, in the second month after the last booking."""
    rng = stream(seed, "raw_visits")
    month = np.datetime64(int(micros(detail["created_at"]).max()), "us").astype("datetime64[M]") + 2
    start, end = (moment.astype("datetime64[us]").astype(np.int64) for moment in (month, month + 1))

    def visits(table: str, *further: Sequence[str]) -> Iterator[pa.Array]:
        count = scaled(table, "bookings", detail.num_rows)
        yield drawn(rng, users["user_id"], count)
        yield drawn(rng, properties["property_id"], count)
        yield moments(np.sort(rng.integers(start, end, count)))
        yield from (drawn(rng, words, count) for words in (_DEVICES, _REFERRERS, *further))

    user, place, moment, device, referrer = visits("page_views")
    page_views = {
        "view_id": ids("page_views", len(user)),
        "user_id": user,
        "property_id": place,
        "device_type": device,
        "referrer": referrer,
        "page_url": joined("/property/", place),
        "timestamp": moment,
    }
    user, place, moment, device, referrer, event = visits("clickstream", _EVENTS)
    clickstream = {
        "user_id": user,
        "property_id": place,
        "event": event,
        "timestamp": moment,
        "metadata": pa.StructArray.from_arrays([device, referrer], ["device", "referrer"]),
    }
    return {"page_views": pa.table(page_views), "clickstream": pa.table(clickstream)}


def signed_up(users: pa.Table, seed: int) -> pa.Table:
    """Users with a moment of their day of sign-up, within its working hours."""
    rng = stream(seed, "raw_users")
    hours = rng.integers(8 * DAY_MICROS // 24, 20 * DAY_MICROS // 24, users.num_rows)
    moment = moments(micros(users["created_at"].cast(pa.timestamp("us"))) + hours)
    return users.set_column(users.column_names.index("created_at"), "created_at", moment)


def country_table(homes: Sequence[pa.Table]) -> pa.Table:
    """All countries known here; refuses those of `homes` that are not."""
    rows = [(*entry.split(" ", 1), continent) for continent, text in _COUNTRIES.items() for entry in text.split(",")]
    codes, names, continents = zip(*sorted(rows, key=lambda row: row[1]), strict=True)
    unknown = {name for table in homes for name in table["country"].unique().to_pylist()} - set(names)
    if unknown:
        raise ValueError(f"no code and continent known for {', '.join(sorted(map(str, unknown)))}")
    return pa.table({"country": names, "country_code": codes, "continent": continents})


def employee_table(hosts: pa.Table, last_day: int, seed: int) -> pa.Table:
    """Staff of the hosts; 20 % have left. `last_day` is in days since 1970."""
    rng = stream(seed, "raw_employees")
    count = scaled("employees", "hosts", hosts.num_rows)
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
            "name": drawn(rng, hosts["name"], count),
            "role": drawn(rng, _ROLES, count),
            "email": joined("employee", number, "@staff.example"),
            "phone": hosts["phone"].take(host),
            "country": hosts["country"].take(host),
            "joined_at": dates(begun),
            "end_service_date": pc.if_else(pa.array(employed), None, dates(ended)),
            "is_currently_employed": employed,
        }
    )


def support_log_table(detail: pa.Table, employees: pa.Table, seed: int) -> pa.Table:
    """Tickets of one message: a guest's question within a day of booking."""
    rng = stream(seed, "raw_support_logs")
    count = scaled("customer_support_logs", "bookings", detail.num_rows)
    row = rng.integers(0, detail.num_rows, count)
    asked = moments(micros(detail["created_at"])[row] + rng.integers(0, DAY_MICROS, count))
    time = asked.cast(pa.timestamp("s"), safe=False).cast(pa.string())
    message = {
        "message": drawn(rng, _QUESTIONS, count),
        "sender": pa.repeat("user", count),
        "sentiment": drawn(rng, _SENTIMENTS, count),
        "timestamp": time,
    }
    messages = pa.StructArray.from_arrays(list(message.values()), list(message))
    return pa.table(
        {
            "ticket_id": joined("ticket-", pa.array(np.arange(1, count + 1))),
            "user_id": detail["user_id"].take(row),
            "support_agent_id": joined("agent-", drawn(rng, employees["employee_id"], count)),
            "created_at": time,
            "messages": pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32), messages),
        }
    )
