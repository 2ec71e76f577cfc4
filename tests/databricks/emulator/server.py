"""The workspace's REST interface, as far as dbt-databricks calls it; on the loopback address only."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from .endpoints import Endpoints
from .jobs import Jobs, dependencies
from .warehouse import Warehouse, load_gold

TOKEN = "emulator"
PREFIX = "/ws"
WAIT = 10.0
"""Seconds that executing a statement waits before it answers that it is still running."""

TYPE_NAMES = {
    "tinyint": "BYTE",
    "smallint": "SHORT",
    "int": "INT",
    "bigint": "LONG",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP",
    "string": "STRING",
    "binary": "BINARY",
    "void": "NULL",
}

logger = logging.getLogger(__name__)

Reply = tuple[dict[str, Any], int]
Payload = Callable[[str, DataFrame], dict[str, Any]]


def column_type(name: str) -> dict[str, Any]:
    """A Spark type as the Statement Execution API names it."""
    if name.startswith("decimal"):
        precision, scale = (int(number) for number in re.findall(r"\d+", name))
        return {"type_name": "DECIMAL", "type_precision": precision, "type_scale": scale}
    for kind in ("array", "map", "struct"):
        if name.startswith(kind):
            return {"type_name": kind.upper()}
    return {"type_name": TYPE_NAMES.get(name, "STRING")}


def json_payload(statement: str, frame: DataFrame) -> dict[str, Any]:
    """The rows of a statement, inline as texts."""
    texts = [[None if value is None else str(value) for value in row] for row in frame.collect()]
    return {
        "statement_id": statement,
        "status": {"state": "SUCCEEDED"},
        "manifest": {
            "format": "JSON_ARRAY",
            "schema": {"columns": [{"name": name} for name in frame.columns]},
            "total_row_count": len(texts),
        },
        "result": {"chunk_index": 0, "row_offset": 0, "row_count": len(texts), "data_array": texts},
    }


def result_payload(statement: str, frame: DataFrame) -> dict[str, Any]:
    """The rows of a statement, inline as an Arrow stream."""
    try:
        table = frame.toArrow()
    except Exception:
        # Delta's own metrics have structs that Arrow refuses
        frame = frame.selectExpr(*(f"to_json(named_struct('v', `{name}`)) as `{name}`" for name in frame.columns))
        table = frame.toArrow()
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    kinds = [(field.name, field.dataType.simpleString()) for field in frame.schema]
    columns = [
        {"name": name, "position": at, "type_text": kind.upper(), **column_type(kind)}
        for at, (name, kind) in enumerate(kinds)
    ]
    size = {"row_count": table.num_rows, "byte_count": buffer.tell()}
    return {
        "statement_id": statement,
        "status": {"state": "SUCCEEDED"},
        "manifest": {
            "format": "ARROW_STREAM",
            "schema": {"column_count": len(columns), "columns": columns},
            "total_chunk_count": 1 if table.num_rows else 0,
            "total_row_count": table.num_rows,
            "total_byte_count": buffer.tell(),
            "truncated": False,
            "result_compression": None,
            "chunks": [{"chunk_index": 0, "row_offset": 0, **size}],
        },
        "result": {
            "chunk_index": 0,
            "row_offset": 0,
            "row_count": table.num_rows,
            "attachment": base64.b64encode(buffer.getvalue()).decode(),
        },
    }


def is_registered(name: str, version: str) -> bool:
    """Whether the registry has a version of a model."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        MlflowClient().get_model_version(name, version)
    except MlflowException:
        return False
    return True


