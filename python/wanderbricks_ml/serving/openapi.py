"""The OpenAPI document of what serves, with examples that work as they stand, and a page of it for people."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from wanderbricks_ml.serving.new_bookings import ANSWERED, NEEDED, kind_of
from wanderbricks_ml.serving.snapshot import LONGEST_TEXT, About

KINDS: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "date": {"type": "string", "format": "date"},
    "text": {"type": "string", "maxLength": LONGEST_TEXT},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
}

NUMERIC_FEATURE = {"type": ["number", "null"], "minimum": 0, "maximum": 3e38}
CATEGORICAL_FEATURE = {"type": ["string", "null"], "maxLength": LONGEST_TEXT}

BOOKING: dict[str, dict[str, Any]] = {
    "property_id": {"type": "integer", "minimum": -(2**53), "maximum": 2**53},
    "check_in_date": KINDS["date"],
    "guests": {"type": "integer", "minimum": 1, "maximum": 10_000},
    "total_amount": {"type": "number", "minimum": 0, "maximum": 1e12},
    "nights": {"type": "integer", "minimum": 1, "maximum": 365},
    "check_out_date": KINDS["date"],
    "user_id": {"type": "integer", "minimum": -(2**53), "maximum": 2**53},
    "country": KINDS["text"],
    "user_type": KINDS["text"],
    "is_business_booking": {"type": "boolean"},
    "bookings_alike": {"type": "integer", "minimum": 1, "maximum": 10_000},
    "created_date": KINDS["date"],
}
"""The fields of a booking that does not exist yet."""

ATTRIBUTES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "number": {"type": ["number", "null"], "minimum": -3e38, "maximum": 3e38},
}

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}

ERRORS = {
    400: "The body is no JSON.",
    401: "There is no valid API key.",
    403: "The key is for other models.",
    404: "There is no such model, or the key was not scored.",
    405: "The path takes another method.",
    408: "The body did not come in time.",
    413: "The body is too long.",
    415: "The body is of another content type.",
    422: "The body is not what the model takes.",
    429: "The key was used too often.",
    503: "The model behind other features than those that were scored is not there yet.",
}


def specification(abouts: Sequence[About], most_rows: int) -> dict[str, Any]:
    """The document.

    Parameters
    ----------
    abouts
        What serves.
    most_rows
        Rows that a request may ask for.
    """
    paths: dict[str, Any] = {
        "/health": {"get": _open("Whether the server is alive", {"type": "object"})},
        "/ready": {
            "get": _open("Whether there is something to serve, and fresh", {"type": "object"})
            | {
                "responses": {
                    "200": _json("Ready.", {"type": "object"}),
                    "503": _json("Not ready.", {"type": "object"}),
                }
            }
        },
        "/metrics": {
            "get": {"summary": "Metrics for Prometheus", "security": [], "responses": {"200": {"description": "Text."}}}
        },
        "/model_info": {"get": _keyed("What serves, of every model", {"type": "object"})},
    }
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    for about in abouts:
        model = about.model_name
        schemas[f"{model}_key"] = _question(about)
        schemas[f"{model}_answer"] = _answer(about)
        key, answer = _ref(f"{model}_key"), _ref(f"{model}_answer")
        keys = {"type": "array", "items": key, "minItems": 1, "maxItems": most_rows}
        answers = {"type": "array", "items": answer}
        example = msgspec.to_builtins(about.example)
        paths[f"/model_info/{model}"] = {"get": _keyed(f"What serves of {model}", {"type": "object"})}
        paths[f"/predict/{model}"] = {
            "post": _asking(f"One row of {about.table}", key, _examples(example, about), answer)
        }
        paths[f"/predict_batch/{model}"] = {
            "post": _asking(
                f"Rows of {about.table}, in the order asked for", keys, _examples_of_batches(example, about), answers
            )
        }
        if about.moved and about.numeric:
            paths[f"/explain/{model}"] = {
                "post": _asking(
                    f"What moved a row of {about.table}", key, _examples(example, about), _explanation(about)
                )
            }
        if about.curve:
            asking = _asking(f"{about.table} at other values of {about.curve[0]}", key, {"key": example}, _curve(about))
            paths[f"/curve/{model}"] = {"post": asking}
        paths[f"/serving-endpoints/{about.endpoint}/invocations"] = {
            "post": _asking(
                f"Rows of {about.table}, in the forms of MLflow and Databricks",
                _invocation(keys, about.key, most_rows),
                _examples_of_forms(example),
                {"type": "object", "required": ["predictions"], "properties": {"predictions": answers}},
            )
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wanderbricks ML",
            "version": version("wanderbricks-ml"),
            "description": "What the models published last, by key, and what they say of other features.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"api_key": []}, {"bearer": []}],
    }


def page(abouts: Sequence[About]) -> bytes:
    """The same for people: every model, and a command that asks it."""
    parts = []
    for about in abouts:
        body = msgspec.json.encode(about.example).decode()
        command = (
            f"curl -H \"X-API-Key: $KEY\" -H 'Content-Type: application/json' \\\n"
            f"  --data '{body}' $URL/predict/{about.model_name}"
        )
        parts.append(
            f"<h2>{html.escape(about.model_name)}</h2><p>{html.escape(about.table)}, {about.rows} keys "
            f"({html.escape(', '.join(about.key))}) of {about.scoring_date}; endpoint "
            f"{html.escape(about.endpoint)}</p><pre>{html.escape(command)}</pre>"
        )
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Wanderbricks ML</title>'
        '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}'
        "body{font:1rem/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto}</style>"
        '<h1>Wanderbricks ML</h1><p>All paths, with types: <a href="openapi.json">openapi.json</a>. '
        "<code>/predict_batch/…</code> takes a list of such objects, <code>/serving-endpoints/…/invocations</code> "
        "dataframe_records, dataframe_split or inputs.</p>"
    )
    return (head + "".join(parts)).encode()


def _object(columns: Mapping[str, str], additional: bool = True) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(columns),
        "properties": {name: KINDS[kind] for name, kind in columns.items()},
        **({} if additional else {"additionalProperties": False}),
    }


def _question(about: About) -> dict[str, Any]:
    """A key, and features that are to differ from those that were scored."""
    question = _object(about.key, additional=False)
    features = dict.fromkeys(about.numeric, NUMERIC_FEATURE) | dict.fromkeys(about.categorical, CATEGORICAL_FEATURE)
    question["properties"] = features | question["properties"]
    if about.newcomers:
        return {"oneOf": [question, _object({about.newcomers: "text"}, additional=False)]}
    if about.booking:
        return {"oneOf": [question, _booking(about.booking.attributes)]}
    return question


def _booking(attributes: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a booking that does not exist yet."""
    either = (("nights", "check_out_date"), ("user_id", "country"))
    return {
        "type": "object",
        "required": list(NEEDED),
        "properties": BOOKING | {name: ATTRIBUTES[kind_of(of)] for name, of in attributes.items()},
        "additionalProperties": False,
        "allOf": [{"oneOf": [{"required": [name]} for name in names]} for names in either],
    }


