"""What Prometheus scrapes: requests, how long they took, rows answered, and how old what serves is."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()

REQUESTS = Counter("wanderbricks_requests", "Requests by route, model and HTTP status.", ["route", "model", "status"])
SECONDS = Histogram(
    "wanderbricks_request_seconds",
    "Seconds from the first byte of a request to its answer.",
    ["route", "model"],
    buckets=(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
ROWS = Counter("wanderbricks_rows", "Rows answered.", ["model", "version"])
LOST = Counter("wanderbricks_inference_rows_lost", "Rows that the inference log could not take.")
ARM_REQUESTS = Counter(
    "wanderbricks_arm_requests",
    "Requests to a canary or a shadow: answered, failed, slow (not waited for), or dropped, as too many waited.",
    ["model", "version", "arm", "outcome"],
)
ARM_SECONDS = Histogram(
    "wanderbricks_arm_seconds",
    "Seconds that a canary or a shadow took to answer.",
    ["model", "version", "arm"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
SHARE = Gauge(
    "wanderbricks_arm_share",
    "Share of the units that a canary or a shadow has; 0 once it is over.",
    ["model", "version", "arm"],
    multiprocess_mode="mostrecent",
)
ENDED = Counter("wanderbricks_rollbacks", "Workers that saw a canary or a shadow rolled back.", ["model", "version"])
SCORED = Gauge(
    "wanderbricks_scoring_timestamp_seconds",
    "Midnight of the day that was scored, by model.",
    ["model"],
    multiprocess_mode="mostrecent",
)
KEYS = Gauge("wanderbricks_keys", "Keys that are answered, by model.", ["model"], multiprocess_mode="mostrecent")


class Requests:
    """Counts requests; keeps the counters of label values at hand, as finding them costs more than counting."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._clocks: dict[tuple[str, str], Histogram] = {}
        self._rows: dict[tuple[str, int], Counter] = {}

    def count(self, route: str, model: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        counter = self._counters.get((route, model, status))
        if counter is None:
            counter = self._counters[route, model, status] = REQUESTS.labels(route, model, str(status))
        counter.inc()
        clock = self._clocks.get((route, model))
        if clock is None:
            clock = self._clocks[route, model] = SECONDS.labels(route, model)
        clock.observe(seconds)

    def count_rows(self, model: str, version: int, rows: int) -> None:
        """Count rows that were answered."""
        counter = self._rows.get((model, version))
        if counter is None:
            counter = self._rows[model, version] = ROWS.labels(model, str(version))
        counter.inc(rows)


def tell_arm(model: str, version: int, arm: str, outcome: str, seconds: float | None) -> None:
    """Count a request of a canary or a shadow."""
    ARM_REQUESTS.labels(model, str(version), arm, outcome).inc()
    if seconds is not None:
        ARM_SECONDS.labels(model, str(version), arm).observe(seconds)


def tell_share(model: str, version: int, arm: str, share: float) -> None:
    """Say how much of the units an arm has."""
    SHARE.labels(model, str(version), arm).set(share)


def tell_serving(model: str, scored: date, keys: int) -> None:
    """Say what serves from now on."""
    SCORED.labels(model).set(datetime(scored.year, scored.month, scored.day, tzinfo=UTC).timestamp())
    KEYS.labels(model).set(keys)


def exposition() -> bytes:
    """All of it as text, summed over the workers."""
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
