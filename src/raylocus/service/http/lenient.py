"""Numbers and lists of requests: what cannot be is left out, and what is left out spoils nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)


@dataclass(frozen=True)
class Within:
    """A number in a range; anything else, such as a placeholder of Android, is read as None."""

    low: int | float
    high: int | float
    whole: bool = False
    """Whether it must be a whole number."""
    unit: str = ""

    def read(self, value: Any) -> float | None:
        """The number, also of a text; None where it is none or out of range."""
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        if not math.isfinite(number) or not self.low <= number <= self.high:
            return None
        return None if self.whole and number != round(number) else number

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return BeforeValidator(self.read).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kind = "integer" if self.whole else "number"
        described = {"description": f"in {self.unit}"} if self.unit else {}
        return {"type": kind, "minimum": self.low, "maximum": self.high, **described}


def nan_if_none(value: float | None) -> float:
    """How measurements write what is missing."""
    return math.nan if value is None else value


def each_valid(model: type[BaseModel]) -> BeforeValidator:
    """Of a list, the items that are valid; null is an empty list."""
    return BeforeValidator(_filter(model))


def _filter(model: type[BaseModel]) -> Callable[[Any], Any]:
    def read(values: Any) -> Any:
        if values is None:
            return []
        if not isinstance(values, list):
            return values  # which is refused: there is no list to take anything from
        found = []
        for value in values:
            try:
                found.append(model.model_validate(value))
            except ValidationError:
                continue
        return found

    return read


class Counting(BaseModel):
    """A model that counts what its lists left out."""

    _dropped: int = PrivateAttr(default=0)

    @property
    def dropped(self) -> int:
        """Items that could not be read."""
        return self._dropped

    @model_validator(mode="wrap")
    @classmethod
    def count(cls, data: Any, handler: ModelWrapValidatorHandler[Counting]) -> Counting:
        """Counts the items of lists before and after."""
        model = handler(data)
        if isinstance(data, dict):
            for name, field in type(model).model_fields.items():
                given, kept = data.get(field.alias or name), getattr(model, name)
                if isinstance(given, list) and isinstance(kept, list):
                    model._dropped += len(given) - len(kept)
                    model._dropped += sum(item.dropped for item in kept if isinstance(item, Counting))
        return model
