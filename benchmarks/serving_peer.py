"""The least that answers a key with a prediction: ASGI, ONNX Runtime, and rows by key in a dict.

No API keys, limits, checks, metrics or logs. `benchmarks/serving.py` writes what it serves and starts it.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

VARIABLE = "WANDERBRICKS_BENCH_PEER"


def write(folder: Path, pipeline: Any, rows: Any, keys: list[tuple[int, str]]) -> None:
    """Convert demand's trees, and write them with the encoded rows.

    Parameters
    ----------
    pipeline
        A fit of demand.
    rows
        Arrow table of its features.
    keys
        Property and date of each row.

    Raises
    ------
    RuntimeError
        When the converted trees do not say what the pipeline says.
    """
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    from wanderbricks_ml.features import feature_matrix

    estimator, matrix = pipeline["estimator"], feature_matrix(pipeline["preprocess"], rows)
    booster = estimator.booster_
    graph = convert_xgboost(booster, initial_types=[("x", FloatTensorType([None, booster.num_features()]))])
    (folder / "trees.onnx").write_bytes(graph.SerializeToString())
    start = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"].strip("[]")
    # the graph starts from the booster's own mean, the pipeline from each row's
    factors = np.exp(estimator._margin(matrix).astype(np.float64)) / float(start)
    known = matrix[:, estimator.known_count].astype(np.float64)
    (folder / "rows.pkl").write_bytes(pickle.dumps((keys, matrix, factors, known)))
    predict = predictor(folder)
    found = [predict(*key) for key in keys[:200]]
    if not np.allclose(found, estimator.predict(matrix[:200]), rtol=1e-5):
        raise RuntimeError("the converted trees do not say what the pipeline says")


def predictor(folder: Path) -> Any:
    """Expected bookings by property and date."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1
    run = InferenceSession(folder / "trees.onnx", options).run
    keys, matrix, factors, known = pickle.loads((folder / "rows.pkl").read_bytes())
    values = zip(np.split(matrix, len(matrix)), factors.tolist(), known.tolist(), strict=True)
    by_key = dict(zip(keys, values, strict=True))

    def predict(property_id: int, day: str) -> float:
        row, factor, rest = by_key[property_id, day]
        return rest + factor * float(run(None, {"x": row})[0].item())

    return predict


def create() -> Any:
    """The application, of the folder that the environment names."""
    import msgspec

    predict = predictor(Path(os.environ[VARIABLE]))
    asked = msgspec.json.Decoder(msgspec.defstruct("Asked", [("property_id", int), ("check_in_date", str)]))

    def predicted(body: bytes) -> bytes:
        question: Any = asked.decode(body)
        return msgspec.json.encode({"predicted_bookings": predict(question.property_id, question.check_in_date)})

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        # whoever waits for it to be there asks for nothing
        body = b"{}" if scope["method"] == "GET" else predicted((await receive())["body"])
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
