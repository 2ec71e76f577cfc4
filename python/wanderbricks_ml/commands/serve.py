"""``wanderbricks serve`` and what belongs to it: answers in real time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from wanderbricks_ml.commands.local_database import database_file, why_closed

LOOPBACK = ("127.0.0.1", "::1", "localhost")

CLI = ("-c", "from wanderbricks_ml.commands.cli import main; main()")


def data_folder() -> Path:
    """The folder of the database, where the store, the keys and the inference log lie unless told otherwise."""
    return database_file().parent


STORE = click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the online store; by default online/ beside the database.",
)
KEYS = click.option(
    "--keys",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="WANDERBRICKS_API_KEYS",
    help="File of API keys (serve-keys); by default WANDERBRICKS_API_KEYS, or api_keys.json beside the database.",
)


@click.command("online-store")
@STORE
@click.option(
    "--every",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Go on, and look that often whether a build has written the database.",
)
@click.option("--without-models", is_flag=True, help="Rows alone: servers answer by key, but take no features.")
def online_store(store: Path | None, every: int | None, without_models: bool) -> None:
    """Export what each product published last, for `wanderbricks serve`.

    A snapshot a product, whole at once, read-only from then on. Servers of the folder go over to it by themselves. What
    is there already is not written again. A product without rows is said, and one that had some goes on with them.
    """
    import logging

    import duckdb

    from wanderbricks_ml.serving.declared import served_products
    from wanderbricks_ml.serving.export import FAILED, export
    from wanderbricks_ml.serving.snapshot import DamagedStoreError

    logger = logging.getLogger(__name__)
    if every is not None:
        # at once, also where it is a container's first process: DuckDB and imports take an exception of this kind for a
        # failure of theirs and go on; what is half written is removed by the next export
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        from wanderbricks_ml.serving.request_log import JsonLines

        logging.getLogger().handlers = [JsonLines()]
    place = store or data_folder() / "online"
    database, parent, seen = database_file(), os.getppid(), -1
    told: dict[str, str] = {}
    missed = ""
    try:
        products = served_products()
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    while True:
        try:
            changed = database.stat().st_mtime_ns if database.is_file() else 0
            if changed != seen:
                found = export(database, place, products, not without_models)
                for model, said in found.items():
                    if told.get(model) != said:
                        logger.info("%s: %s", model, said)
                told, seen = found, changed
                failed = sorted(model for model, said in found.items() if said.startswith(FAILED))
                if failed and every is None:
                    raise click.ClickException(f"{', '.join(failed)}: not exported; the lines above say why")
        except (FileNotFoundError, DamagedStoreError) as error:
            if every is None:
                raise click.ClickException(str(error)) from error
            if missed != (missed := str(error)):
                logger.warning("%s", error)
        except duckdb.IOException as error:
            # a build is writing: what is there goes on
            if every is None:
                raise click.ClickException(why_closed(database, error)) from error
        except Exception:
            if every is None:
                raise
            # the next look may find it mended, and a keeper that is gone would leave servers with what is old
            logger.exception("the store goes on as it was")
        if every is None:
            return
        time.sleep(every)
        if os.getppid() != parent:
            return


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address; any but this machine's own needs --keys."
)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes; one a core.")
@STORE
@KEYS
@click.option(
    "--refresh",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How often to look for a newer build; 0: the store is somebody else's, and only read.",
)
@click.option(
    "--inference-log",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="WANDERBRICKS_INFERENCE_LOG",
    help="Folder of the log of what was served; by default inference_log/ beside the database.",
)
@click.option("--log-days", type=click.IntRange(min=1), default=30, show_default=True, help="Days that it is kept.")
@click.option("--max-rows", type=click.IntRange(min=1), default=1000, show_default=True, help="Rows of a request.")
@click.option("--max-bytes", type=click.IntRange(min=1024), default=1 << 20, show_default=True, help="Bytes of a body.")
@click.option(
    "--body-seconds",
    type=click.FloatRange(min=0.1),
    default=10,
    show_default=True,
    help="Time that a caller has to send a body.",
)
@click.option(
    "--stale-days",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Days after which a scoring is too old for /ready; 0: never.",
)
def serve(
    host: str,
    port: int,
    workers: int,
    store: Path | None,
    keys: Path | None,
    refresh: int,
    inference_log: Path | None,
    log_days: int,
    max_rows: int,
    max_bytes: int,
    body_seconds: float,
    stale_days: int,
) -> None:
    """Answer requests for what each product published last, by key, until Ctrl-C.

    It brings the newest scoring of the database to the online store, serves it, and goes over to the next build's
    without a request lost. On this machine alone a key is made for the run and shown; docs/serving.md has the rest.

    \b
    Example:
      make build
      wanderbricks serve --port 8000
    """
    from wanderbricks_ml.serving.server import serve as run
    from wanderbricks_ml.serving.settings import ServingSettings

    place = store or data_folder() / "online"
    key_file = keys or data_folder() / "api_keys.json"
    run_key, shown = None, "YOUR_KEY"
    if host in LOOPBACK and not key_file.is_file():
        from wanderbricks_ml.serving.keys import new_key

        shown, run_key = new_key("this run", per_minute=6000)
    elif not key_file.is_file():
        raise click.ClickException(
            f"who is not on this machine needs a key, and there is no {key_file}: wanderbricks serve-keys add NAME"
        )
    _check_keys(key_file)
    host = _address(host)
    _check_port(host, port)
    command = [*CLI, "online-store", "--store", str(place)]
    if refresh:
        # in a process of its own, so that the workers are born small
        exported = subprocess.run(
            [sys.executable, *command, "--without-models"], check=False, capture_output=True, text=True
        )
        if exported.returncode:
            click.echo(exported.stderr.strip(), err=True)
    first, models = _first_snapshot(place)
    # no worker may inherit it
    first.close()
    about = first.about
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(f"{url}  serves {models} models; {url}/docs has a command for each, docs/serving.md the rest")
    click.echo(_example(url, shown, about))
    settings = ServingSettings(
        store=str(place),
        scratch="",
        inference_log=str(inference_log or data_folder() / "inference_log"),
        log_days=log_days,
        keys=str(key_file) if key_file.is_file() else "",
        run_key=run_key,
        most_rows=max_rows,
        most_bytes=max_bytes,
        body_seconds=body_seconds,
        stale_days=stale_days,
    )
    run(host, port, workers, settings, [*command, "--every", str(refresh)] if refresh else [])


def _first_snapshot(place: Path) -> tuple[Any, int]:
    """One of the store's snapshots, open, and how many there are."""
    import lmdb
    import msgspec

    from wanderbricks_ml.serving.snapshot import DamagedStoreError, Snapshot, read_pointer

    try:
        files = list(read_pointer(place).files.values())
        if not files:
            raise click.ClickException(f"{place} has nothing to serve: run dbt build, then wanderbricks online-store")
        return Snapshot(place / files[0]), len(files)
    except DamagedStoreError as error:
        raise click.ClickException(str(error)) from error
    except (OSError, lmdb.Error, msgspec.DecodeError) as error:
        raise click.ClickException(str(DamagedStoreError(place / files[0], error))) from error


