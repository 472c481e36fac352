"""What Dr.Jit computes for torch, with gradients: rasters read as textures, and Sionna's `PathSolver`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from raylocus.propagation.runtime.runtime import activate
from raylocus.scenes.sites import Deployment


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


@dataclass(frozen=True)
class SolverSettings:
    """How `PathSolver` is asked: without refraction, scattering and diffraction."""

    depth: int = 4
    """Most reflections."""
    samples: int = 200_000
    """Rays launched from each site in each call."""


def differentiable_solver(
    scene_file: Path, deployment: Deployment, settings: SolverSettings
) -> Callable[[Any], tuple[Any, ...]]:
    """A function of torch tensors: what `PathSolver` finds from all sites to receivers at positions [receiver, 3].

    The values are the field (real, imaginary), delay [s], where paths turn [m], and whether they do. Only field and
    delay have a gradient: Sionna 2.2 makes tensors of directions and points without one. A call's gradient can be
    walked back once.

    Args:
        scene_file: a Mitsuba scene.
        deployment: sites, and the only carrier.
        settings: how it is asked.

    Raises:
        RuntimeUnavailableError: nothing traces here.
    """
    activate()
    import drjit as dr
    import mitsuba as mi
    import sionna.rt as rt

    scene = rt.load_scene(str(scene_file))
    scene.frequency = deployment.carrier.frequency
    scene.tx_array = scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    for number, site in enumerate(deployment.site_positions.tolist()):
        scene.add(rt.Transmitter(f"site-{number}", site))
    solver = rt.PathSolver(deterministic=True)
    solver.loop_mode = "evaluated"  # a symbolic loop has no gradient

    def solve(position: Any) -> Any:
        for number in range(position.shape[0]):
            name = f"point-{number}"
            if name not in scene.receivers:
                scene.add(rt.Receiver(name, [0.0, 0.0, 0.0]))
            scene.receivers[name].position = mi.Point3f(*(position[number, axis].array for axis in range(3)))
        for name in list(scene.receivers)[position.shape[0] :]:
            scene.remove(name)
        paths = solver(
            scene, max_depth=settings.depth, samples_per_src=settings.samples, refraction=False, synthetic_array=True
        )  # fmt: skip
        return *paths.a, paths.tau, paths.vertices, mi.TensorXf(paths.interactions)

    wrapped: Callable[[Any], tuple[Any, ...]] = dr.wrap(source="torch", target="drjit")(solve)
    return wrapped
