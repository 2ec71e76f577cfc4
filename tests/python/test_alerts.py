"""Alerts on their way to a webhook: a real server that fails, hangs or turns away."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    "evidence": "rmse 5 is above the target of 3",
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
    assert "demand_predictor  failed_gate  since 2025-07-21: rmse 5 is above the target of 3" in received[2]["text"]
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


@contextmanager
def raw_server(*answers: bytes, pause: float = 0) -> Iterator[str]:
    """A server that sends these bytes to whoever connects, the pause before each, and then hangs up; its address."""
    done = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                # Who hangs up on what is not read yet resets the connection.
                connection.settimeout(0.2)
                with suppress(OSError):
                    while b"{}" not in connection.recv(65_536):
                        pass
                for answer in answers:
                    if done.wait(pause):
                        return
                    with suppress(OSError):
                        connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/services/secret?token=hush"
    finally:
        done.set()
        listening.close()


def test_a_server_that_drips_is_left_when_the_time_is_up(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    # Each byte comes in time for a socket.
    with raw_server(*[b"H"] * 1000, pause=0.1) as url:
        assert not alerts.post(url, {}, attempts=2, timeout=0.5, sleep=slept.append)
    # by the socket's own clock, or by ours
    assert caplog.text.count("timed out") == 2


@pytest.mark.parametrize(
    ("answer", "said", "asked"),
    [
        (b"SSH-2.0-server\r\n", "gave no answer of HTTP (BadStatusLine)", 2),
        (b"HTTP/1.1 200 " + b"x" * 70_000, "gave no answer of HTTP (LineTooLong)", 2),
        (b"", "closed connection", 2),
        (b"HTTP/1.1 404 no /services/secret?token=hush here\r\n\r\n", "answered 404 no ***?*** here", 1),
        (b"HTTP/1.1 403 token: hush2\r\n\r\n", "answered 403 token: ***", 1),
    ],
)
def test_whatever_answers_is_said_without_the_secret(
    answer: bytes, said: str, asked: int, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with raw_server(answer) as url:
        assert not alerts.post(url, {}, attempts=2, sleep=slept.append)
    assert len(caplog.records) == asked
    assert said in caplog.text
    assert "secret" not in caplog.text
    assert "hush" not in caplog.text


def test_a_server_without_tls(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\n") as url:
        assert not alerts.post(url.replace("http", "https"), {}, attempts=1, sleep=slept.append)
    assert "alerts not delivered: 127.0.0.1 [SSL" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:port/secret",
        "http://127.0.0.1:99999/secret",
        "http://[::1/secret",
        "http:///secret",
        f"http://{'a' * 70}.example/secret",
        "hooks.example.org/secret",
    ],
)
def test_what_is_no_address_is_said_without_it(url: str, slept: list[float]) -> None:
    with pytest.raises(ValueError, match="the webhook is no http") as raised:
        alerts.post(url, {}, sleep=slept.append)
    assert "secret" not in str(raised.value)


def test_an_address_with_strange_signs(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    for path in ("sec ret", "sécret"):
        assert not alerts.post(f"http://127.0.0.1:1/{path}", {}, sleep=slept.append)
        assert path not in caplog.text
    assert slept == []
    assert caplog.text.count("cannot be asked") == 2


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
        "error  demand_predictor  failed_gate  since 2025-07-21: rmse 5 is above the target of 3  (Revenue management)",
        "warn   all  stale_gold  since 2025-07-21: rmse 5 is above the target of 3",
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


def test_the_exit_code_tells_what_was_not_delivered_where_it_is_asked_to(run: Callable[..., Result]) -> None:
    with webhook(404) as (url, _):
        assert run([ALERT], "--exit-code", "--must-deliver", "--webhook", url).exit_code == alerts.UNDELIVERED
        assert run([], "--must-deliver", "--webhook", url).exit_code == 0
    with webhook(200) as (url, _):
        assert run([ALERT], "--must-deliver", "--webhook", url).exit_code == 0
        assert run([ALERT], "--exit-code", "--must-deliver", "--webhook", url).exit_code == 1
    assert run([ALERT], "--must-deliver").exit_code == 2


def test_silence_is_not_posted_and_an_address_is_checked(run: Callable[..., Result]) -> None:
    with webhook(200) as (url, received):
        assert run([], "--webhook", url).exit_code == 0
    assert received == []
    wrong = run([ALERT], "--webhook", "file:///etc/passwd")
    assert wrong.exit_code == 2
    assert "no http:// or https:// address" in wrong.output
