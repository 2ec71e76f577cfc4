"""`wanderbricks serve` beside `mlflow models serve` and the least that can answer: ASGI, ONNX Runtime, a dict.

All serve the demand model of a database that is built, in one run: one core for the server that is asked, one for this
client. Peers are asked for the same predictions. That of MLflow has no look-up, so it is sent the features; the bare
one (`serving_peer.py`) runs on the same HTTP server as ours. Each is asked in turn, several times over, and the best
is counted, as what else the machine does only takes away. Then ours alone: batches, a start, memory, snapshots
exchanged under load, a soak. Prints Markdown. Needs Linux with `taskset`, and two cores.

    python benchmarks/serving.py [--seconds 5] [--repeats 3] [--soak 600]
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import load
import serving_peer

from wanderbricks_ml.commands.local_database import SCHEMA, database_file
from wanderbricks_ml.serving.declared import served_products
from wanderbricks_ml.serving.export import export
from wanderbricks_ml.serving.exported_features import feature_columns, features_query
from wanderbricks_ml.serving.keys import new_key, write_keys
from wanderbricks_ml.serving.snapshot import Pointer, Snapshot, read_pointer, write_pointer

MODEL = "demand_predictor"
SERVER_CORE, CLIENT_CORE = sorted(os.sched_getaffinity(0))[:2]
CONNECTIONS = 8
KEYS = 1_000
BATCH = 100
SWAPS = 10
STEADY = 500
"""Requests a second while snapshots are exchanged, and in the soak; of every second one the model is asked."""
PORTS = {"ours": 18_431, "bare": 18_432, "mlflow": 18_433}
NAMES = {
    "ours": "`wanderbricks serve`, by key",
    "given": "`wanderbricks serve`, a feature given",
    "bare": "bare ASGI + ONNX",
    "mlflow": "`mlflow models serve`",
}


@dataclass
class Asked:
    """What is sent to whom, on the wire."""

    one: dict[str, list[bytes]]
    batches: list[bytes]


@contextlib.contextmanager
def server(command: Sequence[str], url: str, errors: Path, environment: Mapping[str, str]) -> Iterator[Any]:
    """A process on the core of servers, from the moment that a URL answers; and the seconds that took."""
    with errors.open("wb") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *command],
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while not answers(url):
                if process.poll() is not None or time.perf_counter() > begun + 120:
                    raise RuntimeError(f"{command[0]} does not answer:\n{errors.read_text()[-2000:]}")
                time.sleep(0.02)
            yield process, time.perf_counter() - begun
        finally:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def answers(url: str) -> bool:
    """Whether a URL is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def resident(process: int) -> float:
    """MB of memory of a server's largest worker."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    workers = [child for child in children if b"online-store" not in Path(f"/proc/{child}/cmdline").read_bytes()]
    return max(_resident(worker) for worker in workers)


def _resident(process: str) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def prepare(folder: Path) -> tuple[Asked, str]:
    """The store, the peer's files and what will be asked; and our key."""
    from wanderbricks_ml.registry.copies import load_copy

    products = {product.model_name: product for product in served_products()}
    said = export(database_file(), folder / "online", list(products.values()), with_models=True)
    files = read_pointer(folder / "online").files
    if len(files) < len(products):
        print(f"{len(files)} of {len(products)} products serve: {said}", file=sys.stderr)
    if MODEL not in files:
        raise SystemExit(f"{MODEL}: {said[MODEL]}; make build first, or set WANDERBRICKS_DB and MLFLOW_TRACKING_URI")
    snapshot = Snapshot(folder / "online" / files[MODEL])
    about = snapshot.about
    snapshot.close()
    version = next(one for one in about.versions if one.get("serves"))
    (copy,) = (folder / "online/models").glob(f"{MODEL}-v{version['model_version']}-*")
    with duckdb.connect(str(database_file()), read_only=True) as connection:
        connection.execute(f"use {SCHEMA}")
        columns = feature_columns(connection, products[MODEL], about.scoring_date, about.rows)
        query = features_query(products[MODEL], columns, about.scoring_date)
        rows = connection.sql(f"from ({query}) using sample {KEYS} rows (reservoir, 7)").to_arrow_table()
    keys = [(one["key_0"], str(one["key_1"])) for one in rows.select(["key_0", "key_1"]).to_pylist()]
    features = rows.select([*columns.numeric, *columns.categorical])
    serving_peer.write(folder, load_copy(copy, version["artifact_digest"]), features, keys)
    text, key = new_key("benchmark", per_minute=10**9)
    write_keys(folder / "api_keys.json", [key])
    asked = [{"property_id": property_id, "check_in_date": day} for property_id, day in keys]
    text_name = next(iter(columns.categorical))
    texts = [{text_name: row[text_name]} for row in features.to_pylist()]
    return _wire(text, asked, texts, features.to_pylist()), text


