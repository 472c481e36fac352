"""One traced ray: whether a Mitsuba variant really works on this machine.

Run as `python -m raylocus.propagation.runtime.one_ray VARIANT` it answers for a process of its own, which a
broken driver or compiler may take down without harm.
"""

from __future__ import annotations

import math
import subprocess
import sys

#: Distance from the ray's origin to the box it must hit [m].
EXPECTED_DISTANCE = 2.0
#: Seconds after which a hanging driver counts as broken.
DRIVER_TIMEOUT = 120.0


def trace_one_ray(variant: str) -> float:
    """Distance [m] at which a ray from x = 3 m meets the box |x|, |y|, |z| ≤ 1 m; infinite on a miss.

    The minimum is taken of two opaque numbers, since that is the instruction old LLVMs abort at.
    """
    import drjit
    import mitsuba

    mitsuba.set_variant(variant)
    scene = mitsuba.load_dict({"type": "scene", "box": {"type": "cube"}})
    hit = scene.ray_intersect(mitsuba.Ray3f(mitsuba.Point3f(3, 0.2, 0.1), mitsuba.Vector3f(-1, 0, 0)))
    bound = drjit.opaque(mitsuba.Float, math.inf)
    return float(drjit.minimum(hit.t, bound)[0])


def traces(variant: str) -> bool:
    """Whether a variant of Mitsuba traces one ray correctly, tried in a process of its own."""
    command = [sys.executable, "-m", "raylocus.propagation.runtime.one_ray", variant]
    try:
        return (
            subprocess.run(command, capture_output=True, check=False, timeout=DRIVER_TIMEOUT).returncode == 0
        )
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    sys.exit(0 if math.isclose(trace_one_ray(sys.argv[1]), EXPECTED_DISTANCE, rel_tol=1e-5) else 1)
