"""Published files as plain UTF-8 CSV: unpacked, decoded, and refused with the cause where they are something else."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, cast

import click

_UNPACKED: dict[bytes, Callable[[Path], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "is an Excel workbook; save the sheet as CSV UTF-8",
    b"PAR1": "is a Parquet file; write it as CSV",
    b"\x28\xb5\x2f\xfd": "is packed with zstd; unpack it",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive; unpack it",
    b"Rar!": "is a RAR archive; unpack it",
    b"%PDF": "is a PDF",
}
_WORKBOOK = (
    "is an Excel workbook, which keeps 15 digits of a number, fewer than many ids have; take the CSV that was "
    "published, or save the sheet as CSV UTF-8 with ids as text"
)
_MARKS = {  # longest first: UTF-32's begins with UTF-16's
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Header:
    """Where the rows of a CSV begin and how their values are told apart."""

    names: list[str]
    delimiter: str
    lines_before: int


def plain_csv(path: Path, copy: Path, encoding: str | None = None) -> None:
    """Write `path` to `copy` as UTF-8 with line feeds.

    Parameters
    ----------
    path
        CSV, as it is or packed by gzip, bzip2, xz or as the only file of a zip archive; its content decides, not its
        name.
    copy
        The file to write.
    encoding
        What text without a byte order mark is encoded in; by default UTF-8.

    Raises
    ------
    click.ClickException
        When there is no text to be had; says why, and what to do.
    """
    if not path.is_file():
        raise click.ClickException(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise click.ClickException(f"{path}: the file is empty")
    try:
        with _unpacked(path) as packed, io.BufferedReader(cast(io.RawIOBase, packed)) as stream:
            start = stream.peek(512)[:512]
            _refuse(path, start)
            marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
            if b"\0" in start and not (encoding or marked):
                raise click.ClickException(
                    f"{path}: holds zero bytes; if it is UTF-16, say --encoding utf-16-le or utf-16-be"
                )
            # a mark cannot be there by chance, and one of several files may have it
            encoding = None if marked else encoding
            text = io.TextIOWrapper(stream, encoding=marked or encoding or "utf-8")
            with copy.open("w", encoding="utf-8", newline="\n") as file:
                # files that were put together, each with its mark, begin with several
                file.write(text.read(512).lstrip("\ufeff"))
                shutil.copyfileobj(text, file, 1 << 20)
    except UnicodeError as error:
        raise click.ClickException(_undecoded(path, error, encoding)) from error
    except LookupError as error:
        raise click.ClickException(f"{encoding} is no encoding that Python knows") from error
    except NotImplementedError as error:  # Deflate64, as Windows packs what is large
        raise click.ClickException(
            f"{path}: is packed in a way that cannot be read here ({error}); unpack it"
        ) from error
    except (EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError, OSError) as error:
        raise click.ClickException(f"{path}: truncated or damaged, cannot be unpacked: {error}") from error
    if copy.stat().st_size == 0:
        raise click.ClickException(f"{path}: the file is empty")


def header(path: Path, copy: Path, known: Collection[str]) -> Header:
    """Read the column names of a plain CSV, by the delimiter that gives most of the `known` ones.

    Raises
    ------
    click.ClickException
        When a known column occurs twice.
    """
    with copy.open(encoding="utf-8", newline="") as file:
        # Excel heads a file with the delimiter that it shall read it by.
        lines_before = sum(1 for _ in takewhile(lambda line: not line.strip() or line.lower().startswith("sep="), file))
        found = [Header(_names(copy, mark, lines_before), mark, lines_before) for mark in _DELIMITERS]
    best = max(found, key=lambda header: (len(set(header.names) & set(known)), len(header.names)))
    twice = [name for name in known if best.names.count(name) > 1]
    if twice:
        raise click.ClickException(f"{path}: the columns {', '.join(twice)} occur more than once")
    return best


def _names(copy: Path, delimiter: str, lines_before: int) -> list[str]:
    with copy.open(encoding="utf-8", newline="") as file:
        for _ in range(lines_before):
            file.readline()
        try:
            names = next(csv.reader(file, delimiter=delimiter), [])
        except csv.Error:  # a quote that never closes: a value too long for a header
            return []
    return [name.strip().lower() for name in names]


@contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
            if "[Content_Types].xml" in inside:
                raise click.ClickException(f"{path}: {_WORKBOOK}")
            if len(inside) != 1:
                raise click.ClickException(f"{path}: holds {len(inside)} files ({', '.join(inside[:5])}); unpack it")
            if archive.getinfo(inside[0]).flag_bits & 1:
                raise click.ClickException(f"{path}: is encrypted; unpack it")
            with archive.open(inside[0]) as member:
                yield cast(BinaryIO, member)
        return
    opened = next((opened for mark, opened in _UNPACKED.items() if start.startswith(mark)), None)
    with cast(BinaryIO, opened(path)) if opened else path.open("rb") as stream:
        yield stream


def _refuse(path: Path, start: bytes) -> None:
    cause = next((cause for mark, cause in _REFUSED.items() if start.startswith(mark)), None)
    if start[257:262] == b"ustar":
        cause = "is a tar archive; unpack it"
    elif start.lstrip(b"\xef\xbb\xbf \r\n\t")[:9].lower() in (b"<!doctype", b"<html><he", b"<html>"):
        cause = "is a web page; download the file itself"
    if cause:
        raise click.ClickException(f"{path}: {cause}")


def _undecoded(path: Path, error: UnicodeError, encoding: str | None) -> str:
    if encoding or not isinstance(error, UnicodeDecodeError) or not error.encoding.startswith("utf-8"):
        return f"{path}: cannot be read as {encoding or 'what its byte order mark says'}: {error}"
    return (
        f"{path}: not UTF-8 in line {_first_line_not_utf_8(path)}. Save it as UTF-8, or name what it is, such as "
        "--encoding cp1252 (Western Windows), latin-1 or utf-16"
    )


def _first_line_not_utf_8(path: Path) -> int:
    with _unpacked(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    raise AssertionError("every line is UTF-8")
