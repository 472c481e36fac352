"""What is fitted to a network, and the prior of each: the law of radio worlds itself."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.calibration.antenna_model import ANTENNA
from raylocus.scenes.sites import ElementPattern
from raylocus.scenes.world import WorldLaw

#: Values that are each cell's own.
OF_CELL = ("level", "azimuth", "downtilt", "width_azimuth", "width_elevation", "floor")
#: Values that all cells of a network share: the level's part that they share [dB], gain of unmodelled scattering [dB],
#: what trees cost more than traced, in parts of ITU-R P.833's loss, and gain of what rough walls scatter [dB].
OF_NETWORK = ("common", "scatter", "crowns", "walls")
#: What is kept or left out as one.
GROUPS = {
    "level": ("common", "level", "scatter"),
    "azimuth": ("azimuth",),
    "downtilt": ("downtilt",),
    "pattern": ("width_azimuth", "width_elevation", "floor"),
    "crowns": ("crowns",),
    "walls": ("walls",),
}
#: Deviation of `crowns`, chosen: P.833's mixed wood is one of many, and in leaf or not.
CROWNS = 0.5
#: Deviation of `walls` [dB], chosen: S of real walls is 0.2 to 0.5, which are 8 dB.
WALLS = 3.0


#: Deviation of what a law says does not err at all.
LEAST_DEVIATION = 1e-4


@dataclass(frozen=True)
class Layout:
    """Where each value stands in the vector that is fitted: each cell's own first, then the network's."""

    cells: int

    @property
    def size(self) -> int:
        """Number of values."""
        return self.cells * len(OF_CELL) + len(OF_NETWORK)

    def index(self, name: str) -> slice:
        """Where a value of all cells, or one of the network, stands."""
        if name in OF_CELL:
            first = OF_CELL.index(name) * self.cells
            return slice(first, first + self.cells)
        first = self.cells * len(OF_CELL) + OF_NETWORK.index(name)
        return slice(first, first + 1)

    def mask(self, groups: tuple[str, ...]) -> Bool[np.ndarray, " value"]:
        """Which values belong to the groups."""
        chosen = np.zeros(self.size, bool)
        for group in groups:
            for name in GROUPS[group]:
                chosen[self.index(name)] = True
        return chosen

    def antennas(self, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, "cell antenna"]:
        """The values of `ANTENNA` of every cell."""
        out = np.empty((self.cells, len(ANTENNA)))
        for column, name in enumerate(ANTENNA):
            out[:, column] = values[self.index(name)]
        out[:, ANTENNA.index("level")] += values[self.index("common")]
        return out

    def spread(
        self, slopes: Float[np.ndarray, "row antenna"], cell: Int[np.ndarray, " row"]
    ) -> Float[np.ndarray, "row value"]:
        """Derivatives by all values, from those by `ANTENNA` of each row's cell."""
        out, rows = np.zeros((len(cell), self.size)), np.arange(len(cell))
        for column, name in enumerate(ANTENNA):
            own = cell if name in OF_CELL else 0
            out[rows, self.index(name).start + own] = slopes[:, column]
        out[:, self.index("common")] = slopes[:, [ANTENNA.index("level")]]
        return out


@dataclass(frozen=True)
class Prior:
    """Independent Gaussians, with antennas that point anywhere mixed in."""

    layout: Layout
    mean: Float[np.ndarray, " value"]
    deviation: Float[np.ndarray, " value"]
    turned_share: float
    """Share of antennas that point anywhere."""

    @classmethod
    def of(cls, law: WorldLaw, cells: int) -> Prior:
        """The law's own spreads at its severity."""
        layout = Layout(cells)
        mean, deviation = np.zeros(layout.size), np.empty(layout.size)
        severity = max(law.severity, 1e-3)
        low, high = law.scatter_gain_db
        least, most = law.back_lobe_loss_range
        widening, spread_of_widths = law.log_beamwidth_law
        typical = ElementPattern().beamwidth_azimuth * np.exp(widening)
        width = typical * spread_of_widths
        spreads = {
            "level": severity * law.power_error_db,
            "azimuth": severity * law.azimuth_error,
            "downtilt": severity * law.downtilt_error,
            "common": severity * law.level_offset_db,
            "width_azimuth": width,
            "width_elevation": width,
            "floor": (most - least) / np.sqrt(12),
            "scatter": (high - low) / np.sqrt(12),
            "crowns": CROWNS,
            "walls": WALLS,
        }
        for name, spread in spreads.items():
            deviation[layout.index(name)] = max(spread, LEAST_DEVIATION)
        mean[layout.index("scatter")] = (low + high) / 2 + 10 * np.log10(severity)
        mean[layout.index("floor")] = -(least + most) / 2
        for name in ("width_azimuth", "width_elevation"):
            mean[layout.index(name)] = typical - ElementPattern().beamwidth_azimuth
        return cls(layout, mean, deviation, law.turned_share * severity)

    def straight(self, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " cell"]:
        """Probability that each antenna points where it was meant to, a priori and by its azimuth."""
        meant, anywhere = self._azimuth_terms(values)
        straight: Float[np.ndarray, " cell"] = np.exp(meant - np.logaddexp(meant, anywhere))
        return straight

    def _azimuth_terms(
        self, values: Float[np.ndarray, " value"]
    ) -> tuple[Float[np.ndarray, " cell"], Float[np.ndarray, " cell"]]:
        """ln density of each azimuth about the listed one and anywhere, but for a constant common to both."""
        azimuth, deviation = (each[self.layout.index("azimuth")] for each in (values, self.deviation))
        # Where no antenna points anywhere, the second is −∞.
        with np.errstate(divide="ignore"):
            anywhere = np.log(self.turned_share * deviation / np.sqrt(2 * np.pi))
        return np.log1p(-self.turned_share) - (azimuth / deviation) ** 2 / 2, anywhere

    def loss(self, values: Float[np.ndarray, " value"]) -> float:
        """−ln density, but for a constant."""
        scaled = ((values - self.mean) / self.deviation) ** 2 / 2
        scaled[self.layout.index("azimuth")] = -np.logaddexp(*self._azimuth_terms(values))
        return float(scaled.sum())

    def precision(self, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"]:
        """Precision of each value; an antenna that points anywhere has next to none in azimuth."""
        found = self.deviation**-2
        azimuth = self.layout.index("azimuth")
        found[azimuth] = np.maximum(found[azimuth] * self.straight(values), 1e-2)
        return found

    def gradient(self, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"]:
        """Of `loss`."""
        found = (values - self.mean) / self.deviation**2
        found[self.layout.index("azimuth")] *= self.straight(values)
        return found

    def with_mean(self, mean: Float[np.ndarray, " value"]) -> Prior:
        """The same about other means."""
        return dataclasses.replace(self, mean=mean)
