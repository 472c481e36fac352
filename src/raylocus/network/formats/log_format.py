"""What a format of log is: how it knows its files and reads one; tables as text, columns by name."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Shaped

from raylocus.errors import InputError
from raylocus.network.formats.log_values import identities_of_texts, numbers_of_texts
from raylocus.network.formats.measurements import ReadLog
from raylocus.network.reports.report_checks import SENTINELS
from raylocus.scenes.foreign_files import absence, archive
from raylocus.scenes.site_import.csv_text import CsvLines, read_lines
from raylocus.scenes.site_import.records import NO_VALUE

if TYPE_CHECKING:
    import pandas

#: Texts that mean true, where a log marks the serving cell.
TRUE = ("true", "1", "1.0", "t", "yes", "y")
#: Sentinels that no quantity of a log can have; smaller ones are cell identities, channels and PCIs as well.
LARGE = tuple(value for value in SENTINELS if abs(value) > 2**30)


def plain_name(name: str) -> str:
    """A column's name in lower case without spaces and underscores: `Phys_Cell_ID` is `physcellid`."""
    return re.sub(r"[\s_]", "", name).lower()


def joined(
    first: Shaped[np.ndarray, " row"], second: Shaped[np.ndarray, " row"]
) -> Shaped[np.ndarray, " row"]:
    """Two texts as one with a dash between, such as MCC and MNC `244-91`; empty where both are."""
    return np.where((first == "") & (second == ""), "", np.char.add(np.char.add(first, "-"), second))


@dataclass(frozen=True)
class TextTable:
    """Rows of text. A column is asked for by one or several names; the first that has a value in a row counts."""

    frame: pandas.DataFrame
    """Text by plain names, see `plain_name`; empty where there is no value."""
    rows: int
    """Rows in the file, the broken ones included."""
    refused: Counter[str] = field(default_factory=Counter)
    """Rows that are not in `frame`, by reason."""
    notes: Counter[str] = field(default_factory=Counter)
    """Values that are no numbers, or stand for none; grows as columns are read."""

    def __len__(self) -> int:
        return len(self.frame)

    def texts(self, *names: str) -> Shaped[np.ndarray, " row"]:
        """The texts of the columns."""
        found = np.full(len(self), "", dtype=object)
        for name in names:
            if plain_name(name) in self.frame:
                found = np.where(found == "", self.frame[plain_name(name)].to_numpy(object), found)
        return found.astype(np.str_)

    def numbers(self, *names: str) -> Float[np.ndarray, " row"]:
        """The numbers of the columns, NaN where there is none."""
        found = np.full(len(self), np.nan)
        for name in names:
            if plain_name(name) in self.frame:
                found = np.where(np.isnan(found), self._numbers(name), found)
        return found

    def identities(self, name: str) -> Float[np.ndarray, " row"]:
        """The cell identities of a column, see `identities_of_texts`, NaN where there is none."""
        texts = self.texts(name)
        found = identities_of_texts(texts)
        none = np.isin(found, LARGE)
        self.notes[f"values of {name} that are no cell identity, left out"] = int(
            np.count_nonzero((np.isnan(found) | none) & (texts != ""))
        )
        return np.where(none, np.nan, found)

    def truths(self, *names: str) -> Bool[np.ndarray, " row"]:
        """Whether the columns say yes."""
        return np.isin(np.char.lower(self.texts(*names)), TRUE)

    def _numbers(self, name: str) -> Float[np.ndarray, " row"]:
        texts = self.frame[plain_name(name)]
        values, commas = numbers_of_texts(texts)
        none = np.isin(values, LARGE) | np.isinf(values)
        self.notes[f"values of {name} with a decimal comma"] = commas
        self.notes[f"values of {name} that are no number, left out"] = int(
            np.count_nonzero(np.isnan(values) & (texts != "").to_numpy())
        )
        self.notes[f"values of {name} that stand for none, such as 2147483647, left out"] = int(none.sum())
        return np.where(none, np.nan, values)


def text_table(frame: pandas.DataFrame, rows: int, refused: Counter[str] | None = None) -> TextTable:
    """A table of anything, as text by plain names; of columns with one plain name the first counts."""
    frame = frame.rename(columns=lambda name: plain_name(str(name)))
    frame = frame.loc[:, ~frame.columns.duplicated()]
    texts = frame.map(lambda value: "" if value is None else str(value).strip())
    texts = texts.mask(texts.apply(lambda column: column.str.lower()).isin((*NO_VALUE, "<na>", "nat")), "")
    return TextTable(texts.reset_index(drop=True), rows, refused or Counter())


def read_text_table(path: Path, columns: tuple[str, ...] | None = None) -> TextTable:
    """A table separated by commas, semicolons, tabs or bars.

    Args:
        path: the file.
        columns: names where the file has no header.

    Raises:
        InputError: the file is absent, empty or no table.
    """
    import pandas

    found: CsvLines = read_lines(path)
    header, lines = (found.lines[0][1], found.lines[1:]) if columns is None else (list(columns), found.lines)
    header = [name.strip() or f"column {number}" for number, name in enumerate(header)]
    width = len(header)
    whole = [values[:width] for _, values in lines if len(values) >= width and not any(values[width:])]
    broken = Counter({"another number of values than the header": len(lines) - len(whole)})
    return text_table(pandas.DataFrame(whole, columns=header, dtype=str), len(lines), broken)


#: Bytes of a file by which a format may know it.
HEAD = 65536


@dataclass(frozen=True)
class LogFile:
    """A file that some format may know."""

    path: Path

    @cached_property
    def head(self) -> bytes:
        """The file's first bytes.

        Raises:
            InputError: there is no file, or it is an archive.
        """
        said = absence(self.path) or archive(self.path)
        if said is None and self.path.is_dir():
            said = f"{self.path} is a folder; give the log file itself"
        if said is not None:
            raise InputError(said)
        with self.path.open("rb") as file:
            return file.read(HEAD)

    @cached_property
    def table(self) -> TextTable:
        """The file as a table of text. Raises InputError where it is none."""
        return read_text_table(self.path)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Plain names of the columns of a text table; none of any other file."""
        if b"\x00" in self.head and not self.head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return frozenset()
        try:
            return frozenset(self.table.frame.columns)
        except InputError:
            return frozenset()

    def has(self, *names: str) -> bool:
        """Whether the file is a table with all of these columns."""
        return self.columns.issuperset(map(plain_name, names))


@runtime_checkable
class LogFormat(Protocol):
    """One format of log."""

    name: ClassVar[str]
    """The word of `--format`."""
    writer: ClassVar[str]
    """What writes such files."""

    def recognises(self, file: LogFile) -> bool:
        """Whether the file's content is of this format."""
        ...

    def read(self, file: LogFile) -> ReadLog:
        """Reads a file.

        Raises:
            InputError: it is not of this format, or its times are of several zones.
        """
        ...
