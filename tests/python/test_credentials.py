"""No credential in what people read."""

from __future__ import annotations

import logging
from typing import Any

import click
import pytest
from click.testing import CliRunner

from wanderbricks_ml.commands import cli
from wanderbricks_ml.credentials import RedactingFilter, hides_credentials, redacted
from wanderbricks_ml.registry import store

URL = "postgresql+psycopg2://ann:se/cr@t'1@db.example.org:5432/mlflow"
SHOWN = "postgresql+psycopg2://***@db.example.org:5432/mlflow"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"no store at {URL}.", f"no store at {SHOWN}."),
        (f"either '{URL}' or https://token@host/x?y=1", f"either '{SHOWN}' or https://***@host/x?y=1"),
        ("https://host/api?sig=abc%2F&page=2", "https://host/api?sig=***&page=2"),
        ("host=db user=ann password=secret dbname=x", "host=db user=ann password=*** dbname=x"),
        ('{"token": "dapi123", "name": "x"}', '{"token": ***, "name": "x"}'),
        ("Authorization: Bearer dapi0123456789", "Authorization: Bearer ***"),
        (
            "models:/demand@champion in sqlite:////data/mlflow.db",
            "models:/demand@champion in sqlite:////data/mlflow.db",
        ),
        ("write to ann@example.org, see https://example.org/a", "write to ann@example.org, see https://example.org/a"),
    ],
)
def test_credentials_are_hidden_and_nothing_else(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert redacted(expected) == expected


def test_an_error_leaves_without_its_credentials() -> None:
    @hides_credentials
    def fail(cause: Exception | None, message: str) -> None:
        raise ValueError(message) from cause

    with pytest.raises(RuntimeError, match="ValueError: unsupported URI") as raised:
        fail(None, f"unsupported URI {URL}")
    assert SHOWN in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    # What the error came of would be in the traceback.
    with pytest.raises(RuntimeError, match="ValueError: no store") as raised:
        fail(OSError(URL), "no store")
    assert raised.value.__context__ is None
    with pytest.raises(ValueError, match="plain"):
        fail(OSError("refused"), "plain")


def test_log_lines_and_their_tracebacks_are_redacted() -> None:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "at %s", (URL,), None)
    try:
        raise OSError(URL)
    except OSError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    assert RedactingFilter().filter(record)
    assert logging.Formatter().format(record).count(SHOWN) == 2
    assert "se/cr" not in logging.Formatter().format(record)


def test_a_version_that_is_gone_is_said_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: URL)
    assert f"the MLflow store at {SHOWN} does not have demand_predictor v3" in store.gone("demand_predictor", 3)


@pytest.mark.parametrize("error", [click.ClickException(URL), OSError(URL), click.UsageError(URL)])
def test_commands_tell_no_credential(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(cli.main.commands["alerts"], "invoke", fail)
    result = CliRunner().invoke(cli.main, ["alerts"])
    assert result.exit_code == getattr(error, "exit_code", 1)
    assert "se/cr" not in result.output + str(result.exception)
