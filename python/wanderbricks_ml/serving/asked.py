"""What a request's body asks for: keys, in the forms that callers use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

import msgspec

from wanderbricks_ml.serving.new_bookings import NEEDED, booking_struct, fields_of
from wanderbricks_ml.serving.problems import Problem, located, of_invalid_body

TYPES: dict[str, Any] = {
    "integer": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "date": date,
    "text": Annotated[str, msgspec.Meta(max_length=400)],
}

WHOLE = TYPES["integer"] | Annotated[float, msgspec.Meta(ge=-(2**53), le=2**53)]
"""A whole number as tools write it that know nothing but floats: 748.0."""

NAN = float("nan")

NUMBER = Annotated[float, msgspec.Meta(ge=0, le=3e38)] | None | msgspec.UnsetType
"""A numeric feature: none is negative, and a model reads 32 bits."""

TEXT = Annotated[str, msgspec.Meta(max_length=400)] | None | msgspec.UnsetType
"""A categorical one."""


class Question(NamedTuple):
    """A key, and features that differ from those that were scored; none where the key says it all."""

    key: tuple[Any, ...]
    features: dict[str, Any] | None
    place: str
    """JSON pointer of its fields, of which {field} is filled in."""
    newcomer: str | None = None
    """What is known of one who is new, in place of the key."""
    booking: dict[str, Any] | None = None
    """The fields of a booking that does not exist yet, in place of the key."""

    def pointer(self, name: str = "") -> str:
        """Where a field of it stands in the body, or it itself."""
        return self.place.format(field=name and f"/{name}")


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
    numeric, categorical
        Features that may be given beside the key.
    newcomers
        Column that may be given in place of the key.
    attributes
        Booking attributes and their DuckDB types, where fields of a new booking may be given in place of the key.
    """

    def __init__(
        self,
        model_name: str,
        key: Mapping[str, str],
        most_rows: int,
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        newcomers: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        of_key: list[Any] = [(name, TYPES[kind]) for name, kind in key.items()]
        self._parts = len(of_key)
        self._key = tuple(key)
        features = [*((name, NUMBER) for name in numeric), *((name, TEXT) for name in categorical)]
        given = [(name, kind, msgspec.UNSET) for name, kind in features if name not in key]
        loose = [(name, WHOLE if kind == "integer" else TYPES[kind]) for name, kind in key.items()]
        self.record = msgspec.defstruct(model_name, [*loose, *given], forbid_unknown_fields=True)
        self._most_rows = most_rows
        self._numeric = frozenset(numeric)
        # keys alone are asked for most: a record of a few fields is read in a fraction of the time
        alone = self._alone = msgspec.defstruct(model_name, of_key, forbid_unknown_fields=True)
        kinds: list[Any] = [alone, self.record]
        self._newcomer: Any = None
        if newcomers:
            self._newcomer = msgspec.defstruct("Newcomer", [(newcomers, TYPES["text"])], forbid_unknown_fields=True)
            kinds.insert(1, self._newcomer)
        self._one = [msgspec.json.Decoder(kind) for kind in kinds]
        self._many = [msgspec.json.Decoder(list[kind]) for kind in kinds]  # type: ignore[valid-type]
        # who names a property and no key asks about a new booking
        self._booking: Any = None
        self._one_booking: list[Any] = []
        self._many_bookings: list[Any] = []
        if attributes is not None:
            self._booking = booking_struct(model_name, attributes)
            named = [(name, Any, msgspec.UNSET) for name in (*key, NEEDED[0])]
            kinds = [msgspec.defstruct("Named", named), self._booking]
            self._one_booking = [msgspec.json.Decoder(kind) for kind in kinds]
            self._many_bookings = [msgspec.json.Decoder(list[kind]) for kind in kinds]  # type: ignore[valid-type]
        self._invocation = msgspec.json.Decoder(Invocation)
        self._split = msgspec.json.Decoder(Split)
        self._by_column = msgspec.json.Decoder(dict[str, list[Any]])

    def one(self, body: bytes) -> Question:
        """The question in the body of `/predict`."""
        return self._question(self._first_decoded(self._one, self._one_booking, body), "{field}")

    def many(self, body: bytes, inside: str = "") -> list[Question]:
        """The questions in the body of `/predict_batch`, or in records at `inside` of another."""
        records = self._first_decoded(self._many, self._many_bookings, body, inside)
        self._check_rows(len(records), inside)
        return [self._question(record, f"{inside}/{place}{{field}}") for place, record in enumerate(records)]

    def _first_decoded(self, decoders: Sequence[Any], bookings: Sequence[Any], body: Any, inside: str = "") -> Any:
        """What the first decoder that can makes of a body; where none can, the error is that of the last."""
        for decoder in decoders[:-1]:
            try:
                return decoder.decode(body)
            except msgspec.DecodeError:
                continue
            except (UnicodeDecodeError, RecursionError):
                break
        last = bookings[-1] if bookings and self._asks_of_bookings(bookings[0], body) else decoders[-1]
        return _decoded(last, body, inside)

    def _asks_of_bookings(self, named: Any, body: Any) -> bool:
        try:
            records = named.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        records = records if isinstance(records, list) else [records]
        of_properties = [getattr(record, NEEDED[0]) is not msgspec.UNSET for record in records]
        by_key = [getattr(record, name) is not msgspec.UNSET for record in records for name in self._key]
        return any(of_properties) and not any(by_key)

    def _question(self, record: msgspec.Struct, pointer: str) -> Question:
        """The question of a record; errors are said at `pointer`, of which {field} is filled in."""
        values = msgspec.structs.astuple(record)
        if type(record) is self._alone:
            return Question(values, None, pointer)
        if type(record) is self._newcomer:
            return Question((), None, pointer, values[0])
        if type(record) is self._booking:
            return Question((), {}, pointer, None, fields_of(record))
        key = []
        for name, value in zip(record.__struct_fields__, values[: self._parts], strict=False):
            if isinstance(value, float) and not value.is_integer():
                where, detail = pointer.format(field=f"/{name}"), "expected `int`, got `float`"
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {detail}", [(where, detail)])
            key.append(int(value) if isinstance(value, float) else value)
        names = record.__struct_fields__[self._parts :]
        given = {
            name: value for name, value in zip(names, values[self._parts :], strict=True) if value is not msgspec.UNSET
        }
        # a number that is null is missing
        features = {name: NAN if value is None and name in self._numeric else value for name, value in given.items()}
        return Question(tuple(key), features or None, pointer)

    def invocation(self, body: bytes) -> list[Question]:
        """The questions in the body of `/invocations`."""
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

    def _rows_of_split(self, raw: Any) -> list[Question]:
        split = _decoded(self._split, raw, "/dataframe_split")
        self._check_rows(len(split.data), "/dataframe_split/data")
        if len(set(split.columns)) < len(split.columns):
            where, detail = "/dataframe_split/columns", "a column is named twice"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {detail}", [(where, detail)])
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

    def _rows_of_columns(self, columns: dict[str, list[Any]]) -> list[Question]:
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

    def _converted(self, record: dict[str, Any], pointer: str, place: int) -> Question:
        """The question of a record; errors are said at `pointer`, of which {field} and {place} are filled in."""
        try:
            kind = self.record
            if self._newcomer is not None and record.keys() == {*self._newcomer.__struct_fields__}:
                kind = self._newcomer
            elif self._booking is not None and NEEDED[0] in record and not record.keys() & set(self._key):
                kind = self._booking
            question = msgspec.convert(record, kind)
        except msgspec.ValidationError as error:
            field, detail = located(str(error))
            where = pointer.format(field=field, place=place)
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {detail}", [(where, detail)]) from error
        return self._question(question, pointer.replace("{place}", str(place)))

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