def _examples(example: Mapping[str, Any], about: About) -> dict[str, Any]:
    examples = {"key": example}
    if about.numeric:
        examples["features"] = {**example, next(name for name in about.numeric[::-1] if name not in about.key): 1}
    if about.newcomers and about.newcomer_example is not None:
        examples["newcomer"] = {about.newcomers: about.newcomer_example}
    if about.booking:
        examples["new_booking"] = about.booking.example
    return examples


def _examples_of_batches(example: Mapping[str, Any], about: About) -> dict[str, Any]:
    return {"keys": [example], **({"new_bookings": [about.booking.example] * 2} if about.booking else {})}


def _answer(about: About) -> dict[str, Any]:
    answer = _object({name: kind for name, kind in about.columns.items()})
    # only keys are never null
    for name, kind in about.columns.items():
        if name not in about.key:
            types = KINDS[kind]["type"]
            answer["properties"][name] = KINDS[kind] | {"type": types if isinstance(types, list) else [types, "null"]}
    if about.items is not None:
        rows = _object(about.item_columns)
        rows["properties"] = {
            name: {**KINDS[kind], "type": [KINDS[kind]["type"], "null"]}
            if isinstance(KINDS[kind]["type"], str)
            else KINDS[kind]
            for name, kind in about.item_columns.items()
        }
        answer["properties"][about.items] = {"type": "array", "items": rows}
        answer["required"].append(about.items)
    if about.newcomers:
        answer["properties"][about.newcomers] = KINDS["text"]
        answer["required"] = [name for name in answer["required"] if name not in about.key]
    if about.numeric:
        # of features that were given, only what the model says follows
        answer["required"] = [*about.key, "model_name", "model_version", "scoring_date"]
        answer["properties"]["given_features"] = {"type": "array", "items": {"type": "string"}}
    return _of_booking(answer, about)


