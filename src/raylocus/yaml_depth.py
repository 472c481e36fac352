"""How deep YAML text may go that a user names: jsonargparse's parser in C ends the process where it goes deeper."""

from __future__ import annotations

from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

#: Lists and mappings within each other, at most.
MOST_LEVELS = 100


def check_depth(text: str) -> None:
    """Refuses text that goes too deep, or holds a string that does: jsonargparse parses strings again.

    Raises:
        ValueError: it has more than `MOST_LEVELS` levels.
    """
    level = 0
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise ValueError(f"its lists and mappings are nested more than {MOST_LEVELS} deep")
        # Each level takes a character.
        if isinstance(event, yaml.ScalarEvent) and MOST_LEVELS < len(event.value) < len(text):
            _check_string(event.value)


def _check_string(text: str) -> None:
    """Refuses a string as `check_depth` does, if it is YAML at all."""
    try:
        check_depth(text)
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
