"""What a format of log is: a name, how it knows its files, and how it reads one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from raylocus.errors import InputError
from raylocus.network.formats.measurements import ReadLog
from raylocus.network.formats.text_table import TextTable, plain_name, read_text_table
from raylocus.scenes.foreign_files import absence, archive

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
