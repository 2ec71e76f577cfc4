"""How importers read files: what they are packed and encoded in, and how their columns write values."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest

from wanderbricks_ml.importers.columns import MISSING, Column, Kind
from wanderbricks_ml.importers.reading import Reading, ReadOptions, load_csv

COLUMNS = [Column("id", "id", is_required=True), Column("place", is_required=True), Column("price", "money")]
TEXT = "id,place,price\n1,Zürich,$10.00\n2,Bern,$20.00\n"


def load(
    path: Path, columns: Sequence[Column] = COLUMNS, options: ReadOptions | None = None
) -> tuple[list[Any], Reading]:
    with duckdb.connect() as connection:
        reading = load_csv(connection, path, "loaded", columns, options)
        return connection.execute("select * exclude (record) from loaded order by rowid").fetchall(), reading


def load_column(
    folder: Path, kind: Kind, values: Sequence[str], options: ReadOptions | None = None
) -> tuple[list[Any], Reading]:
    path = folder / "column.csv"
    path.write_text("row;value\n" + "".join(f'{row};"{value}"\n' for row, value in enumerate(values)))
    rows, reading = load(path, [Column("value", kind)], options)
    return [value for (value,) in rows], reading


def packed(name: str, content: bytes, packing: type[zipfile.ZipFile] | type[tarfile.TarFile]) -> bytes:
    file = io.BytesIO()
    if packing is zipfile.ZipFile:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=file, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def deflated_64(name: str, content: bytes) -> bytes:
    """An archive that says, in both of its headers, that it is packed by method 9."""
    packing = packed(name, content, zipfile.ZipFile)
    local, central = packing.index(b"PK\x03\x04"), packing.index(b"PK\x01\x02")
    changed = bytearray(packing)
    changed[local + 8] = changed[central + 10] = 9
    return bytes(changed)


def shown(value: object) -> str:
    """What a test is called by: of bytes, which hold the time in archives, nothing but that they are some."""
    return "bytes" if isinstance(value, bytes) else str(value)


# Files


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (TEXT.encode(), None),
        (TEXT.replace("\n", "\r\n").encode("utf-8-sig"), None),
        (TEXT.encode("utf-16"), None),
        (TEXT.encode("utf-16-le"), ReadOptions("utf-16-le")),
        (TEXT.encode("utf-32"), None),
        (TEXT.encode("cp1252"), ReadOptions("cp1252")),
        (TEXT.replace(",", ";").encode(), None),
        (TEXT.replace(",", "\t").encode(), None),
        (TEXT.replace(",", "|").encode(), None),
        (("sep=;\n" + TEXT.replace(",", ";")).encode(), None),
        (TEXT.replace("id,place,price", '" ID ","Place",PRICE').encode(), None),
        (gzip.compress(TEXT.encode()), None),
        (gzip.compress(TEXT.encode("latin-1")), ReadOptions("latin-1")),
        (bz2.compress(TEXT.encode()), None),
        (lzma.compress(TEXT.encode()), None),
        (packed("listings.csv", TEXT.encode("utf-16"), zipfile.ZipFile), None),
        # What a mark says goes before what is said of all files, and several marks are as one.
        (TEXT.encode("utf-8-sig"), ReadOptions("utf-8")),
        (TEXT.encode("utf-8-sig"), ReadOptions("cp1252")),
        (TEXT.encode("utf-16"), ReadOptions("utf-16-le")),
        (codecs.BOM_UTF8 + TEXT.encode("utf-8-sig"), None),
        (b"\r\n\n" + TEXT.encode(), None),
    ],
    ids=shown,
)
def test_files_are_unpacked_and_decoded_by_what_they_hold(
    tmp_path: Path, content: bytes, options: ReadOptions | None
) -> None:
    path = tmp_path / "listings.csv"
    path.write_bytes(content)
    rows, reading = load(path, options=options)
    assert rows == [(1, "Zürich", Decimal(10)), (2, "Bern", Decimal(20))]
    assert (reading.rows, reading.unreadable, reading.absent) == (2, (), ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b""), "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"id,place\n", "has a header but no row"),
        (TEXT.encode("latin-1"), "not UTF-8 in line 2.*--encoding cp1252"),
        (gzip.compress(TEXT.encode("latin-1")), "not UTF-8 in line 2"),
        ("id".encode("utf-16"), "lacks the columns place; its header has the columns id"),
        (TEXT.encode("utf-16-le"), "holds zero bytes; if it is UTF-16, say --encoding utf-16-le or utf-16-be"),
        (b"\xff\xfei\x00d\x00x", "cannot be read as what its byte order mark says"),
        (gzip.compress(TEXT.encode())[:-12], "truncated or damaged"),
        (packed("a.csv", TEXT.encode(), zipfile.ZipFile)[:-30], "truncated or damaged"),
        (packed("[Content_Types].xml", b"<Types/>", zipfile.ZipFile), "is an Excel workbook"),
        (packed("a.csv", TEXT.encode(), tarfile.TarFile), "is a tar archive; unpack it"),
        (gzip.compress(packed("a.csv", TEXT.encode(), tarfile.TarFile)), "is a tar archive; unpack it"),
        (deflated_64("a.csv", TEXT.encode()), "is packed in a way that cannot be read here .*; unpack it"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "is an Excel workbook"),
        (b"PAR1" + bytes(600), "is a Parquet file"),
        (b"<!DOCTYPE html><html></html>", "is a web page; download the file itself"),
        (b"{}", "lacks the columns id, place; its header has the columns"),
        (TEXT.encode() + b"3,Gen", "in|on Line: 4; Expected Number of Columns: 3 Found: 2"),
        (TEXT.encode() + b'3,"Gen', "unterminated quote"),
        (TEXT.encode() + b"3,Geneva,1,2\n", "Expected Number of Columns: 3 Found: 4"),
        (b"id,place,id\n1,Bern,2\n", "the columns id occur more than once"),
    ],
    ids=shown,
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "listings.csv"
    path.write_bytes(content)
    with pytest.raises(click.ClickException, match=f"listings.csv: .*{message}"):
        load(path)


def test_an_error_does_not_quote_the_row(tmp_path: Path) -> None:
    path = tmp_path / "listings.csv"
    path.write_text(TEXT + "3,Ada Lovelace's flat\n")
    with pytest.raises(click.ClickException) as raised:
        load(path)
    assert "Ada" not in str(raised.value)


def test_an_archive_of_several_files_and_an_unknown_encoding(tmp_path: Path) -> None:
    path = tmp_path / "city.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("listings.csv", TEXT)
        archive.writestr("__MACOSX/listings.csv", "")
        archive.writestr("reviews.csv", TEXT)
    with pytest.raises(click.ClickException, match=r"holds 2 files .listings.csv, reviews.csv.; unpack it"):
        load(path)
    path.write_text(TEXT)
    with pytest.raises(click.ClickException, match="klingon is no encoding"):
        load(path, options=ReadOptions("klingon"))


def test_records_are_equal_in_every_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,place,unknown,\n1,Bern,a,\n1,Bern,b,\n1,Bern,a,\n1,Bern,NULL,\n1,Bern,,\n")
    with duckdb.connect() as connection:
        load_csv(connection, path, "loaded", COLUMNS)
        ((distinct,),) = connection.execute("select count(distinct record) from loaded").fetchall()
    assert distinct == 4


# Columns


@pytest.mark.parametrize("kind", ["text", "id", "date", "money", "number", "whole", "flag"])
def test_missing_values_of_any_tool(tmp_path: Path, kind: Kind) -> None:
    values, reading = load_column(tmp_path, kind, [*MISSING, "  NA "])
    assert set(values) == {None}
    assert reading.unreadable == ()
    assert load_column(tmp_path, "text", ["Nan", "Na", "none of these"])[0] == ["Nan", "Na", "none of these"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2019-12-31", "2022-5-6"], [(2019, 12, 31), (2022, 5, 6)]),
        (["2019-12-31 23:59:59", "2022-05-06T00:00:00Z"], [(2019, 12, 31), (2022, 5, 6)]),
        (["2019/12/31", "2022/05/06"], [(2019, 12, 31), (2022, 5, 6)]),
        (["20191231", "20220506"], [(2019, 12, 31), (2022, 5, 6)]),
        (["31/12/2019", "06/05/2022"], [(2019, 12, 31), (2022, 5, 6)]),
        (["31.12.2019", "6.5.2022 14:30"], [(2019, 12, 31), (2022, 5, 6)]),
        (["31/12/19", "06/05/22"], [(2019, 12, 31), (2022, 5, 6)]),
        (["12/31/2019", "5/6/2022 2:05 PM"], [(2019, 12, 31), (2022, 5, 6)]),
        (["12-31-19", "05-06-22"], [(2019, 12, 31), (2022, 5, 6)]),
        (["19-12-31", "22-05-06"], [(2019, 12, 31), (2022, 5, 6)]),
        (["31 Dec 2019", "6-May-22"], [(2019, 12, 31), (2022, 5, 6)]),
        (["December 31, 2019", "May 6, 2022"], [(2019, 12, 31), (2022, 5, 6)]),
        (["05/05/2021", "07/07/2021"], [(2021, 5, 5), (2021, 7, 7)]),
    ],
)
def test_dates_are_read_in_one_order(tmp_path: Path, values: list[str], expected: list[tuple[int, int, int]]) -> None:
    read, reading = load_column(tmp_path, "date", values)
    assert read == [date(*day) for day in expected]
    assert reading.unreadable == ()


def test_dates_that_cannot_be_told_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"column value, such as 05/06/2021, .* day-first or month-first"):
        load_column(tmp_path, "date", ["05/06/2021", "07/08/2021"])
    with pytest.raises(click.ClickException, match=r"column value, .* day-first or short-year-first"):
        load_column(tmp_path, "date", ["11-01-22", "13-02-22"])
    with pytest.raises(
        click.ClickException, match="reads half of the dates in the column value, such as 2019-12-31, 43830"
    ):
        load_column(tmp_path, "date", ["43830", "44000", "2019-12-31"])
    for order, expected in [("day-first", date(2022, 1, 11)), ("short-year-first", date(2011, 1, 22))]:
        values, _ = load_column(tmp_path, "date", ["11-01-22", "13-02-22"], ReadOptions(date_order=order))
        assert values[0] == expected
    # What the column settles, no option changes.
    values, _ = load_column(tmp_path, "date", ["12/31/2019"], ReadOptions(date_order="day-first"))
    assert values == [date(2019, 12, 31)]


def test_another_column_of_the_file_settles_the_order(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("scraped,same,since\n6/1/2023,1/1/2021,12/31/2019\n6/1/2023,2/2/2021,1/2/2018\n")
    rows, _ = load(path, [Column("scraped", "date"), Column("same", "date"), Column("since", "date")])
    assert rows == [
        (date(2023, 6, 1), date(2021, 1, 1), date(2019, 12, 31)),
        (date(2023, 6, 1), date(2021, 2, 2), date(2018, 1, 2)),
    ]


def test_single_dates_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    values, reading = load_column(
        tmp_path, "date", ["2021-01-01", "05-08-21", "0005-08-21", "2020-02-30", *["2021-01-02"] * 9]
    )
    assert values[:5] == [date(2021, 1, 1), None, None, None, date(2021, 1, 2)]
    (unreadable,) = reading.unreadable
    assert (unreadable.column, unreadable.rows, unreadable.of) == ("column.csv value", 3, 13)
    # Year first goes before the others.
    assert load_column(tmp_path, "date", ["2021-01-01", "05-08-21"])[0] == [date(2021, 1, 1), None]
    values, _ = load_column(tmp_path, "date", ["31/12/2019", "2020-01-01", "30/11/2019"])
    assert values == [date(2019, 12, 31), None, date(2019, 11, 30)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["$1,234.00", "$85.50", "$7"], ["1234", "85.50", "7"]),
        (["$1,234", "$2,500"], ["1234", "2500"]),
        (["1.234,00 €", "85,50 €", "7"], ["1234", "85.50", "7"]),
        (["1.234", "2.500"], ["1234", "2500"]),
        (["1 234,50 €", "85,5"], ["1234.50", "85.50"]),
        (["CHF 1'234.50", "85.-"], ["1234.50", "85"]),
        (["Rs. 1,234", "85.5"], ["1234", "85.50"]),
        (["1.234,00 kr.", "-85,00 kr."], ["1234", "-85"]),
        (["(6.38)", "($1,234.00)", "$(85.50)", "85.50-", "6.38 -"], ["-6.38", "-1234", "-85.50", "-85.50", "-6.38"]),
        (["\u22126.38", "\u2212 85.50", "6.38\u2212", "100 (per night)"], ["-6.38", "-85.50", "-6.38", "100"]),
        (["96.333", "80.5"], ["96.33", "80.50"]),
        (["1.234.567,00", "1.234.567"], ["1234567", "1234567"]),
    ],
)
def test_amounts_have_one_decimal_mark(tmp_path: Path, values: list[str], expected: list[str]) -> None:
    read, reading = load_column(tmp_path, "money", values)
    assert read == [Decimal(value) for value in expected]
    assert reading.unreadable == ()


def test_amounts_that_do_not_fit_the_column_are_counted(tmp_path: Path) -> None:
    values, reading = load_column(tmp_path, "money", ["$1,234.00", "$85.50", "85,50", "dear", "10 - 20", "1,2,3"])
    assert values == [Decimal(1234), Decimal("85.50"), None, None, None, None]
    assert reading.unreadable[0].rows == 4
    # Thousands and millions by a letter; crowns are none.
    assert load_column(tmp_path, "money", ["$1.2k", "1.2 M", "1.2K€", "7 kr", "8 Kč"])[0] == [None, None, None, 7, 8]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("number", ["48.853", "-2.349"], [48.853, -2.349]),
        ("number", ["48,853", "-2,349"], [48.853, -2.349]),
        ("number", ["4.8", "1.2E+01", "Infinity"], [4.8, 12, None]),
        ("whole", ["2.0", "2.0000000000", "3", "-1"], [2, 2, 3, -1]),
        ("whole", ["2.000", "3.000"], [2, 3]),
        ("whole", ["1,125", "30"], [1125, 30]),
        ("whole", ["2,0", "3,0"], [2, 3]),
        ("whole", ["2.5", "3.0", "99999999999"], [None, 3, None]),
        ("flag", ["t", "FALSE", "1", "no", "maybe"], [True, False, True, False, None]),
    ],
)
def test_numbers_and_flags(tmp_path: Path, kind: Kind, values: list[str], expected: list[object]) -> None:
    assert load_column(tmp_path, kind, values)[0] == expected


def test_ids_keep_every_digit_or_are_none(tmp_path: Path) -> None:
    values, reading = load_column(
        tmp_path,
        "id",
        [
            "612345678901234567",
            "123.0",
            "6.12E+17",
            "6,12e17",
            "612345678901234567.0",
            "a1",
            "1,234",
            "99999999999999999999",
        ],
    )
    assert values == [612345678901234567, 123, None, None, None, None, None, None]
    (unreadable,) = reading.unreadable
    assert (unreadable.rows, unreadable.in_scientific_notation) == (6, 2)
    assert "2 of them in scientific notation, which has lost digits" in str(unreadable)
    # By chance one long id ends so.
    assert load_column(tmp_path, "id", ["612345678901234000", "612345678901234567"])[0][0] == 612345678901234000
    with pytest.raises(click.ClickException, match="2 of 2 long ids in the column value end in zeros after 15 digits"):
        load_column(tmp_path, "id", ["612345678901234000", "712345678901234000", "5"])
