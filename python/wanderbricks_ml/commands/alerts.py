"""Open problems of the models, for people and for webhooks."""

from __future__ import annotations

import json
import logging
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

Alert = dict[str, Any]

QUERY = """
select severity, model_name, kind, since, days_open, evidence, measured, threshold, owner, as_of_date
from {{ ref('alerts') }}
order by severity, since, model_name, kind
"""

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may pass; any other answer but success is final."""


def open_alerts(target: str | None = None) -> list[Alert]:
    """Rows of view ``alerts``, errors first, the longest open first; dates in ISO form.

    Parameters
    ----------
    target
        A target of profiles.yml; its default without one.

    Raises
    ------
    RuntimeError
        When dbt cannot read the view.
    """
    from wanderbricks_ml.commands.dbt_client import rows

    return [{name: _plain(value) for name, value in row.items()} for row in rows(QUERY, target)]


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
        Seconds that a connection or an answer may take.
    sleep
        Takes seconds; tests replace it.

    Returns
    -------
    bool
        Whether the message was taken.

    Raises
    ------
    ValueError
        When the address is no http one.
    """
    address = urllib.parse.urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError("the webhook is no http:// or https:// address")
    request = urllib.request.Request(
        url,
        data=json.dumps(message).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "wanderbricks"},
        method="POST",
    )
    opener = urllib.request.build_opener(_NoRedirect)
    for attempt in range(1, attempts + 1):
        try:
            with opener.open(request, timeout=timeout):
                return True
        except urllib.error.HTTPError as error:
            reason, passing = f"answered {error.code} {error.reason}", error.code in RETRIED
            error.close()
        except OSError as error:  # refused, unknown host, timed out, broken off
            reason, passing = str(getattr(error, "reason", error)) or type(error).__name__, True
        if not passing or attempt == attempts:
            logger.error("alerts not delivered: %s %s, attempt %d, given up", address.hostname, reason, attempt)
            return False
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        wait = random.uniform(0, longest)
        logger.warning("webhook %s %s, attempt %d; again in %.1f s", address.hostname, reason, attempt, wait)
        sleep(wait)
    return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