def _example(url: str, key: str, about: Any) -> str:
    import msgspec

    body = msgspec.json.encode(about.example).decode()
    return (
        f"curl -H 'X-API-Key: {key}' -H 'Content-Type: application/json' --data '{body}' "
        f"{url}/predict/{about.model_name}"
    )


def _address(host: str) -> str:
    """The address of a name, of IPv4 where it has one; the server takes no names."""
    import socket

    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise click.ClickException(f"{host} is no address: {error.strerror}; name another with --host") from error
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


def _check_port(host: str, port: int) -> None:
    """See that the port is free: workers share theirs, and would share it with another server, too."""
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"{host}:{port} cannot be had: {error.strerror}; name another with --port"
            ) from error


def _check_keys(file: Path) -> None:
    from wanderbricks_ml.serving.keys import read_keys

    if file.is_file():
        try:
            read_keys(file)
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error


def _check_models(names: Sequence[str]) -> None:
    from wanderbricks_ml.serving.declared import served_products

    if not names:
        return
    try:
        known = sorted(product.model_name for product in served_products())
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    if unknown := [name for name in names if name not in known]:
        raise click.ClickException(f"there is no model {', '.join(unknown)}; there are {', '.join(known)}")


@click.group("serve-keys")
def serve_keys() -> None:
    """Give, list and take back the API keys of `wanderbricks serve`.

    The file holds hashes alone, and a server takes up a change within a second.
    """


def with_keys(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of the file."""
    return KEYS(command)


@serve_keys.command("add")
@click.argument("name")
@click.option("--model", "models", multiple=True, help="A model that it may ask; repeat it. All, if none is named.")
@click.option("--per-minute", type=click.IntRange(min=1), default=100, show_default=True, help="Requests a minute.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="Day from which it is no longer valid.")
@with_keys
def add(name: str, models: tuple[str, ...], per_minute: int, expires: datetime | None, keys: Path | None) -> None:
    """Make a key for NAME and print it; it is shown this once."""
    from wanderbricks_ml.serving.keys import ALL_MODELS, new_key, read_keys, write_keys

    file = keys or data_folder() / "api_keys.json"
    _check_keys(file)
    _check_models(models)
    last: date | None = expires.date() if expires else None
    text, key = new_key(name, models or (ALL_MODELS,), per_minute, last)
    write_keys(file, [*(read_keys(file) if file.is_file() else []), key])
    click.echo(text)


@serve_keys.command("list")
@with_keys
def listed(keys: Path | None) -> None:
    """List who has a key, for what and until when."""
    from wanderbricks_ml.serving.keys import read_keys

    file = keys or data_folder() / "api_keys.json"
    _check_keys(file)
    for key in read_keys(file) if file.is_file() else []:
        until = f"until {key.expires}" if key.expires else "for good"
        click.echo(f"{key.id}  {key.name}  {' '.join(key.models)}  {key.per_minute} a minute  {until}")


@serve_keys.command("revoke")
@click.argument("key_id")
@with_keys
def revoke(key_id: str, keys: Path | None) -> None:
    """Take back the key of an id that `list` shows."""
    from wanderbricks_ml.serving.keys import read_keys, write_keys

    file = keys or data_folder() / "api_keys.json"
    _check_keys(file)
    known = read_keys(file) if file.is_file() else []
    kept = [key for key in known if key.id != key_id]
    if len(kept) == len(known):
        raise click.ClickException(
            f"{file} has no key {key_id}; wanderbricks serve-keys list shows those that there are"
        )
    write_keys(file, kept)
