"""A check for schemathesis: whatever is refused is so by a problem document that names what is wrong."""

from __future__ import annotations

import schemathesis

CONTENT_TYPE = "application/problem+json"


@schemathesis.check
def named_field(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """Every response of 4xx has the type of a problem, its own status and at least one field with a detail."""
    if not 400 <= response.status_code < 500:
        return True
    kind = response.headers.get("content-type", [""])[0]
    assert kind == CONTENT_TYPE, f"{response.status_code} is of type {kind!r}"
    problem = response.json()
    assert problem["status"] == response.status_code, "the document has another status than the response"
    assert problem["detail"], "no detail"
    assert problem.get("errors"), f"{response.status_code} names no field: {problem['detail']}"
    assert all(error["detail"] for error in problem["errors"]), "a field without a detail"
    return None
