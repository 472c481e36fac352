"""What the locator makes of the critical feature set, severity by severity, of the whole sequence and its last report.

    python benchmarks/critical_set.py PLACE … [--model CKPT] [--severity 0.25 0.5 1] [--worlds 6] [--sequences 8]

In traced places, worlds and reports are drawn by the law of each severity, as `bound_gap.py` draws them; phones of one
world are located together. The bound is left out, which is most of what `bound_gap.py` costs.
"""

from __future__ import annotations

import numpy as np
from bound_gap import shown, words_of

from raylocus.evaluation.ablation.given import last_reports
from raylocus.evaluation.bound.bound import KnownLaw
from raylocus.evaluation.bound.ensemble import atlas_physics
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.evaluation import Evaluation, evaluation_of, truth_of
from raylocus.inference.locator import Locator
from raylocus.models.inputs.nominal_maps import nominal_maps
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration
from raylocus.propagation.maps.traced_place import open_place
from raylocus.scenes.world import WorldLaw


def main() -> None:
    """Prints a line for each severity and what is given."""
    words, mobility = words_of(__doc__, [0.25, 0.5, 1.0], 6), MobilityConfiguration()
    locator = Locator.load(words.model) if words.model else Locator.pretrained()
    found: dict[tuple[float, str], list[Evaluation]] = {}
    for folder in words.places:
        place = open_place(folder)
        movement, maps = Movement.of(place, mobility, np.random.default_rng(0)), nominal_maps(place)
        for severity in words.severity:
            network = NetworkConfiguration().at_severity(severity)
            law = KnownLaw(place, WorldLaw(severity=severity), network, mobility, movement, atlas_physics)
            drawn = law.draw(words.worlds, words.sequences, np.random.default_rng(words.seed))
            for reports in (each for _, each in drawn if len(each)):
                truth = truth_of(reports, place)
                for name, given in (("sequence", reports), ("last report", last_reports(reports, 1))):
                    scores = evaluation_of(name, locator.posterior(given, maps), truth, 0.0)
                    found.setdefault((severity, name), []).append(scores)
    for (severity, name), parts in sorted(found.items()):
        print(f"{severity:<5g} {name:12s} {shown(parts)}")


if __name__ == "__main__":
    main()
