"""YAML text that a user names, as a dataclass: what is wrong with it is one sentence, out of jsonargparse's many."""

from __future__ import annotations

import functools
import re
from typing import Any, TypeVar, cast

import yaml
from jsonargparse import ArgumentError, ArgumentParser, get_loader, set_loader

from raylocus.errors import InputError

T = TypeVar("T")
#: Lists and mappings within each other, at most: jsonargparse's parser, in C, ends the process where they go deeper.
MOST_LEVELS = 100


def read_as(kind: type[T], text: str, source: str, what: str) -> T:
    """What YAML text describes.

    `source` names the text in errors, and `what` what it should be.

    Raises:
        InputError: it describes no such thing.
    """
    try:
        made: T = _made(cast(Any, kind), text)
    except (ArgumentError, ValueError, RecursionError) as error:
        raise InputError(f"{source} is not {what}: {reason(str(error))}") from error
    return made


@functools.lru_cache(maxsize=64)
def _made(kind: type[Any], text: str) -> Any:
    """Of text that was read before, what it was read as: the variants of an ablation share most of theirs."""
    parser = _parser(cast(Any, kind))
    indented = "given:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    return parser.instantiate(parser.parse_string(indented)).given


@functools.cache
def _parser(kind: type[Any]) -> ArgumentParser:
    limit_depth()
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, "given")
    return parser


# jsonargparse's errors carry text only (4.53: `argument_name` is None, the causes are a TypeError and a ValueError of
# the same text), so the key and the reason are taken out of it.
#: How lines begin that only lead to the reason, or name an alternative that was not meant.
_AROUND = (
    "Parser key",
    "Does not validate",
    "Subtypes:",
    "Errors:",
    "Given value",
    "Problem with given",
    "Subclasses are disabled",
    "Expected a dot import path",
    "Expected a <class 'NoneType'>",
)
#: What a type with several kinds says of a kind that is not its own.
_OTHER_KIND = re.compile(r"Expected a typing\.Literal\['([^',]+)'\]")


def reason(message: str) -> str:
    """The one sentence of a jsonargparse error that names what to fix.

    The text has many lines where a value may be of several types.
    """
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    key = re.search(r'Parser key "given\.([^"]+)"', message)
    where = f"{key[1]}: " if key else ""
    reasons = [
        line for line in lines if line and not line.startswith(_AROUND) and not _OTHER_KIND.match(line)
    ]
    given = next((line for line in reversed(lines) if line.startswith("Given value: ")), "")
    if reasons:
        got = "" if "ot value" in reasons[-1] or "Literal" not in reasons[-1] else f". {given}"
        return f"{where}{reasons[-1]}{got}"
    kinds = list(dict.fromkeys(_OTHER_KIND.findall(message)))
    expected = (
        f"kind is one of {', '.join(kinds)}" if kinds else "expected kind: and the options of that kind"
    )
    return f"{where}{expected}. {given}"


class DepthError(ValueError):
    """YAML goes too deep; the sentence says how deep it may go."""


def check_depth(text: str, level: int = 0) -> None:
    """Refuses text that goes too deep, or holds a string that does: jsonargparse parses strings again.

    Args:
        text: what is checked.
        level: levels that it is within.

    Raises:
        DepthError: there are more than `MOST_LEVELS` levels.
    """
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise DepthError(f"lists and mappings are nested more than {MOST_LEVELS} deep; nest them less")
        # Each level takes a character.
        if isinstance(event, yaml.ScalarEvent) and MOST_LEVELS < len(event.value) < len(text):
            _check_string(event.value, level + 1)


def _check_string(text: str, level: int) -> None:
    """Refuses a string as `check_depth` does, if it is YAML at all."""
    try:
        check_depth(text, level)
    except yaml.YAMLError:
        return


def limit_depth() -> None:
    """Has every parser of jsonargparse call `check_depth` first, of files, words and strings in them."""
    set_loader("yaml", _loaded, (yaml.YAMLError,))


#: Jsonargparse's own loader of YAML.
_OF_ANY_DEPTH = get_loader("yaml")


def _loaded(text: str) -> Any:
    if len(text) > MOST_LEVELS:
        check_depth(text)
    return _OF_ANY_DEPTH(text)
