"""`FieldLaw`: between what bounds a network of the field is drawn, with the source of each bound.

Sources: [D] the campus network and 200 LTE cells described in docs/field.md; [38.901] TR 38.901; [H] Hata's and COST
231's slopes; [O] docs/sites.md on lists of estimated positions; [–] chosen wide, since nobody has measured it across
networks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

#: Lowest and highest value that a network's parameter is drawn between.
Range = tuple[float, float]


@dataclass(frozen=True)
class FieldLaw:
    """Bounds of uniform draws, one draw a network; those marked log are uniform in the logarithm."""

    # Layout
    spacing: Range = (100.0, 3000.0)
    """Distance of neighbouring sites [m], log [38.901 §7.2: 200 to 1732; denser and wider networks exist]."""
    sites: Range = (1.5, 150.0)
    """Number of sites, log [D: 5 on the campus]."""
    height: Range = (4.0, 60.0)
    """Antennas over the UEs [m], log [D: 6 to 18]."""
    deviation: Range = (5.0, 150.0)
    """Deviation of estimated site positions [m], log [O]."""
    pull: Range = (0.0, 0.7)
    """By how much of the way positions that were estimated from reports lie towards where a site was heard [O]."""
    # Antennas
    beamwidth: Range = (50.0, 110.0)
    """Width of a sector at −3 dB [degrees] [38.901 Table 7.3-1: 65]."""
    floor: Range = (5.0, 30.0)
    """Depth of the pattern behind the antenna [dB] [38.901: 30; D: 12 or less fits]."""
    azimuth_error: Range = (2.0, 40.0)
    """Deviation of listed azimuths [degrees], log [D]; a share of `azimuth_blunders` is random."""
    azimuth_blunders: Range = (0.0, 0.15)
    """Share of antennas listed with any azimuth [D]."""
    # Levels
    near_exponent: Range = (1.8, 3.6)
    """Exponent of distance up to the breakpoint [38.901: 2.1 to 2.2 LOS, H: 3.5]."""
    further_exponent: Range = (0.0, 1.6)
    """What is added to it beyond [38.901: 4.0 LOS, 3.7 to 3.9 NLOS]."""
    breakpoint: Range = (30.0, 1500.0)
    """Distance of the breakpoint [m], log [–]."""
    shadowing: Range = (3.5, 13.0)
    """Deviation of shadowing [dB] [38.901: 4 to 8; D: 8.5 to 13]."""
    shared_shadowing: Range = (0.1, 0.6)
    """Share of its variance that all sites have in common [38.901 §7.4.4; –]."""
    tails: Range = (3.0, 30.0)
    """Degrees of freedom of its Student law, log [D: heavy]."""
    correlation: Range = (15.0, 150.0)
    """Distance over which shadowing forgets [m], log [38.901 Table 7.5-6: 10 to 120]."""
    device: Range = (0.0, 12.0)
    """Deviation of what all levels of one report have in common: device, hand, car, floor [dB] [D: 0 to 12]."""
    cell_offset: Range = (0.0, 9.0)
    """Deviation of a cell's level from what is listed [dB] [D: −2 to +36 over a network, a few dB between cells]."""
    line_of_sight: Range = (15.0, 400.0)
    """Distance over which lines of sight thin out by 1/e [m], log [38.901 Table 7.4.2-1]."""
    line_of_sight_gain: Range = (0.0, 25.0)
    """What a line of sight gains, also along a street canyon [dB] [38.901: 15 to 25]."""
    indoor_loss: Range = (3.0, 30.0)
    """Loss of those indoors [dB] [38.901 §7.4.3]."""
    # Being heard
    detection: Range = (-130.0, -85.0)
    """Lowest level that is heard [dBm]; levels are shifted so that the drawn number is heard [–]."""
    cell_detection: Range = (0.0, 8.0)
    """Deviation of the lowest level between cells [dB]: other bands, receivers of other sensitivity [–]."""
    heard: Range = (1.3, 40.0)
    """Mean number of cells above it, log [D: 2 on the campus; 10 in scans of NB-IoT]."""
    dropout: Range = (0.0, 0.7)
    """Share of those heard that go unreported nevertheless [D]."""
    unlisted: Range = (0.0, 0.5)
    """Share of sites that stand there and are on no list [O]."""
    silent: Range = (0.0, 0.5)
    """Share of listed sites that do not send [O]."""
    misread: Range = (0.0, 0.1)
    """Share of tokens that are taken for another cell, in some networks: PCIs stand several times [–]."""
    measurement: Range = (0.3, 4.0)
    """Deviation of a level's measurement [dB] [TS 36.133 §9.1.2: ±4 to ±6 dB at 90 %]."""
    # Timing
    arrival_noise: Range = (5.0, 200.0)
    """Scale of the error of times of arrival, as a length [m], log [–]."""
    detour: Range = (3.0, 250.0)
    """Mean length that paths without line of sight are longer [m], log [38.901 §7.6.9]."""
    clock: Range = (10.0, 30000.0)
    """Deviation of the sites' clocks, as a length [m], log [–]."""


#: What most networks are drawn from in training.
USUAL = FieldLaw()
#: Harsher ones, of which a share is drawn in training.
HARSH = replace(
    USUAL, deviation=(40.0, 250.0), floor=(0.0, 10.0), shadowing=(9.0, 16.0), device=(4.0, 16.0),
    cell_offset=(4.0, 14.0), dropout=(0.2, 0.8), near_exponent=(1.5, 4.2), silent=(0.1, 0.6), unlisted=(0.1, 0.6),
    tails=(2.0, 8.0), arrival_noise=(50.0, 300.0), detour=(50.0, 400.0), misread=(0.0, 0.2),
)  # fmt: skip
#: Harsher than any that are trained on: to see what the network does where its law does not hold.
STRESS = replace(
    HARSH, spacing=(60.0, 5000.0), deviation=(100.0, 400.0), floor=(0.0, 4.0), shadowing=(13.0, 20.0),
    device=(8.0, 20.0), cell_offset=(8.0, 18.0), dropout=(0.5, 0.9), near_exponent=(1.2, 4.8), silent=(0.3, 0.75),
    unlisted=(0.3, 0.75), tails=(1.5, 4.0), arrival_noise=(100.0, 500.0), detour=(100.0, 800.0),
)  # fmt: skip
#: Laws by name.
LAWS = {"usual": USUAL, "harsh": HARSH, "stress": STRESS}
#: Share of the networks of training that are harsh.
HARSH_SHARE = 0.25


def training_law(generator: np.random.Generator) -> FieldLaw:
    """The law that one network of training is drawn from."""
    return HARSH if generator.random() < HARSH_SHARE else USUAL