class Workspace:
    """State of the workspace, and the answers to requests."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.jobs = Jobs(warehouse)
        self.sessions: dict[str, SparkSession] = {}
        self.statements: dict[str, dict[str, Any]] = {}
        self.endpoints = Endpoints(is_registered)
        self.down = False
        self.spent: dict[str, list[float]] = {}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Reply:
        """Find the route of a request."""
        if self.down and path.startswith("/api/"):
            return {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The warehouse does not answer."}, 503
        answered = self.endpoints.answer(method, path, body)
        if answered:
            return answered
        for verb, pattern, handler in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method in verb:
                return handler(self, body, match)
        return {"error_code": "ENDPOINT_NOT_FOUND", "message": f"the emulator has no {method} {path}"}, 404

    def open_session(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        catalog = body.get("catalog")
        if catalog not in (None, "main", "hive_metastore"):
            message = f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{catalog}' was not found."
            return {"error_code": "NOT_FOUND", "message": message}, 404
        number = str(uuid.uuid4())
        self.sessions[number] = self.warehouse.session(body.get("schema"))
        return {"session_id": number}, 200

    def close_session(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        session = self.sessions.pop(match[1], None)
        if session:
            self.warehouse.write_comments(session)
        return {}, 200

    def execute(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        number = str(uuid.uuid4())
        self.statements[number] = {"statement_id": number, "status": {"state": "RUNNING"}}
        session = self.sessions.get(body.get("session_id", "")) or self.warehouse.session(body.get("schema"))
        payload = result_payload if body.get("format") == "ARROW_STREAM" else json_payload
        values = {given["name"]: given["value"] for given in body.get("parameters", [])}
        told = (number, session, body["statement"], values, payload)
        worker = threading.Thread(target=self._run, args=told, daemon=True)
        worker.start()
        worker.join(0 if body.get("wait_timeout") == "0s" else WAIT)
        return self.statements[number], 200

    def _run(
        self, number: str, session: SparkSession, statement: str, values: dict[str, str], payload: Payload
    ) -> None:
        started = time.perf_counter()
        try:
            self.statements[number] = payload(number, self.warehouse.run(session, statement, values))
        except Exception as error:
            logger.exception("statement failed: %s", statement)
            message = str(error).split("JVM stacktrace")[0].split("\n\tat ")[0][:4_000]
            failed = {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": message}}
            self.statements[number] = {"statement_id": number, "status": failed}
        finally:
            self._note(statement, time.perf_counter() - started)

    def _note(self, statement: str, seconds: float) -> None:
        words = re.sub(r"/\*.*?\*/", "", statement, flags=re.S).split()
        spent = self.spent.setdefault(" ".join(words[:2]).lower(), [0, 0.0])
        spent[0] += 1
        spent[1] += seconds

    def statement(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        if match[1] not in self.statements:
            return {"error_code": "NOT_FOUND", "message": f"statement {match[1]} is not known"}, 404
        return self.statements[match[1]], 200

    def forget_statement(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        self.statements.pop(match[1], None)
        return {}, 200

    def upload(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        self.jobs.notebooks[body["path"]] = base64.b64decode(body["content"]).decode()
        return {}, 200

    def submit(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        (task,) = body["tasks"]
        try:
            installed = dependencies(task, body.get("environments", []))
        except ValueError as error:
            return {"error_code": "INVALID_PARAMETER_VALUE", "message": str(error)}, 400
        source = self.jobs.notebooks[task["notebook_task"]["notebook_path"]]
        name = body.get("run_name", "run")
        return {"run_id": self.jobs.submit(source, name, installed, on_cluster="new_cluster" in task)}, 200

    def run(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        number = int(body["run_id"])
        run = self.jobs.poll(number)
        state = "TERMINATED" if run.ended.is_set() else "RUNNING"
        return {
            "job_id": number,
            "run_id": number,
            "run_name": run.name,
            "run_page_url": f"http://127.0.0.1/runs/{number}",
            "state": run.state,
            "status": {"state": state},
            "tasks": [{"run_id": number, "task_key": "inner_notebook", "state": run.state}],
        }, 200

    def run_output(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        run = self.jobs.poll(int(body["run_id"]))
        return {"error": run.error, "error_trace": run.trace}, 200

    def control(self, body: dict[str, Any], match: re.Match[str]) -> Reply:
        """For tests: load gold, keep secrets, refuse to answer, and tell what came and how it ran."""
        if "gold" in body:
            load_gold(self.warehouse, Path(body["gold"]))
        self.jobs.secrets.update(body.get("secrets", {}))
        self.down = bool(body.get("down", self.down))
        told = {"rewrites": dict(self.warehouse.rewrites), "spent": self.spent, "shuffled": self.warehouse.shuffled}
        if "history_from" in body:
            told["history"] = self.warehouse.history[int(body["history_from"]) :]
        return told | {"statements": len(self.warehouse.history)}, 200


def constant(value: dict[str, Any]) -> Callable[..., Reply]:
    """A handler that always answers the same."""
    return lambda workspace, body, match: (value, 200)


ROUTES: list[tuple[str, str, Callable[[Workspace, dict[str, Any], re.Match[str]], Reply]]] = [
    ("GET", r"/\.well-known/databricks-config", constant({"workspace_id": "1", "oidc_endpoint": ""})),
    ("POST", r"/api/2\.0/sql/sessions", Workspace.open_session),
    ("DELETE", r"/api/2\.0/sql/sessions/([^/]+)", Workspace.close_session),
    ("POST", r"/api/2\.0/sql/statements", Workspace.execute),
    ("GET", r"/api/2\.0/sql/statements/([^/]+)", Workspace.statement),
    ("DELETE", r"/api/2\.0/sql/statements/([^/]+)", Workspace.forget_statement),
    ("POST", r"/api/2\.0/sql/statements/([^/]+)/cancel", Workspace.forget_statement),
    ("GET", r"/api/2\.0/preview/scim/v2/Me", constant({"userName": "emulator@localhost", "id": "1"})),
    ("POST", r"/api/2\.0/workspace/mkdirs", constant({})),
    ("POST", r"/api/2\.0/workspace/import", Workspace.upload),
    ("GET", r"/api/2\.0/workspace/get-status", constant({"object_id": 1, "object_type": "NOTEBOOK"})),
    ("POST", r"/api/2\.[0-2]/jobs/runs/submit", Workspace.submit),
    ("GET", r"/api/2\.[0-2]/jobs/runs/get", Workspace.run),
    ("GET", r"/api/2\.[0-2]/jobs/runs/get-output", Workspace.run_output),
    ("GET PUT PATCH", r"/api/2\.0/permissions/.*", constant({"access_control_list": []})),
    ("POST", r"/emulator", Workspace.control),
]


def serve(workspace: Workspace, port: int) -> ThreadingHTTPServer:
    """A server on the loopback address; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keep quiet: dbt has a log of its own."""

        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            url = urlparse(self.path)
            body |= {name: values[0] for name, values in parse_qs(url.query).items()}
            path = url.path.removeprefix(PREFIX)
            if path.startswith("/api/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                found, code = {"error_code": "PERMISSION_DENIED", "message": "Invalid access token."}, 403
            else:
                try:
                    found, code = workspace.answer(self.command, path, body)
                except Exception as error:
                    found, code = {"error_code": "INTERNAL_ERROR", "message": f"{type(error).__name__}: {error}"}, 500
            payload = json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
