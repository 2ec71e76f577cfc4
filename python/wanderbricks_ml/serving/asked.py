"""What a request's body asks for: keys, in the forms that callers use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from wanderbricks_ml.serving.problems import Problem, located, of_invalid_body

TYPES: dict[str, Any] = {
    "integer": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "date": date,
    "text": Annotated[str, msgspec.Meta(max_length=400)],
}


class Split(msgspec.Struct, forbid_unknown_fields=True):
    """`dataframe_split`: names of columns, and rows of values."""

    columns: list[str]
    data: list[list[Any]]
    index: list[Any] | None = None


class Invocation(msgspec.Struct, forbid_unknown_fields=True):
    """A body of MLflow's and Databricks' scoring servers, in one of three forms."""

    dataframe_records: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    dataframe_split: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    inputs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Asked:
    """Reads the bodies of one product.

    Parameters
    ----------
    model_name
        The product's model.
    key
        Columns of a key, and their types.
    most_rows
        Rows that a request may ask for.
    """

    def __init__(self, model_name: str, key: Mapping[str, str], most_rows: int) -> None:
        self.record = msgspec.defstruct(
            model_name,
            [(name, TYPES[kind]) for name, kind in key.items()],
            forbid_unknown_fields=True,
            array_like=False,
        )
        self._names = tuple(key)
        self._most_rows = most_rows
        self._one = msgspec.json.Decoder(self.record)
        self._many = msgspec.json.Decoder(list[self.record])  # type: ignore[name-defined]
        self._invocation = msgspec.json.Decoder(Invocation)
        self._split = msgspec.json.Decoder(Split)
        self._by_column = msgspec.json.Decoder(dict[str, list[Any]])

    def one(self, body: bytes) -> tuple[Any, ...]:
        """The key in the body of `/predict`."""
        return msgspec.structs.astuple(_decoded(self._one, body))

    def many(self, body: bytes, inside: str = "") -> list[tuple[Any, ...]]:
        """The keys in the body of `/predict_batch`, or in records at `inside` of another."""
        records = _decoded(self._many, body, inside)
        self._check_rows(len(records), inside)
        return [msgspec.structs.astuple(record) for record in records]

    def invocation(self, body: bytes) -> list[tuple[Any, ...]]:
        """The keys in the body of `/invocations`."""
        given = _decoded(self._invocation, body)
        forms = [name for name in Invocation.__struct_fields__ if getattr(given, name) is not msgspec.UNSET]
        if len(forms) != 1:
            said = f"has {' and '.join(forms)}" if forms else "has none of them"
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"a body has one of {', '.join(Invocation.__struct_fields__)}; this one {said}",
                [(f"/{name}", "one form too many") for name in forms] or [("/dataframe_records", "missing")],
            )
        raw, inside = getattr(given, forms[0]), f"/{forms[0]}"
        if forms == ["dataframe_split"]:
            return self._rows_of_split(raw)
        if forms == ["inputs"] and bytes(raw).lstrip().startswith(b"{"):
            return self._rows_of_columns(_decoded(self._by_column, raw, inside))
        return self.many(raw, inside)

    def _rows_of_split(self, raw: Any) -> list[tuple[Any, ...]]:
        split = _decoded(self._split, raw, "/dataframe_split")
        self._check_rows(len(split.data), "/dataframe_split/data")
        for place, values in enumerate(split.data):
            if len(values) != len(split.columns):
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"/dataframe_split/data/{place}: {len(values)} values for {len(split.columns)} columns",
                    [(f"/dataframe_split/data/{place}", "another number of values than of columns")],
                )
        records = [dict(zip(split.columns, values, strict=True)) for values in split.data]
        return [
            self._converted(record, "/dataframe_split/data/{place}{field}", place)
            for place, record in enumerate(records)
        ]

    def _rows_of_columns(self, columns: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "/inputs: columns have different numbers of values",
                [(f"/inputs/{name}", f"{len(values)} values") for name, values in columns.items()],
            )
        rows = max(lengths, default=0)
        self._check_rows(rows, "/inputs")
        records = [{name: values[place] for name, values in columns.items()} for place in range(rows)]
        return [self._converted(record, "/inputs{field}/{place}", place) for place, record in enumerate(records)]

    def _converted(self, record: dict[str, Any], pointer: str, place: int) -> tuple[Any, ...]:
        """The key of a record; errors are said at `pointer`, of which {field} and {place} are filled in."""
        try:
            return msgspec.structs.astuple(msgspec.convert(record, self.record))
        except msgspec.ValidationError as error:
            field, detail = located(str(error))
            where = pointer.format(field=field, place=place)
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {detail}", [(where, detail)]) from error

    def _check_rows(self, rows: int, inside: str) -> None:
        if not 1 <= rows <= self._most_rows:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"{inside or 'the body'}: {rows} rows; a request asks for 1 to {self._most_rows}",
                [(inside, f"{rows} rows")],
            )


def _decoded(decoder: Any, body: Any, inside: str = "") -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise of_invalid_body(error, inside) from error
    except msgspec.DecodeError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}", [("", "no JSON")]) from error
    except UnicodeDecodeError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is no UTF-8", [("", "no UTF-8")]) from error
    except RecursionError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is nested too deep", [("", "nested too deep")]) from error
