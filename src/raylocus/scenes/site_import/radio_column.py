"""The column that says which radio a cell is of, found by its values where its name does not say so."""

from __future__ import annotations

from raylocus.errors import InputError
from raylocus.scenes.site_import.columns import Column, FoundColumns, SiteColumns
from raylocus.scenes.site_import.records import Table
from raylocus.scenes.site_import.technologies import Technology, technology_of


def with_technology(table: Table, columns: FoundColumns, given: SiteColumns) -> FoundColumns:
    """The columns with one of technologies: `system` with GSM 900 and LTE 1800 in it is one.

    Raises:
        InputError: a column names GSM or UMTS in some lines and something else in others.
    """
    if "technology" in columns.by_field or given.technology is not None:
        return columns
    used = {column.name for column in columns.by_field.values()}
    for name in table.header:
        words = [word for row in table.rows if (word := row.text(name)) is not None and name not in used]
        found = [technology_of(word) for word in words]
        if words and None not in found:
            return FoundColumns({**columns.by_field, "technology": Column("technology", name)})
        if Technology.OTHER in found:
            example = words[found.index(Technology.OTHER)]
            raise InputError(
                f"{table.path} has a column {name!r} with {example!r} in it and with what names no radio; say that it "
                f"holds the radio with --site-columns technology={name}, or that it does not with technology=none"
            )
    return columns
