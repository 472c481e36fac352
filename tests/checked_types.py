"""Run-time checks of shapes and types that cost their time where a function is called, not where it is imported."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from beartype import beartype


def checked_when_called(function: Callable[..., Any]) -> Callable[..., Any]:
    """`beartype` of a function, made at its first call: the suite imports some ten times as many as it calls."""
    checked: Callable[..., Any] | None = None

    @functools.wraps(function)
    def checking(*given: Any, **named: Any) -> Any:
        nonlocal checked
        if checked is None:
            checked = beartype(function)
        return checked(*given, **named)

    return checking
