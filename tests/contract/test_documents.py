"""Documents are plain technical English: words that the field does not use are in the glossary, or gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
IMAGES = REPOSITORY / "docs" / "images"
#: Where the files lie that pages name.
FOLDERS = ("src", "tests", "benchmarks", "docs", "examples", "configs", "deploy")
#: Words that have a plainer one: fix, random, next to or compared with, location, reported, again, independently.
DIALECT = r"mend(?:s|ed|ing)?|chance|beside|whereabouts|told|anew|newcomer|earshot|nothing that found it"
#: Words that this project uses in a sense of its own.
OWN = re.findall(
    r"\w+",
    "place tile facet chain string lit dark served reached nominal world residual severity law unit whole rest token "
    "sequence critical censored fix bound evidence",
)


def prose(page: Path) -> str:
    """A page without its fenced blocks and without what stands in backticks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`", "", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_are_plain_english(page: Path) -> None:
    found = [
        line for line in prose(page).splitlines() if re.search(rf"\b(?:{DIALECT})\b", line, re.IGNORECASE)
    ]
    assert not found


def test_words_of_our_own_are_in_the_glossary() -> None:
    page = (REPOSITORY / "docs" / "conventions.md").read_text()
    entries = re.findall(r"^\| \*\*(.+?)\*\*", page.split("## Glossary")[1], re.MULTILINE)
    defined = {word for entry in entries for word in re.split(r"[ ,]+", entry)}
    assert set(OWN) <= defined


def test_every_file_that_a_page_names_is_there() -> None:
    files = {path.as_posix() for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.*")}
    files |= {path.as_posix() for path in REPOSITORY.glob("*.*")}
    named = {
        (page.name, file)
        for page in PAGES
        for file in re.findall(r"`([\w.-]+(?:/[\w.-]+)*\.(?:py|csv|sh|js|css))`", page.read_text())
    }
    assert len(named) > 30
    assert not [each for each in named if not any(path.endswith(f"/{each[1]}") for path in files)]


def test_every_picture_is_in_one_folder_and_on_a_page() -> None:
    pictures = {
        path for suffix in ("png", "jpg", "svg") for path in (REPOSITORY / "docs").rglob(f"*.{suffix}")
    }
    assert {path.parent for path in pictures} == {IMAGES}
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text())
    }
    assert shown == pictures
