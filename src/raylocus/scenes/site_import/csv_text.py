"""The lines of a CSV file as planners and spreadsheets write it: encodings, separators, and what is no CSV file."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from raylocus.errors import InputError

#: Largest file read [bytes]; the world's cells are larger, a country's are not.
LARGEST_FILE = 512 * 2**20
#: What may stand between two values.
SEPARATORS = ",;\t|"
#: How files begin that are no text, and what to do with each.
FOREIGN_STARTS = {
    b"\x1f\x8b": "is compressed (gzip); unpack it with gunzip and give the CSV file",
    b"PAR1": "is a Parquet file; write it as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook; save the sheet as CSV in UTF-8",
    b"SQLite format 3": "is a SQLite database; export the table as CSV",
    b"%PDF": "is a PDF; give the cells as CSV",
    b'{"': "holds JSON; a server's error message or a file that has to be written as CSV",
    b"[{": "holds JSON; write it as CSV with one cell a line",
    b"<": "holds a web page or XML; save the list itself as CSV",
}
#: Byte order marks, the longer ones first, and the encodings that they announce.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Share of zero bytes from which ASCII in UTF-16 without a mark is recognised.
WIDE_SHARE = 0.7


@dataclass(frozen=True)
class CsvLines:
    """The lines of a file that hold anything, split into values."""

    path: Path
    lines: tuple[tuple[int, list[str]], ...]
    """Number of each line in the file, from 1, and its values."""
    notes: tuple[str, ...]
    """How it was read, where that was a choice."""


def read_lines(path: Path) -> CsvLines:
    """The lines of a CSV file: separated by commas, semicolons, tabs or bars, in UTF-8, UTF-16 or Latin-1.

    A first line `sep=;`, as Excel writes it, is obeyed; lines above the header that begin with # are comments.

    Raises:
        InputError: the file is absent, empty, or no CSV file; the message says what it is.
    """
    text, notes = _text(path)
    skipped, separator = _separator(text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        lines = [(reader.line_num, values) for values in reader if any(value.strip() for value in values)]
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file ({error}); export it again") from error
    lines = [line for line in lines if line[0] > skipped]
    if not lines:
        raise InputError(f"{path} is empty; give a CSV file with one cell a line")
    if len(lines[0][1]) < 2:
        raise InputError(
            f"{path} is not a CSV file in UTF-8: its first line has no comma, semicolon, tab or bar; remove what "
            "stands above the header, or export it again"
        )
    return CsvLines(path, tuple(lines), notes)


def _text(path: Path) -> tuple[str, tuple[str, ...]]:
    """The file's text, and a note where its encoding was a choice."""
    data = _bytes(path)
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), _wide(data) or "utf-8")
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError as error:
        # ISO-8859-1 and -15 differ from Windows-1252 in signs that no number or column name needs.
        text = data.decode("cp1252", errors="replace")
        if encoding != "utf-8" or any(ord(sign) < 32 and sign not in "\t\r\n\f" for sign in text):
            raise InputError(
                f"{path} is not a text file in UTF-8, UTF-16 or Latin-1; export it as CSV in UTF-8"
            ) from error
        return text, ("not in UTF-8, so its letters were read as Latin-1 (Windows-1252)",)


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path} cannot be read as sites: it is a folder; give the CSV file in it")
    if not path.is_file():
        raise InputError(f"there is no file {path}; give a CSV file of sites with --sites")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(
            f"{path} is larger than {LARGEST_FILE >> 20} MiB; cut out the cells of your place first"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a CSV file of sites") from error
    if zipfile.is_zipfile(path):
        raise InputError(f"{path} {_archive(path)}")
    foreign = next((what for start, what in FOREIGN_STARTS.items() if data.startswith(start)), None)
    if foreign is not None:
        raise InputError(f"{path} {foreign}")
    return data


def _archive(path: Path) -> str:
    names: list[str]
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        names = []
    if any(name.startswith("xl/") for name in names):
        return "is an Excel workbook; save the sheet as CSV in UTF-8"
    listed = f", which holds {', '.join(names[:3])}" if names else ""
    return f"is a zip archive{listed}; unpack it and give the CSV file in it"


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark, by the zero bytes between ASCII letters."""
    sample = data[:4096]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = sample[start::2]
        if len(half) > 8 and half.count(0) >= WIDE_SHARE * len(half):
            return encoding
    return None


def _separator(text: str) -> tuple[int, str]:
    """Number of lines above the header, and what separates values."""
    skipped = 0
    for line in io.StringIO(text, newline=None):
        plain = line.strip(" \r\n").lower()
        if plain.startswith("sep=") and len(plain) <= 5:
            return skipped + 1, line.strip(" \r\n")[4:5] or "\t"
        if plain and not plain.startswith("#"):
            return skipped, max(SEPARATORS, key=_unquoted(line).count)
        skipped += 1
    return skipped, ","


def _unquoted(line: str) -> str:
    """A line without what stands in quotes."""
    return "".join(line.split('"')[::2])
