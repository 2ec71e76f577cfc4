"""Alerts on their way to a webhook: a real server that fails, hangs or turns away."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from wanderbricks_ml.commands import alerts
from wanderbricks_ml.commands.cli import main

ALERT: alerts.Alert = {
    "severity": "error",
    "model_name": "demand_predictor",
    "kind": "failed_gate",
    "since": "2025-07-21",
    "days_open": 2,
    "evidence": "rmse 5 misses at most 3",
    "measured": 1,
    "threshold": 1,
    "owner": "Revenue management",
    "as_of_date": "2025-07-22",
}
WARNING = ALERT | {"severity": "warn", "model_name": "all", "kind": "stale_gold", "owner": None}
HANG = 0


@contextmanager
def webhook(*statuses: int) -> Iterator[tuple[str, list[Any]]]:
    """A server that answers with these statuses in turn, the last one for good; its address and what it was sent."""
    received: list[Any] = []
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status = statuses[min(len(received), len(statuses)) - 1]
            if status == HANG:
                done.wait(30)
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            received.append("a get")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/secret", received
    finally:
        done.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were to be waited; always the longest that chance allows."""
    monkeypatch.setattr(alerts.random, "uniform", lambda _, longest: longest)
    return []


def test_a_failure_that_passes_is_tried_again(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with webhook(500, 503, 200) as (url, received):
        assert alerts.post(url, alerts.as_message([ALERT]), sleep=slept.append)
    assert len(received) == 3
    assert received[2]["alerts"] == [ALERT]
    assert "demand_predictor  failed_gate  since 2025-07-21: rmse 5 misses" in received[2]["text"]
    assert slept == [1.0, 2.0]
    assert "secret" not in caplog.text


def test_a_failure_that_stays_is_given_up_and_said(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with webhook(500) as (url, received):
        assert not alerts.post(url, {}, sleep=slept.append)
    assert len(received) == alerts.ATTEMPTS
    assert slept == [1.0, 2.0, 4.0]
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert said == "alerts not delivered: 127.0.0.1 answered 500 Internal Server Error, attempt 4, given up"


@pytest.mark.parametrize("status", [302, 404])
def test_an_answer_that_will_not_change_is_not_asked_for_again(status: int, slept: list[float]) -> None:
    with webhook(status) as (url, received):
        assert not alerts.post(url, {}, sleep=slept.append)
    assert received == [{}]
    assert slept == []


def test_a_server_that_hangs_holds_nobody_up(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    started = time.monotonic()
    with webhook(HANG) as (url, received):
        assert not alerts.post(url, {}, attempts=2, timeout=0.2, sleep=slept.append)
        assert time.monotonic() - started < 5
    assert len(received) == 2
    assert "timed out" in caplog.text


def test_a_server_that_is_not_there(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with webhook(200) as (url, _):
        pass
    assert not alerts.post(url, {}, attempts=2, sleep=slept.append)
    assert "refused" in caplog.text


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command, on alerts that are given."""

    def run(found: list[alerts.Alert], *arguments: str) -> Result:
        monkeypatch.setattr(alerts, "open_alerts", lambda target: found)
        return CliRunner().invoke(main, ["alerts", *arguments])

    return run


def test_the_command_prints_and_does_not_judge(run: Callable[..., Result]) -> None:
    text = run([ALERT, WARNING])
    assert text.exit_code == 0
    assert text.output.splitlines() == [
        "error  demand_predictor  failed_gate  since 2025-07-21: rmse 5 misses at most 3  (Revenue management)",
        "warn   all  stale_gold  since 2025-07-21: rmse 5 misses at most 3",
    ]
    assert json.loads(run([ALERT], "--format", "json").output) == [ALERT]
    assert run([]).output == "no open alert\n"


def test_the_exit_code_tells_errors_where_it_is_asked_to(run: Callable[..., Result]) -> None:
    assert run([ALERT], "--exit-code").exit_code == 1
    assert run([WARNING], "--exit-code").exit_code == 0


def test_a_webhook_that_fails_changes_neither_output_nor_exit_code(run: Callable[..., Result]) -> None:
    with webhook(404) as (url, received):
        failed = run([ALERT], "--format", "json", "--webhook", url)
    assert failed.exit_code == 0
    assert json.loads(failed.stdout) == [ALERT]
    assert len(received) == 1


def test_silence_is_not_posted_and_an_address_is_checked(run: Callable[..., Result]) -> None:
    with webhook(200) as (url, received):
        assert run([], "--webhook", url).exit_code == 0
    assert received == []
    wrong = run([ALERT], "--webhook", "file:///etc/passwd")
    assert wrong.exit_code == 2
    assert "no http:// or https:// address" in wrong.output
