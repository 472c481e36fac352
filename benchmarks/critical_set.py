"""What the locator makes of the critical feature set, severity by severity, of the whole sequence and its last report.

    python benchmarks/critical_set.py PLACE … [--model CKPT] [--severity 0.25 0.5 1] [--worlds 6] [--sequences 8]

In traced places, worlds and reports are drawn by the law of each severity, as `bound_gap.py` draws them; phones of one
world are located together. The bound is left out, which is most of what `bound_gap.py` costs.
"""

from __future__ import annotations

import numpy as np
from bound_gap import laws_of, shown, words_of

from raylocus.evaluation.ablation.given import last_reports
from raylocus.evaluation.evaluation import Evaluation, evaluation_of, truth_of
from raylocus.inference.locator import Locator
from raylocus.models.inputs.nominal_maps import nominal_maps


def main() -> None:
    """Prints a line for each severity and what is given."""
    words = words_of(__doc__, [0.25, 0.5, 1.0], 6)
    locator = Locator.load(words.model) if words.model else Locator.pretrained()
    found: dict[tuple[float, str], list[Evaluation]] = {}
    for folder in words.places:
        for law in laws_of(folder, words.severity):
            place, severity, maps = law.place, law.world_law.severity, nominal_maps(law.place)
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