def _wire(key: str, asked: list[Any], texts: list[Any], features: list[Any]) -> Asked:
    def posts(path: str, bodies: Sequence[Any], headers: Mapping[str, str]) -> list[bytes]:
        return [load.request(path, json.dumps(body).encode(), headers) for body in bodies]

    ours = {"X-API-Key": key}
    batches = [asked[start : start + BATCH] for start in range(0, len(asked), BATCH)]
    one = {
        "ours": posts(f"/predict/{MODEL}", asked, ours),
        "given": posts(f"/predict/{MODEL}", [key | text for key, text in zip(asked, texts, strict=True)], ours),
        "bare": posts("/", asked, {}),
        "mlflow": posts("/invocations", [{"dataframe_records": [row]} for row in features], {}),
    }
    return Asked(one, posts(f"/predict_batch/{MODEL}", batches, ours))


def servers(folder: Path) -> dict[str, tuple[list[str], str, dict[str, str]]]:
    """Command, URL that answers when it is ready, and environment of each."""
    binaries = Path(sys.executable).parent
    ours = [str(binaries / "wanderbricks"), "serve", "--port", str(PORTS["ours"]), "--store", str(folder / "online")]
    ours += ["--keys", str(folder / "api_keys.json"), "--inference-log", str(folder / "inference_log")]
    bare = [str(binaries / "granian"), "serving_peer:create", "--factory", "--interface", "asginl", "--http", "1"]
    bare += ["--port", str(PORTS["bare"]), "--workers", "1", "--no-ws", "--working-dir", str(Path(__file__).parent)]
    with duckdb.connect(str(database_file()), read_only=True) as connection:
        uri = connection.execute(
            f"select model_uri from {SCHEMA}.{MODEL} order by model_version desc limit 1"
        ).fetchall()[0][0]
    mlflow = [str(binaries / "mlflow"), "models", "serve", "--model-uri", uri, "--env-manager", "local"]
    mlflow += ["--port", str(PORTS["mlflow"]), "--workers", "1"]
    return {
        "ours": (ours, f"http://127.0.0.1:{PORTS['ours']}/ready", {}),
        "bare": (bare, f"http://127.0.0.1:{PORTS['bare']}/", {serving_peer.VARIABLE: str(folder)}),
        "mlflow": (mlflow, f"http://127.0.0.1:{PORTS['mlflow']}/ping", {"PATH": f"{binaries}:{os.environ['PATH']}"}),
    }


def asked_for_one(asked: Asked, way: str, seconds: float, rate: float | None = None) -> load.Outcome:
    """One record a request: as fast as it can, or so many a second."""
    outcome = load.load(
        PORTS.get(way, PORTS["ours"]), asked.one[way], seconds, CONNECTIONS if rate is None else 32, rate
    )
    if outcome.failed:
        raise RuntimeError(f"{way}: {outcome.failed} requests failed")
    return outcome


