"""Open problems of the models, for people and for webhooks."""

from __future__ import annotations

import http.client
import json
import logging
import random
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wanderbricks_ml.credentials import HIDDEN, redacted

logger = logging.getLogger(__name__)

Alert = dict[str, Any]

COLUMNS = (
    "severity",
    "model_name",
    "kind",
    "since",
    "days_open",
    "evidence",
    "measured",
    "threshold",
    "owner",
    "as_of_date",
)

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may pass; any other answer but success is final."""
UNDELIVERED = 3
"""Exit code of the command where a webhook must take the alerts and does not."""


def open_alerts(target: str | None = None) -> list[Alert]:
    """Rows of view ``alerts``, errors first, the longest open first; dates in ISO form.

    Parameters
    ----------
    target
        A target of profiles.yml; its default without one.

    Raises
    ------
    RuntimeError
        When the view cannot be read.
    """
    from wanderbricks_ml.commands.dbt_client import table_rows

    found = table_rows("alerts", "true order by severity, since, model_name, kind", target)
    return [{name: _plain(row[name]) for name in COLUMNS} for row in found]


def as_text(alerts: list[Alert]) -> str:
    """One line an alert, or one that says that there is none."""
    if not alerts:
        return "no open alert"
    return "\n".join(
        f"{alert['severity']:<5}  {alert['model_name']}  {alert['kind']}  since {alert['since']}: {alert['evidence']}"
        + (f"  ({alert['owner']})" if alert["owner"] else "")
        for alert in alerts
    )


def as_message(alerts: list[Alert]) -> dict[str, Any]:
    """What a webhook gets: `text`, which chat services show, and the rows for machines."""
    return {"source": "wanderbricks_ml", "text": as_text(alerts), "alerts": alerts}


def post(
    url: str,
    message: dict[str, Any],
    *,
    attempts: int = ATTEMPTS,
    timeout: float = 10.0,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Post a message as JSON, again where the failure may pass, and say in the log why when it does not arrive.

    Between attempts it waits a random time below a bound that doubles from `FIRST_WAIT_SECONDS` (exponential back-off
    with full jitter), so that many senders do not come back at once. Of the address only the host is logged: the path
    of a webhook is often its secret.

    Parameters
    ----------
    url
        http or https. A redirect is not followed, since it would turn the post into a get.
    message
        JSON-like.
    attempts
        Tries at most.
    timeout
        Seconds that an attempt may take, from looking up the host to the answer's last header. All of it takes at most
        `attempts` times as long, and the waits.
    sleep
        Takes seconds; tests replace it.

    Returns
    -------
    bool
        Whether the message was taken.

    Raises
    ------
    ValueError
        When the address is no http one; does not quote it.
    """
    host = _host(url)
    request = urllib.request.Request(
        url,
        data=json.dumps(message).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "wanderbricks"},
        method="POST",
    )
    for attempt in range(1, attempts + 1):
        refusal = _refusal(request, timeout)
        if refusal is None:
            return True
        reason = _without_address(refusal.reason, url)
        if not refusal.may_pass or attempt == attempts:
            logger.error("alerts not delivered: %s %s, attempt %d, given up", host, reason, attempt)
            return False
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        wait = random.uniform(0, longest)
        logger.warning("webhook %s %s, attempt %d; again in %.1f s", host, reason, attempt, wait)
        sleep(wait)
    return False


@dataclass(frozen=True)
class _Refusal:
    reason: str
    may_pass: bool


def _host(url: str) -> str:
    try:
        address = urllib.parse.urlsplit(url)
        # What is no number of a port raises an error here.
        if address.scheme in ("http", "https") and address.hostname and address.port != 0:
            address.hostname.encode("idna")
            return address.hostname
    except ValueError:  # among them UnicodeError, of a host that no name server knows
        pass
    raise ValueError("the webhook is no http:// or https:// address")


def _refusal(request: urllib.request.Request, timeout: float) -> _Refusal | None:
    """Ask once; None where the message was taken."""
    found: list[_Refusal | None] = []
    # A time-out of a socket counts from one byte to the next, and looking up a host has none.
    asking = threading.Thread(target=lambda: found.append(_asked(request, timeout)), daemon=True)
    asking.start()
    asking.join(timeout)
    return found[0] if found else _Refusal(f"timed out after {timeout:g} s", may_pass=True)


def _asked(request: urllib.request.Request, timeout: float) -> _Refusal | None:
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return _Refusal(f"answered {error.code} {error.reason}", may_pass=error.code in RETRIED)
    except OSError as error:  # refused, unknown host, certificate, timed out, broken off
        reason = getattr(error, "reason", error)
        return _Refusal(
            str(reason) or type(reason).__name__, may_pass=not isinstance(reason, ssl.SSLCertVerificationError)
        )
    except http.client.InvalidURL:
        return _Refusal("cannot be asked: its address has signs that are none of an address", may_pass=False)
    except http.client.HTTPException as error:
        return _Refusal(f"gave no answer of HTTP ({type(error).__name__})", may_pass=True)
    except ValueError as error:
        return _Refusal(f"cannot be asked: {type(error).__name__}", may_pass=False)


def _without_address(reason: str, url: str) -> str:
    """Leave out what of the address a server repeats, and what would break the line."""
    address = urllib.parse.urlsplit(url)
    for part in (url, address.path, address.query, address.netloc if "@" in address.netloc else ""):
        if part.strip("/"):
            reason = reason.replace(part, HIDDEN)
    return " ".join(redacted(reason).split())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
