"""Rasters read by Dr.Jit's textures, with gradients in the points through `dr.wrap`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from raylocus.propagation.runtime.runtime import activate


@cache
def texture_reader() -> Callable[[Any, Any], Any]:
    """A function of torch tensors: rasters [y, x, layer] and points [point, 2] from −1 to 1 over them.

    Its values are flat, [layer, point], bilinear between the centres of pixels and constant beyond the outer ones.

    Raises:
        RuntimeUnavailableError: Dr.Jit has nothing to compile with, see `raylocus doctor`.
    """
    activate()
    import drjit as dr
    import mitsuba as mi

    make_texture: Any = mi.Texture2f  # mitsuba names no type for it

    def read(rasters: Any, scaled: Any) -> Any:
        texture = make_texture(rasters, use_accel=False, wrap_mode=dr.WrapMode.Clamp)
        unit = mi.Point2f((scaled[:, 0].array + 1) / 2, (scaled[:, 1].array + 1) / 2)
        return mi.TensorXf(dr.concat(list(texture.eval(unit))))

    wrapped: Callable[[Any, Any], Any] = dr.wrap(source="torch", target="drjit")(read)
    return wrapped
