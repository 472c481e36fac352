"""What is wrong with a configuration, in one sentence: jsonargparse tells every alternative that did not fit."""

from __future__ import annotations

import re

#: How lines begin that only lead to the reason, or tell of an alternative that was not meant.
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
    """The one sentence of a jsonargparse error that names what to mend.

    Args:
        message: the error's text, many lines where a value may be of several types.
    """
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    key = re.search(r'Parser key "dataset\.([^"]+)"', message)
    where = f"{key[1]}: " if key else ""
    told = [line for line in lines if line and not line.startswith(_AROUND) and not _OTHER_KIND.match(line)]
    given = next((line for line in reversed(lines) if line.startswith("Given value: ")), "")
    if told:
        got = "" if "ot value" in told[-1] or "Literal" not in told[-1] else f". {given}"
        return f"{where}{told[-1]}{got}"
    kinds = list(dict.fromkeys(_OTHER_KIND.findall(message)))
    expected = (
        f"kind is one of {', '.join(kinds)}" if kinds else "expected kind: and the options of that kind"
    )
    return f"{where}{expected}. {given}"
