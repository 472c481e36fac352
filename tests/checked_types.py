"""Shapes and types of every function of the package, checked while the tests run, at the cost of what is called.

jaxtyping's import hook puts its decorator on every function. That decorator compiles two more functions for each at
import and has the arguments checked twice a call; in its place stands one that makes one checked function at its first
call. The suite imports some ten times as many functions as it calls. And an array is examined once: what jaxtyping
finds depends on its annotation, the array's type, its shape and the axes that the call has met so far, so that it is
remembered by these. Axes met are counted: calls that have met equal ones have one number, which stands for them.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping._storage import _shape_storage

strictly = beartype(conf=BeartypeConf(violation_type=TypeError))
Annotation = type(jaxtyping.AbstractArray)
_examined: Callable[[Any, Any], bool] = Annotation.__instancecheck__
#: By its number: the axes that a call has met, of one length and of several. A call begins with none.
_met: dict[int, tuple[dict[str, int], dict[str, Any]]] = {0: ({}, {})}
_numbers: dict[Any, int] = {(frozenset(), frozenset()): 0}
_new = itertools.count(1)
#: The number of a call after an array was found right, by all that the finding depends on.
_right: dict[Any, int] = {}


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose arguments and result are checked; equal names of axes have one length within a call."""
    strict: Callable[..., Any] | None = None
    has_axes = False

    @functools.wraps(function)
    def checking(*given: Any, **named: Any) -> Any:
        nonlocal strict, has_axes
        if strict is None:
            function.__annotations__ = {
                name: resolved(hint, function.__globals__) for name, hint in function.__annotations__.items()
            }
            has_axes = any(may_have_axes(hint) for hint in function.__annotations__.values())
            strict = strictly(called(function))
        if not has_axes:
            return strict(*given, **named)
        # What `push_shape_memo` and `pop_shape_memo` do, a million times in this suite, without a call for each.
        try:
            memos = _shape_storage.memo_stack
        except AttributeError:
            memos = _shape_storage.memo_stack = []
        memos.append(0)
        try:
            return strict(*given, **named)
        finally:
            memos.pop()

    return checking


def may_have_axes(hint: Any) -> bool:
    """Whether an annotation names axes of an array, or a type that is not looked up yet and might."""
    return any(word in repr(hint) for word in ("jaxtyping", "ForwardRef", "['", ", '"))


def called(function: Callable[..., Any]) -> Callable[..., Any]:
    """A generator's function as one that is called: its arguments are checked then, not when it is first asked."""
    if not inspect.isgeneratorfunction(function):
        return function

    @functools.wraps(function)
    def calling(*given: Any, **named: Any) -> Any:
        return function(*given, **named)

    del calling.__wrapped__
    calling.__signature__ = inspect.signature(function)
    return calling


def resolved(hint: Any, names: dict[str, Any]) -> Any:
    """The type that an annotation means; anything, where its module has the name for the type checker only."""
    try:
        return eval(hint, names) if isinstance(hint, str) else hint
    except NameError:
        return Any


def checked_definition(definition: Any) -> Any:
    """A function checked, a dataclass with its fields checked when made, any other class as it is."""
    if not inspect.isclass(definition):
        return checked(definition)
    if is_dataclass(definition) and "__init__" in vars(definition):
        definition.__init__ = checked(definition.__init__)
    return definition


def is_right(annotation: Any, value: Any) -> bool:
    """Whether a value is what an annotation of an array says, as jaxtyping finds it."""
    try:
        memos = _shape_storage.memo_stack
        known = (memos[-1], annotation, type(value), value.dtype, value.shape)
        memos[-1] = _right[known]
    except KeyError:
        return is_found_right(annotation, value, known)
    except (AttributeError, IndexError, TypeError):
        # Outside of a call, no array, or one whose shape is no key.
        return is_found_right(annotation, value)
    return True


def is_found_right(annotation: Any, value: Any, known: Any = None) -> bool:
    """The same, examined; what was found of an array is remembered by what is `known` of it."""
    memos = getattr(_shape_storage, "memo_stack", None)
    if not memos:
        return _examined(annotation, value)
    number = memos[-1]
    axes, variadic = (met.copy() for met in _met[number])
    memos[-1] = (axes, variadic, {}, {})
    try:
        right = _examined(annotation, value)
    finally:
        memos[-1] = number
    if right:
        memos[-1] = number_of(axes, variadic)
        if known is not None:
            _right[known] = memos[-1]
    return right


def number_of(axes: dict[str, int], variadic: dict[str, Any]) -> int:
    """The number that stands for axes which a call has met, in whatever order."""
    # Threads may ask at once: a number has its axes before anybody can be given it.
    new = next(_new)
    _met[new] = axes, variadic
    number = _numbers.setdefault((frozenset(axes.items()), frozenset(variadic.items())), new)
    if number != new:
        del _met[new]
    return number


def check_package(name: str) -> None:
    """Checks what is imported of a package from now on."""
    Annotation.__instancecheck__ = is_right
    jaxtyping.jaxtyped = lambda typechecker: checked_definition
    jaxtyping.install_import_hook(name, typechecker=None)