def print_one_record(asked: Asked, seconds: float, repeats: int) -> None:
    """The table of all servers."""
    best: dict[str, load.Outcome] = {}
    calm: dict[str, load.Outcome] = {}
    for way in NAMES:
        # the first requests of a process pay for what is made once
        asked_for_one(asked, way, 1)
    for _, way in itertools.product(range(repeats), NAMES):
        outcome = asked_for_one(asked, way, seconds)
        if way not in best or outcome.per_second > best[way].per_second:
            best[way] = outcome
    for _, way in itertools.product(range(repeats), NAMES):
        outcome = asked_for_one(asked, way, seconds, best[way].per_second / 2)
        if way not in calm or outcome.milliseconds(99) < calm[way].milliseconds(99):
            calm[way] = outcome
    print("| one record a request | requests/s | of bare ASGI + ONNX | of mlflow | p50 ms | p99 ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for way, name in NAMES.items():
        rate = best[way].per_second
        print(
            f"| {name} | {rate:,.0f} | {rate / best['bare'].per_second:.2f} | {rate / best['mlflow'].per_second:.1f} | "
            f"{calm[way].milliseconds(50):.2f} | {calm[way].milliseconds(99):.2f} |"
        )
    print("\nPercentiles at half of each one's own rate, counted from when a request was due.\n")


def mixed(asked: Asked) -> list[bytes]:
    """Questions by key and questions of the model, in turn."""
    return [one for pair in zip(asked.one["ours"], asked.one["given"], strict=True) for one in pair]


def exchanged_under_load(store: Path, asked: Asked, seconds: float) -> load.Outcome:
    """Requests while the store names other snapshots, time after time."""
    before = read_pointer(store)
    copies = [{model: f"exchange-{turn}-{model}.lmdb" for model in before.files} for turn in range(2)]
    for model, name in before.files.items():
        for files in copies:
            shutil.copy(store / name, store / files[model])

    def exchange() -> None:
        for number in range(SWAPS):
            time.sleep(seconds)
            write_pointer(store, Pointer(copies[number % 2]))

    thread = threading.Thread(target=exchange)
    thread.start()
    outcome = load.load(PORTS["ours"], mixed(asked), seconds * (SWAPS + 1), CONNECTIONS, STEADY)
    thread.join()
    write_pointer(store, before)
    return outcome


def print_ours(folder: Path, asked: Asked, process: int, ready: float, seconds: float, soak: float) -> None:
    """What the server alone is asked for."""
    batches = [load.load(PORTS["ours"], asked.batches, seconds, CONNECTIONS) for _ in range(3)]
    rows = max(outcome.per_second for outcome in batches) * BATCH
    swapped = exchanged_under_load(folder / "online", asked, 1.5)
    products = len(read_pointer(folder / "online").files)
    print("| `wanderbricks serve` | |")
    print("| --- | --- |")
    print(f"| rows/s in batches of {BATCH} | {rows:,.0f} |")
    print(f"| seconds from the command to ready | {ready:.1f} |")
    print(f"| MB of memory of a worker, {products} products and their models | {resident(process):.0f} |")
    sent = len(swapped.latencies) + swapped.failed
    print(
        f"| {SWAPS} exchanges of all snapshots, {sent:,} requests meanwhile: failed; p99 ms | "
        f"{swapped.failed}; {swapped.milliseconds(99):.1f} |"
    )
    failed = swapped.failed + sum(outcome.failed for outcome in batches)
    if soak:
        begun = resident(process)
        soaked = load.load(PORTS["ours"], mixed(asked), soak, CONNECTIONS, STEADY)
        sent = len(soaked.latencies) + soaked.failed
        failed += soaked.failed
        print(
            f"| {soak:,.0f} s of soak, {sent:,} requests: failed; MB grown; p99 ms | "
            f"{soaked.failed}; {resident(process) - begun:+.0f}; {soaked.milliseconds(99):.1f} |"
        )
    if failed:
        raise SystemExit(f"{failed} requests failed")


def wait_for_models(key: str) -> None:
    """Until features are taken; the models load after the server is ready."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORTS['ours']}/model_info/{MODEL}", headers={"X-API-Key": key})
    for _ in range(600):
        with urllib.request.urlopen(request) as response:
            if json.load(response)["takes_features"]:
                return
        time.sleep(0.1)
    raise RuntimeError("the model was not loaded within a minute")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--soak", type=float, default=0, help="seconds of a soak at the end")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        asked, key = prepare(folder)
        os.sched_setaffinity(0, {CLIENT_CORE})
        started = {
            way: stack.enter_context(server(command, url, folder / f"{way}.log", environment))
            for way, (command, url, environment) in servers(folder).items()
        }
        wait_for_models(key)
        print_one_record(asked, given.seconds, given.repeats)
        process, ready = started["ours"]
        print_ours(folder, asked, process.pid, ready, given.seconds, given.soak)


if __name__ == "__main__":
    main()