def _of_booking(answer: dict[str, Any], about: About) -> dict[str, Any]:
    """An answer's schema, which of a new booking has its fields and no key."""
    if about.booking:
        answer["properties"] |= {name: BOOKING.get(name, KINDS["integer"]) for name in ANSWERED}
        answer["required"] = [name for name in answer["required"] if name not in about.key]
    return answer


def _curve(about: About) -> dict[str, Any]:
    point = _object(dict.fromkeys(about.curve, "number"))
    found = _object({**about.key, "model_name": "text", "model_version": "integer", "scoring_date": "date"})
    found["properties"]["curve"] = {"type": "array", "items": point}
    found["required"].append("curve")
    return found


def _explanation(about: About) -> dict[str, Any]:
    number, text = {"type": "number"}, {"type": "string"}
    reason = {
        "rank": {"type": "integer"},
        "feature": text,
        "feature_value": {"type": ["string", "null"]},
        "contribution": number,
        "effect": {"enum": ["raises", "lowers"]},
        "reason": text,
    }
    found = _object({**about.key, "model_name": "text", "model_version": "integer", "scoring_date": "date"})
    found["properties"] |= {
        "unit": text,
        "base_value": number,
        "margin": number,
        "reasons": {"type": "array", "items": {"type": "object", "required": list(reason), "properties": reason}},
        "given_features": {"type": "array", "items": text},
    }
    found["required"] += ["unit", "base_value", "margin", "reasons", "given_features"]
    return _of_booking(found, about)


def _invocation(keys: dict[str, Any], key: Mapping[str, str], most_rows: int) -> dict[str, Any]:
    columns = {
        name: {"type": "array", "items": KINDS[kind], "minItems": 1, "maxItems": most_rows}
        for name, kind in key.items()
    }
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "additionalProperties": False,
        "properties": {
            "columns": {"const": list(key)},
            "data": {
                "type": "array",
                "minItems": 1,
                "maxItems": most_rows,
                "items": {
                    "type": "array",
                    "prefixItems": [KINDS[kind] for kind in key.values()],
                    "minItems": len(key),
                    "maxItems": len(key),
                },
            },
            "index": {"type": ["array", "null"]},
        },
    }
    by_column = {"type": "object", "required": list(key), "properties": columns, "additionalProperties": False}
    forms = {"dataframe_records": keys, "dataframe_split": split, "inputs": {"oneOf": [keys, by_column]}}
    return {
        "oneOf": [
            {"type": "object", "required": [name], "properties": {name: form}, "additionalProperties": False}
            for name, form in forms.items()
        ]
    }


def _examples_of_forms(example: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "records": {"dataframe_records": [example]},
        "split": {"dataframe_split": {"columns": list(example), "data": [list(example.values())]}},
        "inputs": {"inputs": {name: [value] for name, value in example.items()}},
    }


def _open(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "security": [], "responses": {"200": _json("The answer.", schema)}}


def _keyed(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _json("The answer.", schema), **_errors(401, 403, 404, 405, 429)}}


def _asking(summary: str, schema: dict[str, Any], examples: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    named = {name: {"value": value} for name, value in examples.items()}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": named}}},
        "responses": {"200": _json("The answer.", answer), **_errors(*ERRORS)},
    }


def _errors(*statuses: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {str(status): {"description": ERRORS[status], "content": content} for status in statuses}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
