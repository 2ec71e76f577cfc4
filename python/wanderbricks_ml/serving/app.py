"""The ASGI application: one for all products, answers from the online store."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from wanderbricks_ml.serving import metrics, request_log
from wanderbricks_ml.serving.arms import Arms
from wanderbricks_ml.serving.asked import Question
from wanderbricks_ml.serving.callers import Callers
from wanderbricks_ml.serving.exchange import PREDICTING, Exchange, Response
from wanderbricks_ml.serving.inference_log import CHAMPION, Entry, InferenceLog
from wanderbricks_ml.serving.openapi import page, specification
from wanderbricks_ml.serving.problems import CONTENT_TYPE, Problem
from wanderbricks_ml.serving.rollout import CANARY, SHADOW
from wanderbricks_ml.serving.settings import ServingSettings
from wanderbricks_ml.serving.store import Served, Store

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
REFRESH_SECONDS = 1.0

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""

MOST_MISSING = 10
"""Keys that an error names."""


class App:
    """Answers requests.

    Parameters
    ----------
    settings
        Of the server.

    Raises
    ------
    ValueError, FileNotFoundError
        When the file of keys cannot be used.
    """

    def __init__(self, settings: ServingSettings) -> None:
        self._settings = settings
        self._store = Store(Path(settings.store), settings.most_rows)
        # who reads the log's files passes over what begins so
        kept = Path(settings.inference_log or settings.scratch) / "_traffic"
        self._arms = Arms(Path(settings.store), kept, Path(settings.scratch))
        self._callers = Callers(settings)
        self._requests = metrics.Requests()
        self._log: InferenceLog | None = None
        self._specification = b""
        self._page = b""
        self._watching: asyncio.Task[None] | None = None
        self._refresh()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or begin and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"there is no {scope['type']} here")
        begun = time.perf_counter()
        exchange = Exchange(scope, receive, self._settings)
        try:
            response = await self._answered(exchange)
        except Problem as problem:
            document = problem.document(exchange.request_id)
            response = Response(document, CONTENT_TYPE, problem.status.value, problem.headers)
        except Exception:
            logger.exception("request %s failed", exchange.request_id)
            failure = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; its log has the request_id")
            response = Response(failure.document(exchange.request_id), CONTENT_TYPE, failure.status.value)
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [
                    (b"content-type", response.content_type),
                    (b"content-length", b"%d" % len(response.body)),
                    (b"x-request-id", exchange.request_id.encode()),
                    (b"cache-control", b"no-store"),
                    (b"x-content-type-options", b"nosniff"),
                    *response.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": response.body})
        seconds = time.perf_counter() - begun
        self._requests.count(exchange.route, exchange.model, response.status, seconds)
        self._log_inference(exchange, response.status, seconds)
        if exchange.is_logged:
            request_log.write(
                level="info",
                request_id=exchange.request_id,
                route=exchange.route,
                model=exchange.model,
                key=exchange.key_id,
                status=response.status,
                rows=exchange.rows,
                milliseconds=round(seconds * 1e3, 3),
            )

    def _log_inference(self, exchange: Exchange, status: int, seconds: float) -> None:
        served = self._store.by_name.get(exchange.model)
        if self._log is None or served is None or exchange.route not in PREDICTING:
            return
        entries = exchange.entries or [Entry(model_version=served.about.serving_version)]
        self._log.add(exchange.request_id, exchange.route, exchange.model, entries, status, seconds * 1e3)

    async def _answered(self, exchange: Exchange) -> Response:
        verb, *rest = exchange.parts
        if not rest and verb in ("health", "ready", "metrics", "openapi.json", "docs"):
            exchange.begin(f"/{verb}", "GET")
            return self._open(verb)
        if verb == "model_info" and len(rest) <= 1:
            exchange.begin("/model_info/{model}" if rest else "/model_info", "GET")
            self._callers.admit(exchange)
            if not rest:
                return self._all_info(exchange)
            return Response(msgspec.json.encode(self._info(self._served(exchange, rest[0]))))
        if verb in ("predict", "predict_batch", "explain", "curve") and len(rest) == 1:
            exchange.begin(f"/{verb}/{{model}}", "POST")
        elif verb == "serving-endpoints" and len(rest) == 2 and rest[1] == "invocations":
            exchange.begin("/serving-endpoints/{model}/invocations", "POST")
        else:
            raise Problem(
                HTTPStatus.NOT_FOUND, "there is no such path; /docs lists those that there are", [("path", "unknown")]
            )
        self._callers.admit(exchange)
        # who may not ask sends no body
        self._served(exchange, rest[0])
        body = await exchange.body()
        # again, as what was served when the body began may be closed by now
        served = self._served(exchange, rest[0])
        if verb == "explain":
            return self._explained(exchange, served, body)
        if verb == "curve":
            return self._curve(exchange, served, body)
        return await self._predicted(exchange, served, verb, body)

    async def _predicted(self, exchange: Exchange, served: Served, verb: str, body: bytes) -> Response:
        asked, model = served.asked, served.about.model_name
        if verb == "predict":
            questions = [asked.one(body)]
        else:
            questions = asked.many(body) if verb == "predict_batch" else asked.invocation(body)
        canaries: dict[int, bytes] = {}
        if model in self._arms.by_model:
            canaries = await self._arms.canaries(model, questions)
            # again, as after the body
            served = self._served(exchange, model)
        row = served.row
        if verb == "predict":
            (question,) = questions
            answer = row(question) if question.features is None else self._what_if(served, [question])[0]
            if answer is None:
                raise Problem(HTTPStatus.NOT_FOUND, *self._not_scored(served, [question]))
            answers = [answer]
        else:
            found = [row(question) if question.features is None else b"" for question in questions]
            given = [place for place, one in enumerate(found) if one == b""]
            if given:
                predicted = self._what_if(served, [questions[place] for place in given])
                for place, one in zip(given, predicted, strict=True):
                    found[place] = one
            missing = [question for question, one in zip(questions, found, strict=True) if one is None]
            if missing:
                raise Problem(HTTPStatus.NOT_FOUND, *self._not_scored(served, missing))
            answers = [one for one in found if one is not None]
        exchange.rows = len(answers)
        for place, answer in canaries.items():
            answers[place] = answer
        for version, rows in _versions(served, answers, bool(canaries)).items():
            self._requests.count_rows(model, version, rows)
        exchange.entries = [
            Entry(
                answer,
                None if question.features is None else msgspec.json.encode(question.features),
                CANARY if place in canaries else CHAMPION,
            )
            for place, (question, answer) in enumerate(zip(questions, answers, strict=True))
        ]
        if model in self._arms.by_model:
            self._arms.shadow(model, questions, self._shadow_log(exchange))
        if verb == "predict":
            return Response(answers[0])
        whole = b"[" + b",".join(answers) + b"]"
        return Response(whole if verb == "predict_batch" else b'{"predictions":' + whole + b"}")

    def _shadow_log(self, exchange: Exchange) -> Callable[[list[bytes]], None]:
        """Where answers of a shadow go: to the log, and nowhere else."""
        log, begun = self._log, time.perf_counter()

        def tell(answers: list[bytes]) -> None:
            if log is not None:
                entries, took = [Entry(answer, arm=SHADOW) for answer in answers], time.perf_counter() - begun
                log.add(exchange.request_id, exchange.route, exchange.model, entries, 200, 1e3 * took)

        return tell

    def _explained(self, exchange: Exchange, served: Served, body: bytes) -> Response:
        question = served.asked.one(body)
        if not served.about.moved:
            told = ", ".join(model for model, one in self._store.by_model.items() if one.about.moved)
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"answers of {served.about.model_name} are not taken apart; those of {told or 'no model'} are",
                [("model", "not taken apart")],
            )
        if served.what_if is None:
            raise self._by_key_alone(served)
        exchange.rows = 1
        return Response(served.what_if.explained(question))

    def _curve(self, exchange: Exchange, served: Served, body: bytes) -> Response:
        question = served.asked.one(body)
        about = served.about
        if not about.curve:
            told = ", ".join(model for model, one in self._store.by_model.items() if one.about.curve)
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"answers of {about.model_name} are no curves; those of {told or 'no model'} are",
                [("model", "no curve")],
            )
        row, points = served.row(question), served.snapshot.curve(question.key)
        if row is None or points is None:
            raise Problem(HTTPStatus.NOT_FOUND, *self._not_scored(served, [question]))
        exchange.rows = 1
        shared = msgspec.json.decode(row)
        named = {name: shared[name] for name in (*about.key, "model_name", "model_version", "scoring_date")}
        return Response(msgspec.json.encode({**named, "curve": msgspec.Raw(points)}))

    def _by_key_alone(self, served: Served) -> Problem:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{served.about.model_name} is asked by key alone")

    def _what_if(self, served: Served, questions: list[Question]) -> list[bytes]:
        if served.what_if is None:
            raise self._by_key_alone(served)
        return served.what_if.answers(questions)

    def _not_scored(self, served: Served, missing: list[Question]) -> tuple[str, list[tuple[str, str]]]:
        about = served.about
        if missing[0].newcomer is not None:
            known = ", ".join(served.snapshot.all_newcomers()) or "none"
            detail = f"nobody who is new is of this {about.newcomers}; there are {known}"
            return detail, [(one.pointer(about.newcomers or ""), "unknown") for one in missing[:MOST_MISSING]]
        names = ", ".join(about.key)
        rows = f"{len(missing)} of the keys" if len(missing) > 1 or missing[0].pointer() else "this key"
        detail = (
            f"{rows} ({names}) {'were' if len(missing) > 1 else 'was'} not scored on {about.scoring_date}; "
            f"{about.table} has {about.rows}, such as {msgspec.json.encode(about.example).decode()}"
        )
        name = next(iter(about.key)) if len(about.key) == 1 else ""
        return detail, [(question.pointer(name), "not scored") for question in missing[:MOST_MISSING]]

    def _served(self, exchange: Exchange, name: str) -> Served:
        """The product of a name of the path, for which the caller has a key."""
        served = self._store.by_name.get(name)
        if served is None:
            there = ", ".join(self._store.by_model) or "none: nothing was exported yet"
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no such model; there are {there}", [("model", "unknown")])
        exchange.model = served.about.model_name
        self._callers.check_scope(exchange)
        return served

    def _open(self, verb: str) -> Response:
        """Answers for which nobody needs a key."""
        if verb == "metrics":
            return Response(metrics.exposition(), metrics.CONTENT_TYPE)
        if verb == "openapi.json":
            return Response(self._specification)
        if verb == "docs":
            return Response(self._page, b"text/html; charset=utf-8")
        loaded = bool(self._store.by_model)
        if verb == "health":
            return Response(msgspec.json.encode({"status": "healthy", "model_loaded": loaded}))
        limit = self._settings.stale_days
        stale = [model for model, served in self._store.by_model.items() if limit and served.age_days > limit]
        ready = loaded and not stale
        said = {"status": "ready" if ready else "not ready", "models": sorted(self._store.by_model), "stale": stale}
        return Response(msgspec.json.encode(said), status=200 if ready else 503)

    def _info(self, served: Served) -> dict[str, Any]:
        return served.info() | {"rollout": self._arms.told(served.about.model_name)}

    def _all_info(self, exchange: Exchange) -> Response:
        models = {
            model: self._info(served)
            for model, served in self._store.by_model.items()
            if exchange.caller is not None and exchange.caller.may_ask(model)
        }
        return Response(msgspec.json.encode({"models": models}))

    def _refresh(self) -> None:
        if self._store.refresh():
            abouts = [served.about for served in self._store.by_model.values()]
            self._specification = msgspec.json.encode(specification(abouts, self._settings.most_rows))
            self._page = page(abouts)
        try:
            self._arms.take(self._store.rollouts, self._store.by_model)
            self._arms.judge()
        except OSError:
            # the champion serves on, and all of the units
            self._arms.by_model = {}
            logger.exception("the state of canaries and shadows can be neither read nor written")

    def _load_models(self) -> None:
        self._store.load_models()
        self._arms.load_models()

    async def _watch(self) -> None:
        loading: threading.Thread | None = None
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                if not loading or not loading.is_alive():
                    self._refresh()
                    if self._store.has_models_to_load or self._arms.has_models_to_load:
                        # none that the end waits for
                        loading = threading.Thread(target=self._load_models, name="models", daemon=True)
                        loading.start()
            except Exception:
                # what serves goes on; the next look may find it mended
                logger.exception("the store cannot be read")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._settings.inference_log:
            self._log = InferenceLog(Path(self._settings.inference_log), self._settings.log_days)
        self._watching = asyncio.create_task(self._watch())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        if self._log is not None:
            self._log.close()
        await send({"type": "lifespan.shutdown.complete"})


def _versions(served: Served, answers: list[bytes], are_mixed: bool) -> dict[int, int]:
    """Rows of each version among answers, of which a canary's are some where they are mixed."""
    if served.only_version is not None and not are_mixed:
        return {served.only_version: len(answers)}
    counted: dict[int, int] = {}
    for answer in answers:
        version = msgspec.json.decode(answer)["model_version"]
        counted[version] = counted.get(version, 0) + 1
    return counted


def _end_with_parent() -> None:
    """Be told to stop where the process that began this one is gone: nobody else would, and the port stays taken."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def create() -> App:
    """The application of a worker, with the settings of the environment."""
    # the server's own, with which a worker is born, would have it go on when told to stop before it has begun
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    package = logging.getLogger("wanderbricks_ml")
    package.handlers = [request_log.JsonLines()]
    package.propagate = False
    # what numpy says of features far from all others is a line as any other
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers = [request_log.JsonLines()]
    return App(ServingSettings.of_environment())
