"""Numbers and lists of requests: what cannot be is left out, and what is left out spoils nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Within:
    """A number in a range; anything else, such as a placeholder of Android, is read as None."""

    low: int | float
    high: int | float
    whole: bool = False
    """Whether it must be a whole number."""
    unit: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # All of it is pydantic's own, no function of Python's a number: a body has hundreds.
        number = core_schema.float_schema(allow_inf_nan=False, strict=True)
        text = core_schema.chain_schema(
            [core_schema.str_schema(strict=True), core_schema.float_schema(allow_inf_nan=False)]
        )
        either = core_schema.union_schema([number, text], mode="left_to_right")
        held: list[CoreSchema] = [core_schema.float_schema(ge=self.low, le=self.high)]
        if self.whole:
            held.insert(0, core_schema.int_schema())
        return core_schema.with_default_schema(
            core_schema.chain_schema([either, *held]), default=None, on_error="default"
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kind = "integer" if self.whole else "number"
        described = {"description": f"in {self.unit}"} if self.unit else {}
        return {"type": kind, "minimum": self.low, "maximum": self.high, **described}


def nan_if_none(value: float | None) -> float:
    """How measurements write what is missing."""
    return math.nan if value is None else value


class Kept(list[Any]):
    """The items of a list that are valid."""

    dropped: int = 0
    """Items that are not."""


def _kept(values: Any, handler: Callable[[Any], Any]) -> Any:
    if values is None:
        return Kept()
    if not isinstance(values, list):
        return handler(values)  # which is refused: there is no list to take anything from
    try:
        return Kept(handler(values))
    except ValidationError:
        kept = Kept()
    for value in values:
        try:
            kept += handler([value])
        except ValidationError:
            kept.dropped += 1
    return kept


#: Of a list, the items that are valid; null is an empty list.
EACH_VALID = WrapValidator(_kept)


class Counting(BaseModel):
    """A model that knows what its lists left out."""

    @property
    def dropped(self) -> int:
        """Items that could not be read, at any depth."""
        dropped = 0
        for value in self.__dict__.values():
            if isinstance(value, Kept):
                dropped += value.dropped
                # The items of a list are of one kind.
                if value and isinstance(value[0], Counting):
                    dropped += sum([item.dropped for item in value])
        return dropped
