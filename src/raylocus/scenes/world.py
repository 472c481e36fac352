"""Radio worlds: antennas, levels, materials and residual as they are when measurements are made.

What stands at a place is not in it: other buildings, ground and sites than the map's are `scenes.map_errors`'.
A world is drawn from the law of `WorldLaw` at one severity. Severity 0 is the map itself; severity 1
is as wrong as the field: on a real 3.5 GHz campus network plain ray tracing left heavy-tailed
residuals of 11–13 dB (robust), a level off by tens of dB, turned antennas and links for which
the map has no path (docs/conventions.md says what was measured and what was chosen).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, stdtrit

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.sites import Deployment

#: Name that the ground's factors are drawn by; buildings' have 32 bits.
GROUND_KEY = 1 << 32


@dataclass(frozen=True)
class BuildingFactors:
    """Factors on the electrical properties of every building's surfaces, of whatever class they are.

    The last entry is the ground's, and of what no building owns: the index −1 finds it.
    """

    permittivity: Float[np.ndarray, " building_or_ground"]
    """Factor on the relative permittivity."""
    conductivity: Float[np.ndarray, " building_or_ground"]
    """Factor on the conductivity."""


def draw_building_factors(
    key: Int[np.ndarray, " building"], log_permittivity: float, log_conductivity: float, seed: int
) -> BuildingFactors:
    """Log-normal factors; neither the buildings' order nor their number changes what one of them draws.

    Args:
        key: name of each building, see `Triangles.building`.
        log_permittivity: standard deviation of the factor's natural logarithm.
        log_conductivity: the same for the conductivity.
        seed: decides all draws.
    """
    names = [*key.tolist(), GROUND_KEY]
    # Philox is a counter-based generator: every key is a stream of its own, at no cost to open.
    streams = (np.random.Generator(np.random.Philox(key=[seed, name])) for name in names)
    normal = np.array([stream.standard_normal(2) for stream in streams])
    return BuildingFactors(np.exp(log_permittivity * normal[:, 0]), np.exp(log_conductivity * normal[:, 1]))


#: Fields of `WorldLaw` that say how far something errs.
SPREADS = (
    "level_offset_db", "power_error_db", "azimuth_error", "downtilt_error", "log_beamwidth", "log_permittivity",
    "log_conductivity", "residual_db",
)  # fmt: skip


@dataclass(frozen=True)
class WorldLaw:
    """The distribution that worlds are drawn from; every spread is at severity 1 and scales with it."""

    severity: float = 0.5
    """0: the world is the map; 1: as wrong as the field."""
    level_offset_db: float = 16.0
    """Standard deviation of the level error common to all cells [dB]."""
    power_error_db: float = 5.0
    """Standard deviation of each cell's own level error [dB]."""
    azimuth_error: float = 0.21
    """Standard deviation of each antenna's azimuth [rad]; 12°."""
    turned_share: float = 0.05
    """Share of antennas that point anywhere."""
    downtilt_error: float = 0.052
    """Standard deviation of each antenna's downtilt [rad]; 3°."""
    back_lobe_loss_db: tuple[float, float] = (0.0, 24.0)
    """Range of what each antenna's back-lobe floor lacks of the nominal one [dB]: 30 dB become 6 to 30."""
    log_beamwidth: float = 0.2
    """Standard deviation of the natural logarithm of each antenna's half-power beam widths."""
    log_widening: float = 0.2
    """Mean of the same: walls and masts near an antenna smear its main lobe, nothing sharpens it; 65° become 79°."""
    log_permittivity: float = 0.3
    """Standard deviation of the natural logarithm of each material's relative permittivity."""
    log_conductivity: float = 0.7
    """Standard deviation of the natural logarithm of each material's conductivity."""
    building_share: float = 0.5
    """Share of both variances that is each building's own; the rest is common to all of one material."""
    residual_db: float = 11.0
    """Scale of the residual's Student t distribution [dB]."""
    residual_freedom: float = 4.0
    """Degrees of freedom of the residual's Student t: heavy tails."""
    residual_distance: float = 40.0
    """Correlation distance of the residual [m]; autocorrelation exp(−d / distance)."""
    residual_shared_by_all: float = 0.2
    """Share of the residual's variance common to all cells: clutter at the UE."""
    residual_shared_by_site: float = 0.5
    """Share of the residual's variance common to the cells of one site."""
    scatter_gain_db: tuple[float, float] = (-20.0, -5.0)
    """Range of the unmodelled scattering's gain over TR 38.901 UMi NLOS [dB]; it adds links that the map lacks."""

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= 2:
            raise InputError(f"a world's severity lies between 0 and 2, not {self.severity}")
        for name in ("turned_share", "building_share", "residual_shared_by_all", "residual_shared_by_site"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share; choose 0 to 1, not {getattr(self, name)}")
        if self.residual_shared_by_all + self.residual_shared_by_site > 1:
            raise InputError(
                "residual_shared_by_all and residual_shared_by_site share one variance: 1 at most in all"
            )
        for name in (*SPREADS, "residual_freedom", "residual_distance"):
            if not (getattr(self, name) > 0 or name in SPREADS and getattr(self, name) == 0):
                least = "0 or more" if name in SPREADS else "above 0"
                raise InputError(f"{name} is {least}, not {getattr(self, name)}")

    @property
    def back_lobe_loss_range(self) -> tuple[float, float]:
        """Range of what a back-lobe floor lacks at this severity [dB]."""
        least, most = self.back_lobe_loss_db
        return self.severity * least, self.severity * most

    @property
    def log_beamwidth_law(self) -> tuple[float, float]:
        """Mean and standard deviation of ln(true over listed beam width) at this severity."""
        return self.severity * self.log_widening, self.severity * self.log_beamwidth

    def log_deviations(self, share: float) -> tuple[float, float]:
        """Standard deviations of ln εr and ln σ at this severity that a share of the variance makes."""
        scale = self.severity * float(np.sqrt(share))
        return scale * self.log_permittivity, scale * self.log_conductivity


@dataclass(frozen=True)
class World:
    """One draw of what is true of radio at one place."""

    law: WorldLaw
    level_error_db: Float[np.ndarray, " cell"]
    """Offset common to all plus each cell's own [dB]."""
    azimuth_error: Float[np.ndarray, " cell"]
    """Added to each cell's azimuth [rad]."""
    downtilt_error: Float[np.ndarray, " cell"]
    """Added to each cell's downtilt [rad]."""
    back_lobe_loss_db: Float[np.ndarray, " cell"]
    """What each element's back-lobe floor lacks of the nominal one [dB]."""
    beamwidth_factor: Float[np.ndarray, " cell"]
    """Factor on each element's half-power beam widths."""
    permittivity_factor: Float[np.ndarray, " material"]
    """Factor on the relative permittivity of each of `MATERIALS`."""
    conductivity_factor: Float[np.ndarray, " material"]
    """Factor on the conductivity of each of `MATERIALS`."""
    scatter_gain_db: float
    """Gain of the unmodelled scattering over TR 38.901 UMi NLOS [dB]; −inf where there is none."""
    residual_seed: int
    """Seed of the spatially correlated residual, drawn on demand by `residual_field`."""
    building_seed: int
    """Seed of each building's own materials, drawn on demand by `building_factors`."""

    def of_cells(self, cells: Int[np.ndarray, " chosen"]) -> World:
        """The world of some of the cells, for instance those of one carrier."""
        over_cells = [each.name for each in fields(self) if "' cell'" in str(each.type)]
        return replace(self, **{name: getattr(self, name)[cells] for name in over_cells})

    def building_factors(self, key: Int[np.ndarray, " building"]) -> BuildingFactors:
        """What each of the buildings of these names has in addition to its materials' factors."""
        permittivity, conductivity = self.law.log_deviations(self.law.building_share)
        return draw_building_factors(key, permittivity, conductivity, self.building_seed)


def sample_world(deployment: Deployment, law: WorldLaw, generator: np.random.Generator) -> World:
    """Draws one world of a deployment from the law."""
    cells, severity = len(deployment.cells), law.severity
    level = (
        law.level_offset_db * generator.standard_normal()
        + law.power_error_db * generator.standard_normal(cells)
    )
    turned = generator.random(cells) < law.turned_share * severity
    azimuth = severity * law.azimuth_error * generator.standard_normal(cells)
    anywhere = generator.uniform(-np.pi, np.pi, cells)
    low, high = law.scatter_gain_db
    permittivity, conductivity = law.log_deviations(1 - law.building_share)
    widening, width_spread = law.log_beamwidth_law
    return World(
        law=law,
        level_error_db=severity * level,
        azimuth_error=np.where(turned, anywhere, azimuth),
        downtilt_error=severity * law.downtilt_error * generator.standard_normal(cells),
        permittivity_factor=np.exp(permittivity * generator.standard_normal(len(MATERIALS))),
        conductivity_factor=np.exp(conductivity * generator.standard_normal(len(MATERIALS))),
        scatter_gain_db=generator.uniform(low, high) + (10 * np.log10(severity) if severity > 0 else -np.inf),
        residual_seed=int(generator.integers(2**62)),
        building_seed=int(generator.integers(2**62)),
        back_lobe_loss_db=generator.uniform(*law.back_lobe_loss_range, cells),
        beamwidth_factor=np.exp(widening + width_spread * generator.standard_normal(cells)),
    )


def residual_field(world: World, deployment: Deployment, grid: Grid) -> Float[np.ndarray, "cell y x"]:
    """The residual of each cell's level over the grid [dB].

    A Gaussian field with autocorrelation exp(−d/d_corr) (TR 38.901 §7.4.4), the sum of a part common
    to all cells, one common to each site and one of the cell's own, is mapped point by point to a
    Student t distribution (a Gaussian copula), so that the margins are exactly heavy-tailed.
    """
    law = world.law
    if law.severity == 0:
        return np.zeros((len(deployment.cells), *grid.shape), np.float32)
    generator = np.random.default_rng(world.residual_seed)
    fields = gaussian_fields(
        1 + len(deployment.sites) + len(deployment.cells), grid, law.residual_distance, generator
    )
    common, site, own = np.split(fields, [1, 1 + len(deployment.sites)])
    own_share = 1 - law.residual_shared_by_all - law.residual_shared_by_site
    gaussian = (
        np.sqrt(law.residual_shared_by_all) * common
        + np.sqrt(law.residual_shared_by_site) * site[deployment.site_of_cell]
        + np.sqrt(own_share) * own
    )
    return student_from_gaussian(gaussian, law).astype(np.float32)


def student_from_gaussian(gaussian: Float[np.ndarray, "..."], law: WorldLaw) -> Float[np.ndarray, "..."]:
    """Student t values [dB] of standard Gaussian ones, quantile by quantile."""
    # A table is a thousand times faster than `stdtrit`; beyond ±5 there is one value in a million.
    knots = np.linspace(-5, 5, 2001)
    values = stdtrit(law.residual_freedom, ndtr(knots))
    return law.severity * law.residual_db * np.interp(gaussian, knots, values)


def gaussian_fields(
    count: int, grid: Grid, distance: float, generator: np.random.Generator
) -> Float[np.ndarray, "count y x"]:
    """Independent standard Gaussian fields with autocorrelation exp(−d/distance), by circulant embedding.

    The torus is twice the tile, so that opposite edges do not see each other; the few negative
    eigenvalues of the embedding are set to zero (Dietrich and Newsam 1997) and the variance restored.
    """
    side = 2 * grid.count
    step = np.minimum(np.arange(side), side - np.arange(side)) * grid.resolution
    correlation = np.exp(-np.hypot(step[:, None], step[None, :]) / distance)
    spectrum = np.maximum(np.fft.fft2(correlation).real, 0)
    spectrum *= side**2 / spectrum.sum()
    noise = np.fft.rfft2(generator.standard_normal((count, side, side)))
    rows = np.fft.ifft(noise * np.sqrt(spectrum[:, : grid.count + 1]), axis=1)[:, : grid.count]
    return np.fft.irfft(rows, side, axis=2)[:, :, : grid.count]
